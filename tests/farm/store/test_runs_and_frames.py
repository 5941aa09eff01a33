"""Runs hold their trials together; frames lie on the clock of the traces."""

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from farm.errors import LabFault, UsageFault
from farm.store.database import Store
from farm.store.frames import FrameTimes, pack, unpack
from farm.store.predictions import Predictions
from farm.store.run import GateVerdict, Run

RUN = Run(
    id="f00d" * 4,
    kind="gate",
    started_utc=datetime(2026, 1, 2, tzinfo=UTC),
    command=["farm", "gate"],
    owner="ci@host",
    lab="demo",
    inventory="inventory.yaml",
    inventory_sha256="0" * 64,
    farm_version="0.1.0",
)

OLD = b64decode(
    "KLUv/STpRQQABAZmcjAxUQAAAFsiYXJyaXZhbF9ucyIsICJmaW5pc2hpbWFnZXByZWRpY3Rpb25zdGFnZS5pbmZlcmRlY29kZSJd"
    "AIDGpH6NAwCAcMGnfo0DAABhvKoHhwcBAAIAAQUFAgIRAKALyA50BjIB/WaSAAYGA3EkQD6Q2c4UrFgnc31MQzmtFrLpBD/hNbM="
)
"""``some_frames()``, as the format fr01 had them."""


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "results.sqlite") as opened:
        yield opened


def some_frames():
    arrival = np.arange(3, dtype=np.int64) * 50_000_000 + 10**15
    return FrameTimes(arrival, arrival + 7, {"infer": np.full(3, 5), "decode": np.full(3, 2)}, np.arange(3), np.ones(3))


def test_frames_come_back_to_the_last_nanosecond_with_their_stages_in_order(store, a_record):
    frames = some_frames()
    store.save(a_record(), {}, b"", frames)
    back = store.frames(a_record().id)
    assert np.array_equal(back.arrival_ns, frames.arrival_ns)
    assert np.array_equal(back.finish_ns, frames.finish_ns)
    assert list(back.stages_ns) == ["infer", "decode"]
    assert back.latency_ms.tolist() == [7e-6] * 3


def test_a_record_without_frames_says_so_and_damaged_ones_are_named(store, a_record):
    store.save(a_record(), {})
    assert store.frames(a_record().id) is None
    for bad in (b"", pack(some_frames())[:-9], b"no zstd"):
        with pytest.raises(ValueError, match="not the frames"):
            unpack(bad)


def test_predictions_come_back_with_the_frames_and_images_that_no_frame_has_shown(store, a_record):
    told = Predictions(np.arange(5), np.array([1, 2, 3, 4, 4]), np.array([0.5, 1e-9, np.nan, 7.25, 0.0]), np.arange(5))
    store.save(a_record(), {}, b"", replace(some_frames(), predictions=told))
    back = store.frames(a_record().id)
    assert len(back) == 3
    assert back.predictions.image.tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(back.predictions.margin, told.margin, equal_nan=True)
    assert back.predictions.correct == 1
    unlabelled = unpack(pack(replace(some_frames(), predictions=replace(told, label=None)))).predictions
    assert unlabelled.label is None


def test_frames_of_a_farm_that_kept_no_predictions_are_read_as_before():
    assert unpack(OLD).image.tolist() == [0, 1, 2]
    assert list(unpack(OLD).stages_ns) == ["infer", "decode"]
    assert unpack(OLD).predictions is None


def test_a_run_holds_its_records_and_what_its_gate_decided(store, a_record):
    store.begin(RUN)
    store.save(a_record(run_id=RUN.id, role="candidate"), {})
    store.save(a_record(id="another"), {})
    assert store.run("f00d").run.ended_utc is None
    verdict = GateVerdict(outcome="no verdict", criteria=[], reasons=["time was up"])
    store.end(RUN.id, verdict)
    stored = store.run("last")
    assert stored.verdict == verdict
    assert stored.run.ended_utc is not None
    assert [one.record.role for one in store.records(run_id=RUN.id)] == ["candidate"]


def test_a_record_of_a_run_that_never_began_is_refused(store, a_record):
    with pytest.raises(LabFault, match="FOREIGN KEY"):
        store.save(a_record(run_id="never"), {})
    assert store.records() == []


def test_a_run_that_is_not_there_is_a_wrong_argument(store):
    with pytest.raises(UsageFault, match="no run begins"):
        store.run("f00d")
    with pytest.raises(UsageFault, match="no run begins"):
        store.end("f00d")
