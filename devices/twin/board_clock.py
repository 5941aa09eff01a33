"""Gives a Python that runs on the board the board's clock instead of the host's.

Copied into the site-packages of the board's Python, beside a file ``clock`` that is written at each boot,
and installed by a ``.pth`` line before any other code runs. ``datetime.now()`` is out of its reach: its
clock is inside the interpreter.
"""

import os
import time

TYPE_CHECKING = False  # as typing has it, without the cost of importing it
if TYPE_CHECKING:
    from collections.abc import Callable

_S = 1_000_000_000


def install() -> None:
    """Replace the clocks of :mod:`time`, once: ``site`` reads the ``.pth`` files of a virtual environment twice."""
    if getattr(time, "board_clock", False):
        return
    with open(os.path.join(os.path.dirname(__file__), "clock"), encoding="ascii") as file:  # noqa: PTH118, PTH120, PTH123 -- pathlib would cost every start 5 ms
        boot_ns, offset_ns, drift_ppb, wall_ns, _ = map(int, file.read().split())
    host_ns, host_clock_ns = time.monotonic_ns, time.clock_gettime_ns

    def monotonic_ns() -> int:
        elapsed_ns = host_ns() - boot_ns
        return offset_ns + elapsed_ns + elapsed_ns * drift_ppb // _S

    def time_ns() -> int:
        elapsed_ns = host_ns() - boot_ns
        return wall_ns + elapsed_ns + elapsed_ns * drift_ppb // _S

    ours = {time.CLOCK_REALTIME: time_ns}
    ours |= dict.fromkeys((time.CLOCK_MONOTONIC, time.CLOCK_MONOTONIC_RAW, time.CLOCK_BOOTTIME), monotonic_ns)

    def clock_gettime_ns(clock: int, /) -> int:
        return ours[clock]() if clock in ours else host_clock_ns(clock)

    def clock_gettime(clock: int, /) -> float:
        return clock_gettime_ns(clock) / _S

    replaced: dict[str, Callable[..., float]] = {
        "clock_gettime": clock_gettime,
        "clock_gettime_ns": clock_gettime_ns,
        "monotonic": lambda: monotonic_ns() / _S,
        "monotonic_ns": monotonic_ns,
        "perf_counter": lambda: monotonic_ns() / _S,
        "perf_counter_ns": monotonic_ns,
        "time": lambda: time_ns() / _S,
        "time_ns": time_ns,
    }
    for name, function in {**replaced, "board_clock": True}.items():
        setattr(time, name, function)
