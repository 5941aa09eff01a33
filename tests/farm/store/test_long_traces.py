"""A trace too long for the memory lies in pieces beside the database, and nothing of it can be lost or exchanged."""

import errno
import os
import resource
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from farm.errors import LabFault, UsageFault
from farm.store import database, disk
from farm.store.database import Store
from farm.store.disk import DiskFull, DiskGuard
from farm.store.pieces import pack_compact, unpack
from farm.store.prune import Rules
from farm.store.spool import KeptTrace, Spool
from power.block import Block, Flag
from power.energy_long import energy_of
from power.meter import Accuracy, Tolerance
from power.piecewise import flagged, thinned
from power.sampler import PIECE_READINGS

ALL_OLD = Rules(before=datetime(2100, 1, 1, tzinfo=UTC), keep_passes=0)
SIZE = 1000


def piece(number: int, size: int = SIZE) -> Block:
    t_ns = 9 * 10**15 + (np.arange(size, dtype=np.int64) + number * size) * 1000
    noise = np.random.default_rng(number).normal(size=size)
    return Block(t_ns, 5 + noise / 1000, 0.2 + noise / 100, np.zeros(size, np.uint8))


def kept(spool: Spool, pieces: int = 5) -> KeptTrace:
    keeper = spool.keeper()
    for number in range(pieces):
        keeper.add(piece(number))
    return keeper.readings()


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store.open(tmp_path / "results.sqlite") as opened:
        yield opened


@pytest.fixture
def save(store, a_record):
    """``save("1111")``: a record with a long trace of a meter."""

    def make(id_="00c0ffee", pieces=5):
        with store.spool() as spool:
            trace = kept(spool, pieces)
            record = a_record(id=id_).model_copy(update={"traces": {"m1": trace.index.seal}})
            store.save(record, {"m1": trace})
        return trace

    return make


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.glob("traces/*/*"))


def test_a_long_trace_comes_back_as_it_was_sealed(store, save):
    save()
    back = store.readings("00c0ffee", "m1")
    wanted = Block.join(piece(number) for number in range(5))
    whole = store.trace("00c0ffee", "m1")
    assert len(back) == len(whole) == 5 * SIZE
    assert np.array_equal(whole.t_ns, wanted.t_ns), "moments are exact"
    assert np.allclose(whole.amps, wanted.amps, rtol=1e-7, atol=0), "values have seven digits"
    seal = store.load("00c0ffee").record.traces["m1"]
    assert (seal.readings, seal.pieces) == (5 * SIZE, 5)


def test_the_joules_of_a_record_are_those_of_what_is_kept(store, save):
    """Rounding to float32 happens before the trial integrates, not after."""
    told = {"rate_hz": 1e6, "aperture_s": 0.0, "accuracy": Accuracy(Tolerance(0, 1e-3), Tolerance(0, 1e-3), "made up")}
    edges_ns = (9 * 10**15 + 10_500, 9 * 10**15 + 4_500_500)
    before = energy_of(save(), *edges_ns, **told)
    assert energy_of(store.readings("00c0ffee", "m1"), *edges_ns, **told) == before


@pytest.mark.parametrize("own", [False, True])
def test_a_compact_piece_keeps_moments_flags_and_unknown_values(own):
    block = piece(0)
    block.volts[3:5] = np.nan
    block.flags[7] = Flag.LOST_BEFORE | Flag.STALE
    if own:
        block = Block(block.t_ns, block.volts, block.amps, block.flags, block.amps * 5)
    back = unpack(pack_compact(block))
    assert np.array_equal(back.t_ns, block.t_ns)
    assert np.array_equal(back.flags, block.flags)
    assert np.flatnonzero(np.isnan(back.volts)).tolist() == [3, 4]
    assert np.allclose(back.watts, block.watts, rtol=2e-7, equal_nan=True)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def exchanged(path: Path) -> None:
    path.write_bytes(next(one for one in path.parent.glob("*.pwt") if one != path).read_bytes())


@pytest.mark.parametrize("damage", [cut_short, exchanged, Path.unlink])
def test_a_damaged_piece_is_found_and_named(store, save, tmp_path, damage):
    save()
    victim = next(tmp_path.glob("traces/*/1-000003.pwt"))
    damage(victim)
    with pytest.raises(LabFault, match=r"1-000003\.pwt: piece of a trace"):
        store.trace("00c0ffee", "m1")


