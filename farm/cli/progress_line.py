"""What long work is at, on lines of a terminal that are written anew each time and vanish at the end."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from threading import RLock
from typing import TextIO

_DEFAULT = (80, 24)
_COMBINING = ("Mn", "Me", "Cf")


class ProgressLines:
    """One line for each thing that is worked on; several threads may tell at once."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._texts: dict[str, str] = {}
        self._drawn = 0
        self._lock = RLock()

    def show(self, stream: TextIO, text: str, of: str) -> None:
        """Put ``text`` on the line of ``of``; an empty one takes the line away."""
        with self.aside(stream):
            if text:
                self._texts[of] = text
            else:
                self._texts.pop(of, None)

    @contextmanager
    def aside(self, stream: TextIO) -> Generator[None]:
        """Take the lines away while something else is printed, by one thread at a time."""
        with self._lock:
            self._put(stream, self._erase())
            try:
                yield
            finally:
                self._put(stream, self._draw(stream))

    def end(self, stream: TextIO) -> None:
        """Take all lines away for good."""
        with self._lock:
            self._texts.clear()
            self._put(stream, self._erase())

    def _erase(self) -> str:
        """Go to the first line's beginning, and clear all from there."""
        up, self._drawn = self._drawn - 1, 0
        return "" if up < 0 else "\r" + f"\x1b[{up}A" * (up > 0) + "\x1b[J"

    def _draw(self, stream: TextIO) -> str:
        columns, rows = _size(stream)
        lines = [f"{of}: {text}" if of else text for of, text in self._texts.items()]
        if len(lines) > (most := max(1, rows - 1)):
            lines = [*lines[: most - 1], f"… and {len(lines) - most + 1} more"]
        self._drawn = len(lines)
        return "\n".join(cut(line, columns - 1) for line in lines)  # a full last column would wrap on some terminals

    @staticmethod
    def _put(stream: TextIO, text: str) -> None:
        if text:
            try:
                stream.write(text)
                stream.flush()
            except OSError:  # the terminal is gone: the work is not, and its result has words of its own
                return


def _size(stream: TextIO) -> tuple[int, int]:
    """Return columns and rows of the terminal itself; COLUMNS may be of another."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns = rows = 0
    return (columns, rows) if columns > 0 and rows > 0 else shutil.get_terminal_size(_DEFAULT)


def cut(text: str, columns: int) -> str:
    """Return as much of one line as fits, with ``…`` where something is missing; controls are never passed on."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    if sum(map(_cells, shown)) <= columns:
        return shown
    kept, left = "", columns - 1
    for letter in shown:
        left -= _cells(letter)
        if left < 0:
            break
        kept += letter
    return kept + "…" * (columns > 0)


def _cells(letter: str) -> int:
    """Return how many columns a terminal gives a letter."""
    if letter.isascii():
        return 1
    import unicodedata  # a large table: loaded for whoever needs it

    if unicodedata.category(letter) in _COMBINING:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
