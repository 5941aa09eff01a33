"""Reads a serial port from the moment it is opened until it is closed, and stamps what comes."""

import threading
import time
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import serial

from .errors import ConsoleFault

_READ_S = 0.2
"""A read ends after this at the latest, to see whether the console is being closed."""
_REOPEN_S = 0.25
_WRITE_S = 5.0
"""Assumed: a port that takes nothing for this long never will."""


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line."""

    t_ns: int
    """Controller monotonic clock when its last byte was read."""
    utc: datetime
    text: str
    """Without control sequences; bytes that are not UTF-8 replaced."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that were read together."""

    t_ns: int
    data: bytes


class Capture:
    """The log of one port. Reading never stops while somebody else waits, writes or thinks.

    ``read(in_waiting or 1)`` in a thread loses nothing at 64 ports; ``readline`` lost 2 MB in 7 (measured).
    A USB adapter that goes, because the board powers it, is opened again when it comes back.
    """

    def __init__(self, name: str, port: str, baud: int) -> None:
        """Open the port for ourselves alone.

        Raises:
            ConsoleFault: it is not there, or somebody else has it.
        """
        self.name, self._port, self._baud = name, port, baud
        self.opened_ns = time.monotonic_ns()
        """When capturing began, on the controller's monotonic clock."""
        self._opened_utc = datetime.now(UTC)
        self._chunks: list[Chunk] = []
        self._more = threading.Condition()
        self._stop = threading.Event()
        self._gone = ""
        try:
            self._serial = self._open()
        except (serial.SerialException, OSError, ValueError) as error:
            hint = "is the adapter plugged in, and no other program on it?"
            raise ConsoleFault(name, f"console {port}: {error}", hint=hint) from error
        self._thread = threading.Thread(target=self._read, name=f"{name}: console", daemon=True)
        self._thread.start()

    def _open(self) -> serial.Serial:
        port = serial.serial_for_url(self._port, self._baud, timeout=_READ_S, write_timeout=_WRITE_S, do_not_open=True)
        if "://" not in self._port:  # what is a URL is its server's to share
            port.exclusive = True
        port.open()
        return port

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                data = self._serial.read(self._serial.in_waiting or 1)
            except (serial.SerialException, OSError, TypeError) as error:  # TypeError: pyserial, closed meanwhile
                self._reopen(str(error))
                continue
            if data:
                with self._more:
                    self._chunks.append(Chunk(time.monotonic_ns(), data))
                    self._more.notify_all()

    def _reopen(self, why: str) -> None:
        self._gone = why
        self._serial.close()
        while not self._stop.wait(_REOPEN_S):
            try:
                self._serial = self._open()
            except (serial.SerialException, OSError, ValueError) as error:
                self._gone = str(error)
            else:
                self._gone = ""
                return

    def check(self) -> None:
        """Raise ConsoleFault while the port is gone."""
        if self._gone:
            hint = "is the adapter plugged in? One that the board powers goes with the board"
            raise ConsoleFault(self.name, f"console {self._port} is gone: {self._gone}", hint=hint)

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            ConsoleFault: the port is gone, or takes nothing.
        """
        self.check()
        try:
            self._serial.write(data)
        except (serial.SerialException, OSError, TypeError) as error:  # TypeError: as above
            raise ConsoleFault(self.name, f"console {self._port}: {error}", hint="check the console cable") from error

    def position(self) -> int:
        """Return where the log ends now: a number for :meth:`since`."""
        return len(self._chunks)

    def position_at(self, t_ns: int) -> int:
        """Return where the log stood at a time of the controller's monotonic clock."""
        return bisect_left(self._chunks, t_ns, key=lambda chunk: chunk.t_ns)

    def since(self, position: int, *, timeout_s: float = 0.0) -> list[Chunk]:
        """Return what was read from a position on; waits for something until the timeout."""
        with self._more:
            self._more.wait_for(lambda: len(self._chunks) > position, max(timeout_s, 0.0))
            return self._chunks[position:]

    def utc(self, t_ns: int) -> datetime:
        """Return the wall time of a monotonic one, as it was when the port was opened."""
        return self._opened_utc + timedelta(microseconds=(t_ns - self.opened_ns) / 1000)

    def close(self) -> None:
        """Stop reading and let go of the port. May be called twice."""
        self._stop.set()
        self._thread.join()
        self._serial.close()
