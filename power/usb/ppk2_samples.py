"""Samples of a Nordic Power Profiler Kit II: four bytes each, a hundred thousand a second.

Layout, formula and filter: as Nordic's own application (pc-nrfconnect-ppk) and two independent public programs have
them. Not tried on captured bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..block import Flag
from ..decoded import Decoded

SAMPLE_BYTES = 4
SAMPLE_NS = 10_000
RANGES = 5
_COUNTER = 64
_FULL_SCALE = 0x3FFF
_AMPS_OF_STEP = 1.8 / 163840
"""Volts across the shunt of one step of the converter, after the factor of four that samples are cut by."""
_END = b"END"
_TEXT = re.compile(rb"\s*[A-Za-z]\w*: ")
_FINE, _COARSE, _FILTERED = 0.18, 0.06, 3
"""Nordic's filter over a change of range: the weight of a new sample, that on the highest range, and for how long."""
_HISTORY = 128
"""Samples after which one more changes the filter's average by less than a thousandth."""
_FEWEST_IN_ORDER = 0.5
_MOST_GAIN = 0.1
"""A user's gain further from 1 is none: Nordic's application puts it back to 1."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a unit knows of its five ranges; as it comes from Nordic's application where a unit tells nothing."""

    r: tuple[float, ...] = (1031.64, 101.65, 10.15, 0.94, 0.043)
    """Shunts, ohms."""
    gs: tuple[float, ...] = (1.0,) * RANGES
    gi: tuple[float, ...] = (1.0,) * RANGES
    o: tuple[float, ...] = (0.0,) * RANGES
    s: tuple[float, ...] = (0.0,) * RANGES
    i: tuple[float, ...] = (0.0,) * RANGES
    ug: tuple[float, ...] = (1.0,) * RANGES
    """Gains and offsets by the names that the unit gives them."""
    hardware: str = ""

    def amps(self, steps: NDArray[np.float64], ranges: NDArray[np.intp], volts: float) -> NDArray[np.float64]:
        """Return amps, shape (n,), of converter steps on their ranges, with the supply at ``volts``."""
        r, gs, gi, o, s, i, ug = (
            np.array(of)[ranges] for of in (self.r, self.gs, self.gi, self.o, self.s, self.i, self.ug)
        )
        plain = (steps * 4 - o) * (_AMPS_OF_STEP / r)
        return ug * (plain * (gs * plain + gi) + (s * volts + i))


def calibration(text: bytes) -> Calibration:
    """Return what a unit tells of itself: lines like ``R0: 1003.35``, up to ``END``.

    Raises:
        ValueError: the end is missing, or a shunt is.
    """
    body, end, _ = text.partition(_END)
    if not end:
        raise ValueError(f"{len(text)} bytes without {_END.decode()}: {text[-20:]!r}")
    found = dict(re.findall(r"(?m)^\s*(\w+):\s*(\S+)\s*$", body.decode("ascii", "replace")))
    known = Calibration(hardware=found.get("HW", ""))
    for name in ("r", "gs", "gi", "o", "s", "i", "ug"):
        values = list(getattr(known, name))
        for place in range(RANGES):
            told = found.get(f"{name.upper()}{place}", "nan")
            if "nan" not in told:  # what the unit does not know of itself stays as it usually is
                values[place] = float(told)
        if name == "ug":
            values = [gain if abs(gain - 1) <= _MOST_GAIN else 1.0 for gain in values]
        known = replace(known, **{name: tuple(values)})
    if "R0" not in found or min(known.r) <= 0:
        raise ValueError(f"no shunts in {body[:60]!r}")
    return known


@dataclass(frozen=True, slots=True)
class Samples:
    """Consecutive samples. All arrays have shape (n,)."""

    ticks: NDArray[np.int64]
    """Which sample of the stream each is: counted, lost ones included."""
    amps: NDArray[np.float64]
    flags: NDArray[np.uint8]


