"""The controller's disk: refused before a trial begins and ended while it runs when it is nearly full."""

import os
import time
from pathlib import Path

from ..errors import LabFault

LEAST_FREE_BYTES = 500_000_000
"""Unless the inventory says otherwise (``least_free_bytes:``). Assumed: room for what a trial still writes at its end,
and for whatever else the machine does meanwhile."""
_EVERY_NS = 1_000_000_000
_HINT = "make room: `farm results prune --older-than 30d` deletes old records and traces, `--larger-than 5GB` by size"


class DiskFull(LabFault):
    """The controller's own: no board is to blame, and no neighbour helps."""


class DiskGuard:
    """Watches the file system of one folder, which need not be there yet."""

    def __init__(self, folder: Path, least_free_bytes: int = LEAST_FREE_BYTES) -> None:
        """Name the folder and how much must be left."""
        self._folder, self._least_bytes = folder, least_free_bytes
        self._looked_ns: int | None = None

    def check(self) -> None:
        """Look at once.

        Raises:
            DiskFull: less is left than must be.
        """
        self._looked_ns = time.monotonic_ns()
        if (free := free_bytes(self._folder)) < self._least_bytes:
            detail = f"the disk has {_size(free)} left, and a trial needs {_size(self._least_bytes)}"
            raise DiskFull(str(self._folder), detail, hint=_HINT)

    def watch(self) -> None:
        """Look if the last look was a second ago; raises as :meth:`check`. Costs next to nothing."""
        if self._looked_ns is None or time.monotonic_ns() - self._looked_ns >= _EVERY_NS:
            self.check()


def free_bytes(folder: Path) -> int:
    """Return what is left to this user on the file system on which a folder is, or would be made."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize


def full(folder: Path, error: OSError) -> DiskFull:
    """Return the fault of a file that could not be written."""
    detail = f"{error.strerror or error}; the disk has {_size(free_bytes(folder))} left"
    return DiskFull(str(folder), detail, hint=_HINT)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB ({count:,} bytes)"
