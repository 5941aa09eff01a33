"""Joules over a window, and how far they may be off.

With readings ``P_i`` every ``h`` seconds, each the mean over an aperture ``a``, of a window of ``T`` seconds, what may
be wrong with the joules is, see :mod:`.budget` for how it adds up::

    gain, range  of volts and of amps (or of watts: of a meter that states them), the two parts of the limit of error,
                 integrated over the window. Rectangular, and wholly systematic: more readings do not help.
    pairing      sigma_V sigma_I T, full: of volts and amps that are read ``apart_s`` from each other. Each sigma² is
                 half the mean square of what changes in that time; volts sag when amps rise, so the product of the
                 two errs the same way each time, by no more than this (Cauchy and Schwarz).
    sampling     sigma sqrt(T (h - a)), normal: what happens between the apertures is not seen. sigma² is half the
                 mean square of the differences between successive readings. 0 when a = h. Holds for loads that do
                 not keep step with the readings: what always falls between the apertures is not seen. Where it is
                 known when the load worked, :mod:`.rhythm` tells.
    stamps       sigma_t sqrt(sum ((P_i+1 - P_i-1) / 2)²), normal: sigma_t² is half the variance of the spacing.
    edges        (2h - a) / 4 times the range of the four readings around an edge, both edges added: a step at
                 the very edge is smeared over one reading, always the same way, so this is a full term.
    clock        clock_bound_ns times the range of the readings that near to both edges, rectangular: the window as a
                 whole may lie that much earlier or later.
    unseen       half the range of all readings, for as long as the meter was asked late or, with ``allow_lost``,
                 readings are missing; rectangular.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .block import Block, Flag
from .budget import Term, expanded
from .errors import MissingReadings
from .gaps import missing_before, unseen_s
from .meter import Accuracy, Tolerance

_UNUSABLE = Flag.OVERLOAD | Flag.RANGE_MOVED
LOST_HINT = "look at the meter's cable and at the load of this machine while the trial ran"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Energy:
    """What one meter says about one window. ``u_*`` are half widths of intervals that hold the truth with 95 %."""

    joules: float
    u_joules: float
    mean_watts: float
    u_watts: float
    peak_watts: float
    """Highest reading inside the window: a mean over the meter's aperture."""
    volts_mean: float
    """NaN of a meter that tells watts only."""
    seconds: float
    readings: int
    """Inside the window."""
    lost: int
    """Readings that should be inside the window, or next to its edges, and are not."""
    joules_mean_times_duration: float
    """The cross-check: mean of the readings inside the window, times its length."""
    terms: tuple[Term, ...]
    """What ``u_joules`` is made of."""


def energy(
    block: Block,
    start_ns: int,
    end_ns: int,
    *,
    rate_hz: float,
    aperture_s: float,
    accuracy: Accuracy,
    clock_bound_ns: int = 0,
    meter: str = "",
    allow_lost: bool = False,
) -> Energy:
    """Integrate the readings from ``start_ns`` to ``end_ns`` by trapezoids, the edges interpolated.

    The module's first lines say how the uncertainty is found.

    Args:
        block: readings in time order; more of them than the window needs do no harm.
        start_ns: controller's monotonic clock.
        end_ns: the same clock.
        rate_hz: the meter's nominal rate; a gap much longer than its period is a lost reading, unless the meter
            was asked late.
        aperture_s: each reading is the mean over this long.
        accuracy: the meter's limits of error.
        clock_bound_ns: how far the window's edges may be off on the controller's clock.
        meter: what errors begin with.
        allow_lost: state the energy although readings are missing, at the price of a wider uncertainty.

    Raises:
        MissingReadings: no reading before the start, after the end or inside; or one is lost, without a value or
            beyond the meter's range, unless ``allow_lost``.
        ValueError: the window is empty, or the readings are not in time order.
    """
    if end_ns <= start_ns:
        raise ValueError(f"a window from {start_ns} to {end_ns} ns is empty")
    around, lost = _around(block, start_ns, end_ns, rate_hz, meter, allow_lost)
    t_s = (around.t_ns - start_ns) / 1e9
    seconds = (end_ns - start_ns) / 1e9
    watts = around.watts
    inside = (t_s >= 0) & (t_s <= seconds)
    if not inside.any():
        raise MissingReadings(meter, f"no reading inside a window of {seconds:.3f} s", hint=LOST_HINT)
    joules = integral(t_s, watts, seconds)
    terms = _terms(around, block.pick(has_value(block)), start_ns, end_ns, accuracy, aperture_s, clock_bound_ns)
    unseen = max(unseen_s(around, rate_hz), lost / rate_hz) * float(np.ptp(watts)) / 2
    u_joules = expanded(terms := (*terms, Term("unseen", unseen, "rectangular")))
    mean_inside = float(watts[inside].mean())
    return Energy(
        joules=joules,
        u_joules=u_joules,
        mean_watts=joules / seconds,
        u_watts=u_joules / seconds,
        peak_watts=float(watts[inside].max()),
        volts_mean=float(around.volts[inside].mean()),
        seconds=seconds,
        readings=int(inside.sum()),
        lost=lost,
        joules_mean_times_duration=mean_inside * seconds,
        terms=terms,
    )


