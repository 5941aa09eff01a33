"""What a growing trace lacks and how evenly it was read does not depend on where it is cut."""

import numpy as np
import pytest

from power.block import Block, Flag
from power.tally import Tally

RATE_HZ = 100.0
MS = 1_000_000


def block(t_ms: np.ndarray, flags: int = 0) -> Block:
    ones = np.ones(len(t_ms))
    return Block(10**15 + np.rint(np.asarray(t_ms) * MS).astype(np.int64), ones, ones, np.full(len(t_ms), flags, "u1"))


def counted(whole: Block, size: int) -> tuple[Tally, Block]:
    tally = Tally(RATE_HZ)
    parts = [tally.add(whole.pick(slice(at, at + size))) for at in range(0, len(whole), size)]
    return tally, Block.join(parts)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lost_readings_are_counted_and_flagged_once_wherever_the_trace_is_cut(size: int) -> None:
    t_ms = np.delete(np.arange(0, 1000, 10.0), [20, 21, 50])
    tally, read = counted(block(t_ms), size)
    assert tally.lost == 3
    assert np.flatnonzero(read.flags & Flag.LOST_BEFORE).tolist() == [20, 48]
    assert tally.readings == 97


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_jitter_is_the_standard_deviation_of_the_spacing(size: int) -> None:
    dice = np.random.default_rng(1)
    t_ms = np.arange(0, 5000, 10.0) + dice.normal(0, 0.5, 500)
    tally, _ = counted(block(t_ms), size)
    wanted = float(np.std(np.diff(np.rint(t_ms * MS).astype(np.int64)) / MS))
    assert tally.jitter_ms == pytest.approx(wanted, rel=1e-9)


def test_what_is_missing_is_no_jitter() -> None:
    tally, _ = counted(block(np.delete(np.arange(0, 1000, 10.0), [20, 21, 50])), 1000)
    assert tally.jitter_ms == pytest.approx(0, abs=1e-9)


def test_a_meter_of_microseconds_has_its_jitter_resolved_late_in_a_long_trace() -> None:
    """Sums of squares of large numbers would leave nothing of a nanosecond."""
    tally = Tally(1e6)
    for number in range(50):
        t_ns = 10**15 + (number * 10_000 + np.arange(10_000)) * 1000 + np.arange(10_000) % 2
        tally.add(Block(t_ns, np.ones(10_000), np.ones(10_000), np.zeros(10_000, "u1")))
    assert tally.jitter_ms == pytest.approx(1e-6, rel=1e-3)


def test_fewer_than_two_readings_have_neither_rate_nor_jitter() -> None:
    tally = Tally(RATE_HZ)
    tally.add(block(np.array([1.0])))
    assert np.isnan(tally.rate_hz)
    assert np.isnan(tally.jitter_ms)
    assert len(tally.add(Block.join([]))) == 0
