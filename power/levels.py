"""The high watts of a window: what a supply, a battery or a fuse must bear. Pure.

A reading stands for the time that is nearer to it than to its neighbours, and watts are constant in it. So

    peak        is the highest reading: a mean over the meter's aperture.
    p99         is what is not exceeded for 99 % of the window's time; time counts, not the number of readings.
    short term  is the highest mean over any stretch of a length: the integral is a line between the readings' borders,
                so the highest stretch begins or ends at one of them, and is found exactly.

A peak that is shorter than a reading, or between two, is not seen: the reading is then a lower bound of it.

All three are exact of any number of readings, in memory that does not grow with it: one pass over the pieces finds peak
and highest stretch, whose length of readings is all that is held, and counts time by the leading bits of the watts;
a second one sorts the few readings of the bits in which 99 % of the time are reached.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from .block import Block
from .budget import expanded
from .energy import has_value, of_accuracy
from .energy_long import energy_of
from .errors import MissingReadings
from .meter import Accuracy
from .piecewise import Readings

_LEFT_PERCENT = 1
"""Of the time more is drawn than p99."""
_READINGS_A_STRETCH = 4.0
"""Fewer leave open how much of the highest ones lies outside the stretch (assumed)."""
_BITS = 22
"""Looked at in one pass: sign, exponent and 10 of the mantissa, which tell 0.1 % apart, in 64 MB of counts."""
_ALL_BITS = 64
_SORTED_AT_ONCE = 4_000_000
"""Readings: some 200 MB."""

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Level:
    """Watts, and half of the interval that holds the truth with 95 %."""

    watts: float
    u_watts: float


@dataclass(frozen=True, slots=True)
class Levels:
    """The high watts of one window."""

    peak: Level
    p99: Level
    short_term: Level | None
    """None where the meter is too slow for the length, or the window too short."""
    short_term_why: str
    """Why it is not there; empty when it is."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of a trace."""

    readings: Readings
    start_ns: int
    end_ns: int

    def parts(self) -> Iterator[tuple[Block, Int64]]:
        """Yield its readings that have a value, some at a time, and the borders between them.

        The borders are one more than the readings, in half ns since the window's start: whole numbers, so that what is
        summed of them is exact. MissingReadings where there is no reading.
        """
        held: Block | None = None
        border = 0
        for piece in self.readings.pieces(self.start_ns, self.end_ns):
            inside = piece.pick(has_value(piece) & (piece.t_ns >= self.start_ns) & (piece.t_ns <= self.end_ns))
            if not len(inside):
                continue
            known = inside if held is None else Block.join([held, inside])
            held = known.pick(slice(-1, None))  # where it ends, the next piece tells
            if len(known) > 1:
                since_ns = known.t_ns - self.start_ns
                borders = np.concatenate([[border], since_ns[1:] + since_ns[:-1]])
                border = int(borders[-1])
                yield known.pick(slice(None, -1)), borders
        if held is None:
            raise MissingReadings("", "no reading inside the window")
        yield held, np.array([border, 2 * (self.end_ns - self.start_ns)], np.int64)


def levels(
    readings: Readings,
    start_ns: int,
    end_ns: int,
    *,
    rate_hz: float,
    aperture_s: float,
    accuracy: Accuracy,
    short_term_s: float,
) -> Levels:
    """Return the high watts between two moments of the controller's clock.

    Args:
        readings: in time order; those without a value are left out, the others stand for their time too.
        start_ns: where the window begins.
        end_ns: where it ends.
        rate_hz: the meter's nominal rate.
        aperture_s: each reading is the mean over this long.
        accuracy: the meter's limits of error.
        short_term_s: the length of the short-term mean.

    Raises:
        MissingReadings: no reading inside.
    """
    window = _Window(readings, start_ns, end_ns)
    why = _too_short(rate_hz, (end_ns - start_ns) / 1e9, short_term_s)
    counts, peaks = _Counts(_BITS if len(readings) > _SORTED_AT_ONCE else 0), _Highest()
    stretch = None if why else _Stretch(short_term_s)
    for part, borders in window.parts():
        counts.add(part, borders)
        peaks.add(part)
        if stretch is not None:
            stretch.add(part.watts, borders)
    found = None
    if stretch is not None:
        begin_ns = start_ns + int(stretch.from_s * 1e9)
        try:
            mean = energy_of(
                readings,
                begin_ns,
                begin_ns + int(short_term_s * 1e9),
                rate_hz=rate_hz,
                aperture_s=aperture_s,
                accuracy=accuracy,
                allow_lost=True,
            )
            found = Level(stretch.joules / short_term_s, mean.u_watts)
        except MissingReadings:
            why = "too few readings around it"
    return Levels(
        peak=_level(peaks.reading, accuracy),
        p99=_level(_exceeded_never(window, counts), accuracy),
        short_term=found,
        short_term_why=why,
    )


class _Highest:
    """The reading of the most watts."""

    def __init__(self) -> None:
        self.reading = Block.join([])

    def add(self, part: Block) -> None:
        """Take the next readings."""
        at = int(np.argmax(watts := part.watts))
        if not len(self.reading) or watts[at] > self.reading.watts[0]:
            self.reading = part.pick(slice(at, at + 1))


