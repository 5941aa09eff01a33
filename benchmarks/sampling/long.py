"""A meter of a million readings a second, and where they go: into pieces on the disk, not into memory.

The readings are made as fast as they are taken; how long they would have lasted is said, not waited for. The load is a
square wave with noise, for a second in the middle more than that: what it takes, reaches for 99 % of the time, and
takes at most in a second and in each of its frames, is known without reading anything.
"""

import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any, cast

import numpy as np

from farm.store.database import Store
from farm.store.spool import KeptTrace
from power.block import Block
from power.energy_long import energy_of
from power.levels import levels
from power.meter import Accuracy, Meter, Tolerance
from power.parts import Part, joules_of
from power.sampler import Sampler

RATE_HZ = 1_000_000
_LOT = 10_000
_VOLTS, _AMPS, _SWING, _CYCLE = 5.0, 0.5, 0.3, 5_000
_NOISE_AMPS = 0.01
_MORE_AMPS, _MORE_S = 0.2, 1
"""In the middle."""
_SHORT_TERM_S = 0.5
_WARM = 8
"""The memory of so many pieces is not counted: arrays and compressors that stay."""


class Endless:
    """A square wave with noise. Only what the sampler needs of a meter."""

    name, rate_hz, bandwidth_hz = "long", float(RATE_HZ), None
    aperture_s = 1 / RATE_HZ
    accuracy = Accuracy(Tolerance(1e-3, 1e-3), Tolerance(1e-3, 1e-3), "made up")

    def __init__(self, readings: int) -> None:
        self._readings = readings
        self.begin_ns = time.monotonic_ns()
        self.resident: list[int] = []
        """Bytes of this process's memory, after each piece's worth of readings."""
        self.done_s = 0.0

    def stream(self) -> Iterator[Block]:
        dice = np.random.default_rng(1)
        noise = dice.normal(0, _NOISE_AMPS, 64 * _LOT)
        more = range(self._readings // 2, self._readings // 2 + _MORE_S * RATE_HZ)
        for first in range(0, self._readings, _LOT):
            at = np.arange(first, first + _LOT)
            start = int(dice.integers(0, 63 * _LOT))
            amps = _AMPS + _SWING * (at // _CYCLE % 2) + noise[start : start + _LOT] + _MORE_AMPS * (first in more)
            yield Block(self.begin_ns + at * 1000, _VOLTS + noise[:_LOT] / 10, amps, np.zeros(_LOT, np.uint8))
            if first // _LOT % 26 == 25:
                self.resident.append(resident_bytes())
        self.done_s = time.monotonic()
        while True:
            time.sleep(0.01)
            yield Block.join([])


@dataclass(frozen=True)
class Long:
    """What came of it."""

    readings: int
    pieces: int
    seconds: float
    """Processor time a second of the trace."""
    bytes_a_reading: float
    grown_bytes: int
    """How much more memory the end took than the beginning."""
    at_once_bytes: int
    """What all readings would take in memory."""
    taking_s: float
    """By the clock on the wall: to make all readings, and to keep them."""
    figures: tuple["Figure", ...]


@dataclass(frozen=True)
class Figure:
    """What was found out from the disk, of eight tenths of the trace."""

    name: str
    found: float
    true: float
    seconds: float
    """By the clock on the wall."""
    most_bytes: int
    """More memory than before it, at most."""

    @property
    def relative_error(self) -> float:
        """How far it is off."""
        return self.found / self.true - 1


def run(seconds: float) -> Long:
    """Sample so many seconds' worth of readings into a store, and find out from there what they tell."""
    meter = Endless(round(seconds * RATE_HZ))
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder, "results.sqlite")) as store,
        store.spool() as spool,
    ):
        sampler = Sampler(cast("Meter", meter), spool.keeper())
        cpu_s = time.process_time()
        sampler.start()
        began_s = time.monotonic()
        while not meter.done_s and sampler.fault is None:
            time.sleep(0.05)
        cpu_s = time.process_time() - cpu_s
        kept = cast("KeptTrace", sampler.stop().readings)
        first, last = (round(share * seconds * RATE_HZ / (2 * _CYCLE)) for share in (0.1, 0.9))
        figures = tuple(_figures(meter, kept, first, last))
    seal = kept.index.seal
    return Long(
        readings=seal.readings,
        pieces=seal.pieces,
        seconds=cpu_s / seconds,
        bytes_a_reading=seal.size_bytes / seal.readings,
        grown_bytes=max(meter.resident[_WARM:]) - meter.resident[_WARM],
        at_once_bytes=seal.readings * 25,
        taking_s=meter.done_s - began_s,
        figures=figures,
    )


