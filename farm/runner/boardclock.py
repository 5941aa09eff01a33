"""The board's clocks in whole nanoseconds: ``time.monotonic_ns`` is newer than Python 3.5."""

import time

_clock_gettime_ns = getattr(time, "clock_gettime_ns", None)  # Python 3.7


def _read_ns(clock):
    """Return a clock in ns.

    Where only floats are to be had, 53 bits still tell 2 ns apart after 100 days of uptime.
    """
    if _clock_gettime_ns is not None:
        return _clock_gettime_ns(clock)
    return int(time.clock_gettime(clock) * 1e9)


def now_ns():
    """Return CLOCK_MONOTONIC, the clock that every event is stamped with."""
    return _read_ns(time.CLOCK_MONOTONIC)


def cpu_ns():
    """Return the processor time that the calling thread has used."""
    return _read_ns(time.CLOCK_THREAD_CPUTIME_ID)


def sleep_until(moment_ns):
    """Return at ``moment_ns`` or as soon after as the board wakes us."""
    while True:
        left_ns = moment_ns - now_ns()
        if left_ns <= 0:
            return
        time.sleep(left_ns / 1e9)
