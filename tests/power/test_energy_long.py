"""Joules summed piece by piece are those of one block, whatever is lost and wherever the pieces are cut."""

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest

from power.block import Block, Flag
from power.energy import Energy, energy
from power.energy_long import energy_of
from power.errors import MissingReadings
from power.meter import Accuracy, Tolerance

RATE_HZ = 1000.0
MS = 1_000_000
START_NS = 10**15
ACCURACY = Accuracy(Tolerance(0.001, 2e-3), Tolerance(0.002, 1e-3), "made up")
OF_WATTS = Accuracy(None, None, "made up", watts=Tolerance(0.001, 1e-3))


class Cut:
    """Readings in pieces of a few."""

    def __init__(self, block: Block, size: int) -> None:
        self._pieces = [block.pick(slice(at, at + size)) for at in range(0, len(block), size)]
        self.asked = 0

    def __len__(self) -> int:
        return sum(map(len, self._pieces))

    def pieces(self, start_ns: int | None = None, end_ns: int | None = None) -> Iterator[Block]:
        first, end = 0, len(self._pieces)
        if start_ns is not None:
            first = max(0, sum(int(piece.t_ns[-1]) < start_ns for piece in self._pieces) - 1)
        if end_ns is not None:
            end -= max(0, sum(int(piece.t_ns[0]) > end_ns for piece in self._pieces) - 1)
        for piece in self._pieces[first:end]:
            self.asked += 1
            yield piece


def trace(seed: int, *, faults: bool = False, own: bool = False, readings: int = 3000) -> Block:
    """A load that jumps, read with jitter; with faults also with gaps, and readings that say nothing."""
    dice = np.random.default_rng(seed)
    t_ns = START_NS + np.arange(readings) * MS + dice.integers(-200_000, 200_000, readings)
    amps = 0.5 + 0.3 * (np.sin(np.arange(readings) / 40) > 0) + dice.normal(0, 0.01, readings)
    volts = 5 + dice.normal(0, 0.001, readings)
    flags = np.zeros(readings, np.uint8)
    if faults:
        amps[dice.integers(100, readings - 100, 20)] = np.nan
        flags[dice.integers(100, readings - 100, 20)] = Flag.OVERLOAD
        flags[dice.integers(100, readings - 100, 20)] |= np.uint8(Flag.LATE)
    block = Block(t_ns, volts, amps, flags, volts * amps if own else None)
    return block.pick(dice.random(readings) > 0.03) if faults else block


def both(block: Block, size: int, **changed: object) -> tuple[Energy, Energy]:
    wanted = {
        "rate_hz": RATE_HZ,
        "aperture_s": 0.0004,
        "accuracy": ACCURACY,
        "clock_bound_ns": 3 * MS,
        "allow_lost": True,
        **changed,
    }
    edges_ns = (START_NS + 217 * MS + 333, START_NS + 2743 * MS + 77)
    return energy(block, *edges_ns, **wanted), energy_of(Cut(block, size), *edges_ns, at_once=0, **wanted)


def assert_same(one: Energy, other: Energy) -> None:
    assert [term.name for term in one.terms] == [term.name for term in other.terms]
    for mine, theirs in zip(one.terms, other.terms, strict=True):
        assert theirs.joules == pytest.approx(mine.joules, rel=1e-9, abs=1e-12), mine.name
        assert theirs.shape == mine.shape
    for field in fields(Energy):
        if field.name != "terms":
            assert getattr(other, field.name) == pytest.approx(getattr(one, field.name), rel=1e-9), field.name


@pytest.mark.parametrize(
    ("size", "faults"), [(3, False), (7, False), (500, False), (500, True), (2999, True), (5000, True)]
)
def test_piece_by_piece_it_is_the_same_to_rounding(size: int, faults: bool) -> None:
    for seed in range(5):
        assert_same(*both(trace(seed, faults=faults), size))


def test_watts_that_were_measured_as_such_are_summed_too() -> None:
    assert_same(*both(trace(1, own=True), 300, accuracy=OF_WATTS))


def test_a_window_on_a_reading_counts_it_once() -> None:
    block = Block(START_NS + np.arange(3000) * MS, *[np.ones(3000)] * 2, np.zeros(3000, np.uint8))
    edges_ns = (START_NS + 200 * MS, START_NS + 400 * MS)
    told = {"rate_hz": RATE_HZ, "aperture_s": 0.0, "accuracy": ACCURACY}
    for size in (1, 100, 200, 201, 3000):
        found = energy_of(Cut(block, size), *edges_ns, at_once=0, **told)
        assert found.readings == energy(block, *edges_ns, **told).readings == 201
        assert found.joules == pytest.approx(0.2)


def test_what_is_lost_is_refused_and_told_as_in_one_block() -> None:
    block = trace(3, faults=True)
    told = []
    for way in (energy, lambda *args, **kw: energy_of(Cut(args[0], 500), *args[1:], at_once=0, **kw)):
        with pytest.raises(MissingReadings) as seen:
            way(
                block,
                START_NS + 217 * MS,
                START_NS + 2743 * MS,
                rate_hz=RATE_HZ,
                aperture_s=0.0,
                accuracy=ACCURACY,
                meter="m1",
            )
        told.append(str(seen.value))
    assert told[0] == told[1]


def test_a_window_that_the_trace_does_not_cover_is_refused() -> None:
    readings = Cut(trace(1), 100)
    for edges_ms in ((-5, 500), (500, 3500)):
        with pytest.raises(MissingReadings, match="no reading"):
            energy_of(
                readings,
                *(START_NS + edge * MS for edge in edges_ms),
                rate_hz=RATE_HZ,
                aperture_s=0.0,
                accuracy=ACCURACY,
                at_once=0,
            )


def test_readings_that_go_back_in_time_between_pieces_are_refused() -> None:
    block = trace(1)
    readings = Cut(block, 1000)
    readings._pieces[1] = readings._pieces[0]
    with pytest.raises(ValueError, match="time order"):
        energy_of(
            readings,
            START_NS + 10 * MS,
            START_NS + 2900 * MS,
            rate_hz=RATE_HZ,
            aperture_s=0.0,
            accuracy=ACCURACY,
            at_once=0,
        )


def test_a_short_window_reads_only_the_pieces_it_needs() -> None:
    readings = Cut(trace(1), 100)
    energy_of(
        readings,
        START_NS + 1010 * MS,
        START_NS + 1050 * MS,
        rate_hz=RATE_HZ,
        aperture_s=0.0,
        accuracy=ACCURACY,
        at_once=1000,
    )
    assert readings.asked <= 4
