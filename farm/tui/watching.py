# pyright: standard
"""Follows one board from a thread while its screen is open, and steps aside for looks and actions."""

import threading
from collections.abc import Callable

from .lookout import Lookout
from .source import Glance, Past, Piece, Source

_BETWEEN_S = 1.5
"""Room for a look between two watches, and the pause after a fault."""


class Watching:
    """Starts at once; :meth:`stop` waits for nobody."""

    def __init__(
        self,
        source: Source,
        board: str,
        lookout: Lookout[Glance],
        *,
        past: Callable[[Past], None],
        piece: Callable[[Piece], None],
        words: Callable[[Exception], str],
    ) -> None:
        """Follow a board; ``past`` and ``piece`` are called from the thread, ``words`` tells an exception."""
        self.board = board
        self._source, self._lookout = source, lookout
        self._past, self._piece, self._words = past, piece, words
        self._stopped = threading.Event()
        self._session = threading.Event()
        self._aside = threading.Event()
        threading.Thread(target=self._run, name=f"watch {board}", daemon=True).start()

    def stop(self) -> None:
        """Let go of the board; nothing more is told."""
        self._stopped.set()
        self._session.set()

    def step_aside(self, aside: bool) -> None:
        """Let go of the board until told otherwise."""
        if aside:
            self._aside.set()
            self._session.set()
        else:
            self._aside.clear()

    def _run(self) -> None:
        while not self._stopped.is_set():
            if not self._aside.is_set():
                self._once()
            self._stopped.wait(_BETWEEN_S)

    def _once(self) -> None:
        self._session.clear()
        if self._stopped.is_set() or self._aside.is_set():
            return
        self._lookout.skip(self.board)
        try:
            self._past(self._source.past(self.board))
            for piece in self._source.watch(self.board, self._session):
                if not self._stopped.is_set():
                    self._piece(piece)
        except Exception as error:  # noqa: BLE001 -- told on the board's screen, and tried again
            self._piece(Piece(note=self._words(error).partition("\n")[0]))
        finally:
            if not self._aside.is_set():
                self._lookout.skip(self.board, False)
            if not self._stopped.is_set():
                self._lookout.look_now(self.board)
