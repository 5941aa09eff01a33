"""Trials as the store holds them, without a lab."""

from collections.abc import Callable

import numpy as np
import pytest

from farm.store.database import Store
from farm.store.frames import FrameTimes
from farm.store.record import Record
from farm.store.run import Run
from power.block import Block

ZERO_NS = 5_000_000_000_000


@pytest.fixture
def a_trace() -> Callable[..., Block]:
    """``a_trace(seconds=10, rate_hz=100)``: watts around 5, from two seconds before the first frame."""

    def make(*, seconds: float = 10.0, rate_hz: float = 100.0) -> Block:
        n = int(seconds * rate_hz)
        noise = np.random.default_rng(7).normal(0, 0.05, n)
        t_ns = ZERO_NS - 2_000_000_000 + np.arange(n) * int(1e9 / rate_hz)
        return Block(t_ns, np.full(n, 5.0), 1.0 + noise, np.zeros(n, np.uint8))

    return make


@pytest.fixture
def some_frames() -> Callable[..., FrameTimes]:
    """``some_frames(n=100, late=(3,))``: 20 frames a second of some 5 ms each, those that are late 80 ms."""

    def make(*, n: int = 100, late: tuple[int, ...] = ()) -> FrameTimes:
        due = ZERO_NS + np.arange(n) * 50_000_000
        took = 5_000_000 + (np.arange(n) % 7) * 100_000
        took[list(late)] = 80_000_000
        stages = {"convert": np.full(n, 500_000), "infer": took - 500_000}
        return FrameTimes(due, due + took, stages, np.arange(n), np.zeros(n, np.int64))

    return make


@pytest.fixture
def timed(a_record) -> Callable[..., Record]:
    """``timed(id="…", …)``: a record with a time axis, as a trial leaves it."""

    def make(**changes: object) -> Record:
        base = {
            "scenario__start_ns": ZERO_NS,
            "scenario__duration_s": 5.0,
            "scenario__frames": 100,
            "latency__stages_mean_ms": {"convert": 0.5, "infer": 4.8},
            "power__0__rate_hz": 100.0,
            "power__0__joules_per_inference_above_idle": 0.02,
            "events": [{"kind": "frames", "what": "frames", "t_ns": ZERO_NS, "until_ns": ZERO_NS + 5_000_000_000}],
        }
        return a_record(**base | changes)

    return make


@pytest.fixture
def a_run() -> Callable[..., Run]:
    """``a_run(kind="gate")``: a run that has ended."""

    def make(**changes: object) -> Run:
        base = {
            "id": "feedfeedfeedfeed",
            "kind": "pytest",
            "started_utc": "2026-01-02T03:04:00Z",
            "ended_utc": "2026-01-02T03:14:00Z",
            "command": ["pytest", "tests/lab", "-k", "it's"],
            "owner": "ci@host",
            "lab": "demo",
            "inventory": "inventory.yaml",
            "inventory_sha256": "1" * 64,
            "farm_version": "0.1.0",
        }
        return Run.model_validate(base | changes)

    return make


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / ".farm" / "results.sqlite") as store:
        yield store
