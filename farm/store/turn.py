"""Writers of one SQLite file in the order in which they came.

SQLite lets a writer that finds another one sleep for longer and longer: of two hundred that all want to, some never
come to it. The kernel keeps a queue of those who wait for a lock, and takes out whoever dies.
"""

import fcntl
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LabFault


@contextmanager
def turn(folder: Path, *, timeout_s: float) -> Generator[None]:
    """Have a folder to oneself, among all that ask for it so; nothing is written in it.

    Raises:
        LabFault: somebody has it for longer than ``timeout_s``.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _Queued(descriptor).wait(folder, timeout_s)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        yield
    finally:
        os.close(descriptor)


class _Queued:
    """Waits in the kernel's queue, in a thread of its own: the kernel knows no deadline for that."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._mine, self._given_up = threading.Event(), False
        self._latch = threading.Lock()

    def wait(self, folder: Path, timeout_s: float) -> None:
        """Return when the lock is there; else leave it to the thread to close it whenever it comes."""
        try:
            threading.Thread(target=self._queue, name="waits to write", daemon=True).start()
            if self._mine.wait(timeout_s):
                return
            hint = "is a process of the farm stopped (state T in ps)? End it, or let it go on"
            raise LabFault(str(folder), f"another process writes there since {timeout_s:g} s", hint=hint)
        except BaseException:
            with self._latch:
                self._given_up = True
                if self._mine.is_set():
                    os.close(self._descriptor)
            raise

    def _queue(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._latch:
            self._mine.set()
            if self._given_up:
                os.close(self._descriptor)