class Stream:
    """Turns what arrives, in whatever pieces, into samples. Pure.

    The counter of a sample wraps at 64: so many lost in a row are not seen.
    """

    def __init__(self, known: Calibration, volts: float) -> None:
        """Begin with the next byte."""
        self._calibration, self._volts = known, volts
        self._rest = b""
        self._next = self._counter = 0
        self._tail_amps = np.empty(0)
        self._tail_ranges = np.empty(0, np.intp)
        self._started = False

    def feed(self, data: bytes) -> Samples:
        """Return the samples that are whole now; a piece of one waits for the next call.

        Raises:
            ValueError: bytes that are no samples, with their offset in ``data``.
        """
        held = len(self._rest)
        data = self._rest + data
        whole = len(data) // SAMPLE_BYTES * SAMPLE_BYTES
        self._rest = data[whole:]
        words = np.frombuffer(data[:whole], "<u4")
        ranges = (words >> 14 & 7).astype(np.intp)
        if (wrong := np.flatnonzero(ranges >= RANGES)).size:
            at = int(wrong[0])
            raise ValueError(
                f"at byte {at * SAMPLE_BYTES - held}: a sample on range {ranges[at]}; the unit has {RANGES}"
            )
        ticks = self._count((words >> 18 & 63).astype(np.int64))
        steps = words & _FULL_SCALE
        flags = np.where(np.diff(ticks, prepend=self._next - 1) > 1, int(Flag.LOST_BEFORE), 0)
        if not self._started:
            flags[:1] = 0
        flags |= np.where((steps == _FULL_SCALE) & (ranges == RANGES - 1), int(Flag.OVERLOAD), 0)
        amps = self._smooth(self._calibration.amps(steps.astype(np.float64), ranges, self._volts), ranges)
        if len(ticks):
            self._next, self._started = int(ticks[-1]) + 1, True
        return Samples(ticks, amps, flags.astype(np.uint8))

    @property
    def rest(self) -> int:
        """Bytes that wait for the others of their sample."""
        return len(self._rest)

    def _count(self, counters: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(counters):
            return counters
        if not self._started:
            follow = np.diff(counters) % _COUNTER == 1
            if len(follow) >= SAMPLE_BYTES and np.mean(follow) < _FEWEST_IN_ORDER:
                raise ValueError("at byte 0: the samples' counters are in no order: the bytes begin within a sample")
            self._counter = int(counters[0]) - 1
        steps = (np.diff(counters, prepend=self._counter) - 1) % _COUNTER + 1  # the same counter again: 63 are missing
        self._counter = int(counters[-1])
        return self._next - 1 + np.cumsum(steps)

    def _smooth(self, amps: NDArray[np.float64], ranges: NDArray[np.intp]) -> NDArray[np.float64]:
        """Take out the spikes that a change of range makes, as Nordic's application does."""
        before = len(self._tail_amps)
        values, on = np.concatenate([self._tail_amps, amps]), np.concatenate([self._tail_ranges, ranges])
        smooth = values.copy()
        changes = np.flatnonzero(np.diff(on)) + 1
        for change in changes[changes + _FILTERED > before]:
            end = min(int(change) + _FILTERED, len(values))
            smooth[change:end] = _after_change(
                values[max(0, change - _HISTORY) : end], int(on[change]), end - int(change)
            )
        self._tail_amps, self._tail_ranges = values[-_HISTORY:], on[-_HISTORY:]
        return smooth[before:]


def _after_change(values: NDArray[np.float64], on: int, count: int) -> list[float]:
    """Return the ``count`` last values, smoothed: running averages of what came before, and of them."""
    fine = coarse = float(values[0])
    out: list[float] = []
    for place, value in enumerate(values[1:], 1 - len(values) + count):
        before = fine, coarse
        fine, coarse = fine + _FINE * (value - fine), coarse + _COARSE * (value - coarse)
        if place >= 0:
            if on == RANGES - 1 and place < _FILTERED - 1:
                fine, coarse = before  # on the highest range the first two are not even averaged
            out.append(coarse if on == RANGES - 1 else fine)
    return out[-count:]


def decode(data: bytes, *, volts: str = "nan") -> Iterator[Decoded]:
    """Yield the samples of a captured stream, with the unit's calibration where that text comes first.

    Args:
        data: the captured bytes.
        volts: of the supply: the unit measures none, and without them there are no watts.

    Raises:
        ValueError: bytes that are no samples, with their offset.
    """
    at, known = 0, Calibration()
    if _TEXT.match(data) and _END in data:
        at = data.index(_END) + len(_END)
        known = calibration(data[:at])
        while (len(data) - at) % SAMPLE_BYTES and data[at : at + 1] in (b"\r", b"\n"):
            at += 1
    stream, supply = Stream(known, 0.0 if np.isnan(float(volts)) else float(volts)), float(volts)
    try:
        samples = stream.feed(data[at:])
    except ValueError as error:
        raise ValueError(f"{error}, counted from byte {at}" if at else str(error)) from None
    if stream.rest:
        raise ValueError(f"at byte {len(data) - stream.rest}: {stream.rest} bytes of a sample of {SAMPLE_BYTES}")
    for tick, amps, flags in zip(samples.ticks, samples.amps, samples.flags, strict=True):
        yield Decoded(int(tick) * SAMPLE_NS, supply, float(amps), supply * float(amps), Flag(int(flags)))
