"""Long traces on their way to the store: pieces in files beside the database, while the trial still runs.

A folder a trial, under ``traces/``. While its trial is under way a lock on it is held, which the kernel lets go with
the process. The record commits last and names each piece by its hash; a folder that no record names and nobody holds
is what an interrupted trial left, and goes with the next pruning or the next long trial.
"""

import fcntl
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from power.block import Block

from ..errors import LabFault
from .disk import LEAST_FREE_BYTES, DiskGuard, full
from .pieces import pack_compact, unpack
from .record import Part, TraceSeal

FOLDER = "traces"
"""Beside the database."""


class Piece(Part):
    """One file."""

    file: str
    sha256: str
    readings: int
    first_ns: int
    last_ns: int
    size_bytes: int


class Index(Part):
    """All pieces of one meter's trace, in order."""

    version: Literal[1] = 1
    folder: str
    pieces: list[Piece]

    @property
    def seal(self) -> TraceSeal:
        """What the record says of it."""
        return TraceSeal(
            readings=sum(piece.readings for piece in self.pieces),
            pieces=len(self.pieces),
            size_bytes=sum(piece.size_bytes for piece in self.pieces),
            sha256=sha256(self.model_dump_json().encode()).hexdigest(),
        )


class KeptTrace:
    """A trace in pieces on the disk: :class:`power.piecewise.Readings`."""

    def __init__(self, root: Path, index: Index, spool: "Spool | None" = None) -> None:
        """Take the folder of all traces, the index of this one, and what still holds it, if anything."""
        self._folder, self.index, self._spool = root / index.folder, index, spool

    def sync(self) -> None:
        """See that all of it is on the disk: a record that names it must not survive it. LabFault where it is not."""
        try:
            for path in (
                *(self._folder / piece.file for piece in self.index.pieces),
                self._folder,
                self._folder.parent,
            ):
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise full(self._folder, error) from error

    def sealed(self) -> None:
        """Say that a record names it now."""
        if self._spool is not None:
            self._spool.sealed = True

    def __len__(self) -> int:
        """Return how many readings there are."""
        return sum(piece.readings for piece in self.index.pieces)

    def pieces(self, start_ns: int | None = None, end_ns: int | None = None) -> Iterator[Block]:
        """Yield the pieces that touch a window, and one more on either side.

        Raises:
            LabFault: a file is missing, cut short, or not the one that the record sealed.
        """
        every = self.index.pieces
        first, end = 0, len(every)
        if start_ns is not None:
            first = max(0, sum(piece.last_ns < start_ns for piece in every) - 1)
        if end_ns is not None:
            end -= max(0, sum(piece.first_ns > end_ns for piece in every) - 1)
        for piece in every[first:end]:
            yield self._read(piece)

    def _read(self, piece: Piece) -> Block:
        path = self._folder / piece.file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _damaged(path, f"cannot be read: {error.strerror}") from error
        if sha256(data).hexdigest() != piece.sha256:
            raise _damaged(path, f"its {len(data):,} bytes are not those that its record sealed")
        try:
            return unpack(data)
        except ValueError as error:
            raise _damaged(path, str(error)) from error


class _Pieces:
    """One meter's: :class:`power.piecewise.Keeper`."""

    def __init__(self, spool: "Spool", number: int) -> None:
        self._spool, self._number = spool, number
        self._pieces: list[Piece] = []

    def add(self, piece: Block) -> None:
        """Write the next file; LabFault where the disk is full."""
        data = pack_compact(piece)
        file = f"{self._number}-{len(self._pieces):06}.pwt"
        self._spool.write(file, data)
        first_ns, last_ns = int(piece.t_ns[0]), int(piece.t_ns[-1])
        told = Piece(
            file=file,
            sha256=sha256(data).hexdigest(),
            readings=len(piece),
            first_ns=first_ns,
            last_ns=last_ns,
            size_bytes=len(data),
        )
        self._pieces.append(told)

    def readings(self) -> KeptTrace:
        """Return what was written."""
        return KeptTrace(self._spool.root, Index(folder=self._spool.name, pieces=list(self._pieces)), self._spool)


class Spool:
    """Where one trial's long traces go. Its folder is made with the first piece; what is not sealed goes on leaving."""

    def __init__(
        self, home: Path, least_free_bytes: int = LEAST_FREE_BYTES, sweep: Callable[[], object] = lambda: None
    ) -> None:
        """Name the folder of the database that the record will go to; nothing is written.

        Args:
            home: that folder.
            least_free_bytes: how much its disk must have left.
            sweep: deletes what interrupted trials left; called before the first piece is written.
        """
        self.root = home / FOLDER
        self._sweep = sweep
        self.name = secrets.token_hex(8)
        self.disk = DiskGuard(home, least_free_bytes)
        self._meters = 0
        self._lock: int | None = None
        self._beginning = threading.Lock()
        self._ended = False
        self.sealed = False
        """Whether a record names what was written."""

    def keeper(self) -> _Pieces:
        """Return what takes one meter's pieces."""
        self._meters += 1
        return _Pieces(self, self._meters)

    def write(self, file: str, data: bytes) -> None:
        """Write a file of this trial's.

        Raises:
            LabFault: the disk is full or nearly so, or the folder may not be written.
        """
        folder = self.root / self.name
        try:
            with self._beginning:  # meters are sampled by a thread each
                if self._ended:
                    raise LabFault(str(folder), "a meter went on after its trial had ended", hint="is its link stuck?")
                if self._lock is None:
                    self._sweep()
                    self._lock = _held(folder)
            self.disk.watch()
            (folder / file).write_bytes(data)
        except OSError as error:
            raise full(folder, error) from error

    def __enter__(self) -> Self:
        """Return the spool itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the folder, and delete it where no record names it."""
        with self._beginning:
            self._ended = True
            if self._lock is None:
                return
            if not self.sealed:
                shutil.rmtree(self.root / self.name, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def sweep(root: Path, named: Callable[[str], bool], *, dry_run: bool = False) -> int:
    """Delete the folders that no process holds and no record names; return how many files are in them.

    Args:
        root: the folder of all traces.
        named: whether a record names a folder; asked once nobody can seal it any more.
        dry_run: only count.
    """
    gone = 0
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # another process was quicker
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not named(folder.name):
                gone += sum(1 for _ in folder.glob("*.pwt"))
                if not dry_run:
                    shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
    return gone


def _held(folder: Path) -> int:
    """Make a folder and return the lock on it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():  # no sweep has come between
            return descriptor
        os.close(descriptor)


def _damaged(path: Path, why: str) -> LabFault:
    return LabFault(str(path), f"piece of a trace: {why}", hint="was the folder copied without its files, or edited?")
