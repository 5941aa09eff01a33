"""Readings whose moment is known: between question and answer, and those close enough together."""

import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import MeterOffline
from .clock import Time

T = TypeVar("T")

_SHARE = 0.5
"""Of a period, between question and answer: the middle is then off by a quarter of one at most, and half of one is what
the burst check allows for."""
_TRIES = 3
"""Assumed: a hiccup of a link or a busy machine is over by then."""


def promptly(
    name: str, ask: Callable[[], T], *, period_s: float, takes_s: float = 0.0, clock: Time = time
) -> tuple[int, T, bool]:
    """Ask until an answer comes within half a period.

    An answer that was slow tells a value of no known moment, so it is thrown away: sensors can be asked again.

    Args:
        name: the meter's.
        ask: returns the answer.
        period_s: between two readings.
        takes_s: what the sensor itself may take: some kernels wait for its next conversion.
        clock: tells the time.

    Returns:
        The middle between question and answer, the answer, and whether an earlier one was too slow.

    Raises:
        MeterOffline: each was too slow.
    """
    took_ns = 0
    for nth in range(_TRIES):
        asked_ns = clock.monotonic_ns()
        said = ask()
        took_ns = clock.monotonic_ns() - asked_ns
        if took_ns <= (_SHARE * period_s + takes_s) * 1e9:
            return asked_ns + took_ns // 2, said, nth > 0
    what = (
        f"its answers take {took_ns / 1e6:.0f} ms: too long to tell when {1 / period_s:g} readings a second were taken"
    )
    raise MeterOffline(name, what, hint="is the board or its link busy? Else set a lower `rate_hz:`")
