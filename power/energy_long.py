"""The same joules of a trace that does not fit into memory: summed piece by piece.

Every formula is that of :mod:`.energy`; sums over neighbours carry the last reading or two from one piece to the next.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .block import Block
from .budget import Shape, Term, expanded
from .energy import LOST_HINT, Energy, Floats, energy, has_value, integral, near, of_accuracy
from .errors import MissingReadings
from .gaps import missing_before, unseen_s
from .meter import Accuracy
from .piecewise import Readings, window

AT_ONCE = 4_000_000
"""Readings of a window that are integrated in one block: some 400 MB of arrays while it lasts."""


def energy_of(
    readings: Readings,
    start_ns: int,
    end_ns: int,
    *,
    rate_hz: float,
    aperture_s: float,
    accuracy: Accuracy,
    clock_bound_ns: int = 0,
    meter: str = "",
    allow_lost: bool = False,
    at_once: int = AT_ONCE,
) -> Energy:
    """Return what :func:`.energy.energy` does, in bounded memory; arguments and errors are the same.

    Args:
        readings: all of the trace.
        start_ns: controller's monotonic clock.
        end_ns: the same clock.
        rate_hz: the meter's nominal rate.
        aperture_s: each reading is the mean over this long.
        accuracy: the meter's limits of error.
        clock_bound_ns: how far the window's edges may be off.
        meter: what errors begin with.
        allow_lost: state the energy although readings are missing.
        at_once: windows with no more readings than this are integrated in one block.
    """
    if min((end_ns - start_ns) / 1e9 * rate_hz, len(readings)) <= at_once:
        return energy(
            window(readings, start_ns - clock_bound_ns, end_ns + clock_bound_ns),
            start_ns,
            end_ns,
            rate_hz=rate_hz,
            aperture_s=aperture_s,
            accuracy=accuracy,
            clock_bound_ns=clock_bound_ns,
            meter=meter,
            allow_lost=allow_lost,
        )
    sums = _Sums(start_ns, end_ns, rate_hz, accuracy)
    lost = _Lost(rate_hz)
    every, usable = _Cut(start_ns, end_ns), _Cut(start_ns, end_ns)
    last_ns: int | None = None
    for piece in readings.pieces(start_ns, end_ns):
        if np.any(np.diff(piece.t_ns) <= 0) or (last_ns is not None and len(piece) and int(piece.t_ns[0]) <= last_ns):
            raise ValueError(f"{meter}: readings are not in time order")
        last_ns = int(piece.t_ns[-1]) if len(piece) else last_ns
        for part in every.add(piece):
            lost.add(part)
        for part in usable.add(piece.pick(has_value(piece))):
            sums.add(part)
    every.complete(meter)
    if lost.count and not allow_lost:
        at_s = (lost.first_ns - start_ns) / 1e9
        raise MissingReadings(meter, f"{lost.count} of {lost.seen} readings lost, at {at_s:.2f} s", hint=LOST_HINT)
    usable.complete(meter)
    edges = [_near(readings, edge_ns, 0) for edge_ns in (start_ns, end_ns)]
    around_edges = [_near(readings, edge_ns, clock_bound_ns) for edge_ns in (start_ns, end_ns)]
    return sums.energy(meter, lost.count, aperture_s, clock_bound_ns, edges, around_edges)


def _near(readings: Readings, edge_ns: int, bound_ns: int) -> Floats:
    around = window(readings, edge_ns - bound_ns, edge_ns + bound_ns)
    return near(around.pick(has_value(around)), edge_ns, bound_ns)


class _Cut:
    """Cuts a window out of pieces: from the last reading before it to the first after it."""

    def __init__(self, start_ns: int, end_ns: int) -> None:
        self._start_ns, self._end_ns = start_ns, end_ns
        self._before: Block | None = None
        self._ended = False

    def add(self, piece: Block) -> Iterator[Block]:
        """Yield what of a piece is in the window, the reading before it included; at least two readings."""
        if self._ended or not len(piece):
            return
        first = int(np.searchsorted(piece.t_ns, self._start_ns, "right"))
        last = int(np.searchsorted(piece.t_ns, self._end_ns, "left"))
        if first:
            self._before = piece.pick(slice(first - 1, first))
        self._ended = last < len(piece)
        part = piece.pick(slice(first, last + 1))
        if self._before is None or not len(part):
            return
        yield Block.join([self._before, part])
        self._before = part.pick(slice(-1, None))

    def complete(self, meter: str) -> None:
        """Refuse a window that the readings do not cover."""
        if self._before is None or not self._ended:
            where = "before its start" if self._before is None else "after its end"
            raise MissingReadings(meter, f"the window has no reading {where}", hint=LOST_HINT)


class _Lost:
    """Counts what is missing or says nothing."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self.count = self.seen = 0
        self.first_ns = 0

    def add(self, part: Block) -> None:
        missing, silent = missing_before(part, self._rate_hz), ~has_value(part)
        if self.seen:  # its first reading was the last of the part before
            silent[0] = False
        found = (missing > 0) | silent
        if not self.count and found.any():
            self.first_ns = int(part.t_ns[np.argmax(found)])
        self.count += int(missing.sum()) + int(silent.sum())
        self.seen += int(missing.sum()) + len(part) - bool(self.seen)


