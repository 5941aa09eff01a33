"""A lent board's console in a file, as it comes: for whoever may watch and not touch.

``<home>/consoles/BOARD.log`` is a link to the file of the newest lease, ``BOARD.lease-117.log``; that stays until the
next lease, and the bytes in it are the board's own: ``tail -F`` and ``farm bootlog`` read it.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Self

from ..errors import LabFault, UsageFault
from .lease import Held, Leases, told
from .lease_held import Lease

_LOOK_S = 0.1
"""Between two looks at a file that grows."""
_READ_BYTES = 65_536
_ASK_S = 1.0
"""Between two questions to the database whether the lease stands."""
_OPENED_S = 10.0
"""Assumed: from taking a lease to listening to its console, a network port's deadline included."""


def newest_log(home: Path, board: str) -> Path:
    """Return where the console of a board's newest lease is, if it was ever listened to."""
    return home / "consoles" / f"{board}.log"


class ConsoleFile:
    """The file of one lease."""

    def __init__(self, home: Path, lease: Lease) -> None:
        """Begin it, and let go of the one of the lease before.

        Raises:
            LabFault: it cannot be written.
        """
        self._writing, self._over = Lock(), False
        link = newest_log(home, lease.board)
        self.path = link.with_name(_file_name(lease.board, lease.token))
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            before = link.readlink() if link.is_symlink() else None
            self._file = self.path.open("wb", buffering=0)
            new = self.path.with_suffix(".new")
            new.unlink(missing_ok=True)
            new.symlink_to(self.path.name)
            new.replace(link)
            if before is not None and before.name != self.path.name:
                link.with_name(before.name).unlink(missing_ok=True)
        except OSError as error:
            raise LabFault(
                lease.board, f"console log {self.path}: {error.strerror}", hint="is the disk full?"
            ) from error

    def write(self, data: bytes) -> None:
        """Append what the console has said, all of it or nothing: for :meth:`devices.console.Console.copy_to`.

        Raises:
            OSError: the disk is full, or gone.
        """
        try:
            with self._writing:
                view, before = memoryview(data), self._file.tell()
                try:
                    while view:
                        view = view[self._file.write(view) :]
                except OSError:
                    self._file.seek(before)
                    self._file.truncate()
                    raise
        finally:
            self._close_once_over()

    def keep(self) -> Path:
        """Give it a second name, with date and time, under which it outlives the next lease; return that.

        Raises:
            LabFault: the file system has no second names.
        """
        board, _, lease = self.path.stem.rpartition(".")
        kept = self.path.with_name(f"{board}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{lease}.log")
        try:
            kept.hardlink_to(self.path)
        except OSError as error:
            hint = "does the file system of the lab's folder have hard links?"
            raise LabFault(board, f"console log {kept}: {error.strerror}", hint=hint) from error
        return kept

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it; it stays where it is. On a disk that hangs, whoever writes closes it once he is back."""
        self._over = True
        self._close_once_over()

    def _close_once_over(self) -> None:
        if self._over and self._writing.acquire(blocking=False):
            self._file.close()
            self._writing.release()


def find(leases: Leases, home: Path, board: str) -> tuple[Held, Path]:
    """Return who uses a board, and the file in which its console is.

    Args:
        leases: of the lab.
        home: the lab's, see :meth:`farm.lab.inventory.Lab.home`.
        board: whose console.

    Raises:
        UsageFault: nobody uses it.
        LabFault: who does keeps no log of its console.
    """
    link, until_s = newest_log(home, board), time.monotonic() + _OPENED_S
    while users := [held for held in leases.held() if held.board == board and held.kind != "reservation"]:
        path = link.with_name(_file_name(board, users[0].token))
        if path.exists():
            return users[0], path
        if time.monotonic() > until_s:
            hint = "a look keeps none; ask again in a moment"
            raise LabFault(board, f"{told(users[0])} keeps no log of its console", hint=hint)
        time.sleep(_LOOK_S)
    kept = f"; what its last user heard is in {link}" if link.exists() else ""
    raise UsageFault(f"{board}: nobody uses it now{kept}; `farm console {board}` takes it")


def follow(leases: Leases, held: Held, path: Path) -> Iterator[bytes]:
    """Yield what is heard on a board's console from its lease's beginning to its end; nothing for 0.1 s of silence."""
    with path.open("rb", buffering=0) as log:
        asked_s, stands = time.monotonic(), True
        while stands:
            if time.monotonic() > asked_s + _ASK_S:
                asked_s, stands = time.monotonic(), any(one.token == held.token for one in leases.held())
            while piece := log.read(_READ_BYTES):
                yield piece
            yield b""
            time.sleep(_LOOK_S)


def _file_name(board: str, token: int) -> str:
    return f"{board}.lease-{token}.log"
