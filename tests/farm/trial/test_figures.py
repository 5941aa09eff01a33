"""Latency, misses and what remains of them without the waiting."""

from dataclasses import replace

import numpy as np
import pytest

from farm.trial.figures import Frames, nearest_rank, without_waiting
from farm.trial.remote import Run

MS = 1_000_000
PERIOD = 50 * MS
NO_IMAGE = np.zeros(0, np.int64)


def frames(service_ms, waited_ms=None):
    """Frames that queue as the runner lets them: due every 50 ms, so long in work, of it so long waiting."""
    arrival = np.arange(len(service_ms), dtype=np.int64) * PERIOD
    finish, done = [], 0
    for due, service in zip(arrival.tolist(), service_ms, strict=True):
        done = max(due, done) + int(service * MS)
        finish.append(done)
    finish_ns = np.array(finish, np.int64)
    wake_ns = np.maximum(arrival, np.concatenate([arrival[:1], finish_ns[:-1]]))
    unstarved = None
    if waited_ms is not None:
        unstarved = without_waiting(arrival, finish_ns, (np.array(waited_ms) * MS).astype(np.int64))
    return Frames(
        arrival,
        wake_ns,
        finish_ns,
        unstarved,
        PERIOD,
        {"infer": finish_ns - wake_ns},
        NO_IMAGE,
        NO_IMAGE,
        period_ns=PERIOD,
    )


def test_latency_counts_from_the_scheduled_arrival():
    latency = frames([80, 10, 10]).latency()
    assert latency.max_ms == 80
    assert latency.p50_ms == 40
    assert latency.stages_mean_ms == {"infer": pytest.approx(100 / 3)}
    assert latency.p99_unstarved_ms is None


def test_a_frame_is_late_when_the_next_one_is_due():
    deadlines = frames([50, 51, 49, 10]).deadlines(4)
    assert deadlines.missed == 1
    assert deadlines.fps == pytest.approx(20)


def test_one_starved_frame_does_not_condemn_those_that_queued_behind_it():
    starved = frames([10, 200, 10, 10, 10, 10], [0, 190, 0, 0, 0, 0])
    deadlines = starved.deadlines(6)
    assert deadlines.missed == 4
    assert deadlines.missed_unstarved == 0
    assert starved.latency().p99_unstarved_ms == 10


def test_a_model_that_is_too_slow_stays_too_slow_without_the_waiting():
    slow = frames([70] * 20, [5] * 20)
    deadlines = slow.deadlines(20)
    assert deadlines.missed_unstarved == deadlines.missed == 20
    assert deadlines.fps < 15
    assert deadlines.fps_unstarved == pytest.approx(1000 / 65, rel=0.02)


def test_waiting_that_is_not_known_excuses_nothing():
    run = Run(hello={"columns": ["frame", "waited_ns"]}, rows=[[0, 7], [1, None]])
    waited_ns = run.waited_ns()
    assert waited_ns is not None
    assert waited_ns.tolist() == [7, 0]
    assert Run(hello=run.hello, rows=[[0, None], [1, None]]).waited_ns() is None


def test_without_any_wait_nothing_changes():
    plain = frames([10, 80, 30, 60, 5], [0] * 5)
    assert plain.unstarved_ns is not None
    assert plain.unstarved_ns.tolist() == plain.finish_ns.tolist()


def test_frames_that_were_never_begun_are_missed():
    deadlines = frames([500] * 4, [0] * 4).deadlines(10)
    assert (deadlines.unfinished, deadlines.missed, deadlines.missed_unstarved) == (6, 10, 10)
    starved = frames([500] * 4, [495] * 4).deadlines(10)
    assert (starved.missed, starved.missed_unstarved) == (10, 0)


def test_only_an_idle_runner_says_how_late_the_board_wakes():
    some = frames([80, 10, 10, 10])
    late = some.wake_ns.copy()
    late[3] += 7 * MS
    woken = Frames(some.arrival_ns, late, some.finish_ns, None, PERIOD, {}, NO_IMAGE, NO_IMAGE, period_ns=PERIOD)
    assert woken.deadlines(4).wake_lateness_max_ms == 7


@pytest.mark.parametrize(("percent", "expected"), [(50, 5.0), (90, 9.0), (91, 10.0), (99, 10.0), (1, 1.0)])
def test_percentiles_are_values_that_occurred(percent, expected):
    assert nearest_rank(np.arange(10, 0, -1).astype(float), percent) == expected


def closed(service_ms, waited_ms, samples=1, between_ms=0):
    """Queries of ``samples`` frames, each begun when the one before is done, or a moment after."""
    arrival, wake, finish, now = [], [], [], 0
    for at, service in enumerate(service_ms):
        if at % samples == 0:
            now += between_ms * MS
            query = now
        arrival.append(query)
        wake.append(now)
        now += int(service * MS)
        finish.append(now)
    arrival_ns, wake_ns, finish_ns = (np.array(values, np.int64) for values in (arrival, wake, finish))
    unstarved = without_waiting(arrival_ns, finish_ns, (np.array(waited_ms) * MS).astype(np.int64))
    return Frames(arrival_ns, wake_ns, finish_ns, unstarved, None, {}, NO_IMAGE, NO_IMAGE, closed=True)