@dataclass(slots=True)
class _Sums:
    """What the formulas need of all neighbours."""

    start_ns: int
    end_ns: int
    rate_hz: float
    accuracy: Accuracy
    joules: float = 0.0
    limits: dict[str, float] = field(default_factory=dict[str, float])
    shapes: dict[str, Shape] = field(default_factory=dict[str, Shape])
    steps: int = 0
    squares: float = 0.0
    """Of the differences of the watts."""
    spacing: float = 0.0
    spacing_squares: float = 0.0
    """Of the spacing less the nominal one, s."""
    slopes: float = 0.0
    """Squares of the differences of the watts over two steps."""
    two_before: float = math.nan
    first_ns: int = 0
    last_ns: int = 0
    least: float = math.inf
    most: float = -math.inf
    unseen_s: float = 0.0
    inside: int = 0
    inside_watts: float = 0.0
    inside_volts: float = 0.0
    peak: float = -math.inf

    def add(self, part: Block) -> None:
        """Take readings in the window; the first was the last of those before."""
        seconds = (self.end_ns - self.start_ns) / 1e9
        t_s, watts = (part.t_ns - self.start_ns) / 1e9, part.watts
        low_s, high_s = max(0.0, float(t_s[0])), min(seconds, float(t_s[-1]))
        if high_s > low_s:
            self.joules += integral(t_s - low_s, watts, high_s - low_s)
            for term in of_accuracy(t_s - low_s, part, self.accuracy, high_s - low_s):
                self.limits[term.name] = self.limits.get(term.name, 0.0) + term.joules
                self.shapes[term.name] = term.shape
        new = slice(1 if self.steps else 0, None)
        self._neighbours(part, watts)
        within = (t_s[new] >= 0) & (t_s[new] <= seconds)
        if within.any():
            self.inside += int(within.sum())
            self.inside_watts += float(watts[new][within].sum())
            self.inside_volts += float(part.volts[new][within].sum())
            self.peak = max(self.peak, float(watts[new][within].max()))

    def _neighbours(self, part: Block, watts: Floats) -> None:
        apart_s = np.diff(part.t_ns) / 1e9 - 1 / self.rate_hz
        if not self.steps:
            self.first_ns = int(part.t_ns[0])
        self.steps += len(apart_s)
        self.squares += float(np.sum(np.diff(watts) ** 2))
        self.spacing += float(apart_s.sum())
        self.spacing_squares += float(np.sum(apart_s**2))
        over_two = watts if math.isnan(self.two_before) else np.concatenate([[self.two_before], watts])
        self.slopes += float(np.sum((over_two[2:] - over_two[:-2]) ** 2))
        self.two_before = float(watts[-2])
        self.last_ns = int(part.t_ns[-1])
        self.least, self.most = min(self.least, float(watts.min())), max(self.most, float(watts.max()))
        self.unseen_s += unseen_s(part, self.rate_hz)

    def energy(
        self,
        meter: str,
        lost: int,
        aperture_s: float,
        clock_bound_ns: int,
        edges: list[Floats],
        around_edges: list[Floats],
    ) -> Energy:
        """Return what the sums come to."""
        seconds = (self.end_ns - self.start_ns) / 1e9
        if not self.inside:
            raise MissingReadings(meter, f"no reading inside a window of {seconds:.3f} s", hint=LOST_HINT)
        spacing_s = (self.last_ns - self.first_ns) / 1e9 / self.steps
        smeared_s = (2 * spacing_s - min(aperture_s, spacing_s)) / 4
        sampling = (self.squares / self.steps / 2 * seconds * max(0.0, spacing_s - aperture_s)) ** 0.5
        variance = max(0.0, self.spacing_squares / self.steps - (self.spacing / self.steps) ** 2)
        at_edges = sum(float(np.ptp(one)) for one in edges)
        clock = clock_bound_ns / 1e9 * float(np.ptp(np.concatenate(around_edges)))
        unseen = max(self.unseen_s, lost / self.rate_hz) * (self.most - self.least) / 2
        terms = (
            *(Term(name, joules, self.shapes[name]) for name, joules in self.limits.items()),
            Term("sampling", sampling, "normal"),
            Term("stamps", (variance / 2 * self.slopes / 4) ** 0.5, "normal"),
            Term("edges", smeared_s * at_edges, "full"),
            Term("clock", clock, "rectangular"),
            Term("unseen", unseen, "rectangular"),
        )
        u_joules = expanded(terms)
        return Energy(
            joules=self.joules,
            u_joules=u_joules,
            mean_watts=self.joules / seconds,
            u_watts=u_joules / seconds,
            peak_watts=self.peak,
            volts_mean=self.inside_volts / self.inside,
            seconds=seconds,
            readings=self.inside,
            lost=lost,
            joules_mean_times_duration=self.inside_watts / self.inside * seconds,
            terms=terms,
        )
