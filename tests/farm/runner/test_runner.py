"""The runner as it is shipped: a folder that a Python starts, JSON lines on its standard output."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from farm.trial.figures import without_waiting
from farm.trial.said import STAGES


def command(deployment, **options):
    line = [sys.executable, "-u", deployment.runner_path]
    line += ["--model", deployment.model_path, "--manifest", deployment.manifest_path]
    line += ["--images", deployment.images_path]
    plan = {"rate_hz": 50, "duration_s": 0.4} | options
    return [*line, "--plan", json.dumps(plan)]


def events(deployment, **options):
    done = subprocess.run(command(deployment, **options), capture_output=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows(seen):
    columns = next(event for event in seen if event["event"] == "hello")["columns"]
    return [dict(zip(columns, row, strict=True)) for e in seen if e["event"] == "frames" for row in e["rows"]]


def test_frames_are_due_at_the_products_rate_whatever_the_board_does(tiny):
    seen = events(tiny(), rate_hz=30, duration_s=0.5)
    start = next(event for event in seen if event["event"] == "start")
    frames = rows(seen)
    assert [frame["frame"] for frame in frames] == list(range(15)) == list(range(start["frames"]))
    assert [f["arrival_ns"] - start["first_arrival_ns"] for f in frames] == [round(i * 1e9 / 30) for i in range(15)]
    for frame in frames:
        stamps = [frame[name] for name in ("wake_ns", *(f"{stage}_ns" for stage in STAGES[:5]))]
        assert stamps == sorted(stamps)
        assert frame["arrival_ns"] <= frame["wake_ns"]
        assert 0 < frame["cpu_ns"] <= frame["decode_ns"] - frame["wake_ns"] + 1_000_000


def test_every_image_is_predicted_once_and_only_paced_ones_are_timed(tiny, tiny_dataset):
    seen = events(tiny(wrong=2), duration_s=0.2, score_s=20)
    scored = [row for event in seen if event["event"] == "scored" for row in event["rows"]]
    predicted = {f["image"]: f["prediction"] for f in rows(seen)} | {image: said for image, said, _margin in scored}
    wanted = [label + 1 if label < 2 else label for label in tiny_dataset.labels.tolist()]
    assert [predicted[image] for image in range(40)] == wanted
    assert (seen[-1]["event"], seen[-1]["frames"], seen[-1]["scored"]) == ("end", 10, 30)


def test_images_come_round_again_when_frames_outnumber_them(tiny):
    seen = events(tiny(), rate_hz=200, duration_s=0.25, score_s=20)
    assert [frame["image"] for frame in rows(seen)] == [*range(40), *range(10)]
    assert seen[-1]["scored"] == 0


def test_late_frames_queue_and_none_is_dropped(tiny):
    frames = rows(events(tiny(upscale=32, columns=48), rate_hz=20_000, duration_s=0.005, limit_s=50))
    assert len(frames) == 100
    assert all(late["wake_ns"] >= early["decode_ns"] for early, late in pairwise(frames))
    assert frames[-1]["decode_ns"] - frames[-1]["arrival_ns"] > 5_000_000


def test_a_model_that_never_keeps_up_is_ended_at_the_limit(tiny):
    seen = events(tiny(upscale=32, columns=48), rate_hz=5000, duration_s=2, limit_s=0.2)
    assert 0 < seen[-1]["frames"] < 10_000
    assert seen[-1]["frames"] == len(rows(seen))


def test_numpy_takes_no_core_beside_the_one_that_the_figures_are_of(tiny, tmp_path, monkeypatch):
    count = f"open({str(tmp_path / 'threads')!r}, 'w').write(str(len(os.listdir('/proc/self/task'))))"
    (tmp_path / "sitecustomize.py").write_text(f"import atexit, os\natexit.register(lambda: {count})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    deployment = tiny()
    words = command(replace(deployment, images_path=deployment.manifest_path))  # no images: no runtime is loaded
    assert subprocess.run(words, stdout=subprocess.DEVNULL, timeout=60).returncode == 3
    assert (tmp_path / "threads").read_text() == "1"


def test_it_names_the_runtime_that_ran(tiny):
    import onnxruntime

    hello = events(tiny(), duration_s=0.1)[0]
    assert hello["runtime"] == f"onnxruntime {onnxruntime.__version__}"
    assert hello["images"] == 40


@pytest.mark.parametrize(
    ("changes", "kind", "word"),
    [
        ({"preprocess": {"steps": [], "sha256": "1" * 64}}, "preprocess", "hashes to"),
        ({"output": {"name": "nothing", "shape": (1, 10), "dtype": "float32"}}, "model", "nothing"),
    ],
)
def test_what_is_not_as_the_manifest_says_is_named_before_any_frame(tiny, changes, kind, word):
    done = subprocess.run(command(tiny(**changes)), capture_output=True, timeout=60, check=False)
    fault = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 3
    assert (fault["event"], fault["kind"]) == ("error", kind)
    assert word in fault["detail"]
    assert b'"start"' not in done.stdout


def test_a_board_without_the_runtime_is_told_in_one_line(tiny):
    line = command(tiny())
    line[1:2] = ["-u", "-S"]  # no site-packages: neither numpy nor onnxruntime
    done = subprocess.run(line, capture_output=True, timeout=60, check=False)
    (fault,) = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 3
    assert fault["kind"] == "runtime"
    assert "not installed" in fault["detail"]


def test_it_ends_when_nobody_listens_any_more(tiny):
    running = subprocess.Popen(command(tiny(), duration_s=60), stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert b"hello" in running.stdout.readline()
    running.stdout.close()
    assert running.wait(30) != 0


def test_it_rests_before_the_first_frame_and_after_the_last(tiny):
    with subprocess.Popen(command(tiny(), duration_s=0.1, quiet_s=0.5, score_s=20), stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        heard = [(json.loads(line), time.clock_gettime_ns(time.CLOCK_MONOTONIC)) for line in running.stdout]
    at_ns = {event["event"]: t_ns for event, t_ns in heard}
    first_ns = next(event["first_arrival_ns"] for event, _ in heard if event["event"] == "start")
    assert first_ns + 600_000_000 <= at_ns["frames"] <= at_ns["scored"]


@pytest.fixture
def one_processor():
    """All that a test starts shares one processor."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_of_them)})
    yield
    os.sched_setaffinity(0, all_of_them)


