"""Time, as drivers of counters need it."""

from typing import Protocol


class Time(Protocol):
    """The two functions of :mod:`time` that are needed; tests bring their own."""

    def monotonic_ns(self) -> int:
        """As :func:`time.monotonic_ns`."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """As :func:`time.sleep`."""
        ...
