"""What the screen says of a board, and how its columns fit."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from farm.tui.boards import Boards
from farm.tui.columns import COLUMNS, place
from farm.tui.source import Glance, Held, Known, Wiring

NOW = datetime(2026, 1, 2, 14, 2, 11, tzinfo=UTC)
WELL = Glance(powered=True, up=True, stage="login", watts=7.0, celsius=41.2)


@pytest.fixture
def boards() -> Boards:
    return Boards([Wiring(name, "jetson-tx2", "process twin") for name in ("tx2-01", "atom-01")])


def shown(boards: Boards, name: str, width: int = 40) -> dict[str, str]:
    return {column.key: column.text(boards[name], width) for column in COLUMNS}


def test_what_was_never_looked_at_has_no_number(boards):
    row = shown(boards, "tx2-01")
    assert (row["state"], row["celsius"], row["watts"], row["verdict"], row["seen"]) == ("· not seen", *"----")


def test_what_a_look_did_not_find_is_not_what_the_look_before_found(boards):
    boards.looked("tx2-01", WELL, NOW)
    assert shown(boards, "tx2-01")["watts"] == "7.00"
    boards.looked("tx2-01", Glance(in_use="ann"), NOW)
    row = shown(boards, "tx2-01")
    assert (row["state"], row["watts"], row["celsius"]) == ("▶ in use", "-", "-")
    assert row["spark"].endswith("▄ ")  # and the reading that is missing is a blank


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (WELL, "up"),
        (Glance(powered=False), "off"),
        (Glance(powered=True, up=False), "booting"),
        (Glance(powered=True), "on"),
        (Glance(in_use="ann"), "in use"),
        (Glance(up=True, faults=("tx2-01: broken",)), "fault"),
        (Glance(), "not seen"),
    ],
)
def test_each_finding_has_its_word(boards, found, word):
    boards.looked("tx2-01", found, NOW)
    assert boards["tx2-01"].state.word == word


def test_a_board_that_does_not_answer_in_time_is_a_fault_and_its_old_values_go(boards):
    boards.looked("tx2-01", WELL, NOW)
    assert boards.is_late("tx2-01", 15) == "tx2-01: no answer to a look within 15 s"
    row = shown(boards, "tx2-01")
    assert (row["state"], row["watts"], row["fault"]) == ("✖ fault", "-", "no answer to a look within 15 s")
    assert boards.looked("tx2-01", WELL, NOW) == "tx2-01: up"


def test_who_has_a_board_is_its_user_before_who_reserved_it_and_never_a_look(boards):
    look, use = Held("look", "eve", "", NOW), Held("use", "ci@host", "gate", NOW)
    boards.know(Known({"tx2-01": [Held("reservation", "ann", "", NOW), look, use], "atom-01": [look]}))
    assert (shown(boards, "tx2-01")["lease"], shown(boards, "atom-01")["lease"]) == ("ci@host", "-")


def test_only_boards_of_which_the_database_says_something_new_are_drawn_again(boards, kit):
    assert boards.know(kit.a_known()) == ["tx2-01", "atom-01"]
    assert boards.know(kit.a_known()) == []


def test_every_word_of_a_filter_must_stand_in_the_row_and_none_after_an_exclamation_mark(boards):
    boards.looked("tx2-01", WELL, NOW)
    assert boards.matching("JETSON twin") == ["tx2-01", "atom-01"]
    assert boards.matching("jetson !up") == ["atom-01"]
    assert boards.matching("up !") == ["tx2-01"]
    assert boards.matching("nothing") == []


@pytest.mark.parametrize("width", range(20, 260, 7))
def test_columns_never_overlap_and_never_leave_the_screen(width):
    placed = place(width, ["tx2-01", "a-board-with-a-very-long-name"])
    for one, other in pairwise(placed):
        assert one.x + one.width < other.x or other.width == 0
    assert all(p.x + p.width <= max(width, p.x) for p in placed)
    assert {"board", "made", "state"} <= {p.column.key for p in placed}


def test_columns_go_in_the_order_that_the_guide_states():
    gone, before = [], {column.key for column in COLUMNS}
    for width in range(200, 40, -1):
        now = {p.column.key for p in place(width, ["tx2-01"])}
        gone += sorted(before - now)
        before = now
    assert gone == ["model", "seen", "boot", "spark", "celsius", "verdict", "lease", "watts", "fault"]


def test_a_twin_is_told_from_a_board_at_every_width():
    made = next(column for column in COLUMNS if column.key == "made")
    texts = {
        kind: made.text(Boards([Wiring("b", "m", kind)])["b"], 5) for kind in ("board", "process twin", "qemu twin")
    }
    assert texts == {"board": "board", "process twin": "twin", "qemu twin": "qemu"}
