"""What a run has told is what its plan asked for, and agrees with itself; else it is refused, or decides nothing."""

import time

import pytest

from devices.shell import Line
from farm.errors import LabFault
from farm.trial.figures import Frames
from farm.trial.following import _told
from farm.trial.remote import Run
from farm.trial.scenario import FixedRate, MultiStream, Offline, Server, SingleStream
from farm.trial.story import carried_out, require_in_time, require_story

MS, S = 1_000_000, 1_000_000_000
COLUMNS = ["frame", "image", "arrival_ns", "wake_ns", "infer_ns", "prediction"]


def run(numbers, offered, dropped=0, *, period_ns=50 * MS):
    """Frames of 5 ms each, due every 50 ms."""
    rows = [[n, 0, n * period_ns, n * period_ns, n * period_ns + 5 * MS, 3] for n in numbers]
    heard = {"hello": (1, 1), "start": (2, 2), "end": (10 * S, 10 * S)}
    return Run({"columns": COLUMNS}, offered, dropped, rows=rows, heard_ns=heard)


@pytest.mark.parametrize(
    ("told", "scenario", "why"),
    [
        (run(range(10), 10), FixedRate(20, 1), "says that 10 frames were to come; its plan makes 20"),
        (run(range(10), 10**13, 3), FixedRate(20, 1), "says that 10,000,000,000,000 frames were to come"),
        (run(range(10), 10), Server(20, 0.1), "says that 10 frames were to come; its plan makes 459 at least"),
        (run(range(21), 20), FixedRate(20, 1), "tells of 21 frames, dropped ones too, and 20 were to come"),
        (run(range(18), 20, 3), FixedRate(20, 1), "tells of 21 frames, dropped ones too, and 20 were to come"),
        (run(range(3, 21), 20, 2), FixedRate(20, 1), "does not number its frames from 0 to 19"),
        (run([0, 2, 1], 20, 2), FixedRate(20, 1), "does not number its frames from 0 to 19"),
    ],
)
def test_frames_that_were_not_in_the_plan_are_no_story(told, scenario, why):
    with pytest.raises(LabFault, match=f"here: the runner {why}"):
        require_story("here", told, scenario, 40)


@pytest.mark.parametrize(("shown", "scored"), [(40, []), (-1, []), (0, [(40, 3)])])
def test_images_that_the_data_set_does_not_have_are_no_story(shown, scored):
    told = run(range(20), 20)
    told.rows[7][1], told.scored = shown, scored
    with pytest.raises(LabFault, match=r"here: the runner tells of images -?\d+ to \d+; the data set has 40\n  try: "):
        require_story("here", told, FixedRate(20, 1), 40)


def test_a_start_before_who_speaks_is_no_story():
    told = run(range(20), 20)
    told.heard_ns["hello"] = 3, 3
    with pytest.raises(LabFault, match="start before its hello"):
        require_story("here", told, FixedRate(20, 1), 40)


@pytest.mark.parametrize("offered", [19, 20, 21])
def test_a_frame_more_or_less_is_how_a_program_rounds(offered):
    told = run(range(0, offered, 2), offered, offered // 2)
    require_story("here", told, FixedRate(20, 1), 40)
    assert carried_out(told, FixedRate(20, 1))
    assert len(Frames.of(told, FixedRate(20, 1)).dropped_ns) == offered // 2


@pytest.mark.parametrize(
    ("scenario", "begun", "whole"),
    [
        (FixedRate(20, 1), 19, False),
        (SingleStream(2.0, min_queries=64), 63, False),
        (SingleStream(2.0, min_queries=64), 64, True),
        (SingleStream(5.0, min_queries=64), 64, False),  # too short
        (MultiStream(2.0, samples_per_query=2, min_queries=40), 79, False),
        (Offline(2.0, min_samples=80), 79, False),
        (Offline(2.0, min_samples=80), 80, True),
    ],
)
def test_whether_the_least_count_and_duration_were_reached_is_counted_not_believed(scenario, begun, whole):
    assert carried_out(run(range(begun), 20), scenario) is whole


def test_frames_of_another_clock_are_told_apart_from_lost_readings():
    told = run(range(20), 20)
    told.began_ns = S
    require_in_time("here", told, S + 1, 10 * S, 0)
    with pytest.raises(LabFault, match=r"tells of frames 0\.5 s before it began: their times are of another clock"):
        require_in_time("here", told, S // 2, 2 * S, 0)
    with pytest.raises(LabFault, match=r"frames 1\.69e\+09 s after its end.*\n.*CLOCK_MONOTONIC"):
        require_in_time("here", told, 169 * 10**16, 169 * 10**16 + S, 0)


def test_the_last_frame_to_end_ends_the_window_whichever_came_last():
    told = run(range(20), 20)
    told.rows[18][4] = 2 * S
    assert Frames.of(told, FixedRate(20, 1)).end_ns == 2 * S


def test_what_is_nested_beyond_reading_is_no_event():
    assert _told(Line(time.monotonic_ns(), b"[" * 100_000)) is None
