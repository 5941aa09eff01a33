"""``python -m benchmarks.energy.coverage``: do the stated 95 % hold the truth in 95 % of cases? Exit 0 yes, 1 no.

Thousands of windows over loads whose energy is known by formula, seen by meters whose errors are drawn from a table of
its own. Then what meters cannot see: bursts that are too short, frames that keep step with the readings. ``--without
range``, ``clock`` or ``rhythm`` takes a term out of what is stated; then too few must hold.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from power.block import Block, Flag
from power.energy import Energy, energy
from power.meter import Accuracy, Tolerance

from . import blind

_RUNS = 4_000
_LEAST, _MOST = 0.93, 0.99
_LEAST_OF_A_LOAD = 0.90
"""Chance takes 95 % of its hundreds of windows no lower."""
_MOST_IDEAL = 0.002
_S = 1_000_000_000
_VOLTS = 12.0
_SECONDS, _AROUND_S = 20.0, 3.0
"""Length of a window, and of the trace beyond it on either side."""
_DRIFT_PPM = 50.0
"""Of an instrument's time base: the usual crystal."""

Floats = NDArray[np.float64]
Flowed = Callable[[Floats], Floats]
"""Seconds since the trace's begin → joules that have flowed."""


@dataclass(frozen=True, slots=True)
class Seeing:
    """A meter. Its errors are bounds, and all inside them is equally likely."""

    name: str
    rate_hz: float
    aperture_s: float
    volts_of_reading: float
    volts_offset: float
    amps_of_reading: float
    amps_offset: float
    amps_step: float
    clock_s: float

    @property
    def accuracy(self) -> Accuracy:
        """What its maker states."""
        return Accuracy(
            Tolerance(self.volts_of_reading, self.volts_offset),
            Tolerance(self.amps_of_reading, self.amps_offset),
            "table",
        )


METERS = (
    Seeing("analyser, 10/s", 10, 0.1, 0.001, 0.024, 0.001, 0.004, 1e-4, 0.1),
    Seeing("supply, 20/s", 20, 0.042, 0.0004, 0.006, 0.0006, 0.002, 1e-5, 0.08),
    Seeing("inline, 10/s", 10, 0.1, 0.0005, 0.002, 0.0005, 0.0015, 1e-5, 0.1),
    Seeing("logger, 1000/s", 1000, 0.0, 0.0002, 0.001, 0.0002, 0.001, 1e-6, 0.05),
    Seeing("slow, 2/s", 2, 0.5, 0.0005, 0.004, 0.001, 0.004, 1e-4, 0.05),
)
"""Of the classes that a lab has. Clocks are as bad here as a trial ever lets them be, for their term to count."""


def steady(dice: np.random.Generator) -> Flowed:
    """Return a load that never changes."""
    watts = dice.uniform(4, 12)
    return lambda t_s: watts * t_s


def square(hz: float) -> Callable[[np.random.Generator], Flowed]:
    """Return loads that are low and high for as long each, from a random phase on."""

    def draw(dice: np.random.Generator) -> Flowed:
        low, high, phase = dice.uniform(2, 4), dice.uniform(7, 12), dice.uniform()

        def above(t_s: Floats) -> Floats:
            cycles = t_s * hz + phase
            return (np.floor(cycles) * 0.5 + np.minimum(cycles % 1, 0.5)) / hz

        return lambda t_s: low * t_s + (high - low) * (above(t_s) - above(np.zeros(1)))

    return draw


def ramp(dice: np.random.Generator) -> Flowed:
    """Return a load that grows, or falls, all the time."""
    first, last = dice.uniform(3, 6), dice.uniform(7, 12)
    if dice.uniform() < 0.5:
        first, last = last, first
    slope = (last - first) / (_SECONDS + 2 * _AROUND_S)
    return lambda t_s: first * t_s + slope * t_s**2 / 2


def step(dice: np.random.Generator) -> Flowed:
    """Return a load that begins with the window and stays: what a clock error costs most."""
    low, high = dice.uniform(2, 3), dice.uniform(9, 12)
    return lambda t_s: low * t_s + (high - low) * np.maximum(0, t_s - _AROUND_S)


def pulse(dice: np.random.Generator) -> Flowed:
    """Return a load that is high for the last second before the window: a clock error lets some of it in."""
    low, high = dice.uniform(2, 3), dice.uniform(9, 12)
    return lambda t_s: low * t_s + (high - low) * np.clip(t_s - _AROUND_S + 1, 0, 1)


