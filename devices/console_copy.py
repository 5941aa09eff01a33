"""A copy of a console's log that somebody else keeps, at its own pace: nobody waits for a sink that does not take."""

import logging
import threading
import time
from collections.abc import Callable

from .console_log import Log

Sink = Callable[[bytes], None]
"""Takes what was read. One that raises OSError has taken nothing of it, and is given it again."""

_EVERY_S = 0.2
"""Between two looks at what is new: 64 consoles that stream cost 3 % of a core so (measured)."""
_AGAIN_S = 1.0
"""After a sink has refused: a full disk is not emptied sooner; assumed."""

_log = logging.getLogger(__name__)


class Copy:
    """One copy, and the thread that writes it.

    The log keeps every byte anyway, so a copy is no more than how far it has come: it buffers nothing, can overflow
    nowhere, and a sink that hangs for hours gets it all once it takes again.
    """

    def __init__(self, name: str, log: Log, sink: Sink) -> None:
        """Begin at the log's first byte.

        Args:
            name: the board's: what is told begins with it.
            log: of its console.
            sink: is called from one thread only.
        """
        self._name, self._log, self._sink = name, log, sink
        self._position = 0
        self._why = ""
        """Why the sink takes nothing now, in its own words."""
        self._over = False
        """Nothing more is given: the sink is broken, or was waited for too long."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}: copy of the console", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Say that the log grows no more: what is left of it is given, once."""
        self._stop.set()

    def wait_over(self, until_ns: int) -> None:
        """Wait until the rest is given, or until a time of the monotonic clock; what is missing then is told."""
        self._thread.join(max(0.0, (until_ns - time.monotonic_ns()) / 1e9))
        missing = self._log.end - self._position
        if missing and not self._over:
            self._over = True
            why = self._why or "whoever writes it does not come back"
            _log.error("%s: the last %d bytes of the console's log are not in its copy: %s", self._name, missing, why)

    def _run(self) -> None:
        stopped = False  # before the look, not after it: what came last is given too
        while not self._over:
            try:
                self._give_news()
            except OSError as error:
                if not self._why:
                    said = "%s: a copy of the console's log is held up, and goes on when it can: %s"
                    _log.error(said, self._name, error)
                self._why = str(error) or repr(error)
            except Exception:  # noqa: BLE001 -- whatever it is, it would be the same the next time
                _log.exception("%s: a copy of the console's log has ended early", self._name)
                self._over = True
            if stopped:
                return
            stopped = self._stop.wait(_AGAIN_S if self._why else _EVERY_S)

    def _give_news(self) -> None:
        news = self._log.read(self._position)
        if not news:
            return
        self._sink(news)
        self._position += len(news)
        if self._why:
            _log.warning("%s: the copy of the console's log goes on", self._name)
            self._why = ""
