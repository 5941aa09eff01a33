"""A trial whose trace is too long for one piece: kept while it runs, measured piece by piece, sealed by its record."""

import pytest

from farm.errors import LabFault
from farm.store import disk
from farm.store.database import Store
from farm.store.disk import DiskFull
from farm.store.spool import KeptTrace
from farm.trial.scenario import FixedRate
from farm.trial.trial import run_trial
from power import energy_long, sampler

SHORT = FixedRate(rate_hz=20, duration_s=1, warmup_frames=1, idle_s=0.3, bursts=False)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "kept" / "results.sqlite") as opened:
        yield opened


def test_its_pieces_are_on_the_disk_before_the_record_and_say_the_same(tiny, local_bench, store, monkeypatch):
    monkeypatch.setattr(sampler, "PIECE_READINGS", 16)
    with store.spool() as spool:
        trial = run_trial(local_bench(), tiny(), SHORT, spool=spool)
        written = len(list(spool.root.glob("*/*.pwt")))
        store.save(trial.record, trial.traces, b"", trial.frames)
    kept = trial.traces["m1"]
    assert isinstance(kept, KeptTrace)
    assert written == len(kept.index.pieces) > 2
    record = store.load(trial.record.id).record
    assert record.traces["m1"] == kept.index.seal
    (power,) = record.power
    assert power.mean.watts == pytest.approx(5.0, rel=0.01)
    assert power.jitter_ms is not None
    assert len(store.trace(record.id, "m1")) == record.traces["m1"].readings


def test_a_short_trace_goes_into_the_database_with_its_record(tiny, local_bench, store):
    with store.spool() as spool:
        trial = run_trial(local_bench(), tiny(), SHORT, spool=spool)
        store.save(trial.record, trial.traces, b"", trial.frames)
    assert trial.record.traces == {}
    assert not spool.root.exists()
    assert len(store.trace(trial.record.id, "m1")) > 20


def test_joules_are_the_same_whether_summed_at_once_or_by_pieces(tiny, local_bench, store, monkeypatch):
    monkeypatch.setattr(sampler, "PIECE_READINGS", 16)
    monkeypatch.setattr(energy_long.energy_of, "__kwdefaults__", energy_long.energy_of.__kwdefaults__ | {"at_once": 0})
    with store.spool() as spool:
        record = run_trial(local_bench(), tiny(), SHORT, spool=spool).record
    (power,), (frames,) = record.power, [event for event in record.events if event.kind == "frames"]
    assert power.joules == pytest.approx(5.0 * (frames.until_ns - frames.t_ns) / 1e9, rel=0.01)
    assert power.joules == pytest.approx(power.joules_mean_times_duration, rel=0.05)


def test_no_trial_begins_on_a_disk_that_is_nearly_full(tiny, local_bench, store, monkeypatch):
    bench = local_bench()
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    with store.spool(2000) as spool, pytest.raises(DiskFull, match="farm results prune"):
        run_trial(bench, tiny(), SHORT, spool=spool)
    assert bench.shell.heard == [], "the board was not even asked"


def test_a_trial_is_ended_when_the_disk_fills(tiny, local_bench, store, monkeypatch):
    left = iter([10**12, 10**12])
    monkeypatch.setattr(disk, "free_bytes", lambda _: next(left, 1000))
    monkeypatch.setattr(disk, "_EVERY_NS", 0)
    with store.spool(2000) as spool, pytest.raises(LabFault) as seen:
        run_trial(local_bench(), tiny(), SHORT, spool=spool)
    assert isinstance(seen.value, DiskFull)
    assert list(spool.root.glob("*")) == []
    assert store.records() == []