@dataclass(frozen=True, slots=True)
class Load:
    """Something that draws power, and how often it repeats a second; 0: it does not."""

    draw: Callable[[np.random.Generator], Flowed]
    hz: float = 0.0
    told_from_hz: float = 0.0
    """A slower meter smears its edge over more than its own limits of error."""
    exact_from_hz: float = 0.0
    """A slower meter smears its edge over more than 0.2 % of the window."""


LOADS = {
    "constant": Load(steady),
    "square, 1 Hz": Load(square(1), 1.0),
    "square, 10 Hz": Load(square(10), 10.0),
    "square, 97 Hz": Load(square(97), 97.0),
    "ramp": Load(ramp),
    "step at the edge": Load(step, told_from_hz=10, exact_from_hz=10),
    "pulse at the edge": Load(pulse, told_from_hz=10, exact_from_hz=100),
    "ramp with a gap": Load(ramp),
}


def resolves(meter: Seeing, load: Load, *, ideal: bool) -> bool:
    """Return whether a meter can tell what a load does, or averages over all of it."""
    gapless = meter.aperture_s * meter.rate_hz > 0.95
    told = load.hz / meter.rate_hz <= 0.2 or (gapless and load.hz * meter.aperture_s >= 1)
    return told and meter.rate_hz >= (load.exact_from_hz if ideal else load.told_from_hz)


@dataclass(frozen=True, slots=True)
class Window:
    """One window as it was, and as it was stated."""

    load: str
    meter: str
    true_joules: float
    stated: Energy

    @property
    def holds(self) -> bool:
        """Whether the truth lies in the interval."""
        return abs(self.stated.joules - self.true_joules) <= self.stated.u_joules


def seen(dice: np.random.Generator, load: str, meter: Seeing, *, ideal: bool, without: str) -> Window:
    """Draw a load, look at it with a meter, and state the joules of a window."""
    flowed = LOADS[load].draw(dice)
    scale = 0.0 if ideal else 1.0
    gains: Floats = scale * dice.uniform(-1, 1, 2)
    offsets: Floats = scale * dice.uniform(-1, 1, 2)
    middle_s = np.arange(dice.uniform(0.3, 0.8), _SECONDS + 2 * _AROUND_S - 0.8, 1 / meter.rate_hz)
    half_s = max(meter.aperture_s, 1e-6) / 2
    watts = (flowed(middle_s + half_s) - flowed(middle_s - half_s)) / (2 * half_s)
    volts = _VOLTS * (1 + gains[0] * meter.volts_of_reading) + offsets[0] * meter.volts_offset
    amps: Floats = watts / _VOLTS * (1 + gains[1] * meter.amps_of_reading) + offsets[1] * meter.amps_offset
    if not ideal:
        amps = np.round(amps / meter.amps_step) * meter.amps_step
    drift = scale * dice.uniform(-1, 1) * _DRIFT_PPM * 1e-6
    told_s = middle_s * (1 + drift) + scale * dice.uniform(-1, 1) * meter.clock_s
    block = _block(told_s, np.full(len(told_s), volts), amps)
    if load.endswith("gap"):
        block = _holed(dice, block)
    accuracy = meter.accuracy
    if without == "range":
        accuracy = Accuracy(Tolerance(meter.volts_of_reading, 0), Tolerance(meter.amps_of_reading, 0), "no range")
    clock_s = 0 if without == "clock" else meter.clock_s + (_SECONDS + 2 * _AROUND_S) * _DRIFT_PPM * 1e-6
    start_ns, end_ns = round(_AROUND_S * _S), round((_AROUND_S + _SECONDS) * _S)
    stated = energy(
        block,
        start_ns,
        end_ns,
        rate_hz=meter.rate_hz,
        aperture_s=meter.aperture_s,
        accuracy=accuracy,
        clock_bound_ns=0 if ideal else round(clock_s * _S),
        meter=meter.name,
        allow_lost=True,
    )
    true = float(np.diff(flowed(np.array([_AROUND_S, _AROUND_S + _SECONDS])))[0])
    return Window(load, meter.name, true, stated)


def _block(t_s: Floats, volts: Floats, amps: Floats) -> Block:
    return Block(np.rint(t_s * _S).astype(np.int64), volts, amps, np.zeros(len(t_s), np.uint8))


