"""The runner in C of docs/c-runner: it does what the Python one does with the same plan, and never crashes."""

import fcntl
import json
import os
import random
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.dataset import load_dataset
from farm.artifact.model.onnx import read_onnx
from farm.artifact.reference import reference_of
from farm.artifact.unpack import open_artifact

from ..conftest import RUNNER
from .test_scenarios import named, rows

REPOSITORY = Path(__file__).parents[3]
SOURCES = REPOSITORY / "docs" / "c-runner"
LAB = REPOSITORY / "tests" / "lab"
STRICT = ["-std=c99", "-O0", "-g1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-pedantic"]
CHECKED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
QUICK = {"FARM_SAMPLES_PER_QUERY": "1", "FARM_QUIET_S": "0", "FARM_WARMUP": "0"}


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    """The runner, built once for all workers so that it stops at what C leaves undefined."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: gcc")
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    built = folder / "c-runner"
    with (folder / "c-runner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            part = folder / "c-runner.part"
            words = [compiler, *STRICT, *CHECKED, "-o", part, *sorted(SOURCES.glob("*.c")), "-lm"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
            if "cannot find -lasan" in done.stderr or "libasan" in done.stderr:
                pytest.skip("needs gcc's sanitizers: libasan, libubsan")
            assert done.returncode == 0, done.stderr
            part.rename(built)
    return built


@pytest.fixture(scope="module")
def lenet(tmp_path_factory) -> Path:
    """LeNet-5 in integers, as a reference."""
    folder = tmp_path_factory.mktemp("lenet")
    artifact = open_artifact(LAB / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst", folder)
    (folder / "lenet5.npz").write_bytes(reference_of(read_onnx(artifact.model_path.read_bytes()), "lenet5"))
    return folder / "lenet5.npz"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A net that takes no time, as numpy's own savez writes it."""
    graph = [
        b"input x shape=1,1,8,8 dtype=float32",
        b"Reshape flat x shape=1,64",
        b"Gemm y flat w b transB=1",
        b"output y",
    ]
    path = tmp_path_factory.mktemp("tiny") / "tiny.npz"
    np.savez(path, graph=np.array(graph), w=np.eye(10, 64, dtype=np.float32), b=np.zeros(10, np.float32))
    return path


@pytest.fixture(scope="module")
def digits():
    return load_dataset(LAB / "datasets" / "digits-540")


@pytest.fixture
def run(program, tiny, digits):
    """``run(FARM_…="…", model=…, images=…, steps=…)``: the ended process."""

    def start(*, model=tiny, images=digits.images_path, steps=(), **plan: str | None):
        environment = {**QUICK, "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1", **plan}
        environment = {name: value for name, value in environment.items() if value is not None}
        words = [program, model, images, *steps]
        return subprocess.run(words, env=environment, capture_output=True, timeout=60, check=False)

    return start


@pytest.fixture
def events(run):
    def told(**plan):
        done = run(**plan)
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return told


def scored(seen):
    return [row for event in seen if event["event"] == "scored" for row in event["rows"]]


LENET_STEPS = ("upscale-nearest=32x32",)