def _figures(meter: Endless, kept: KeptTrace, first: int, last: int) -> Iterator[Figure]:
    """Find out what the cycles from the first to before the last come to."""
    edges_ns = [meter.begin_ns + cycle * 2 * _CYCLE * 1000 for cycle in (first, last)]
    told: dict[str, Any] = {"rate_hz": meter.rate_hz, "aperture_s": meter.aperture_s}
    share = _MORE_S / ((last - first) * 2 * _CYCLE / RATE_HZ)
    more = share * _VOLTS * _MORE_AMPS
    mean = _VOLTS * (_AMPS + _SWING / 2) + more
    with _watched() as spent:
        joules = energy_of(kept, *edges_ns, **told, accuracy=meter.accuracy, at_once=0)
    yield Figure("joules", joules.joules, mean * joules.seconds, *spent)
    with _watched() as spent:
        high = levels(kept, *edges_ns, **told, accuracy=meter.accuracy, short_term_s=_SHORT_TERM_S)
    yield Figure("p99 watts", high.p99.watts, _exceeded_never(share), *spent)
    if high.short_term is None:
        raise RuntimeError(high.short_term_why)
    highest = _VOLTS * (_AMPS + _SWING / 2 + _MORE_AMPS)
    yield Figure("highest short-term watts", high.short_term.watts, highest, *spent)
    due_ns = edges_ns[0] + (np.arange(last - first) * 2 + 1) * _CYCLE * 1000 - 500  # a reading stands for its middle
    middle_ns = due_ns + _CYCLE * 400
    parts = {"first": Part(due_ns, middle_ns), "second": Part(middle_ns, due_ns + _CYCLE * 1000)}
    with _watched() as spent:
        stages = joules_of(parts, kept, *edges_ns, **told, bound_ns=1000)
    if stages is None:
        raise RuntimeError("the parts of a frame cannot be told apart")
    busy = _VOLTS * (_AMPS + _SWING) + more
    for name, part in parts.items():
        yield Figure(f"joules of a frame's {name} stage", stages[name].joules, busy * part.seconds, *spent)


def _exceeded_never(share: float) -> float:
    """Return what is not exceeded for 99 % of the time, more being drawn for such a share of it."""
    states = [(half * part, _AMPS + swing + more)
              for part, more in ((1 - share, 0.0), (share, _MORE_AMPS))
              for half, swing in ((0.5, 0.0), (0.5, _SWING))]  # fmt: skip
    low, high = 0.0, 2 * _VOLTS * (_AMPS + _SWING + _MORE_AMPS)
    while high - low > 1e-9:
        watts = (low + high) / 2
        above = 0.0
        for weight, amps in states:
            noise = _NOISE_AMPS * (_VOLTS**2 + (amps / 10) ** 2) ** 0.5
            above += weight * NormalDist(_VOLTS * amps, noise).cdf(2 * _VOLTS * amps - watts)
        low, high = (watts, high) if above > 0.01 else (low, watts)
    return low


@contextmanager
def _watched() -> Generator[list[Any]]:
    """Give a list that holds, afterwards, the seconds that it took and the most memory that it took more."""
    before, most, done = resident_bytes(), 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, resident_bytes() - before)

    watcher, began_s, spent = threading.Thread(target=look), time.monotonic(), list[Any]()
    watcher.start()
    try:
        yield spent
    finally:
        done.set()
        watcher.join()
        spent += [time.monotonic() - began_s, most]


def resident_bytes() -> int:
    """What this process holds of the machine's memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
