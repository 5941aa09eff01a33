"""The ports that a console can be on, behind one small interface: bytes in, bytes out, and who has it when it is taken.

=========================  ==========================================================================
``/dev/serial/by-id/…``    a local serial port, opened for ourselves alone
``socket://host:port``     raw TCP: ser2net's ``raw``, a terminal server, QEMU's ``-serial tcp:``
``rfc2217://host:port``    TCP with the baud rate set from here: ser2net's ``telnet(rfc2217)``
=========================  ==========================================================================
"""

import fcntl
import os
import socket
import termios
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import serial

from .console_holder import holders
from .errors import ConsoleFault

_READ_BYTES = 65536
_READ_S = 0.2
_CONNECT_S = 5.0
"""Assumed: a terminal server in the same laboratory answers within this."""
_WRITE_S = 5.0
"""Assumed: a port that takes nothing for this long never will."""
_PTY_MAJORS = range(136, 144)
"""Linux, Documentation/admin-guide/devices.txt: Unix98 pseudo-terminal slaves."""


class Port(Protocol):
    """An open port. One thread reads; any may write. A port that is gone raises OSError from both."""

    def fileno(self) -> int | None:
        """Return what ``select`` can wait on, or None where reading has to wait by itself."""
        ...

    def read(self) -> bytes:
        """Return what is there now, nothing when nothing is; waits up to 0.2 s only where ``fileno`` is None."""
        ...

    def write(self, data: bytes) -> None:
        """Write all of it, or raise OSError."""
        ...

    def close(self) -> None:
        """Let go of it. May be called twice."""
        ...


def open_port(name: str, port: str, baud: int) -> Port:
    """Open a console's port for ourselves alone.

    Args:
        name: the board's: what errors begin with.
        port: one of the forms above.
        baud: 8N1 at this rate; a raw socket has whatever its server has set.

    Raises:
        ConsoleFault: it is not there, or somebody else has it: who, if that can be seen.
    """
    scheme, separator, _ = port.partition("://")
    try:
        if not separator:
            return _LocalPort(name, port, baud)
        if scheme == "socket":
            return _SocketPort(port)
        if scheme == "rfc2217":
            return _Rfc2217Port(port, baud)
    except (OSError, ValueError) as error:  # pyserial's errors are OSErrors
        if separator:
            hint = "does its server run, and is nobody else connected to that port?"
        else:
            hint = "is the adapter plugged in, and may this user open it (group dialout)?"
        raise ConsoleFault(name, f"console {port}: {error}", hint=hint) from error
    hint = "write a device path, rfc2217://host:port or socket://host:port"
    raise ConsoleFault(name, f"console {port}: no such kind of port", hint=hint)


class _LocalPort:
    """A serial port of this machine."""

    def __init__(self, name: str, path: str, baud: int) -> None:
        try:
            self._serial = serial.Serial(path, baud, timeout=0, write_timeout=_WRITE_S, exclusive=True)
        except OSError as error:
            if Path(path).exists() and (who := holders(path)):
                hint = "one console has one reader: end that program first"
                raise ConsoleFault(name, f"console {path}: {' and '.join(who)} has it open", hint=hint) from error
            raise
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
        self._serial.write(data)

    def close(self) -> None:
        self._serial.close()


class _SocketPort:
    """A TCP connection that carries the console's bytes as they are."""

    def __init__(self, url: str) -> None:
        self._socket = socket.create_connection(_address(url), _CONNECT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # a terminal server that loses its power says nothing: found after a minute or so
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.settimeout(_WRITE_S)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        try:
            data = self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""
        if not data:
            raise ConnectionResetError("its server has closed the connection")
        return data

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        self._socket.close()


class _Rfc2217Port:
    """A serial port at the other end of a telnet connection."""

    def __init__(self, url: str, baud: int) -> None:
        self._serial = serial.serial_for_url(url, baud, timeout=_READ_S)

    def fileno(self) -> None:
        return None

    def read(self) -> bytes:
        return self._serial.read(self._serial.in_waiting or 1)

    def write(self, data: bytes) -> None:
        self._serial.write(data)

    def close(self) -> None:
        self._serial.close()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise ValueError("wants a host and a port: socket://host:port")
    return parts.hostname, parts.port
