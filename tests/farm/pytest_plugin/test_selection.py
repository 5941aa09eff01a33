import pytest

from farm.pytest_plugin.selection import BadMarker, Wanted, wanted

BOARDS = {"tx2-01": "jetson-tx2", "tx2-02": "jetson-tx2", "coral-01": "coral-dev"}
MODELS = ["jetson-tx2", "coral-dev", "pi-zero-aiy"]


def test_without_a_model_every_board_is_wanted():
    assert [w.id for w in wanted({}, BOARDS, MODELS)] == ["tx2-01", "tx2-02", "coral-01"]


def test_a_model_wants_every_board_of_it():
    assert wanted({"model": "jetson-tx2"}, BOARDS, MODELS) == [
        Wanted("tx2-01", ("tx2-01",)),
        Wanted("tx2-02", ("tx2-02",)),
    ]


def test_any_wants_one_and_its_id_names_no_board():
    assert wanted({"any": "jetson-tx2"}, BOARDS, MODELS) == [Wanted("any-jetson-tx2", ("tx2-01", "tx2-02"))]


def test_the_command_line_narrows_what_a_marker_wants():
    assert [w.id for w in wanted({"model": "jetson-tx2"}, BOARDS, MODELS, only=["tx2-02"])] == ["tx2-02"]


def test_a_model_given_without_its_keyword_is_refused_and_never_runs_on_every_board():
    with pytest.raises(BadMarker, match=r"board\('jetson-tx2'\): wants model= or any="):
        wanted({}, BOARDS, MODELS, given=("jetson-tx2",))


@pytest.mark.parametrize("how", ["model", "any"])
def test_a_model_that_the_lab_lacks_is_wanted_nowhere(how):
    assert wanted({how: "pi-zero-aiy"}, BOARDS, MODELS) == []


def test_a_typing_error_in_a_model_is_told_from_an_absent_board():
    with pytest.raises(BadMarker, match="did you mean 'jetson-tx2'"):
        wanted({"model": "jetson-tx"}, BOARDS, MODELS)


@pytest.mark.parametrize("marker", [{"modle": "jetson-tx2"}, {"model": "coral-dev", "any": "coral-dev"}])
def test_a_marker_with_strange_words_is_refused(marker):
    with pytest.raises(BadMarker, match="wants"):
        wanted(marker, BOARDS, MODELS)
