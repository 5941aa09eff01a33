"""A link that its instrument has closed, opened again: a few times, and only to the same unit."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from ..errors import MeterOffline, WrongInstrument
from ..port import Port

_MOST, _WITHIN_S = 5, 60.0
"""So often in a minute (assumed): some close what was idle, or after an error; one that always does is of no use."""
_MOST_LINES, _AFTER_LINE_S = 3, 0.3
"""A greeting may come before the name (assumed)."""


class Reopener:
    """Opens a link again, and asks who is there before anything that is said there counts."""

    def __init__(self, name: str, open_port: Callable[[], Port], *, timeout_s: float, terminator: bytes) -> None:
        """Remember how it was opened.

        Args:
            name: what errors begin with.
            open_port: opens the link; raises OSError.
            timeout_s: how long an answer may take.
            terminator: ends commands and answers.
        """
        self._name, self._open = name, open_port
        self._timeout_s, self._terminator = timeout_s, terminator
        self._times_ns: deque[int] = deque()

    def reopened(self, port: Port, identity: bytes) -> Port:
        """Close a port and return another to the same unit.

        Args:
            port: the broken one.
            identity: what ``*IDN?`` was answered with; empty where nobody asked.

        Raises:
            OSError: it cannot be opened, or says nothing.
            WrongInstrument: somebody else answers there now.
            MeterOffline: it breaks again and again.
        """
        now_ns = time.monotonic_ns()
        while self._times_ns and now_ns - self._times_ns[0] > _WITHIN_S * 1e9:
            self._times_ns.popleft()
        if len(self._times_ns) >= _MOST:
            what = f"its link broke {_MOST + 1} times within a minute: it is not opened again"
            hint = "does a second program use it, or does the instrument close each connection (its LAN menu)?"
            raise MeterOffline(self._name, what, hint=hint)
        self._times_ns.append(now_ns)
        with suppress(OSError):
            port.close()
        new = self._open()
        try:
            self._prove(new, identity)
        except BaseException:
            new.close()
            raise
        return new

    def _prove(self, port: Port, identity: bytes) -> None:
        if not identity:
            return
        port.discard()
        port.write(b"*IDN?" + self._terminator)
        heard = b""
        for _ in range(_MOST_LINES):
            line = port.read_line(self._terminator, _AFTER_LINE_S if heard else self._timeout_s)
            if identity in line:
                return
            if not line.endswith(self._terminator):
                break
            heard = line.strip()
        if not heard:
            raise TimeoutError("opened again, and *IDN? is not answered")
        what = (
            f"after its link broke {heard[:60].decode('latin-1')!r} answers there, not {identity.decode('latin-1')!r}"
        )
        raise WrongInstrument(self._name, what, hint="who else has that address?")