def test_images_get_the_class_and_the_margin_that_the_python_runner_gives(events, lenet, digits, tmp_path):
    plan = {"FARM_MIN_COUNT": "50", "FARM_SCORE_S": "60", "FARM_PART": "[100, 220]"}
    seen = events(model=lenet, steps=LENET_STEPS, **plan)
    ours = {row["image"]: (row["prediction"], row["margin"]) for row in rows(seen)}
    ours |= {image: (prediction, margin) for image, prediction, margin in scored(seen)}
    manifest = {
        "runtime": "numpy",
        "input": {"name": "image", "shape": [1, 1, 32, 32], "dtype": "uint8", "layout": "NCHW"},
        "output": {"name": "scores"},
        "preprocess": {"steps": [{"name": "upscale-nearest", "height": 32, "width": 32}]},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    plan = json.dumps({"rate_hz": None, "min_count": 1, "quiet_s": 0, "score_s": 60, "part": [100, 220]})
    files = ["--model", lenet, "--manifest", tmp_path / "manifest.json", "--images", digits.images_path]
    done = subprocess.run([sys.executable, RUNNER, *files, "--plan", plan], capture_output=True, timeout=60, check=True)
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert named(theirs, "hello")["columns"] == named(seen, "hello")["columns"]
    wanted = {row["image"]: (row["prediction"], row["margin"]) for row in rows(theirs)}
    wanted |= {image: (prediction, margin) for image, prediction, margin in scored(theirs)}
    shown = range(100, 220)
    assert set(ours) == set(wanted) == set(shown)
    assert [ours[n][0] for n in shown] == [wanted[n][0] for n in shown]
    np.testing.assert_allclose([ours[n][1] for n in shown], [wanted[n][1] for n in shown], rtol=1e-6)


def test_scores_that_are_no_numbers_are_of_no_class(events, tmp_path):
    graph = [b"input x shape=1,1,8,8 dtype=float32", b"Reshape flat x shape=1,64", b"Gemm y flat w b", b"output y"]
    weights = {"w": np.ones((2, 64), np.float32), "b": np.array([0, np.nan], np.float32)}
    np.savez(tmp_path / "nan.npz", graph=np.array(graph), **weights)
    found = {(row["prediction"], row["margin"]) for row in rows(events(model=tmp_path / "nan.npz", FARM_MIN_COUNT="5"))}
    assert found == {(-1, None)}


def arrivals(seen):
    found = [row["arrival_ns"] for row in rows(seen)]
    assert found[0] == named(seen, "start")["first_arrival_ns"]
    return [ns - found[0] for ns in found]


def poisson(seed: int, rate_hz: float, count: int) -> list[int]:
    """As farm/runner/plan.py draws them; held to that by its own test."""
    draw, due = random.Random(seed).random, [0]
    while len(due) < count:
        due.append(due[-1] + int(-log(1.0 - draw()) / rate_hz * 1e9))
    return due


@pytest.mark.parametrize("seed", [0, 7, 1_999_999_999])
def test_the_same_seed_gives_the_same_arrivals_as_in_python(events, seed):
    plan = {"FARM_RATE_HZ": "2000.0", "FARM_MIN_COUNT": "650", "FARM_SEED": str(seed), "FARM_LIMIT_S": "30"}
    seen = events(**plan, FARM_SAMPLES_PER_QUERY=None)
    assert len(rows(seen)) == named(seen, "start")["frames"] == 650  # more than one block of 624 numbers
    assert arrivals(seen) == poisson(seed, 2000, 650)


def test_regular_frames_are_due_at_the_rate_and_no_sooner_worked_on(events):
    seen = events(FARM_RATE_HZ="300", FARM_DURATION_S="0.1", FARM_QUIET_S="0.01", FARM_SAMPLES_PER_QUERY=None)
    assert arrivals(seen) == [round(n * 1e9 / 300) for n in range(30)]
    for row in rows(seen):
        stages = [
            row[f"{stage}_ns"] for stage in ("arrival", "wake", "acquire", "convert", "marshal", "infer", "decode")
        ]
        assert stages == sorted(stages)
        assert row["cpu_ns"] > 0
    end = named(seen, "end")
    assert (end["offered"], end["dropped"], end["complete"]) == (30, 0, True)


def test_late_frames_are_dropped_where_the_plan_says_so(events):
    fast = {"FARM_RATE_HZ": "400000", "FARM_DURATION_S": "0.001", "FARM_SAMPLES_PER_QUERY": None}
    end = named(events(**fast, FARM_LATE="drop"), "end")
    assert end["dropped"] > 0
    assert end["frames"] + end["dropped"] == end["offered"] == 400
    assert named(events(**fast, FARM_LATE="queue"), "end")["frames"] == 400


def test_frames_that_cannot_be_begun_in_time_end_the_run(events):
    end = named(events(FARM_RATE_HZ="2000000", FARM_DURATION_S="0.01", FARM_LIMIT_S="0.005"), "end")
    assert not end["complete"]
    assert end["frames"] < end["offered"] == 20_000


def test_closed_loops_have_queries_and_offline_is_one(events):
    seen = events(FARM_MIN_COUNT="5", FARM_SAMPLES_PER_QUERY="8", FARM_PART="[530, 540]")
    frames = rows(seen)
    assert [frame["image"] for frame in frames] == [530 + n % 10 for n in range(40)]
    assert len({frame["arrival_ns"] for frame in frames}) == 5
    assert all(a["arrival_ns"] <= b["arrival_ns"] for a, b in pairwise(frames))
    offline = events(FARM_SAMPLES_PER_QUERY=None, FARM_MIN_COUNT="50", FARM_IMAGE="3")
    assert len({frame["arrival_ns"] for frame in rows(offline)}) == 1
    assert {frame["image"] for frame in rows(offline)} == {3}
    assert len(rows(offline)) == 50


def test_a_part_alone_is_scored_and_bursts_stand_around_the_frames(events):
    seen = events(FARM_PART="[10, 20]", FARM_SCORE_S="20", FARM_BURST_S="0.02", FARM_MIN_COUNT="4")
    assert [image for image, *_ in scored(seen)] == list(range(14, 20))
    bursts = [event for event in seen if event["event"] == "burst"]
    assert [event["event"] for event in seen][1:4] == ["burst", "start", "burst"]
    for burst in bursts:
        waited_ns = burst["waited_ns"] or 0
        assert burst["end_ns"] - burst["start_ns"] - waited_ns >= 20e6 or burst["end_ns"] - burst["start_ns"] >= 80e6
    assert named(seen, "hello")["overhead"]["rounds"] == 200


def test_as_a_clock_it_answers_each_line_at_once_with_the_time_of_its_frames(program):
    with subprocess.Popen([program, "clock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clock:
        for asked in (b"1", b"2 words\ttabs", b"x" * 10_000, b""):
            before_ns = time.monotonic_ns()
            clock.stdin.write(asked + b"\n")
            clock.stdin.flush()
            said, _, t = clock.stdout.readline().rpartition(b" ")
            assert said == asked
            assert before_ns <= int(t) <= time.monotonic_ns()
        clock.stdin.close()
        assert clock.wait(60) == 0


def refused(done):
    assert done.returncode == 3, done.stderr
    fault = json.loads(done.stdout.splitlines()[-1])
    assert fault["event"] == "error"
    return fault["kind"], fault["detail"]


@pytest.mark.parametrize(
    ("asked", "kind", "told"),
    [
        ({"FARM_RATE_HZ": "fast"}, "runtime", "FARM_RATE_HZ: fast is no number"),
        ({"FARM_MIN_COUNT": "0"}, "runtime", "FARM_MIN_COUNT"),
        ({"FARM_DURATION_S": "1e11"}, "runtime", "FARM_DURATION_S: 1e11 is no number"),
        ({"FARM_RATE_HZ": "1e-9", "FARM_MIN_COUNT": "9"}, "runtime", "9 frames at 1e-09 a second are too many"),
        ({"FARM_LATE": "never"}, "runtime", "neither queue nor drop"),
        ({"FARM_PART": "[30, 541]"}, "dataset", "540 images"),
        ({"FARM_PART": "[3]"}, "runtime", "FARM_PART"),
        ({"FARM_DRAW": "True"}, "runtime", "draws nothing"),
        ({"FARM_DEVICE": "MYRIAD"}, "runtime", "there is no MYRIAD here, only cpu"),
        ({"model": "/nowhere"}, "model", "/nowhere: cannot be read"),
        ({"images": "/dev/null"}, "dataset", "no IDX file"),
        ({"steps": LENET_STEPS}, "preprocess", "the steps give 1 x 32 x 32, the model takes 64 numbers"),
        ({"steps": ("sharpen",)}, "preprocess", "sharpen: unknown step"),
        ({"steps": ("channel-order=bgr",)}, "preprocess", "none for these images"),
    ],
)
def test_what_it_cannot_do_it_says(run, asked, kind, told):
    found, detail = refused(run(**asked))
    assert found == kind
    assert told in detail


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"Concat y x x - axis=1", "do not go together"),
        (b"Add y x empty", "do not go together"),
        (b"Add y x wide", "wide: type <f8"),
    ],
)
def test_graphs_that_name_what_is_not_there_are_refused(run, tmp_path, line, told):
    graph = [b"input x shape=1,8 dtype=float32", line, b"output y"]
    arrays = {"empty": np.zeros((0, 8), np.float32)} | ({"wide": np.zeros(0)} if b"wide" in line else {})
    np.savez(tmp_path / "m.npz", graph=np.array(graph), **arrays)
    kind, detail = refused(run(model=tmp_path / "m.npz"))
    assert kind == "model"
    assert told in detail


def test_files_that_are_damaged_anywhere_end_in_a_word_and_never_in_a_crash(run, lenet, digits, tmp_path):
    chance = random.Random(4)
    model, images = lenet.read_bytes(), digits.images_path.read_bytes()
    graph = model.index(b"graph.npy"), model.index(b"PK\x03\x04", 30)
    ended = set()
    for n in range(60):
        spoilt, pixels = bytearray(model), bytearray(images)
        if n % 6 == 0:
            pixels[chance.randrange(16)] = chance.randrange(256)
        elif n % 6 == 1:
            del spoilt[chance.randrange(len(spoilt)) :]
        else:
            for _ in range(n % 3 + 1):
                spoilt[chance.randrange(*graph)] = chance.choice(b"0123456789-=, xo")
        (tmp_path / "model.npz").write_bytes(spoilt)
        (tmp_path / "images.idx").write_bytes(pixels)
        done = run(model=tmp_path / "model.npz", images=tmp_path / "images.idx", steps=LENET_STEPS)
        if done.returncode:
            refused(done)
        ended.add(done.returncode)
    assert ended == {0, 3}
