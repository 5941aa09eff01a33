# pyright: standard
"""Looks again and again, from threads that nothing waits for: who hangs is told at its deadline."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

Found = TypeVar("Found")

AT_ONCE = 96
"""Looks within their deadline. One that hangs costs a thread and no processor: dead boards must not use them up."""
THREADS = 320
"""Those that are late included; assumed, Linux gives a process some thousands."""
STARTS_PER_S = 20.0
"""A look at a real board is some 40 ms of key exchange in Python (assumed): at most one processor, and no burst that
would keep the screen from its turn."""


class Lookout(Generic[Found]):
    """Calls ``look(name)`` for each name every ``every_s`` and hands on what comes of it.

    The threads are daemons and are never joined: ``stop`` returns at once, and so does the process.
    """

    def __init__(
        self,
        look: Callable[[str], Found],
        names: Sequence[str],
        *,
        found: Callable[[str, Found], None],
        failed: Callable[[str, Exception], None],
        late: Callable[[str, float], None],
        every_s: float,
        deadline_s: float,
    ) -> None:
        """Take what to call; each callback is called from a thread and must return at once.

        Args:
            look: blocks; what it returns goes to ``found``, what it raises to ``failed``.
            names: in the order of the first round.
            found: told the name and what was found; late results too.
            failed: told the name and the exception.
            late: told once, when a look has not ended after ``deadline_s``: the name and the seconds.
            every_s: from the end of a look to the start of the next.
            deadline_s: of one look.
        """
        self._look, self._found, self._failed, self._late = look, found, failed, late
        self._every_s, self._deadline_s = every_s, deadline_s
        self._changed = threading.Condition()
        self._due: dict[str, float] = dict.fromkeys(names, 0.0)
        self._running: dict[str, float] = {}
        self._told: set[str] = set()
        self._skipped: set[str] = set()
        self._stopped = False
        self._next_start_s = 0.0

    def start(self) -> None:
        """Begin the first round."""
        threading.Thread(target=self._run, name="lookout", daemon=True).start()

    def stop(self) -> None:
        """Start no more looks, and hand on nothing more. Waits for nobody."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def look_now(self, name: str) -> None:
        """Look at this one next."""
        with self._changed:
            self._due[name] = 0.0
            self._changed.notify_all()

    def skip(self, name: str, skipped: bool = True) -> None:
        """Leave one out until told otherwise; a look that runs already comes to its end."""
        with self._changed:
            (self._skipped.add if skipped else self._skipped.discard)(name)
            self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                now_s = time.monotonic()
                self._tell_late(now_s)
                self._start_due(now_s)
                self._changed.wait(self._wait_s(now_s))

    def _tell_late(self, now_s: float) -> None:
        for name, since_s in self._running.items():
            if name not in self._told and now_s - since_s >= self._deadline_s:
                self._told.add(name)
                self._late(name, self._deadline_s)

    def _full(self) -> bool:
        return len(self._running) - len(self._told) >= AT_ONCE or len(self._running) >= THREADS

    def _ready(self) -> list[str]:
        free = [name for name in self._due if name not in self._running and name not in self._skipped]
        return sorted(free, key=self._due.__getitem__)  # stable: the first round is in the order of the names

    def _start_due(self, now_s: float) -> None:
        for name in self._ready():
            if self._due[name] > now_s or self._full() or self._next_start_s > now_s:
                return
            self._next_start_s = max(self._next_start_s, now_s - 1 / STARTS_PER_S) + 1 / STARTS_PER_S
            self._running[name] = now_s
            threading.Thread(target=self._one, args=(name,), name=f"look at {name}", daemon=True).start()

    def _wait_s(self, now_s: float) -> float | None:
        """Return how long nothing will be to do; None: until something changes."""
        moments = [t_s + self._deadline_s for name, t_s in self._running.items() if name not in self._told]
        if not self._full() and (ready := self._ready()):
            moments.append(max(self._due[ready[0]], self._next_start_s))
        return max(0.0, min(moments) - now_s) if moments else None

    def _one(self, name: str) -> None:
        try:
            found = self._look(name)
        except Exception as error:  # noqa: BLE001 -- whatever a look meets is told of its board, and hides no other
            _log.debug("look at %s", name, exc_info=True)
            self._end(name, partial(self._failed, name, error))
        else:
            self._end(name, partial(self._found, name, found))

    def _end(self, name: str, tell: Callable[[], None]) -> None:
        with self._changed:
            del self._running[name]
            self._told.discard(name)
            self._due[name] = time.monotonic() + self._every_s
            if not self._stopped:
                tell()
            self._changed.notify_all()
