"""Trials on all free boards at once, to the end, to a fault, and to an interruption."""

import os
import signal
import threading
import time
from collections import Counter
from itertools import pairwise

import pytest

from devices.errors import Unreachable
from farm.errors import UsageFault
from farm.lab import crew
from farm.store.disk import DiskFull
from farm.store.health import history
from farm.verdict.variants.compared import compared

from .conftest import NAMES, noisy


def at_work():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("board of ")]


def rounds(records, board):
    """Return (attempt, round) → the variants in their order, those that count."""
    found = {}
    for record in records:
        if record.board.name == board and not record.voids and record.turn.round >= 0:
            found.setdefault((record.turn.attempt, record.turn.round), []).append(record.artifact.name)
    return found


def once(event):
    """A board that decides nothing before something has happened on another."""

    def behaviour(name, nth):
        assert event.wait(60)
        return noisy()(name, nth)

    return behaviour


def test_every_board_runs_every_variant_once_a_round_and_back_until_all_is_decided(world, facts):
    world.boards = {"atom-01": noisy(), "atom-02": noisy()}
    ended, records = world.compare(facts())
    assert ended.ended == "all is decided"
    assert {record.board.name for record in records} == {"atom-01", "atom-02"}
    for board in ended.boards:
        ran = rounds(records, board)
        for (attempt, nth), order in ran.items():
            if len(order) == 3 and nth % 2:
                assert order == ran[attempt, nth - 1][::-1]
                assert sorted(order) == sorted(NAMES)
    assert compared(ended, records).decided
    assert sorted(world.returned) == ["atom-01", "atom-02"]


def test_each_variant_is_deployed_once_to_each_board_however_many_trials_it_runs(world, facts):
    world.boards = {"atom-01": noisy()}
    world.compare(facts(boards=1))
    assert len(world.ran) > 6
    assert Counter(world.put) == {("atom-01", name): 1 for name in NAMES}


def test_before_a_pair_of_rounds_its_first_variant_runs_unless_it_ran_last(world, facts):
    world.boards = {"atom-01": noisy(0.2)}
    _, records = world.compare(facts(boards=1))
    for before, after in pairwise(records):
        if after.turn.place == 0 and after.turn.round % 2 == 0 and after.turn.round >= 0:
            assert before.artifact.name == after.artifact.name


def test_a_board_that_is_in_use_is_left_out_and_the_most_there_may_be_counts_the_others_alone(world, facts):
    world.boards = {"atom-02": noisy()}
    world.busy.add("atom-01")
    ended, records = world.compare(facts())
    assert list(ended.boards) == ["atom-02"]
    assert {record.board.name for record in records} == {"atom-02"}
    (fault,) = ended.faults
    assert (fault.board, fault.again) == ("atom-01", False)
    assert history(world.store, "atom-01") == []


def test_where_no_board_is_free_nothing_runs_and_it_is_said(world, facts):
    world.busy |= {"atom-01", "atom-02"}
    ended, records = world.compare(facts())
    assert (ended.ended, records) == ("no board was free", [])


def test_a_board_that_fails_midway_begins_its_rounds_anew_and_the_others_go_on(world, facts):
    back = threading.Event()

    def fails_once(name, nth):
        if nth == 4:
            raise Unreachable("atom-01", "nothing answers", hint="is it on?")
        if nth > 4:
            back.set()
        return noisy()(name, nth)

    world.boards = {"atom-01": fails_once, "atom-02": once(back)}
    ended, records = world.compare(facts())
    assert [(fault.board, fault.again, fault.hint) for fault in ended.faults] == [("atom-01", True, "is it on?")]
    assert {record.turn.attempt for record in records if record.board.name == "atom-01"} == {0, 1}
    assert ended.ended == "all is decided"
    assert [entry.what for entry in history(world.store, "atom-01")] == ["fault"]


def test_a_board_that_fails_again_is_left_out_and_the_others_decide(world, facts):
    gone = threading.Event()

    def dead(name, nth):
        if nth:
            gone.set()
        raise Unreachable("atom-01", "nothing answers")

    world.boards = {"atom-01": dead, "atom-02": once(gone)}
    ended, records = world.compare(facts())
    assert [(fault.board, fault.again) for fault in ended.faults] == [("atom-01", True), ("atom-01", False)]
    assert ended.ended == "all is decided"
    assert {record.board.name for record in records} == {"atom-02"}


