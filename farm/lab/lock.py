"""Lock files: the kernel lets go of them when their process ends, however it ends. None is left behind."""

import contextlib
import fcntl
import json
import os
import secrets
import shlex
import sys
import time
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from ..errors import LabFault

_POLL_S = 0.1
_SUFFIX = ".lease"
_HINT = "wait until it is done, or end it"


class LockFile:
    """A locked file of one's own, by whose lock others tell that this process lives. Made locked."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take a file that is locked; use :meth:`make`."""
        self._path, self._descriptor = path, descriptor
        _MINE.add(self)

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Make one under a name that nobody has used.

        Raises:
            LabFault: the folder cannot be written.
        """
        while True:
            path = folder / f"{os.getpid()}-{secrets.token_hex(6)}{_SUFFIX}"
            descriptor = _open(path, "leases", os.O_CREAT | os.O_EXCL)
            if _locked(descriptor) and _is_at(descriptor, path):
                return cls(path, descriptor)
            os.close(descriptor)  # taken for a dead process's in the moment before it was locked

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return self._path.name

    @property
    def there(self) -> bool:
        """Whether it is locked here, and nobody has removed it: that is how a lease is taken away at once."""
        return self._descriptor >= 0 and self._path.exists()

    def release(self) -> None:
        """Remove the file and let go of it. May be called twice."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self.forget()

    def forget(self) -> None:
        """Close it without removing it: in a forked child, which holds nothing of its parent's."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_MINE: "weakref.WeakSet[LockFile]" = weakref.WeakSet()


def _forget_all() -> None:
    """A child that kept them open would keep its parent's locks after the parent's death."""
    for lock in list(_MINE):
        lock.forget()


os.register_at_fork(after_in_child=_forget_all)


def alive(folder: Path, name: str) -> bool:
    """Tell whether the process that made a lock file still has it; a file that is gone is nobody's.

    Raises:
        LabFault: the file cannot be looked at.
    """
    path = folder / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        hint = "is it another user's? Let the farm's users share a group"
        raise LabFault("leases", f"{path}: {error.strerror}", hint=hint) from error
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)  # shared: two that look do not see each other
    finally:
        os.close(descriptor)


def remove(folder: Path, name: str) -> None:
    """Remove a lock file: its lease has ended. A holder that lives sees it at once."""
    with contextlib.suppress(OSError):
        (folder / name).unlink()


def take_away(folder: Path, name: str, *, wait_s: float) -> bool:
    """Remove a lock file, and wait until its holder has closed what it had open; False when it has not."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True  # gone with its holder
    try:
        remove(folder, name)
        deadline_ns = time.monotonic_ns() + int(wait_s * 1e9)
        while not (free := _locked(descriptor, fcntl.LOCK_SH)) and time.monotonic_ns() < deadline_ns:
            time.sleep(_POLL_S)
        return free
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the lock files of processes that have died."""
    for path in folder.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                if _locked(descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)


@contextmanager
def hold(
    path: Path, what: str, *, wait_s: float = 0.0, hint: str = "wait until it is done, or end it"
) -> Generator[None]:
    """Hold a lock file while inside; other processes, and other holders in this one, are kept out.

    Raises:
        LabFault: somebody else holds it, and still does after ``wait_s``; or the file cannot be written.
    """
    deadline_ns = time.monotonic_ns() + int(wait_s * 1e9)
    while True:
        descriptor = _open(path, what, os.O_CREAT)
        try:
            while not _locked(descriptor):
                if time.monotonic_ns() >= deadline_ns:
                    raise LabFault(what, f"in use by {_told_in(path)}", hint=hint)
                time.sleep(_POLL_S)
            if not _is_at(descriptor, path):
                continue  # its last holder has just removed it: this is no longer the file of that name
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _note(), 0)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
        finally:
            os.close(descriptor)


def _open(path: Path, what: str, how: int) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | how, 0o644)
    except OSError as error:
        hint = "is the disk full, is the folder another user's?"
        raise LabFault(what, f"cannot be locked: {path}: {error.strerror}", hint=hint) from error


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether a name still means the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _locked(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note() -> bytes:
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "command": command, "since": now}).encode()


def _told_in(path: Path) -> str:
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return f"process {note['pid']} ({note['command']}) since {note['since']}"
    except (OSError, ValueError, KeyError):
        return "a process that is just taking or leaving it"
