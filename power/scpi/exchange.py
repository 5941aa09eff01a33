"""Questions in SCPI whose answers somebody waits for: here, or together with others."""

import time
from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

from ..block import Block
from ..polling import Pace
from .port import ScpiPort

T = TypeVar("T")


class Heard(NamedTuple):
    """What came to a question."""

    answer: str
    arrived_ns: int
    """Monotonic; by then all of it was here."""


Asking = Generator[str, Heard, T]
"""Yields questions, is sent what was heard to each, and returns what they are asked for."""


def asked(port: ScpiPort, asking: Asking[T]) -> T:
    """Ask all questions and wait for their answers; raises as :meth:`ScpiPort.query` and ``asking``."""
    question = next(asking)
    while True:
        answer = port.query(question)
        try:
            question = asking.send(Heard(answer, time.monotonic_ns()))
        except StopIteration as end:
            return end.value


class ScpiExchange:
    """The readings of a meter with a pace of its own, as :class:`~power.apart.Exchange`."""

    def __init__(self, port: ScpiPort, descriptor: int, pace: Pace, reading: Callable[[], Asking[Block]]) -> None:
        """Sit on a port that can be watched.

        Args:
            port: the link.
            descriptor: what :meth:`ScpiPort.watched` says.
            pace: when to ask.
            reading: begins the questions of one reading.
        """
        self._port, self._descriptor, self._pace, self._reading = port, descriptor, pace, reading
        self._question = ""
        self.until_ns = 0

    @property
    def due_ns(self) -> int:
        """When the next reading is due, monotonic."""
        return self._pace.due_ns

    def fileno(self) -> int:
        """Return the link's descriptor."""
        return self._descriptor

    def ask(self) -> None:
        """Send the first question; raises MeterOffline where the link is broken."""
        self._pace.begin()
        self._asking = self._reading()
        self._send(next(self._asking))

    def take(self, arrived_ns: int) -> Block | None:
        """Take in what has arrived, and go on to the next question; None while more is to come."""
        if not self._port.answered() and arrived_ns < self.until_ns:
            return None
        self.until_ns = 0
        heard = Heard(self._port.answer(self._question), arrived_ns)
        try:
            self._send(self._asking.send(heard))
        except StopIteration as end:
            return end.value
        return None

    def _send(self, question: str) -> None:
        self._question = question
        self.until_ns = self._port.ask(question)
