"""What a meter cannot see must not become a small number: bursts too short for it, and frames in step with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from farm.lab.bench import MeterOnRail
from farm.trial.rhythm import in_step
from farm.trial.watts import Window, Windows, power
from power.block import Block
from power.meter import Accuracy, Identity, Tolerance
from power.parts import Part
from power.sampler import Trace

_S = 1_000_000_000
_RUNS = 200
"""Of each kind."""
_VOLTS = 12.0
_IDLE_S, _SECONDS = 5.0, 20.0
"""Before the frames and after them; the frames."""
_LIMITS = Tolerance(0.0005, 1e-3)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gated:
    """A meter that looks away between its readings."""

    name: str
    rate_hz: float
    aperture_s: float
    bandwidth_hz: float | None = None

    @property
    def least_s(self) -> float:
        """The shortest work that it can tell: two readings, a period of its bandwidth."""
        return max(2 / self.rate_hz, 1 / self.bandwidth_hz if self.bandwidth_hz else 0.0)


SHORT = (
    Gated("points, 5/s", 1 / 0.207, 0.0),
    Gated("20 ms, 11/s", 1 / 0.092, 0.02),
    Gated("points, 1000/s", 1000.0, 0.0),
    Gated("points, 1000/s, 100 Hz wide", 1000.0, 0.0, 100.0),
)
IN_STEP = (SHORT[0], SHORT[1], Gated("82 ms, 11/s", 1 / 0.092, 0.08192), Gated("42 ms, 20/s", 20.0, 0.042))


@dataclass(frozen=True, slots=True)
class Seen:
    """One trial: what was said of it, and whether that was true."""

    meter: str
    refused: bool
    held: bool


def short(dice: np.random.Generator) -> Iterator[Seen]:
    """Yield trials whose frames work for less than a meter can tell."""
    for number in range(_RUNS):
        meter = SHORT[number % len(SHORT)]
        busy_s = meter.least_s * dice.uniform(0.02, 0.98)
        yield _trial(dice, meter, hz=min(dice.uniform(0.05, 0.8) / busy_s, 200.0), busy_s=busy_s)


def long_enough(dice: np.random.Generator) -> Iterator[Seen]:
    """Yield trials whose frames work for longer: those that a meter must not be refused for."""
    for number in range(_RUNS):
        meter = SHORT[number % len(SHORT)]
        busy_s = meter.least_s * dice.uniform(2.0, 5.0)
        yield _trial(dice, meter, hz=dice.uniform(0.3, 0.7) / busy_s, busy_s=busy_s)


def stepping(dice: np.random.Generator, *, unseen: bool = False) -> Iterator[Seen]:
    """Yield trials whose frames keep step with the readings, or beat slowly. ``unseen``: nobody looks for that."""
    for number in range(_RUNS):
        meter = IN_STEP[number % len(IN_STEP)]
        hz = meter.rate_hz * dice.choice([0.5, 1.0, 1.0, 2.0, 3.0]) * (1 + dice.choice([0.0, 1e-4, 1e-3]))
        yield _trial(dice, meter, hz=hz, busy_s=dice.uniform(0.05, 0.95) / hz, unseen=unseen)


def _trial(dice: np.random.Generator, meter: Gated, *, hz: float, busy_s: float, unseen: bool = False) -> Seen:
    low, high = dice.uniform(2, 4), dice.uniform(7, 12)
    arrival_s = _IDLE_S + (np.arange(int(_SECONDS * hz)) + dice.uniform()) / hz
    worked_s = np.arange(len(arrival_s) + 1) * busy_s
    corners_s = np.column_stack([arrival_s, arrival_s + busy_s]).ravel()
    passed_s = np.column_stack([worked_s[:-1], worked_s[1:]]).ravel()

    def flowed(t_s: Floats) -> Floats:
        return low * t_s + (high - low) * np.interp(t_s, corners_s, passed_s)

    middle_s = np.arange(dice.uniform(0.3, 0.3 + 1 / meter.rate_hz), _SECONDS + 2 * _IDLE_S - 0.3, 1 / meter.rate_hz)
    half_s = max(meter.aperture_s, 1e-6) / 2
    watts = (flowed(middle_s + half_s) - flowed(middle_s - half_s)) / (2 * half_s)
    watts[np.abs(middle_s - 1.0) < 0.4] = high  # as a burst before the frames shows
    gains, offsets = dice.uniform(-1, 1, 2) * _LIMITS.of_reading, dice.uniform(-1, 1, 2) * _LIMITS.offset
    volts = np.full(len(watts), _VOLTS * (1 + gains[0]) + offsets[0])
    amps: Floats = watts / _VOLTS * (1 + gains[1]) + offsets[1]
    block = Block(np.rint(middle_s * _S).astype(np.int64), volts, amps, np.zeros(len(amps), np.uint8))
    edges_s = (_IDLE_S, _IDLE_S + _SECONDS)
    windows = Windows(_window(0.5, 4.5), _window(*edges_s), _window(edges_s[1] + 0.5, edges_s[1] + 4.5), 100_000)
    on, trace = _on(meter), Trace(block, [], meter.rate_hz, 0)
    facts, reasons = power(on, trace, windows, len(arrival_s), busy_s)
    if facts is None:
        raise RuntimeError(f"{meter.name}: {reasons}")
    if not unseen:
        start_ns = np.rint(arrival_s * _S).astype(np.int64)
        facts, missed = in_step(on, trace, facts, Part(start_ns, start_ns + round(busy_s * _S)), windows)
        reasons = [*reasons, *missed]
    true = float(np.diff(flowed(np.array(edges_s)))[0])
    return Seen(meter.name, bool(reasons), abs(facts.joules - true) <= facts.u_joules)


def _window(start_s: float, end_s: float) -> Window:
    return Window(round(start_s * _S), round(end_s * _S))


def _on(meter: Gated) -> MeterOnRail:
    """Return the meter as a trial knows it."""
    unit: Any = SimpleNamespace(
        accuracy=Accuracy(_LIMITS, _LIMITS, "table"),
        rate_hz=meter.rate_hz,
        aperture_s=meter.aperture_s,
        bandwidth_hz=meter.bandwidth_hz,
        stamp_bound_s=0.0,
        identity=lambda: Identity("", meter.name),
    )
    on = SimpleNamespace(
        name=meter.name, driver="table", rail="12 V", made="process twin", calibration=None, meter=unit
    )
    return cast("MeterOnRail", on)