def _terms(
    around: Block,
    usable: Block,
    start_ns: int,
    end_ns: int,
    accuracy: Accuracy,
    aperture_s: float,
    clock_bound_ns: int,
) -> tuple[Term, ...]:
    """Return what may be wrong with the readings of a window, those that are missing left out."""
    t_s, seconds, edges_ns = (around.t_ns - start_ns) / 1e9, (end_ns - start_ns) / 1e9, (start_ns, end_ns)
    spacing_s = float(t_s[-1] - t_s[0]) / (len(t_s) - 1)
    smeared_s = (2 * spacing_s - min(aperture_s, spacing_s)) / 4
    at_edges = sum(float(np.ptp(near(usable, edge_ns, 0))) for edge_ns in edges_ns)
    may_be_at_edges = np.concatenate([near(usable, edge_ns, clock_bound_ns) for edge_ns in edges_ns])
    return (
        *of_accuracy(t_s, around, accuracy, seconds),
        Term("sampling", _sampling(around.watts, max(0.0, spacing_s - aperture_s), seconds), "normal"),
        Term("stamps", _stamps(t_s, around.watts), "normal"),
        Term("edges", smeared_s * at_edges, "full"),
        Term("clock", clock_bound_ns / 1e9 * float(np.ptp(may_be_at_edges)), "rectangular"),
    )


def _around(
    block: Block, start_ns: int, end_ns: int, rate_hz: float, meter: str, allow_lost: bool
) -> tuple[Block, int]:
    """Return the usable readings from the last before the window to the first after it, and how many are missing."""
    if np.any(np.diff(block.t_ns) <= 0):
        raise ValueError(f"{meter}: readings are not in time order")
    cut = _surrounding(block, start_ns, end_ns, meter)
    usable = has_value(cut)
    missing = missing_before(cut, rate_hz)
    lost = int(missing.sum()) + int((~usable).sum())
    if not lost:
        return cut, 0
    if not allow_lost:
        at = (int(cut.t_ns[np.argmax((missing > 0) | ~usable)]) - start_ns) / 1e9
        raise MissingReadings(
            meter, f"{lost} of {lost + int(usable.sum())} readings lost, at {at:.2f} s", hint=LOST_HINT
        )
    return _surrounding(block.pick(has_value(block)), start_ns, end_ns, meter), lost


def has_value(block: Block) -> NDArray[np.bool_]:
    """Return, shape (n,), which readings say something of the watts: not those beyond a range, or without a value."""
    return np.isfinite(block.watts) & (block.flags & np.uint8(_UNUSABLE) == 0)


def _surrounding(block: Block, start_ns: int, end_ns: int, meter: str) -> Block:
    first = int(np.searchsorted(block.t_ns, start_ns, "right")) - 1
    last = int(np.searchsorted(block.t_ns, end_ns, "left"))
    if first < 0 or last >= len(block):
        where = "before its start" if first < 0 else "after its end"
        raise MissingReadings(meter, f"the window has no reading {where}, of {len(block)}", hint=LOST_HINT)
    return block.pick(slice(first, last + 1))


def integral(t_s: Floats, values: Floats, seconds: float) -> float:
    """Return the area under the polygon of the values, from 0 to ``seconds``."""
    inside = (t_s > 0) & (t_s < seconds)
    edges = np.interp([0.0, seconds], t_s, values)
    corners_s = np.concatenate([[0.0], t_s[inside], [seconds]])
    return float(np.trapezoid(np.concatenate([edges[:1], values[inside], edges[1:]]), corners_s))


def of_accuracy(t_s: Floats, around: Block, accuracy: Accuracy, seconds: float) -> Iterator[Term]:
    """Yield what the limits of error come to: the share of the reading, and that of the range, by themselves.

    What volts and amps leave open that are read apart stands beside them.

    Args:
        t_s: of the readings, seconds from the window's start, shape (n,).
        around: the readings, from the last before the window to the first after it.
        accuracy: the limits.
        seconds: the window's length.
    """

    def of(name: str, values: Floats, tolerance: Tolerance, factor: Floats | float) -> Iterator[Term]:
        for part, limit in (("gain", tolerance.of_reading * np.abs(values)), ("range", tolerance.offset)):
            yield Term(
                f"{name} {part}", integral(t_s, limit * np.broadcast_to(factor, t_s.shape), seconds), "rectangular"
            )

    if accuracy.watts is not None:
        yield from of("watts", around.watts, accuracy.watts, 1.0)
        return
    if accuracy.volts is None or accuracy.amps is None:
        raise ValueError("no limits of error of the watts")
    yield from of("volts", around.volts, accuracy.volts, np.abs(around.amps))
    yield from of("amps", around.amps, accuracy.amps, np.abs(around.volts))
    if accuracy.apart_s:
        steps = min(len(t_s) - 1, max(1, round(accuracy.apart_s / (float(t_s[-1] - t_s[0]) / (len(t_s) - 1)))))
        sigma_volts, sigma_amps = (_changes(values, steps) for values in (around.volts, around.amps))
        yield Term("pairing", sigma_volts * sigma_amps * seconds, "full")


def _changes(values: Floats, steps: int) -> float:
    """Return the standard deviation of what changes within so many readings."""
    return float(np.mean((values[steps:] - values[:-steps]) ** 2) / 2) ** 0.5


def _sampling(watts: Floats, unseen_s: float, seconds: float) -> float:
    return float(np.mean(np.diff(watts) ** 2) / 2 * seconds * unseen_s) ** 0.5


def _stamps(t_s: Floats, watts: Floats) -> float:
    stamp_variance = float(np.var(np.diff(t_s))) / 2
    return float(stamp_variance * np.sum((watts[2:] - watts[:-2]) ** 2) / 4) ** 0.5


def near(block: Block, edge_ns: int, bound_ns: int) -> Floats:
    """Return the watts of the readings within ``bound_ns`` of an edge, and of two more on either side."""
    first, last = np.searchsorted(block.t_ns, [edge_ns - bound_ns, edge_ns + bound_ns])
    return block.watts[max(0, first - 2) : last + 2]
