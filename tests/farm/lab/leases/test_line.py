"""Whose turn it is: no clock, no database, no processes."""

from datetime import UTC, datetime
from os import getpid
from socket import gethostname

from farm.lab.lease_line import TURN_S, Wish, any_free, decide, with_positions
from farm.lab.lease_words import in_use
from farm.store.leases import Held, Holder, Line, Waiter

NOW_MS = 1_000_000
WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def holder(owner="anna"):
    return Holder(owner, "", "host", "kernel", 1, "lock")


def held(board, kind="use", owner="anna", token=1):
    return Held(token, board, kind, holder(owner), WHEN, NOW_MS, None)


def waiter(number, *boards, kind="use", owner="bob", turn_ms=None):
    return Waiter(number, boards, ",".join(boards), kind, holder(owner), WHEN, turn_ms)


def line(*rows, worn=None):
    return Line(
        NOW_MS,
        tuple(row for row in rows if isinstance(row, Held)),
        tuple(row for row in rows if isinstance(row, Waiter)),
        worn or {},
    )


def got(rows, *boards, kind="use", owner="carl", number=None):
    return decide(rows, Wish(boards, kind, owner, number)).board


def test_a_free_board_is_taken_the_least_worn_one_first():
    assert got(line(worn={"a": (5000, 1), "b": (4000, 9)}), "a", "b", "c") == "c"
    assert got(line(worn={"a": (5000, 1), "b": (4000, 9)}), "a", "b") == "b"


def test_a_board_in_use_is_not():
    answer = decide(line(held("a")), Wish(("a",), "use", "carl"))
    assert (answer.board, [lease.board for lease in answer.holders]) == (None, ["a"])


def test_who_came_first_goes_first():
    rows = line(waiter(1, "a"), waiter(2, "a"))
    assert got(rows, "a", number=1) == "a"
    assert got(rows, "a", number=2) is None
    assert got(rows, "a") is None


def test_one_who_waits_for_another_board_is_in_nobody_s_way():
    rows = line(held("b"), waiter(1, "b"), waiter(2, "a"))
    assert got(rows, "a", number=2) == "a"
    assert decide(rows, Wish(("a",), "use", "bob", 2)).ahead == 0


def test_one_before_it_who_could_use_the_board_goes_first():
    rows = line(held("b"), waiter(1, "a", "b"), waiter(2, "a"))
    assert got(rows, "a", "b", number=1) == "a"
    answer = decide(rows, Wish(("a",), "use", "bob", 2))
    assert (answer.board, [before.number for before in answer.due]) == (None, [1])


def test_two_free_boards_serve_two_who_wait():
    rows = line(waiter(1, "a", "b"), waiter(2, "a", "b"), waiter(3, "a", "b"))
    assert [got(rows, "a", "b", number=number) for number in (1, 2, 3)] == ["a", "b", None]


def test_one_who_does_not_come_when_it_is_his_turn_is_passed_over():
    late = line(waiter(1, "a", turn_ms=NOW_MS - int(TURN_S * 1000) - 1), waiter(2, "a"))
    assert got(late, "a", number=2) == "a"
    assert got(late, "a", number=1) == "a"  # he may still come, if he is faster
    in_time = line(waiter(1, "a", turn_ms=NOW_MS - int(TURN_S * 1000) + 1), waiter(2, "a"))
    assert got(in_time, "a", number=2) is None


def test_a_reservation_keeps_other_owners_out_and_its_own_in():
    rows = line(held("a", "reservation", owner="anna"))
    assert got(rows, "a", owner="anna") == "a"
    assert got(rows, "a", owner="carl") is None
    assert got(rows, "a", owner="carl", kind="look") is None
    assert got(rows, "a", owner="anna", kind="reservation") is None


def test_a_board_in_use_can_be_reserved_by_its_user_only():
    rows = line(held("a", owner="anna"))
    assert got(rows, "a", owner="anna", kind="reservation") == "a"
    assert got(rows, "a", owner="carl", kind="reservation") is None


def test_a_look_is_told_from_a_use():
    assert decide(line(held("a", "look")), Wish(("a",), "use", "carl")).look_ends
    assert not decide(line(held("a")), Wish(("a",), "use", "carl")).look_ends
    reserved = line(held("a", "look"), held("a", "reservation", owner="anna", token=2))
    assert not decide(reserved, Wish(("a",), "use", "carl")).look_ends


def test_positions_count_those_who_want_the_same():
    rows = line(held("a"), held("b"), waiter(1, "a"), waiter(2, "b"), waiter(3, "a", "b"), waiter(4, "b"))
    assert [place.position for place in with_positions(rows)] == [1, 1, 3, 3]


def test_the_cheap_look_agrees_with_the_whole_one():
    for rows in ((), (held("a"),), (held("a"), held("b")), (held("a", "reservation"), held("b", "look"))):
        wish = Wish(("a", "b"), "use", "carl")
        assert any_free(rows, wish) == (decide(line(*rows), wish).board is not None)


def test_others_who_have_boards_are_named_before_oneself():
    ours = Held(7, "b", "use", Holder("anna", "mine", gethostname(), "kernel", getpid(), "lock"), WHEN, NOW_MS, None)
    answer = decide(line(held("a", owner="bob"), ours), Wish(("a", "b"), "use", "anna"))
    assert in_use(answer).startswith("in use by process 1 of bob on host since ")
    assert in_use(answer).endswith("; 1 more like it is taken too")
