"""A unit that sends on its own: a thread with a steady beat."""

import threading
import time
from collections.abc import Callable


class Pusher:
    """Calls a function every so often, from its own thread, until it is closed. Late beats are caught up with."""

    def __init__(self, name: str, period_s: float, beat: Callable[[], None]) -> None:
        """Begin at once."""
        self._period_s, self._beat = period_s, beat
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"twin {name} sends", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread. May be called twice."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._closing.wait(max(0.0, due_s - time.monotonic())):
            self._beat()
            due_s += self._period_s
