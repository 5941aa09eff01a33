"""The files under which a kernel shows its sensors, here or on a board."""

import errno
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..errors import FrameError, InstrumentFault, MeterOffline

HINT = "is its kernel module loaded, and the folder the one above /sys?"


class Unanswered(ConnectionError):
    """The machine whose files they are does not answer: nothing is known of its files."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        """Say what it last said, and what to look at."""
        super().__init__(what)
        self.hint = hint


class Files(Protocol):
    """Reads files below a root: here, or on a board. A machine that does not answer is :class:`Unanswered`."""

    def read(self, path: str) -> str:
        """Return a small file's text; ``path`` is below the root, without a slash in front. Raises OSError."""
        ...

    def read_all(self, paths: Sequence[str]) -> list[str | OSError]:
        """Return several files' texts, read at one moment or nearly; for one that cannot be read, why."""
        ...

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that fit a shell's pattern, in order; ``*`` does not cross a slash."""
        ...

    def close(self) -> None:
        """Let go of the machine. May be called twice."""
        ...


class LocalFiles:
    """Files of this machine."""

    def __init__(self, root: str) -> None:
        """Take the folder above ``sys`` and ``proc``, mostly /."""
        self._root = Path(root)

    def read(self, path: str) -> str:
        """Return a file's text."""
        return (self._root / path).read_text(encoding="utf-8", errors="replace")

    def read_all(self, paths: Sequence[str]) -> list[str | OSError]:
        """Return the texts of files, one after the other."""
        return [self._text(path) for path in paths]

    def _text(self, path: str) -> str | OSError:
        try:
            return self.read(path)
        except OSError as error:
            return error

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that fit, in order."""
        return sorted(str(PurePosixPath(*found.relative_to(self._root).parts)) for found in self._root.glob(pattern))

    def close(self) -> None:
        """Do nothing: no file stays open."""


@contextmanager
def listing(name: str) -> Generator[None]:
    """Turn what goes wrong while sensors are looked for into the meter's own faults: MeterOffline, FrameError."""
    try:
        yield
    except OSError as error:
        raise MeterOffline(name, str(error), hint=_hint(error)) from error
    except ValueError as error:
        raise FrameError(name, str(error), hint=HINT) from error


def _hint(error: OSError) -> str:
    return error.hint if isinstance(error, Unanswered) else HINT


def whole_number(text: str) -> int:
    """Return the number that a file of the kernel holds; ValueError when it is none, or half of one."""
    if not text.endswith("\n"):
        raise ValueError(f"half a line: {text[:40]!r}")
    return int(text)


def read_number(name: str, files: Files, path: str) -> int:
    """Return a file's number; raises as :func:`read_numbers`."""
    return read_numbers(name, files, [path])[0]


def read_numbers(name: str, files: Files, paths: Sequence[str]) -> list[int]:
    """Return the numbers of files that are read together.

    Raises:
        MeterOffline: one is not there (any more), or empty; or their machine does not answer.
        InstrumentFault: the kernel does not let this user read one.
        FrameError: one holds no whole number.
    """
    try:
        texts = files.read_all(paths)
    except OSError as error:
        raise MeterOffline(name, str(error), hint=_hint(error)) from error
    return [_number(name, path, text) for path, text in zip(paths, texts, strict=True)]


def _number(name: str, path: str, text: str | OSError) -> int:
    if isinstance(text, PermissionError):
        hint = f"as root: chmod a+r /{path}; a udev rule keeps it so"
        raise InstrumentFault(name, f"/{path}: only root may read it", hint=hint) from text
    if isinstance(text, OSError):
        why = "the channel is off" if text.errno == errno.ENODATA else str(text)
        raise MeterOffline(name, f"/{path}: {why}", hint=_hint(text)) from text
    if not text:
        raise MeterOffline(name, f"/{path}: is empty", hint=HINT)
    try:
        return whole_number(text)
    except ValueError as error:
        raise FrameError(name, f"/{path}: {error}", hint=HINT) from error
