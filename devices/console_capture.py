"""Reads a console's port from the moment it is opened until it is closed, and stamps what comes."""

import select
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from .console_copy import Copy, Sink
from .console_log import Log
from .console_port import Port, open_port
from .console_reader import READER
from .errors import ConsoleFault

_REOPEN_S = 0.25
"""Between two attempts to open a port that is gone; assumed."""
_COPIED_S = 5.0
"""Assumed: a disk that works has taken the rest of a log within this."""


class Capture:
    """The log of one port. Reading never stops while somebody else waits, writes or thinks.

    All ports are read by one thread with a selector: of 64 ports nothing is lost, where ``readline`` in threads
    lost 2 MB in 7 (measured). A port without a descriptor gets a thread of its own. A USB adapter that goes,
    because the board powers it, is opened again when it comes back.
    """

    def __init__(self, name: str, port: str, baud: int) -> None:
        """Open the port for ourselves alone.

        Raises:
            ConsoleFault: it is not there, or somebody else has it.
        """
        self.name, self._name_of_port, self._baud = name, port, baud
        self.opened_ns = time.monotonic_ns()
        """When capturing began, on the controller's monotonic clock."""
        self._opened_utc = datetime.now(UTC)
        self.log = Log()
        self._copies: list[Copy] = []
        self._reading = threading.RLock()
        """Whoever reads, or changes who does, holds it."""
        self._stop = threading.Event()
        self._gone = ""
        self._threads: list[threading.Thread] = []
        self._port: Port = open_port(name, port, baud)
        READER.join()
        self._begin()

    def check(self) -> None:
        """Raise ConsoleFault while the port is gone."""
        if self._gone:
            hint = "is the adapter plugged in? One that the board powers goes with the board"
            raise ConsoleFault(self.name, f"console {self._name_of_port} is gone: {self._gone}", hint=hint)

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            ConsoleFault: the port is gone, or takes nothing.
        """
        self.check()
        try:
            self._port.write(data)
        except (OSError, TypeError) as error:  # TypeError: pyserial, closed meanwhile
            said = f"console {self._name_of_port}: {error}"
            raise ConsoleFault(self.name, said, hint="check the console cable") from error

    def copy_to(self, sink: Sink) -> None:
        """Give a sink what came and what comes, in order, from a thread of its own; see :class:`Copy`."""
        with self._reading:
            self._copies.append(Copy(self.name, self.log, sink))
            if not self._stop.is_set():
                return
        self._end_copies()

    @contextmanager
    def read_here(self) -> Generator[Callable[[float], None]]:
        """Let this thread read, until the end of the block, what it waits for: no other has to be woken first.

        Yields what waits for more, at most so many seconds; what was read is in the log as always.
        """
        port, fd = self._port, self._port.fileno()
        if fd is None or self._gone:
            yield self._wait
            return
        ready = select.poll()
        ready.register(fd, select.POLLIN)

        def wait(timeout_s: float) -> None:
            with self._reading:
                there = port is self._port and not self._gone
            if there and ready.poll(timeout_s * 1000):
                self.read_ready()
            elif not there:
                self._wait(timeout_s)

        READER.ignore(fd)
        try:
            yield wait
        finally:
            with self._reading:
                if port is self._port and not self._gone and not self._stop.is_set():
                    READER.watch(fd, self)

    def _wait(self, timeout_s: float) -> None:
        self.log.since(self.log.end, timeout_s=timeout_s)

    def utc(self, t_ns: int) -> datetime:
        """Return the wall time of a monotonic one, as it was when the port was opened."""
        return self._opened_utc + timedelta(microseconds=(t_ns - self.opened_ns) / 1000)

    def close(self) -> None:
        """Stop reading, let go of the port, and wait up to 5 s for what copies the log. May be called twice."""
        with self._reading:
            if self._stop.is_set():
                return
            self._stop.set()
            self._gone = "it has been closed here"
            self._let_go()
        for thread in self._threads:
            thread.join()
        READER.leave()
        self._end_copies()

    def _end_copies(self) -> None:
        until_ns = time.monotonic_ns() + int(_COPIED_S * 1e9)
        for copy in self._copies:
            copy.stop()
        while self._copies:
            self._copies.pop().wait_over(until_ns)

    # -- reading ----------------------------------------------------------------------------------

    def read_ready(self) -> int:
        """Read what is there and return how many bytes that was."""
        with self._reading:
            if self._stop.is_set() or self._gone:
                return 0
            try:
                data = self._port.read()
            except Exception as error:  # noqa: BLE001 -- no fault of one port may end the thread that reads all
                self._lost(str(error) or repr(error))
                return 0
            if data:
                self.log.append(time.monotonic_ns(), data)
            return len(data)

    def _begin(self) -> None:
        self.read_ready()  # what came while it was opened waits in the port, not in its descriptor
        with self._reading:
            if self._gone or self._stop.is_set():
                return
            fd = self._port.fileno()
            if fd is not None:
                READER.watch(fd, self)
            else:
                self._start(self._read_alone, "console")

    def _read_alone(self) -> None:
        port = self._port
        while port is self._port and not self._stop.is_set() and not self._gone:
            try:
                data = port.read()  # waits, so others must not be kept from closing
            except Exception as error:  # noqa: BLE001 -- as above
                with self._reading:
                    if not self._stop.is_set():
                        self._lost(str(error) or repr(error))
                return
            if data:
                with self._reading:
                    self.log.append(time.monotonic_ns(), data)

    def _lost(self, why: str) -> None:
        self._gone = why
        self._let_go()
        self._start(self._reopen, "console, gone")

    def _let_go(self) -> None:
        with suppress(OSError, ValueError):  # closed meanwhile
            if (fd := self._port.fileno()) is not None:
                READER.ignore(fd)
        self._port.close()

    def _reopen(self) -> None:
        while not self._stop.wait(_REOPEN_S):
            try:
                port = open_port(self.name, self._name_of_port, self._baud)
            except ConsoleFault as fault:
                self._gone = str(fault).partition("\n")[0]
                continue
            with self._reading:
                if self._stop.is_set():
                    port.close()
                    return
                self._port, self._gone = port, ""
            self._begin()
            return

    def _start(self, target: Callable[[], None], what: str) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=target, name=f"{self.name}: {what}", daemon=True))
        self._threads[-1].start()
