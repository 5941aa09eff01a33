"""What the farm promises, held against the results. The limits are the promise; they follow no measurement."""

import math
from dataclasses import dataclass

import numpy as np

from .measure import Result

FAST_HZ = 10.0
"""Meters with at least this many readings a second are held to ``LARGEST_ERROR``."""
LARGEST_ERROR = 0.01
OUTSIDE = 0.05
"""How often the truth may lie outside an uncertainty with k = 2."""
BY_CHANCE = 0.01
"""A count of windows outside is refused when it would come about less often than this if all were well."""
FEWEST_WINDOWS = 20
ALIGNMENT_BOUND_MS = {"n6705c": 20.0, "wt310e": 20.0, "tc66c": 20.0, "um25c": 50.0}
"""How far readings may be off in time. The drivers say half a poll for the two that are polled (13 ms and 50 ms) and
about a millisecond for the others; the rest is for a busy machine."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One meter over all windows."""

    driver: str
    windows: int
    void: int
    """Not counted: this machine stalled, and the farm noticed."""
    refused: int
    """Not stated although this machine kept up."""
    largest_error: float
    """Fraction of the true joules."""
    median_u: float
    """Stated expanded uncertainty, fraction of the joules."""
    outside: int
    outside_allowed: int
    late_ms: float
    """How late readings are stamped."""
    u_late_ms: float
    """Twice the standard error of that."""
    faults: list[str]


def allowed_outside(windows: int) -> int:
    """Return the largest count that is not refused: more have a probability below ``BY_CHANCE``."""
    tail, k = 1.0, 0
    while True:
        tail -= math.comb(windows, k) * OUTSIDE**k * (1 - OUTSIDE) ** (windows - k)
        if tail < BY_CHANCE:
            return k
        k += 1


def lateness(results: list[Result]) -> tuple[float, float]:
    """Return how late readings are stamped and twice its standard error, seconds.

    A window on readings that are stamped ``d`` late holds what flowed ``d`` earlier: the error is
    ``-d * (watts at the end - watts at the start)``. The unit's own gain falls out in the difference of the relative
    errors of two windows of one load. The standard error is the one that needs no equal variances (White 1980).
    """
    moved: list[float] = []
    seen: list[float] = []
    for load in {r.load for r in results}:
        pair = [r for r in results if r.load == load]
        if len(pair) == 2:
            by_second, errors = zip(*((-r.watts_at_edges / r.true_joules, r.relative_error) for r in pair), strict=True)
            moved.append(by_second[0] - by_second[1])
            seen.append(errors[0] - errors[1])
    x, y = np.array(moved), np.array(seen)
    if not np.any(x):
        return math.nan, math.inf
    late_s = float(x @ y / (x @ x))
    leverage = x**2 / (x @ x)
    rest = (y - late_s * x) / np.maximum(1 - leverage, 0.1)  # HC3: few loads carry the slope
    return late_s, 2 * float(np.sqrt(np.sum((x * rest) ** 2)) / (x @ x))


def judge(driver: str, results: list[Result]) -> Judgement:
    """Hold one meter's windows against the promise."""
    void = [r for r in results if r.stalled_ms]
    refused = [r for r in results if r.energy is None and not r.stalled_ms]
    stated = [(r, r.energy) for r in results if r.energy]
    late_s, u_late_s = lateness([r for r, _ in stated])
    found = Judgement(
        driver=driver,
        windows=len(results),
        void=len(void),
        refused=len(refused),
        largest_error=max((abs(r.relative_error) for r, _ in stated), default=math.nan),
        median_u=float(np.median([e.u_joules / e.joules for _, e in stated])) if stated else math.nan,
        outside=sum(abs(r.error_joules) > e.u_joules for r, e in stated),
        outside_allowed=allowed_outside(len(stated)),
        late_ms=late_s * 1e3,
        u_late_ms=u_late_s * 1e3,
        faults=[f"{len(refused)} of {len(results)} windows without joules: {refused[0].refused}"] if refused else [],
    )
    if (counted := len(results) - len(void)) < FEWEST_WINDOWS:
        found.faults.append(f"only {counted} windows: this machine stalled in the others; try when it is quiet")
    if stated:
        found.faults.extend(_faults(found, results[0].rate_hz))
    return found


def _faults(found: Judgement, rate_hz: float) -> list[str]:
    faults: list[str] = []
    if rate_hz >= FAST_HZ and found.largest_error > LARGEST_ERROR:
        faults.append(f"off by {found.largest_error:.2%}, more than {LARGEST_ERROR:.0%}")
    if found.outside > found.outside_allowed:
        faults.append(f"{found.outside} windows outside the stated uncertainty; chance gives {found.outside_allowed}")
    bound_ms = ALIGNMENT_BOUND_MS[found.driver]
    if abs(found.late_ms) - found.u_late_ms > bound_ms:
        faults.append(f"readings stamped {found.late_ms:+.0f} ms late, beyond {bound_ms:.0f} ms")
    elif not found.u_late_ms <= bound_ms:
        faults.append(f"the stamps' error is known to {found.u_late_ms:.0f} ms only: too noisy to tell")
    return faults
