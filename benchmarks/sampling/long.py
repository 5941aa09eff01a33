"""A meter of a million readings a second, and where they go: into pieces on the disk, not into memory.

The readings are made as fast as they are taken; how long they would have lasted is said, not waited for.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from farm.store.database import Store
from farm.store.spool import KeptTrace
from power.block import Block
from power.energy_long import energy_of
from power.meter import Accuracy, Meter, Tolerance
from power.sampler import Sampler

RATE_HZ = 1_000_000
_LOT = 10_000
_VOLTS, _AMPS, _SWING, _CYCLE = 5.0, 0.5, 0.3, 5_000
_NOISE_AMPS = 0.01
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
        for first in range(0, self._readings, _LOT):
            at = np.arange(first, first + _LOT)
            start = int(dice.integers(0, 63 * _LOT))
            amps = _AMPS + _SWING * (at // _CYCLE % 2) + noise[start : start + _LOT]
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
    relative_error: float
    """Of the joules, against the square wave's."""
    energy_s: float
    """To integrate all of it, a second of the trace."""


def run(seconds: float) -> Long:
    """Sample so many seconds' worth of readings into a store, and integrate them from there."""
    meter = Endless(round(seconds * RATE_HZ))
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Path(folder, "results.sqlite")) as store,
        store.spool() as spool,
    ):
        sampler = Sampler(cast("Meter", meter), spool.keeper())
        cpu_s = time.process_time()
        sampler.start()
        while not meter.done_s and sampler.fault is None:
            time.sleep(0.05)
        cpu_s = time.process_time() - cpu_s
        kept = cast("KeptTrace", sampler.stop().readings)
        cycles = [round(share * seconds * RATE_HZ / (2 * _CYCLE)) for share in (0.1, 0.9)]
        edges_ns = [meter.begin_ns + cycle * 2 * _CYCLE * 1000 for cycle in cycles]
        began_s = time.process_time()
        told: dict[str, Any] = {"rate_hz": meter.rate_hz, "aperture_s": meter.aperture_s, "accuracy": meter.accuracy}
        found = energy_of(kept, *edges_ns, **told, at_once=0)
        energy_s = time.process_time() - began_s
    true = _VOLTS * (_AMPS + _SWING / 2) * found.seconds
    seal = kept.index.seal
    return Long(
        readings=seal.readings,
        pieces=seal.pieces,
        seconds=cpu_s / seconds,
        bytes_a_reading=seal.size_bytes / seal.readings,
        grown_bytes=max(meter.resident[_WARM:]) - meter.resident[_WARM],
        at_once_bytes=seal.readings * 25,
        relative_error=found.joules / true - 1,
        energy_s=energy_s / found.seconds,
    )


def resident_bytes() -> int:
    """What this process holds of the machine's memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096
