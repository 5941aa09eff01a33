"""What a console has printed: bytes, and when they came."""

import threading
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line."""

    t_ns: int
    """Controller monotonic clock when its last byte was read."""
    utc: datetime
    text: str
    """Without control sequences; bytes that are not UTF-8 replaced."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that were read together."""

    t_ns: int
    data: bytes


class Log:
    """Grows at its end only; a position is a number of bytes from its beginning. For several threads.

    Time and memory are linear in the bytes, however small the pieces in which they come.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._pieces: list[bytes] = []
        self._t_ns = array("q")
        self._ends = array("Q")
        """Where each piece ends."""
        self._more = threading.Condition()

    @property
    def end(self) -> int:
        """Where the log ends now."""
        return self._ends[-1] if self._ends else 0

    def append(self, t_ns: int, data: bytes) -> None:
        """Add what was read at a time of the controller's monotonic clock."""
        with self._more:
            self._pieces.append(data)
            self._t_ns.append(t_ns)
            self._ends.append(self.end + len(data))
            self._more.notify_all()

    def position_at(self, t_ns: int) -> int:
        """Return where the log stood at a time of the controller's monotonic clock."""
        with self._more:
            return self._start(bisect_left(self._t_ns, t_ns))

    def since(self, position: int, *, timeout_s: float = 0.0) -> list[Chunk]:
        """Return what came from a position on; waits for something until the timeout."""
        with self._more:
            if self.end <= position and timeout_s > 0:
                self._more.wait_for(lambda: self.end > position, timeout_s)
            first = bisect_right(self._ends, position)
            chunks = [Chunk(self._t_ns[n], self._pieces[n]) for n in range(first, len(self._pieces))]
            if chunks and (skipped := position - self._start(first)) > 0:
                chunks[0] = Chunk(chunks[0].t_ns, chunks[0].data[skipped:])
            return chunks

    def read(self, position: int = 0) -> bytes:
        """Return the bytes from a position on."""
        return b"".join(chunk.data for chunk in self.since(position))

    def tail(self, most_bytes: int) -> bytes:
        """Return the newest bytes."""
        return self.read(max(0, self.end - most_bytes))

    def _start(self, piece: int) -> int:
        return self._ends[piece - 1] if piece else 0
