"""Lock files: who holds a thing is told by name, and a holder that dies lets go."""

import contextlib
import fcntl
import json
import os
import shlex
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from ..errors import LabFault

_POLL_S = 0.1
_GLANCE_S = 0.25
"""Tried for at least so long: :func:`holder` has the lock for the moment in which it looks."""


@contextmanager
def hold(path: Path, what: str, *, wait_s: float = 0.0) -> Generator[None]:
    """Hold a lock file while inside; other processes, and other holders in this one, are kept out.

    The file stays when the lock is let go: removing it would let two hold two files of one name.

    Raises:
        LabFault: somebody else holds it, and still does after ``wait_s``; or the file cannot be written.
    """
    with _open(path, what) as file:
        deadline_ns = time.monotonic_ns() + int(max(wait_s, _GLANCE_S) * 1e9)
        while not _taken(file.fileno()):
            if time.monotonic_ns() >= deadline_ns:
                raise LabFault(what, f"in use by {_holder(path)}", hint="wait until it is done, or end it")
            time.sleep(_POLL_S)
        file.truncate(0)
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(json.dumps({"pid": os.getpid(), "command": command, "since": now}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _open(path: Path, what: str) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        hint = "is the disk full, is the folder another user's?"
        raise LabFault(what, f"cannot be locked: {path}: {error.strerror}", hint=hint) from error


def holder(path: Path) -> str | None:
    """Tell who holds a lock file; None when it is free."""
    with contextlib.suppress(OSError), path.open("r", encoding="utf-8") as file:
        if not _taken(file.fileno(), fcntl.LOCK_SH):
            return _holder(path)
    return None


def _taken(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return f"process {note['pid']} ({note['command']}) since {note['since']}"
    except (OSError, ValueError, KeyError):
        return "a process that is just taking or leaving it"
