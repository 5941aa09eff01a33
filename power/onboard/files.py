"""The files under which a kernel shows its sensors, here or on a board."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..errors import FrameError, InstrumentFault, MeterOffline

HINT = "is its kernel module loaded, and the folder the one above /sys?"


class Files(Protocol):
    """Reads files below a root. What reaches a board's shell can be one too."""

    def read(self, path: str) -> str:
        """Return a small file's text; ``path`` is below the root, without a slash in front. Raises OSError."""
        ...

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that fit a shell's pattern, in order; ``*`` does not cross a slash."""
        ...


class LocalFiles:
    """Files of this machine."""

    def __init__(self, root: str) -> None:
        """Take the folder above ``sys`` and ``proc``, mostly /."""
        self._root = Path(root)

    def read(self, path: str) -> str:
        """Return a file's text."""
        return (self._root / path).read_text(encoding="utf-8", errors="replace")

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that fit, in order."""
        return sorted(str(PurePosixPath(*found.relative_to(self._root).parts)) for found in self._root.glob(pattern))


@contextmanager
def listing(name: str) -> Generator[None]:
    """Turn what goes wrong while sensors are looked for into the meter's own faults: MeterOffline, FrameError."""
    try:
        yield
    except OSError as error:
        raise MeterOffline(name, str(error), hint=HINT) from error
    except ValueError as error:
        raise FrameError(name, str(error), hint=HINT) from error


def whole_number(text: str) -> int:
    """Return the number that a file of the kernel holds; ValueError when it is none, or half of one."""
    if not text.endswith("\n"):
        raise ValueError(f"half a line: {text[:40]!r}")
    return int(text)


def read_number(name: str, files: Files, path: str) -> int:
    """Return a file's number.

    Raises:
        MeterOffline: it is not there (any more), or empty.
        InstrumentFault: the kernel does not let this user read it.
        FrameError: it holds no whole number.
    """
    try:
        text = files.read(path)
    except PermissionError as error:
        hint = f"as root: chmod a+r /{path}; a udev rule keeps it so"
        raise InstrumentFault(name, f"/{path}: only root may read it", hint=hint) from error
    except OSError as error:
        why = "the channel is off" if error.errno == errno.ENODATA else str(error)
        raise MeterOffline(name, f"/{path}: {why}", hint=HINT) from error
    if not text:
        raise MeterOffline(name, f"/{path}: is empty", hint=HINT)
    try:
        return whole_number(text)
    except ValueError as error:
        raise FrameError(name, f"/{path}: {error}", hint=HINT) from error
