"""The field's ways of offering frames, by the runner as it is shipped."""

import itertools
import json
import math
import random
import subprocess
import sys

import numpy as np
import pytest


def run(deployment, **plan):
    words = [sys.executable, deployment.runner_path, "--model", deployment.model_path]
    words += ["--manifest", deployment.manifest_path, "--images", deployment.images_path]
    return subprocess.run([*words, "--plan", json.dumps(plan)], capture_output=True, timeout=60, check=False)


def events(deployment, **plan):
    done = run(deployment, **plan)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows(seen):
    columns = named(seen, "hello")["columns"]
    return [dict(zip(columns, row, strict=True)) for e in seen if e["event"] == "frames" for row in e["rows"]]


def named(seen, name):
    return next(event for event in seen if event["event"] == name)


def test_a_single_stream_goes_on_until_both_its_time_and_its_count_are_reached(tiny):
    for plan in ({"duration_s": 0.0, "min_count": 70}, {"duration_s": 0.15, "min_count": 1}):
        seen = events(tiny(), rate_hz=None, **plan)
        frames, end = rows(seen), named(seen, "end")
        assert end["complete"]
        assert end["offered"] == end["frames"] == len(frames) >= plan["min_count"]
        begun, ended = frames[0]["arrival_ns"], frames[-1]["decode_ns"]
        assert ended - begun >= plan["duration_s"] * 1e9
        arrivals, finishes = ([frame[name] for frame in frames] for name in ("arrival_ns", "decode_ns"))
        assert all(due >= done for due, done in zip(arrivals[1:], finishes, strict=False))
    assert len(frames) > 70


def test_images_of_one_query_have_one_arrival(tiny):
    frames = rows(events(tiny(), rate_hz=None, duration_s=0, min_count=5, samples_per_query=8))
    arrivals, counts = np.unique([frame["arrival_ns"] for frame in frames], return_counts=True)
    assert len(arrivals) == 5
    assert set(counts.tolist()) == {8}
    assert [frame["image"] for frame in frames] == list(range(40))


def test_offline_is_one_query(tiny):
    seen = events(tiny(), rate_hz=None, duration_s=0.05, min_count=300, samples_per_query=None)
    frames = rows(seen)
    assert len({frame["arrival_ns"] for frame in frames}) == 1
    assert len(frames) == named(seen, "end")["frames"] >= 300


def test_the_comparison_shows_one_image_250_times_after_a_rest(tiny):
    seen = events(tiny(), rate_hz=None, duration_s=0, min_count=250, image=3, rest_s=0.3, quiet_s=0, warmup=1)
    frames = rows(seen)
    assert [frame["image"] for frame in frames] == [3] * 250
    assert frames[0]["arrival_ns"] >= named(seen, "start")["first_arrival_ns"]


def test_a_servers_frames_come_as_its_seed_says(tiny):
    plan = {"rate_hz": 400, "duration_s": 0.2, "min_count": 100, "seed": 7}
    once, again = (events(tiny(), **plan) for _ in range(2))
    due = [np.array([f["arrival_ns"] for f in rows(seen)]) - rows(seen)[0]["arrival_ns"] for seen in (once, again)]
    draw = random.Random(7)
    wanted = [0]
    while len(wanted) < 100 or wanted[-1] < 0.2e9:
        wanted.append(wanted[-1] + int(-math.log(1 - draw.random()) / 400 * 1e9))
    assert due[0].tolist() == due[1].tolist() == wanted


def test_arrivals_at_random_are_a_poisson_process(tiny):
    """Gaps with a mean and a standard deviation of one period, within four standard errors."""
    folder = tiny().runner_path
    sys.path.insert(0, folder)
    try:
        from plan import Plan
    finally:
        sys.path.remove(folder)
    plan = Plan(json.dumps({"rate_hz": 50, "min_count": 20_000, "seed": 1}))
    gaps = np.diff(plan.arrivals_ns()) / 1e9 * 50
    assert gaps.mean() == pytest.approx(1, abs=4 / math.sqrt(20_000))
    assert gaps.std() == pytest.approx(1, abs=4 * math.sqrt(2 / 20_000))
    assert np.median(gaps) == pytest.approx(math.log(2), abs=4 / math.sqrt(20_000))


def test_a_frame_that_is_due_while_another_is_worked_on_is_dropped_where_that_is_asked_for(tiny):
    seen = events(tiny(upscale=32, columns=48), rate_hz=2000, duration_s=0.2, late="drop", quiet_s=0, score_s=5)
    frames, end = rows(seen), named(seen, "end")
    assert end["dropped"] > 0
    assert end["dropped"] + end["frames"] == end["offered"] == 400
    for early, late in itertools.pairwise(frames):
        assert early["decode_ns"] <= late["arrival_ns"]
    assert len({frame["image"] for frame in frames}) + end["scored"] == 40


def test_a_closed_loop_that_is_too_slow_is_ended_and_says_so(tiny):
    end = named(events(tiny(), rate_hz=None, duration_s=0, min_count=10**6, limit_s=0.1), "end")
    assert not end["complete"]
    assert 0 < end["frames"] < 10**6


def test_it_says_what_it_takes_itself(tiny):
    seen = events(tiny(), rate_hz=None, duration_s=0.7, min_count=1)
    overhead = named(seen, "hello")["overhead"]
    assert overhead["rounds"] == 200
    assert 0 < overhead["latency_ns"] <= overhead["frame_ns"] < 5_000_000
    assert 0 < named(seen, "end")["writing_ns"] < 700_000_000


def test_nothing_is_written_while_a_frame_of_a_closed_loop_is_worked_on(tiny):
    """What is written lies between two queries, in no latency."""
    seen = events(tiny(columns=2000), rate_hz=None, duration_s=1.2, min_count=1)
    assert sum(event["event"] == "frames" for event in seen) >= 2
    frames = rows(seen)
    between = sum(late["arrival_ns"] - early["decode_ns"] for early, late in itertools.pairwise(frames))
    assert between >= named(seen, "end")["writing_ns"] / 3  # the last of it comes after them


@pytest.mark.parametrize("plan", [{"rate_hz": 0}, {"min_count": 0}, {"late": "perhaps"}])
def test_a_plan_that_cannot_be_run_is_refused(tiny, plan):
    done = run(tiny(), **plan)
    assert done.returncode == 2
    assert b"--plan" in done.stderr
