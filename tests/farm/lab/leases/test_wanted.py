import pytest

from farm.errors import UsageFault
from farm.lab.duration import seconds
from farm.lab.lease_wanted import Wanted


@pytest.fixture
def lab(shelf):
    return shelf.lab


@pytest.mark.parametrize(
    ("text", "boards"),
    [
        ("tx2-01", ["tx2-01"]),
        ("model=jetson-tx2", ["tx2-01", "tx2-02"]),
        ("model=jetson-tx2,tag=second", ["tx2-02"]),
        (" tag = first , board = atom-01 ", ["atom-01"]),
        ("tx2-02,atom-01", ["atom-01", "tx2-02"]),
    ],
)
def test_a_wish_finds_the_boards_that_meet_all_of_it(lab, text, boards):
    assert Wanted.parse(text).among(lab) == boards
    assert Wanted.parse(str(Wanted.parse(text))) == Wanted.parse(text)


def test_no_wish_is_any_board(lab):
    assert len(Wanted().among(lab)) == 4
    assert str(Wanted()) == "any board"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tx2-1", r"no board 'tx2-1'; did you mean \"tx2-01\""),
        ("model=jetson-tx", r"no board is model=jetson-tx; model 'jetson-tx': did you mean \"jetson-tx2\""),
        ("tag=fisrt", r"no board is tag=fisrt; tag 'fisrt': did you mean \"first\""),
        ("board=tx2-01,tag=second", "each of these holds for some board, all together for none"),
    ],
)
def test_what_no_board_can_ever_be_is_told_with_the_remedy(lab, text, told):
    with pytest.raises(UsageFault, match=told):
        Wanted.parse(text).among(lab)


@pytest.mark.parametrize("text", ["", "model=", "colour=red", "model=a,model=b", "a,,b"])
def test_what_is_no_wish_is_refused(text):
    with pytest.raises(UsageFault):
        Wanted.parse(text)


def test_spans_are_read_as_people_write_them():
    assert [seconds(text) for text in ("2h", "1h30m", "90s", "1.5s", "1d")] == [7200, 5400, 90, 1.5, 86400]


@pytest.mark.parametrize("text", ["", "0s", "2", "2 hours", "-1h", "30m1h", "1.5h"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(UsageFault, match=r"write e\.g\. 2h"):
        seconds(text)
