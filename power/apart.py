"""Readings in halves that never wait: the question, and what arrives. So one thread serves many meters."""

from typing import Protocol, cast

from .block import Block


class Exchange(Protocol):
    """A meter's readings, each in two halves. One thread calls; nobody else reads the meter meanwhile.

    It is for a meter that answers as it should. A fault ends the reading as it would end ``read()`` of the meter, which
    knows what is to be done then, and may wait for it.
    """

    until_ns: int
    """By when the answer must be whole, monotonic; 0 while none is awaited."""

    @property
    def due_ns(self) -> int:
        """When the next question is due, monotonic."""
        ...

    def fileno(self) -> int:
        """Return the descriptor at which the answer arrives."""
        ...

    def ask(self) -> None:
        """Send the question of a reading.

        Raises:
            MeterOffline: the link is broken.
        """
        ...

    def take(self, arrived_ns: int) -> Block | None:
        """Take in what has arrived by ``arrived_ns``; None while more is to come.

        Raises:
            MeterOffline: the time is over, or the link is broken.
            FrameError: the answer is none.
        """
        ...


def apart(meter: object) -> Exchange | None:
    """Return the meter's readings in halves; None where it has none, or must now be waited for.

    Asked is its class: what passes everything else on to a meter inside would pass on that one's readings.
    """
    halves = getattr(type(meter), "apart", None)
    return None if halves is None else cast("Exchange | None", halves(meter))