def test_a_void_trial_is_run_again_in_its_place(world, facts):
    def void_once(name, nth):
        return noisy()(name, nth) | {"voids": ["host: stopped for 2 s"] * (nth == 2)}

    world.boards = {"atom-01": void_once}
    ended, records = world.compare(facts(boards=1))
    assert ended.ended == "all is decided"
    assert records[2].turn == records[3].turn
    assert records[2].artifact.name == records[3].artifact.name


def test_more_voids_than_are_allowed_leave_the_board_out(world, facts):
    world.boards = {"atom-01": lambda *_: {"voids": ["host: stopped for 2 s"]}}
    ended, records = world.compare(facts(boards=1, most_voids=2))
    (fault,) = ended.faults
    assert "more than 2 of its trials were void" in fault.what
    assert ended.ended == "no board is left"
    assert len(records) == 4  # one ran for nothing, one and its two repetitions


def test_a_variant_that_the_boards_refuse_ends_it_for_all(world, facts):
    def refused(name, nth):
        if name == "shared":
            raise UsageFault("shared: atom-01 cannot load it")
        return {}

    world.boards = {"atom-01": refused, "atom-02": refused}
    with pytest.raises(UsageFault, match="cannot load it"):
        world.compare(facts())
    assert world.ended.ended == "a variant was refused"
    assert sorted(world.returned) == ["atom-01", "atom-02"]


def test_a_disk_that_fills_ends_it_and_no_board_is_to_blame(world, facts):
    def fills(name, nth):
        raise DiskFull(".farm", "the disk has 0.01 GB left")

    world.boards = {"atom-01": fills, "atom-02": fills}
    ended, _ = world.compare(facts())
    assert "the disk has 0.01 GB left" in ended.ended
    assert ended.faults == []


def test_without_time_for_a_pair_of_rounds_none_is_begun(world, facts):
    world.boards = {"atom-01": noisy()}
    ended, records = world.compare(facts(boards=1, time_budget_s=10.0))
    assert (ended.ended, records) == ("time was up: 10 s", [])


def test_a_board_that_hangs_at_boot_holds_nobody_beyond_the_time_that_was_given(world, facts):
    world.stuck = {"atom-01"}
    ended, records = world.compare(facts(boards=1, time_budget_s=0.1))
    assert (ended.ended, records) == ("time was up: 0.1 s", [])
    (fault,) = ended.faults
    assert (fault.board, fault.again) == ("atom-01", False)
    assert fault.what == "atom-01: was not up yet, in stage kernel: time was up: 0.1 s"
    assert "farm power cycle atom-01" in fault.hint
    assert history(world.store, "atom-01") == []  # it was within the time that its boot may take
    assert world.returned == ["atom-01"]


def test_a_board_that_hangs_at_boot_holds_nobody_once_the_others_have_decided(world, facts):
    world.boards, world.stuck = {"atom-02": noisy()}, {"atom-01"}
    ended, _ = world.compare(facts())
    assert ended.ended == "all is decided"
    assert [fault.what for fault in ended.faults] == [
        "atom-01: was not up yet, in stage kernel: the comparison has ended: all is decided"
    ]


def test_what_stays_open_ends_with_the_rounds_that_there_may_be(world, facts):
    world.boards = {"atom-01": noisy(0.3)}
    ended, records = world.compare(facts(boards=1, most_rounds=4))
    assert ended.ended.startswith("4 rounds were run")
    result = compared(ended, records)
    assert result.open
    assert result.more_rounds > 0


def test_an_interruption_returns_every_board_and_keeps_what_ran(world, facts, monkeypatch):
    monkeypatch.setattr(crew, "_GRACE_S", 60.0)
    both = threading.Barrier(2, timeout=60)

    def interrupted(name, nth):
        if nth == 3:
            both.wait()
            os.kill(os.getpid(), signal.SIGINT)
        return noisy()(name, nth)

    def waits(name, nth):
        if nth == 3:
            both.wait()
        elif nth > 3:
            time.sleep(0.01)
        return noisy(0.3)(name, nth)

    world.boards = {"atom-01": interrupted, "atom-02": waits}
    with pytest.raises(KeyboardInterrupt):
        world.compare(facts())
    assert sorted(world.returned) == ["atom-01", "atom-02"]
    assert not world.closed.is_set()
    assert world.ended.ended == "interrupted"
    assert len(world.kept) >= 6
    assert at_work() == []
