"""Processor time brought to the board's clock."""

import numpy as np
import pytest

from farm.trial.figures import Frames
from farm.trial.prediction.retime import computable, cpu_ns, own_ns, retimed
from farm.trial.remote import Run
from farm.trial.scenario import FixedRate, SingleStream

COLUMNS = ["frame", "image", "arrival_ns", "wake_ns", "infer_ns", "prediction", "cpu_ns"]
MS = 1_000_000


def run(*rows):
    """(arrival, wake, end, processor time), in ms."""
    told = [[nth, nth, int(a * MS), int(w * MS), int(e * MS), 0, int(c * MS)] for nth, (a, w, e, c) in enumerate(rows)]
    hello = {"columns": COLUMNS, "overhead": {"frame_ns": 30_000, "latency_ns": 10_000}}
    return Run(hello=hello, rows=told, offered=len(told))


def at_half(one, scenario, **changes):
    frames = Frames.of(one, scenario)
    return retimed(frames, cpu_ns(one), 0.5, **({"own_ns": 0, "limit_ns": 10**12} | changes))


def test_a_frame_takes_its_processor_time_at_the_boards_clock_whatever_the_quota_did_to_it():
    rate = FixedRate(10.0, 0.3)
    found = at_half(run((0, 0, 3, 3), (100, 100, 109, 3), (200, 201, 204, 3)), rate)
    assert ((found.finish_ns - found.arrival_ns) / MS).tolist() == [6.0, 6.0, 6.0]
    assert (found.stages_ns["infer"] / MS).tolist() == [6.0, 6.0, 6.0]
    assert found.unstarved_ns is None


def test_frames_that_come_quicker_than_the_board_works_queue_up():
    found = at_half(run((0, 0, 60, 60), (100, 100, 160, 60), (200, 200, 260, 60)), FixedRate(10.0, 0.3))
    assert (found.finish_ns / MS).tolist() == [120.0, 240.0, 360.0]
    assert found.deadlines(3).missed == 3


def test_what_a_board_would_not_begin_in_time_is_not_begun():
    found = at_half(
        run((0, 0, 60, 60), (100, 100, 160, 60), (200, 200, 260, 60)), FixedRate(10.0, 0.3), limit_ns=150 * MS
    )
    assert len(found.arrival_ns) == len(found.image) == len(found.stages_ns["infer"]) == 2
    assert found.deadlines(3).unfinished == 1


def test_in_a_closed_loop_each_frame_comes_when_the_one_before_is_done_and_told():
    one = run((0, 0, 2, 2), (2, 2, 9, 2), (9, 9, 11, 2))
    found = at_half(one, SingleStream(0.01), own_ns=own_ns(one))
    assert own_ns(one) == 20_000
    assert (found.arrival_ns / MS).tolist() == pytest.approx([0, 4.04, 8.08])
    assert ((found.finish_ns - found.arrival_ns) / MS).tolist() == [4.0, 4.0, 4.0]


def test_frames_of_one_query_have_one_arrival_and_follow_each_other():
    found = at_half(run((0, 0, 2, 2), (0, 2, 4, 2), (4, 4, 6, 2), (4, 6, 8, 2)), SingleStream(0.01))
    assert (found.arrival_ns / MS).tolist() == [0, 0, 8, 8]
    assert (found.finish_ns / MS).tolist() == [4, 8, 12, 16]


def test_half_the_share_doubles_every_latency():
    rng = np.random.default_rng(3)
    one = run(*((100 * n, 100 * n, 100 * n + t, t) for n, t in enumerate(rng.uniform(1, 9, 50))))
    frames, rate = Frames.of(one, FixedRate(10.0, 5.0)), {"own_ns": 0, "limit_ns": 10**12}
    whole, half = (retimed(frames, cpu_ns(one), share, **rate).latency().p99_ms for share in (1.0, 0.5))
    assert half / whole == pytest.approx(2, abs=1e-4)


@pytest.mark.parametrize(("waited_ms", "told"), [(3.0, True), (0.0, False), (None, False)])
def test_a_thread_that_waits_for_others_does_not_tell_how_long_a_frame_takes(waited_ms, told):
    one = run((0, 0, 6, 3), (10, 10, 16, 3))
    one.hello["columns"] = [*COLUMNS, "waited_ns"]
    for row in one.rows:
        row.append(None if waited_ms is None else int(waited_ms * MS))
    assert computable(one, FixedRate(100.0, 0.02), 1) is told


def test_what_processor_time_does_not_tell_is_not_computed():
    one, rate = run((0, 0, 3, 3)), FixedRate(10.0, 0.1)
    assert computable(one, rate, 1)
    assert not computable(one, rate, 2)
    assert not computable(one, FixedRate(10.0, 0.1, late="drop"), 1)
    one.rows[0][-1] = None
    assert not computable(one, rate, 1)
    assert cpu_ns(Run(hello={"columns": COLUMNS[:-1]}, rows=[[0] * 6])) is None
