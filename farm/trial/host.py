"""Whether the controller's own machine keeps up."""

import threading
import time
from types import TracebackType
from typing import Self

_BEAT_NS = 10_000_000
_WORTH_KEEPING_NS = 1_000_000
"""Timer slack and a busy interpreter make beats late by some 0.1 ms; below this they say nothing."""


class Heartbeat:
    """A thread that wants to wake every 10 ms, and notes by how much it could not."""

    def __init__(self) -> None:
        """Prepare the thread."""
        self._late: list[tuple[int, int]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def lateness_max_ns(self, start_ns: int, end_ns: int) -> int:
        """Return the worst lateness of a beat that was due or came between two moments of the monotonic clock."""
        return max((woke - due for due, woke in list(self._late) if due <= end_ns and woke >= start_ns), default=0)

    def __enter__(self) -> Self:
        """Begin to beat."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._stopping.set()
        self._thread.join()

    def _beat(self) -> None:
        due_ns = time.monotonic_ns() + _BEAT_NS
        while not self._stopping.is_set():
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            woke_ns = time.monotonic_ns()
            if woke_ns - due_ns > _WORTH_KEEPING_NS:
                self._late.append((due_ns, woke_ns))
            due_ns = max(due_ns, woke_ns - _BEAT_NS) + _BEAT_NS