@pytest.mark.parametrize("some", [frames([60, 10, 70, 10], [5, 0, 0, 0]), closed([10, 60, 10, 60], [0, 50, 0, 50])])
def test_nothing_depends_on_when_the_boards_clock_began(some):
    shifted = {name: getattr(some, name) + 10**15 for name in ("arrival_ns", "wake_ns", "finish_ns", "unstarved_ns")}
    later = replace(some, **shifted)
    assert later.deadlines(4) == some.deadlines(4)
    assert later.latency(90.0, 4) == some.latency(90.0, 4)
    assert (later.seconds, later.busy_s) == (some.seconds, some.busy_s)


def test_where_nothing_is_due_nothing_is_late():
    deadlines = closed([10, 90, 10], [0, 0, 0]).deadlines(3)
    assert (deadlines.deadline_ms, deadlines.missed, deadlines.missed_unstarved) == (None, None, None)
    assert deadlines.wake_lateness_max_ms is None
    assert deadlines.fps == pytest.approx(3 / 0.11)


def test_a_query_lasts_until_the_last_of_its_frames_is_done():
    some = closed([10, 20, 5, 5], [0] * 4, samples=2)
    assert some.queries == 2
    assert (some.latency().p50_ms, some.latency().max_ms) == (10, 30)


def test_in_a_closed_loop_all_later_frames_gain_what_one_did_not_wait():
    deadlines = closed([10, 60, 10, 60], [0, 50, 0, 50]).deadlines(4)
    assert deadlines.fps == pytest.approx(4 / 0.14)
    assert deadlines.fps_unstarved == pytest.approx(4 / 0.04)
    one_query = closed([10, 60, 10, 60], [0, 50, 0, 50], samples=4).deadlines(4)
    assert one_query.fps_unstarved == pytest.approx(4 / 0.04)


def test_a_dropped_frame_is_missed_and_excused_where_the_board_was_only_busy_for_want_of_a_processor():
    arrival = np.array([0, 2, 5, 6], np.int64) * PERIOD  # 1, 3 and 4 were dropped
    finish = arrival + np.array([60, 120, 10, 10]) * MS
    waited = np.array([0, 110, 0, 0]) * MS
    dropped = np.array([1, 3, 4], np.int64) * PERIOD
    some = Frames(
        arrival,
        arrival,
        finish,
        without_waiting(arrival, finish, waited),
        PERIOD,
        {},
        NO_IMAGE,
        NO_IMAGE,
        period_ns=PERIOD,
        dropped_ns=dropped,
    )
    deadlines = some.deadlines(7)
    assert (deadlines.dropped, deadlines.unfinished) == (3, 0)
    assert deadlines.missed == 2 + 3
    assert deadlines.missed_unstarved == 1 + 1
    assert deadlines.fps == pytest.approx(4 / 0.35)


def test_the_last_frames_time_counts_though_it_was_dropped():
    arrival, service = np.array([0, 2, 4], np.int64) * PERIOD, 70 * MS
    dropped = np.array([1, 3, 5], np.int64) * PERIOD
    rest = {"period_ns": PERIOD, "dropped_ns": dropped}
    some = Frames(arrival, arrival, arrival + service, None, PERIOD, {}, NO_IMAGE, NO_IMAGE, **rest)
    assert (some.seconds, some.deadlines(6).fps) == (0.3, pytest.approx(3 / 0.3))


def test_too_few_queries_bound_no_percentile_and_say_how_many_lack():
    bound = closed([10] * 60, [0] * 60).latency(90).bound
    assert bound is not None
    assert (bound.at_most_ms, bound.least_queries, bound.missing) == (None, 64, 4)
    slow = closed([*range(1, 65)], [0] * 64).latency(90)
    assert slow.bound is not None
    assert (slow.bound.at_most_ms, slow.p90_ms) == (64, 58)


def test_a_deadline_is_shown_to_be_kept_by_as_many_queries_as_it_takes():
    kept = frames([10] * 459).latency(99).bound
    late = frames([10] * 458 + [60]).latency(99).bound
    assert kept is not None
    assert late is not None
    assert (kept.over, kept.missing, kept.at_most_ms) == (0, 0, None)
    assert (late.over, late.missing, late.least_queries) == (1, 662 - 459, 662)


def test_frames_that_nobody_worked_on_keep_no_deadline():
    some = frames([10] * 900 + [60])
    bound, all_begun = some.latency(99, offered=1000).bound, some.latency(99, offered=901).bound
    assert bound is not None
    assert all_begun is not None
    assert (all_begun.over, all_begun.queries, all_begun.missing) == (1, 901, 0)
    assert (bound.over, bound.queries) == (1 + 99, 1000)
    assert bound.missing == bound.least_queries - 1000 > 0


def test_the_slowest_of_a_few_is_no_p999():
    assert closed([10] * 999, [0] * 999).latency().p999_ms is None
    assert closed([10] * 999 + [30], [0] * 1000).latency().p999_ms == 10