@pytest.mark.usefixtures("one_processor")
def test_a_burst_lasts_until_it_has_had_a_processor_for_as_long(tiny):
    rivals = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        bursts = [event for event in events(tiny(), duration_s=0.1, burst_s=0.2) if event["event"] == "burst"]
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
    assert len(bursts) == 2
    for burst in bursts:
        whole_ns = burst["end_ns"] - burst["start_ns"]
        assert whole_ns - burst["waited_ns"] >= 200_000_000 or whole_ns >= 800_000_000
        assert burst["waited_ns"] > 50_000_000


OFFERED_SLOWLY = """\
import json, sys, time
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
from frames import Worker, offer
from plan import Plan
from boardclock import now_ns

kept, rows = [], []

class Lines:
    def breathe(self, due_ns):
        kept.append(now_ns() + %(slow_ns)d)
        while now_ns() < kept[-1]:
            time.sleep(0.001)

    def row(self, values):
        rows.append(values)

def timed(image):
    until_ns = now_ns() + 4_000_000
    while now_ns() < until_ns:
        pass
    return [now_ns()] * 4, 0, None

first_ns = now_ns()
due_ns = [first_ns + frame * 10_000_000 for frame in range(8)]
lines = Lines()
pipeline = SimpleNamespace(timed=timed, margin=lambda scores: None)
offer(Worker(pipeline, lines), lines, due_ns, first_ns + 10**10, Plan("{}"), range(1))
json.dump([row[:-1] for row in rows], sys.stdout)
"""


@pytest.mark.parametrize("slow_ms", [15, 100])
def test_a_thread_that_loses_its_processor_between_frames_has_waited(tiny, slow_ms):
    """It may be kept from it while it writes, before the next frame is due or when that is overdue already."""
    program = OFFERED_SLOWLY % {"slow_ns": slow_ms * 1_000_000}
    line = [sys.executable, "-c", program, tiny().runner_path]
    for _ in range(5):  # what the host of a virtual machine steals counts as computing there: not every time
        done = subprocess.run(line, capture_output=True, timeout=60, check=True)
        offered = np.array(json.loads(done.stdout), np.int64)
        arrival_ns, finish_ns, waited_ns = offered[:, 2], offered[:, 7], offered[:, 10]
        left_ns = without_waiting(arrival_ns, finish_ns, waited_ns) - arrival_ns
        assert (finish_ns - arrival_ns)[-1] > 5 * slow_ms * 1_000_000
        if left_ns.max() < 20_000_000:
            break
    assert left_ns.max() < 20_000_000


SCORED = """
import sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
import frames

def done(seconds_each):
    clock = [0.0]
    def predict(image):
        clock[0] += seconds_each
        return 0, None
    frames.now_ns = lambda: int(clock[0] * 1e9)
    lines = SimpleNamespace(row=lambda row: None, flush=lambda kind: None)
    pipeline = SimpleNamespace(shown=range(100), predict=predict, margin=lambda scores: None)
    return frames.run_unpaced(pipeline, lines, set(), 10.0)

print(done(0.05), done(0.2), done(1.0))
"""


def test_images_that_will_never_all_be_predicted_in_time_are_given_up_early(tiny):
    words = [sys.executable, "-c", SCORED, tiny().runner_path]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    all_of_them, until_time_was_up, given_up = map(int, ended.stdout.split())
    assert (all_of_them, until_time_was_up, given_up) == (100, 51, 2)