def _holed(dice: np.random.Generator, block: Block) -> Block:
    """Return the readings less those of a second."""
    from_ns = dice.uniform(_AROUND_S + 1, _AROUND_S + _SECONDS - 2) * _S
    kept = block.pick((block.t_ns < from_ns) | (block.t_ns > from_ns + _S))
    flags = kept.flags.copy()
    flags[int(np.searchsorted(kept.t_ns, from_ns))] |= np.uint8(Flag.LOST_BEFORE)
    return Block(kept.t_ns, kept.volts, kept.amps, flags)


def windows(*, ideal: bool, without: str) -> Iterator[Window]:
    """Yield windows of every load on every meter that can tell it."""
    dice = np.random.default_rng(2026)
    pairs = [(load, meter) for load in LOADS for meter in METERS if resolves(meter, LOADS[load], ideal=ideal)]
    for number in range(_RUNS):
        load, meter = pairs[number % len(pairs)]
        yield seen(dice, load, meter, ideal=ideal, without=without)


def main() -> int:
    """Count, print, and judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.energy.coverage", description=__doc__)
    terms = ("range", "clock", "rhythm")
    parser.add_argument("--without", choices=terms, default="", help="leave this out of what is stated")
    without = parser.parse_args().without
    ideal = max(abs(one.stated.joules / one.true_joules - 1) for one in windows(ideal=True, without=""))
    found = list(windows(ideal=False, without=without))
    stepping = blind.stepping(np.random.default_rng(9), unseen=without == "rhythm")
    figures = _Figures(
        ideal,
        _share([one.holds for one in found]),
        min(_share([one.holds for one in found if one.load == load]) for load in LOADS),
        _share([one.refused for one in blind.short(np.random.default_rng(7))]),
        _share([not one.refused for one in blind.long_enough(np.random.default_rng(8))]),
        _share([one.refused or one.held for one in stepping]),
    )
    Console(width=100).print(_table(found, figures, without))
    told = {"benchmark": "energy coverage", "without": without, "kept": figures.kept}
    print(json.dumps(told | asdict(figures)))
    return 0 if figures.kept else 1


def _share(of: list[bool]) -> float:
    return sum(of) / len(of)


@dataclass(frozen=True, slots=True)
class _Figures:
    """What was found; shares are of all that was tried."""

    ideal: float
    held: float
    worst_held: float
    """Of the load that fares worst."""
    short_refused: float
    long_told: float
    in_step_held_or_refused: float

    @property
    def kept(self) -> bool:
        """Whether all of it is as promised."""
        seen = self.short_refused == 1.0 and self.long_told >= _LEAST and self.in_step_held_or_refused >= _LEAST
        held = _LEAST <= self.held <= _MOST and self.worst_held >= _LEAST_OF_A_LOAD
        return held and self.ideal <= _MOST_IDEAL and seen


def _table(found: list[Window], figures: _Figures, without: str) -> Table:
    table = Table(title=f"{len(found)} windows" + (f", without the {without} term" if without else ""))
    for name in ("what", "found", "must be"):
        table.add_column(name, justify="left" if name == "what" else "right")
    table.add_row("largest error of an ideal meter", f"{figures.ideal:.3%}", f"≤ {_MOST_IDEAL:.1%}")
    table.add_row("the stated 95 % hold the truth", f"{figures.held:.1%}", f"{_LEAST:.0%} … {_MOST:.0%}")
    table.add_row("of the load that fares worst", f"{figures.worst_held:.1%}", f"≥ {_LEAST_OF_A_LOAD:.0%}")
    for what in ("load", "meter"):
        for name in dict.fromkeys(getattr(one, what) for one in found):
            these = [one.holds for one in found if getattr(one, what) == name]
            table.add_row(f"    {what}: {name}", f"{_share(these):.1%}", "")
    table.add_row("bursts too short for the meter: no verdict", f"{figures.short_refused:.1%}", "100%")
    table.add_row("work that it can tell: a verdict", f"{figures.long_told:.1%}", f"≥ {_LEAST:.0%}")
    in_step = f"{figures.in_step_held_or_refused:.1%}"
    table.add_row("frames in step with the readings: held, or no verdict", in_step, f"≥ {_LEAST:.0%}")
    return table


if __name__ == "__main__":
    sys.exit(main())