def test_an_index_that_was_exchanged_is_not_believed(store, save):
    save()
    other = save("1234beef", pieces=3)
    with store.transaction() as connection:
        table = database.schema.traces
        row = connection.execute(table.select().where(table.c.folder == other.index.folder)).one()
        connection.execute(table.update().where(table.c.record_id == "00c0ffee").values(piece=row.piece))
    with pytest.raises(LabFault, match="not the one that record 00c0ffee sealed"):
        store.readings("00c0ffee", "m1")


def test_a_short_window_opens_only_its_files(store, save, tmp_path):
    save()
    for number in (0, 4):
        next(tmp_path.glob(f"traces/*/1-00000{number}.pwt")).unlink()
    within = (9 * 10**15 + 2_200_000, 9 * 10**15 + 2_300_000)
    assert sum(map(len, store.readings("00c0ffee", "m1").pieces(*within))) == 3 * SIZE


def test_several_meters_begin_at_once_in_one_folder(store, tmp_path):
    """A lock that a thread takes twice would wait for itself."""
    start = threading.Barrier(8)

    def begin(spool: Spool) -> int:
        start.wait(20)
        return len(kept(spool, 2))

    with store.spool() as spool, ThreadPoolExecutor(8) as threads:
        assert [one.result(20) for one in [threads.submit(begin, spool) for _ in range(8)]] == [2 * SIZE] * 8
        assert len(list(tmp_path.glob("traces/*"))) == 1
        assert len(files(tmp_path)) == 16


def test_a_meter_that_goes_on_after_its_trial_leaves_nothing(store, tmp_path):
    with store.spool() as spool:
        keeper = spool.keeper()
        keeper.add(piece(0))
    with pytest.raises(LabFault, match="after its trial had ended"):
        keeper.add(piece(1))
    assert files(tmp_path) == []


def test_what_no_record_seals_is_gone_when_the_trial_fails(store, tmp_path):
    def fails() -> None:
        with store.spool() as spool:
            kept(spool)
            raise KeyError("the trial")

    with pytest.raises(KeyError):
        fails()
    assert files(tmp_path) == []


def test_a_record_that_could_not_be_kept_leaves_no_pieces(store, a_record, tmp_path, save):
    save()
    before = files(tmp_path)

    def again() -> None:
        with store.spool() as spool:
            store.save(a_record(id="00c0ffee"), {"m1": kept(spool)})

    with pytest.raises(LabFault):
        again()
    assert files(tmp_path) == before


_KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_long_traces import kept
from farm.store.database import Store
spool = Store.open(Path(sys.argv[1])).spool()
kept(spool)
os.kill(os.getpid(), 9)
"""


def killed(tmp_path: Path) -> None:
    """Let a process die in the middle of a trial."""
    script, before = _KILLED.format(here=str(Path(__file__).parent)), len(files(tmp_path))
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "results.sqlite")], check=False, timeout=60)
    assert len(files(tmp_path)) == before + 5


def test_what_a_killed_trial_left_goes_with_the_next_pruning(store, save, tmp_path):
    save()
    sealed = files(tmp_path)
    killed(tmp_path)
    assert store.prune(Rules(), dry_run=True).pieces == 5
    assert len(files(tmp_path)) == 5 + len(sealed), "a rehearsal deletes nothing"
    assert store.prune(Rules()).pieces == 5
    assert files(tmp_path) == sealed
    assert len(store.trace("00c0ffee", "m1")) == 5 * SIZE


def test_what_a_killed_trial_left_goes_with_the_next_long_trial(store, save, tmp_path):
    killed(tmp_path)
    save()
    assert len(files(tmp_path)) == 5
    assert store.trace("00c0ffee", "m1")


def test_the_pieces_of_a_trial_under_way_are_left_alone(store, tmp_path):
    with store.spool() as spool, Store.open(tmp_path / "results.sqlite") as other:
        kept(spool)
        assert other.prune(Rules()).pieces == 0
        assert len(files(tmp_path)) == 5


def test_a_pruned_record_takes_its_pieces_along(store, save, tmp_path):
    save()
    pruned = store.prune(ALL_OLD)
    assert pruned.records == ["00c0ffee"]
    assert files(tmp_path) == []
    assert pruned.bytes_before > pruned.bytes_after


def test_pruning_by_size_counts_the_pieces(store, save, tmp_path):
    for number in range(3):
        save(f"0000000{number}")
    each = sum(path.stat().st_size for path in tmp_path.glob("traces/*/*")) / 3
    used = store.prune(Rules(most_bytes=10**12, keep_passes=0), dry_run=True).bytes_after
    pruned = store.prune(Rules(most_bytes=int(used - 0.5 * each), keep_passes=0))
    assert pruned.records == ["00000000"]
    assert pruned.fits


def test_a_trace_that_does_not_fit_into_memory_is_not_held_at_once(store, save, monkeypatch):
    monkeypatch.setattr(database, "MOST_AT_ONCE", 1000)
    monkeypatch.setattr(database, "_MOST_IN_A_PLOT", 1000)
    save()
    with pytest.raises(UsageFault, match="5,000 readings of m1 are too many"):
        store.trace("00c0ffee", "m1")
    assert len(store.overview("00c0ffee", "m1")) == 1000


def test_a_plot_shows_means_and_every_flag():
    whole = Block.join(piece(number) for number in range(4))
    whole.flags[1234] = Flag.STALE
    drawn = thinned(whole, 100)
    assert len(drawn) == 100
    assert drawn.flags[1234 // 40] == Flag.STALE
    assert drawn.watts.mean() == pytest.approx(whole.watts.mean())
    assert thinned(whole, 4000) is not None
    assert len(thinned(whole, 4000)) == 4000


def test_a_gap_between_two_pieces_is_told_with_both_its_ends():
    pieces = [piece(0), piece(1)]
    pieces[1].flags[0] = Flag.LOST_BEFORE

    class Two:
        def __len__(self) -> int:
            return 2 * SIZE

        def pieces(self, start_ns=None, end_ns=None):
            yield from pieces

    assert flagged(Two(), Flag.LOST_BEFORE, 10) == [(int(pieces[0].t_ns[-1]), int(pieces[1].t_ns[0]))]


def test_the_memory_of_a_long_trace_does_not_grow_with_it(store):
    """What is allocated after forty pieces is what was after ten."""
    with store.spool() as spool:
        keeper = spool.keeper()
        tracemalloc.start()
        try:
            for number in range(10):
                keeper.add(piece(number, PIECE_READINGS // 8))
            after_ten, _ = tracemalloc.get_traced_memory()
            for number in range(10, 40):
                keeper.add(piece(number, PIECE_READINGS // 8))
            after_forty, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert after_forty - after_ten < 100_000


def full_disk(monkeypatch, free: int) -> None:
    real = os.statvfs

    def shrunk(path):
        found = real(path)
        return os.statvfs_result([*found[:4], free // found.f_frsize, *found[5:]])

    monkeypatch.setattr(disk.os, "statvfs", shrunk)


def test_a_disk_that_is_nearly_full_is_told_with_folder_bytes_and_remedy(monkeypatch, tmp_path):
    guard = DiskGuard(tmp_path / "not" / "made", 500_000_000)
    guard.check()
    full_disk(monkeypatch, 400_000_000)
    with pytest.raises(DiskFull) as seen:
        guard.check()
    told = str(seen.value)
    assert str(tmp_path / "not" / "made") in told
    assert "has 0.40 GB" in told
    assert "farm results prune" in told
    DiskGuard(tmp_path, 100_000_000).check()


def test_the_guard_looks_once_a_second_however_often_it_is_asked(monkeypatch, tmp_path):
    looks: list[Path] = []
    monkeypatch.setattr(disk, "free_bytes", lambda folder: looks.append(folder) or 10**12)
    guard = DiskGuard(tmp_path)
    for _ in range(1000):
        guard.watch()
    assert len(looks) <= 2


def test_a_disk_that_fills_while_a_trial_runs_ends_it_and_harms_nothing(monkeypatch, store, save, tmp_path):
    save()
    sealed = files(tmp_path)

    def fills() -> None:
        with store.spool(least_free_bytes=1) as spool:
            keeper = spool.keeper()
            keeper.add(piece(0))
            full_disk(monkeypatch, 0)
            spool.disk._looked_ns = None
            keeper.add(piece(1))

    with pytest.raises(DiskFull):
        fills()
    assert files(tmp_path) == sealed
    assert len(store.trace("00c0ffee", "m1")) == 5 * SIZE


def test_a_write_that_the_disk_refuses_is_a_lab_fault_with_what_is_left(monkeypatch, store, tmp_path):
    def refuses(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", refuses)
    with store.spool() as spool, pytest.raises(DiskFull, match="No space left on device; the disk has"):
        kept(spool)
    assert files(tmp_path) == []


_LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_long_traces import kept
from farm.store.disk import DiskFull
from farm.store.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with Spool(Path(sys.argv[1]), 0) as spool:
        kept(spool)
except DiskFull as fault:
    print(fault)
"""


def test_a_file_that_the_kernel_lets_grow_no_further_is_one_too(tmp_path):
    script = _LIMITED.format(here=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert "File too large; the disk has" in done.stdout, done.stderr
    assert files(tmp_path) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096, "only the other process was limited"
