"""Deadlines of one connection, watched by one thread: a timer thread each would cost a third of a short command."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count


class Watch:
    """Calls back from its own thread when a block takes too long. The thread lives until :meth:`close`."""

    def __init__(self, name: str) -> None:
        """Start the thread; ``name`` is what thread lists show."""
        self._numbers = count()
        self._running: dict[int, tuple[int, Callable[[], object]]] = {}
        self._wakes_ns: float = float("inf")
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)
        self._thread.start()

    @contextmanager
    def guard(self, timeout_s: float, late: Callable[[], object]) -> Generator[None]:
        """Call ``late`` once if the block is not over after so long."""
        due_ns = time.monotonic_ns() + int(max(timeout_s, 0.0) * 1e9)
        with self._changed:
            number = next(self._numbers)
            self._running[number] = due_ns, late
            if due_ns < self._wakes_ns:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:  # the thread finds out when it wakes for this deadline, or an earlier one
                self._running.pop(number, None)

    def close(self, timeout_s: float) -> None:
        """End the thread; what is still guarded is guarded no more. May be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _watch(self) -> None:
        while (late := self._next_late()) is not None:
            late()  # without the lock: it may take a while, or guard something itself

    def _next_late(self) -> Callable[[], object] | None:
        """Wait for a deadline to pass and return what to call; None at the end."""
        with self._changed:
            while not self._closed:
                number = min(self._running, key=lambda number: self._running[number][0], default=None)
                now_ns = time.monotonic_ns()
                if number is not None and self._running[number][0] <= now_ns:
                    return self._running.pop(number)[1]
                self._wakes_ns = float("inf") if number is None else self._running[number][0]
                self._changed.wait(None if number is None else (self._wakes_ns - now_ns) / 1e9)
        return None
