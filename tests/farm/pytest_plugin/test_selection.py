import pytest

from farm.lab.inventory import BoardEntry
from farm.pytest_plugin.selection import BadMarker, Wish, absent, wishes


def entry(model, *tags):
    return BoardEntry.model_construct(model=model, tags=list(tags))


BOARDS = {
    "tx2-01": entry("jetson-tx2"),
    "tx2-02": entry("jetson-tx2", "lab2", "camera"),
    "coral-01": entry("coral-dev", "lab2"),
}
MODELS = ["jetson-tx2", "coral-dev", "pi-zero-aiy"]


def ids(marker, **more):
    return [wish.id for wish in wishes(marker, BOARDS, MODELS, **more)]


def test_without_a_model_every_board_is_wanted():
    assert ids({}) == ["tx2-01", "tx2-02", "coral-01"]


def test_a_model_wants_every_board_of_it():
    assert wishes({"model": "jetson-tx2"}, BOARDS, MODELS) == [
        Wish("tx2-01", ("tx2-01",), "tx2-01"),
        Wish("tx2-02", ("tx2-02",), "tx2-02"),
    ]


def test_any_wants_one_and_its_id_names_no_board():
    (wish,) = wishes({"any": "jetson-tx2"}, BOARDS, MODELS)
    assert wish == Wish("any-jetson-tx2", ("tx2-01", "tx2-02"), "jetson-tx2")
    assert wish.open


def test_tags_narrow_what_is_wanted_and_all_of_them_must_be_there():
    assert ids({"tags": ["lab2"]}) == ["tx2-02", "coral-01"]
    assert ids({"model": "jetson-tx2", "tags": ["camera", "lab2"]}) == ["tx2-02"]
    (wish,) = wishes({"any": "jetson-tx2", "tags": ["lab2", "camera"]}, BOARDS, MODELS)
    assert (wish.id, wish.candidates) == ("any-jetson-tx2+camera+lab2", ("tx2-02",))


def test_the_command_line_narrows_what_a_marker_wants():
    assert ids({"model": "jetson-tx2"}, only=["tx2-02"]) == ["tx2-02"]


def test_a_model_given_without_its_keyword_is_refused_and_never_runs_on_every_board():
    with pytest.raises(BadMarker, match=r"board\('jetson-tx2'\): wants model= or any="):
        ids({}, given=("jetson-tx2",))


@pytest.mark.parametrize(
    ("marker", "named", "why"),
    [
        ({"model": "pi-zero-aiy"}, "no-pi-zero-aiy", "lab 'demo' has no pi-zero-aiy"),
        ({"any": "pi-zero-aiy"}, "any-pi-zero-aiy", "lab 'demo' has no pi-zero-aiy"),
        ({"tags": ["lab3"]}, "no-board+lab3", "lab 'demo' has no board tagged lab3"),
    ],
)
def test_what_the_lab_lacks_is_one_test_without_a_board_and_a_reason(marker, named, why):
    (wish,) = wishes(marker, BOARDS, MODELS)
    assert (wish.id, wish.candidates) == (named, ())
    assert absent(wish, "demo", []) == why


def test_a_typing_error_in_a_model_is_told_from_an_absent_board():
    with pytest.raises(BadMarker, match="did you mean 'jetson-tx2'"):
        ids({"model": "jetson-tx"})


@pytest.mark.parametrize(
    "marker",
    [
        {"modle": "jetson-tx2"},
        {"model": "coral-dev", "any": "coral-dev"},
        {"tags": "lab2"},
        {"tags": [2]},
        {"model": 2},
    ],
)
def test_a_marker_with_strange_words_is_refused(marker):
    with pytest.raises(BadMarker, match=r"wants|no such board model"):
        ids(marker)
