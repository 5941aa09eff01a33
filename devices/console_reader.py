"""One thread that reads the consoles of a process, all of them."""

import os
import select
import threading
import time
from typing import Protocol

_BATCH_S = 0.005
"""Ports that trickle are read so often: of 64 at 115200 baud each then has some 60 bytes, and wakes nobody for one.
A port's own buffer holds 4 KiB at least (Linux, tty_buffer.c and n_tty.c)."""
_STREAMS_BYTES = 1024
"""A read that returns so much is of a port that streams: it is read again at once."""


class Source(Protocol):
    """What can be waited for and read."""

    def read_ready(self) -> int:
        """Read what is there and return how many bytes that was; raises nothing."""
        ...


class Reader:
    """Waits for all ports at once. Its thread lives as long as it has ports."""

    def __init__(self) -> None:
        """Nothing to read yet."""
        self._lock = threading.Lock()
        self._users = 0
        self._ready: select.epoll | None = None
        self._sources: dict[int, Source] = {}
        """By descriptor."""
        self._wake = -1
        self._thread: threading.Thread | None = None

    def join(self) -> None:
        """Count one capture more; the first starts the thread."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._ready, self._wake = select.epoll(), os.eventfd(0)
                self._ready.register(self._wake, select.EPOLLIN)
                self._thread = threading.Thread(target=self._run, args=(self._ready,), name="consoles", daemon=True)
                self._thread.start()

    def leave(self) -> None:
        """Count one capture less; with the last the thread ends."""
        with self._lock:
            self._users -= 1
            if not self._users and self._thread is not None and self._ready is not None:
                os.eventfd_write(self._wake, 1)
                self._thread.join()
                self._ready.close()
                os.close(self._wake)
                self._thread = self._ready = None

    def watch(self, fd: int, source: Source) -> None:
        """Read a descriptor from now on."""
        with self._lock:
            if self._ready is not None:
                self._sources[fd] = source
                self._ready.register(fd, select.EPOLLIN)

    def ignore(self, fd: int) -> None:
        """Read it no longer; nothing when it is not read. A read that has begun may still end."""
        with self._lock:
            if self._ready is not None and self._sources.pop(fd, None):
                self._ready.unregister(fd)

    def _run(self, ready: select.epoll) -> None:
        while True:
            streams = False
            for fd, _ in ready.poll():
                if fd == self._wake:
                    return
                if source := self._sources.get(fd):  # else it is read no longer, since a moment ago
                    streams |= source.read_ready() >= _STREAMS_BYTES
            if not streams:
                time.sleep(_BATCH_S)


READER = Reader()
"""This process' one."""