class _Counts:
    """How long watts were between one number and the next: time and readings, by leading bits of the watts.

    The bits of a float, read as a whole number, are in the order of the floats.
    """

    def __init__(self, bits: int, known_bits: int = 0, known: int = 0) -> None:
        """Count by the first ``bits`` the readings whose first ``known_bits`` are ``known``."""
        self.bits, self._known_bits, self._known = bits, known_bits, known
        self._first = known << (bits - known_bits)
        self._readings = np.zeros(1 << (bits - known_bits), np.int64)
        self._spent = np.zeros_like(self._readings)

    def add(self, part: Block, borders: Int64) -> None:
        """Take the next readings."""
        which = _leading(part.watts, self._known_bits) == self._known
        at = _leading(part.watts[which], self.bits) - np.uint64(self._first)
        np.add.at(self._readings, at, 1)
        np.add.at(self._spent, at, np.diff(borders)[which])

    def reached(self, left: int) -> tuple[int, int, int]:
        """Return in which bits more than ``left`` half ns are reached from above, what is left there, and how many."""
        above = np.cumsum(self._spent[::-1])
        back = int(np.searchsorted(above, left, "right"))
        at = len(above) - 1 - back
        return self._first + at, left - int(above[back] - self._spent[at]), int(self._readings[at])


def _leading(watts: Floats, bits: int) -> NDArray[np.uint64]:
    """Return the first bits of the watts, as numbers in the same order."""
    if not bits:
        return np.zeros(len(watts), np.uint64)
    raw = (watts + 0.0).view(np.int64)  # the two zeros are one
    ordered = (raw ^ ((raw >> 63) & np.int64(2**63 - 1))).view(np.uint64) ^ np.uint64(1 << 63)
    return ordered >> np.uint64(64 - bits)


def _exceeded_never(window: _Window, counts: _Counts) -> Block:
    """Return the reading of the least watts that are not exceeded for 99 % of the time."""
    known, left, readings = counts.reached(2 * (window.end_ns - window.start_ns) * _LEFT_PERCENT // 100)
    while readings > _SORTED_AT_ONCE and counts.bits < _ALL_BITS:
        counts = _Counts(min(_ALL_BITS, counts.bits + _BITS), counts.bits, known)
        for part, borders in window.parts():
            counts.add(part, borders)
        known, left, readings = counts.reached(left)
    found: list[Block] = []
    spent: list[Int64] = []
    for part, borders in window.parts():
        which = _leading(part.watts, counts.bits) == known
        found.append(part.pick(which))
        spent.append(np.diff(borders)[which])
        if counts.bits == _ALL_BITS and len(found[-1]):  # all are alike
            return found[-1].pick(slice(0, 1))
    block = Block.join(found)
    order = np.argsort(-block.watts)
    at = order[np.searchsorted(np.cumsum(np.concatenate(spent)[order]), left, "right")]
    return block.pick(slice(at, at + 1))


class _Stretch:
    """The stretch of a length that takes the most joules."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._upto: deque[tuple[Floats, Floats]] = deque()
        """Borders, seconds from the window's start, and the joules up to each: of the last ``length_s``."""
        self.from_s, self.joules = 0.0, -math.inf

    def add(self, watts: Floats, borders: Int64) -> None:
        """Take the next readings: of the stretches that end among them one may be the highest."""
        borders_s = borders / 2e9
        before = self._upto[-1][1][-1] if self._upto else 0.0
        joules = before + np.concatenate([[0.0], np.cumsum(watts * np.diff(borders_s))])
        self._upto.append((borders_s, joules))
        least_s, most_s = max(0.0, borders_s[0] - self._length_s), borders_s[-1] - self._length_s
        if most_s < 0:
            return
        while self._upto[0][0][-1] < least_s:
            self._upto.popleft()
        begun = list(takewhile(lambda one: one[0][0] <= most_s, self._upto))
        begun_s, begun_joules = (
            np.concatenate([of[0][:1], *(one[1:] for one in of)]) for of in zip(*begun, strict=True)
        )
        starts_s = np.concatenate([begun_s, borders_s - self._length_s])
        starts_s = starts_s[(starts_s >= least_s) & (starts_s <= most_s)]
        held = np.interp(starts_s + self._length_s, borders_s, joules) - np.interp(starts_s, begun_s, begun_joules)
        if held[best := int(np.argmax(held))] > self.joules:
            self.from_s, self.joules = float(starts_s[best]), float(held[best])


def _too_short(rate_hz: float, seconds: float, short_term_s: float) -> str:
    if rate_hz * short_term_s < _READINGS_A_STRETCH:
        return f"it reads {rate_hz:g} times a second, which tells no mean over {short_term_s:g} s"
    if seconds < short_term_s:
        return f"the frames last {seconds:.3g} s, no {short_term_s:g} s"
    return ""


def _level(one: Block, accuracy: Accuracy) -> Level:
    """Return one reading, and what the meter's limits of error leave open of it."""
    terms = tuple(of_accuracy(np.array([0.0, 1.0]), Block.join([one, one]), accuracy, 1.0))
    return Level(float(one.watts[0]), expanded(terms))
