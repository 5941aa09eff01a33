"""The cable of one instrument: bytes out, bytes in, and silence as an empty answer."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, runtime_checkable


class Port(Protocol):
    """An open byte link. A broken one raises OSError; a silent one just returns less."""

    def discard(self) -> None:
        """Forget what has arrived and was not read: it answers an earlier question."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        ...

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``, maybe nothing."""
        ...

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or the fewer that came within ``timeout_s``."""
        ...

    def close(self) -> None:
        """Close the link. May be called twice."""
        ...


@runtime_checkable
class WatchedPort(Port, Protocol):
    """A port at which a selector can wait for an answer, beside others."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...

    def has_line(self, terminator: bytes) -> bool:
        """Take in what has arrived, without waiting; return whether :meth:`read_line` has a whole line."""
        ...


Way = Callable[[Callable[[], Port]], Port]
"""Takes what opens a port, and returns a port: that one, one around it, or another instead."""
_way: ContextVar[Way | None] = ContextVar("way", default=None)


def through(open_port: Callable[[], Port]) -> Port:
    """Return the port that ``open_port`` opens, or what :func:`opened_by` makes of it; raises as ``open_port``."""
    way = _way.get()
    return open_port() if way is None else way(open_port)


@contextmanager
def opened_by(way: Way) -> Generator[None]:
    """Let every port that this thread opens meanwhile go through ``way``: it is recorded, or played."""
    before = _way.set(way)
    try:
        yield
    finally:
        _way.reset(before)
