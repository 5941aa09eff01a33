"""What the boards do during the benchmark: shares of the load between idle (0) and peak (1) over time."""

import random
import time
from collections.abc import Callable

Share = Callable[[float], float]
"""Seconds since the load began → share of the peak."""

WINDOWS_S = ((1.5, 21.8), (23.1, 43.5))
"""Where the joules are taken, each longer than 20 s. Not multiples of any meter's period or any load's."""
LENGTH_S = 45.0
_STEP_S = 0.001


def _number_of_window(t_s: float) -> int | None:
    return next((n for n, (start_s, end_s) in enumerate(WINDOWS_S) if start_s <= t_s < end_s), None)


def steady(share: float) -> Share:
    """Always the same."""
    return lambda _: share


def frames(rate_hz: float, duty: float, busy: float = 1.0) -> Share:
    """A burst at the beginning of every period."""
    return lambda t_s: busy if t_s * rate_hz % 1 < duty else 0.0


def ramp(begin: float, end: float) -> Share:
    """From one share to another within the first window, and back within the second; jumps at their very edges."""

    def share(t_s: float) -> float:
        number = _number_of_window(t_s)
        if number is None:
            return 0.5
        start_s, end_s = WINDOWS_S[number]
        part = (t_s - start_s) / (end_s - start_s)
        return begin + (end - begin) * (part if number == 0 else 1 - part)

    return share


def step(before: float, after: float, at: float = 0.5) -> Share:
    """One step at this part of the first window; the way back at as late a part of the second."""
    ups_s = [start_s + (end_s - start_s) * part for (start_s, end_s), part in zip(WINDOWS_S, (at, 1 - at), strict=True)]
    return lambda t_s: after if ups_s[0] <= t_s < ups_s[1] else before


def trial(rate_hz: float, duty: float) -> Share:
    """Idle around the windows and frames inside: what a real trial looks like."""
    inside = frames(rate_hz, duty)
    return lambda t_s: 0.0 if _number_of_window(t_s) is None else inside(t_s)


def random_dwells(mean_s: float, seed: int) -> Share:
    """Random shares, each held for a random time."""
    rng = random.Random(seed)
    ends_s: list[float] = []
    shares: list[float] = []
    t_s = 0.0
    while t_s < LENGTH_S:
        t_s += rng.expovariate(1 / mean_s)
        ends_s.append(t_s)
        shares.append(rng.random())
    place = 0

    def share(t_s: float) -> float:
        nonlocal place
        while ends_s[place] <= t_s:
            place += 1
        return shares[place]

    return share


def loads() -> dict[str, Share]:
    """All loads by name; made anew, because random ones are read once, forwards."""
    return {
        "idle": steady(0.0),
        "steady 70 %": steady(0.7),
        "20 frames/s, 30 %": frames(20.0, 0.3),
        "7.3 frames/s, 45 %": frames(7.3, 0.45),
        "bursts of 1.5 s": frames(1 / 3, 0.5),
        "ramp up, then down": ramp(0.0, 1.0),
        "ramp down, then up": ramp(1.0, 0.0),
        "step up, then down": step(0.1, 0.9),
        "step down, then up": step(0.9, 0.1),
        "late start, early end": step(0.0, 1.0, at=0.8),
        "early end, late start": step(1.0, 0.0, at=0.2),
        "trial, 15 frames/s": trial(15.0, 0.5),
        "random, 300 ms": random_dwells(0.3, seed=1),
    }


class Processor:
    """Processor time that a load has used: what a board twin would count of its processes."""

    def __init__(self, share: Share) -> None:
        """Sum the load up, in steps of a millisecond."""
        self._used_s = [0.0]
        for k in range(round(LENGTH_S / _STEP_S) + 1):
            self._used_s.append(self._used_s[-1] + share((k + 0.5) * _STEP_S) * _STEP_S)
        self._begin_ns: int | None = None

    def begin(self, t_ns: int) -> None:
        """The load starts at this moment; before, the processor idles."""
        self._begin_ns = t_ns

    def cpu_ns(self) -> int:
        """Return the nanoseconds used so far; after the end it idles again."""
        if self._begin_ns is None:
            return 0
        steps = max(0.0, (time.monotonic_ns() - self._begin_ns) / 1e9 / _STEP_S)
        k = min(int(steps), len(self._used_s) - 2)
        part = min(1.0, steps - k)
        return round((self._used_s[k] + (self._used_s[k + 1] - self._used_s[k]) * part) * 1e9)
