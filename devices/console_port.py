"""The ports that a console can be on, behind one small interface: bytes in, bytes out, and who has it when it is taken.

=========================  ==========================================================================
``/dev/serial/by-id/…``    a local serial port
``usb:1-1.4.2``            a USB adapter by where it is plugged in: see :mod:`devices.console_usb`
``serial:FT0A1B2C``        a USB adapter by its serial number, wherever it is plugged in
``socket://host:port``     raw TCP: ser2net's ``raw`` or ``tcp``, a terminal server, QEMU's ``-serial tcp:``
``rfc2217://host:port``    TCP with the baud rate set from here: ser2net's ``telnet(rfc2217)``
=========================  ==========================================================================

A local port is opened for ourselves alone. Every opening looks anew for what a name means, so that an adapter
that was unplugged is found again under whichever number the kernel gives it.
"""

import errno
import fcntl
import os
import termios
import threading
from pathlib import Path
from typing import Protocol

import serial

from .console_holder import holders
from .console_name import check_port, is_usb
from .console_net import NetPort
from .console_usb import find
from .errors import ConsoleFault

_READ_BYTES = 65536
_WRITE_S = 5.0
"""Assumed: a port that takes nothing for this long never will."""
_TAKEN = (errno.EAGAIN, errno.EBUSY)
"""What flock says of a lock that is held, and open of a port in exclusive mode."""
_PTY_MAJORS = range(136, 144)
"""Linux, Documentation/admin-guide/devices.txt: Unix98 pseudo-terminal slaves."""


class Port(Protocol):
    """An open port. One thread reads; any may write. A port that is gone raises OSError from both."""

    def fileno(self) -> int | None:
        """Return what ``select`` can wait on, or None where reading has to wait by itself."""
        ...

    def read(self) -> bytes:
        """Return what is there now, nothing when nothing is; waits up to 0.2 s only where ``fileno`` is None.

        Read once before waiting: what came while the port was opened is no longer in the descriptor.
        """
        ...

    def write(self, data: bytes) -> None:
        """Write all of it, or raise OSError."""
        ...

    def close(self) -> None:
        """Let go of it. May be called twice."""
        ...


def open_port(name: str, port: str, baud: int, *, root: Path = Path("/")) -> Port:
    """Open a console's port for ourselves alone.

    Args:
        name: the board's: what errors begin with.
        port: one of the forms above.
        baud: 8N1 at this rate; a raw socket has whatever its server has set.
        root: of the file system in which USB adapters are looked for, for tests.

    Raises:
        ConsoleFault: it is not there, or somebody else has it: who, if that can be seen.
    """
    try:
        check_port(port)
        if "://" in port:
            return NetPort(port, baud)
        device = str(find(port, root=root)) if is_usb(port) else port
    except (OSError, ValueError) as error:
        raise ConsoleFault(name, f"console {port}: {_said(error)}", hint=_hint(port, error)) from error
    try:
        return _LocalPort(device, baud)
    except (OSError, ValueError) as error:  # pyserial's errors are OSErrors
        shown = port if port == device else f"{port} ({device})"
        if isinstance(error, OSError) and error.errno in _TAKEN:
            who = " and ".join(holders(device)) or "another user's process, which this user may not see,"
            hint = f"a console has one reader: end that program, or wait for it; `sudo fuser -v {device}` tells all"
            raise ConsoleFault(name, f"console {shown}: {who} has it open", hint=hint) from error
        raise ConsoleFault(name, f"console {shown}: {_said(error)}", hint=_hint(port, error)) from error


def _hint(port: str, error: Exception) -> str:
    if isinstance(error, ValueError):
        return "correct the console's `port:` or `baud:` in the inventory"
    if "://" in port:
        return "does its server run, and is nobody else connected to that port?"
    if isinstance(error, PermissionError):
        return "may this user open it? `farm doctor` says how"
    return "is the adapter plugged in? One that the board powers goes with the board"


def _said(error: Exception) -> str:
    """Return what an error says without its number, and without pyserial's repetition of itself."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    return os.strerror(error.errno) if isinstance(error, serial.SerialException) else error.strerror or str(error)


class _LocalPort:
    """A serial port of this machine."""

    def __init__(self, path: str, baud: int) -> None:
        self._writing = threading.Lock()
        self._serial = serial.Serial(None, baud, timeout=0, write_timeout=_WRITE_S, exclusive=True)
        self._serial.port = path
        try:
            self._open()
        except BaseException as error:
            self._serial.close()  # else the lock stays until the error is forgotten
            if isinstance(error, termios.error):  # an adapter that goes just now; no OSError
                raise OSError(*error.args) from error
            raise

    def _open(self) -> None:
        self._serial.open()
        self._fd = self._serial.fileno()
        mode = termios.tcgetattr(self._fd)
        mode[6][termios.VMIN] = 1  # else nothing to read and a port that is gone look the same: both read b""
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)
        if os.major(os.fstat(self._fd).st_rdev) not in _PTY_MAJORS:
            # against programs that heed no lock; a pty would keep the mark when we are killed, a real port does not
            fcntl.ioctl(self._fd, termios.TIOCEXCL)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("the device has hung up")
        return data

    def write(self, data: bytes) -> None:
        with self._writing:
            try:
                done = os.write(
                    self._serial.fileno(), data
                )  # nearly always all of it, without what pyserial does around it
            except BlockingIOError:
                done = 0
            if done < len(data):
                self._serial.write(data[done:])

    def close(self) -> None:
        self._serial.close()
