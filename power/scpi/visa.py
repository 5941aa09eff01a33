"""A VISA resource as a :class:`~power.port.Port`, without the traps of pyvisa-py."""

import ctypes
import os
import re
import socket
import struct
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from ..port import Port, through
from ..usb.serial_port import SerialPort

if TYPE_CHECKING:
    from pyvisa.resources import MessageBasedResource

_CHUNK_BYTES = 65536
_SHARE = 0.9
"""A deadline is kept to a tenth of what is left: to tell the kernel another one costs a call."""
_SERIAL = re.compile(r"ASRL(/.+)::INSTR", re.IGNORECASE)


class MessagePort:
    """A link that keeps messages apart: VXI-11, HiSLIP, USB-TMC, GPIB, serial; read through VISA."""

    def __init__(self, resource: "MessageBasedResource") -> None:
        """Take over an open resource."""
        self._resource = resource
        self._answer_owed = False

    def discard(self) -> None:
        """Clear the device if its last answer never came: USB-TMC would give it to the next question."""
        if self._answer_owed:
            with _broken_is_oserror(), suppress(NotImplementedError):  # not every link of pyvisa-py has a clear
                self._resource.clear()
            self._answer_owed = False

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        with _broken_is_oserror():
            self._resource.write_raw(data)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return the message; nothing when none came in ``timeout_s``."""
        self._resource.read_termination = terminator.decode("ascii")  # serial links know no other end
        return self._read(None, timeout_s)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or nothing when they did not come within ``timeout_s``."""
        return self._read(size_bytes, timeout_s)

    def _read(self, size_bytes: int | None, timeout_s: float) -> bytes:
        from pyvisa import constants, errors

        self._resource.timeout = timeout_s * 1000
        try:
            return self._resource.read_raw() if size_bytes is None else self._resource.read_bytes(size_bytes)
        except errors.VisaIOError as error:
            self._answer_owed = True
            if error.error_code == constants.StatusCode.error_timeout:
                return b""
            raise OSError(str(error)) from error

    def close(self) -> None:
        """Close the resource; VISA keeps a second call harmless."""
        self._resource.close()


class SocketPort:
    """Raw TCP (``TCPIP::host::port::SOCKET``) over the session's own socket.

    pyvisa-py itself reads a closed connection at full processor load until the timeout and then reports silence,
    its flush sleeps 100 ms, and it knows no descriptor above 1023.
    """

    def __init__(self, resource: "MessageBasedResource", link: socket.socket, timeout_s: float = 2.0) -> None:
        """Take over an open resource and its socket; ``timeout_s`` is how long sending may take.

        The kernel watches the time, not Python: that would look before each call whether it may, and every call hands
        the interpreter to another thread. With 64 meters that costs more than the calls.
        """
        self._resource, self._link = resource, link
        link.setblocking(True)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout_s))
        self._patience_s = 0.0
        self._arrived = bytearray()

    def discard(self) -> None:
        """Forget what has arrived and was not read."""
        try:
            while _has_arrived(self._link):
                self._receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        self._arrived.clear()

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._link.sendall(data)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        while terminator not in self._arrived and self._more(deadline_ns):
            pass
        at = self._arrived.find(terminator)
        return self._take(len(self._arrived) if at < 0 else at + len(terminator))

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or the fewer that came within ``timeout_s``."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        while len(self._arrived) < size_bytes and self._more(deadline_ns):
            pass
        return self._take(size_bytes)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._link.fileno()

    def has_line(self, terminator: bytes) -> bool:
        """Take in what has arrived, without waiting; return whether a line is whole."""
        try:
            self._receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return terminator in self._arrived

    def close(self) -> None:
        """Close the resource and with it the socket; VISA keeps a second call harmless."""
        self._resource.close()

    def _more(self, deadline_ns: int) -> bool:
        """Take in what comes; False when no more can. What is here counts, however late this process looks at it."""
        left_s = (deadline_ns - time.monotonic_ns()) / 1e9
        if left_s > 0 and not _SHARE * self._patience_s < left_s <= self._patience_s:
            self._link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(left_s))
            self._patience_s = left_s
        try:
            self._receive(0 if left_s > 0 else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        return left_s > 0

    def _receive(self, flags: int) -> None:
        data = self._link.recv(_CHUNK_BYTES, flags)
        if not data:
            raise ConnectionResetError("the instrument closed the connection")
        self._arrived += data

    def _take(self, size_bytes: int) -> bytes:
        taken = bytes(self._arrived[:size_bytes])
        del self._arrived[:size_bytes]
        return taken


_peek = ctypes.PyDLL(None).recv
_peek.argtypes, _peek.restype = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_ssize_t
_peeked = ctypes.create_string_buffer(1)


def _has_arrived(link: socket.socket) -> bool:
    """Return whether there is something to read, or the end of it.

    This takes a microsecond, and the interpreter is kept meanwhile (``PyDLL``). Python's own calls hand it to another
    thread and queue for it again: with 73 meters that makes questions late (measured: half as many with this).
    """
    return _peek(link.fileno(), _peeked, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) >= 0


def _timeval(seconds: float) -> bytes:
    """Return seconds as the kernel takes them; 0 would be for ever."""
    whole, microseconds = divmod(max(1, round(seconds * 1e6)), 1_000_000)
    return struct.pack("ll", whole, microseconds)


@contextmanager
def _broken_is_oserror() -> Generator[None]:
    """Raise VISA's own errors as the one that a :class:`~power.port.Port` promises."""
    from pyvisa import errors

    try:
        yield
    except errors.Error as error:
        raise OSError(str(error)) from error


def open_link(name: str, resource: str, *, timeout_s: float, baud: int = 9600) -> Port:
    """Open a VISA resource, a device path or a pyserial URL; OSError when that cannot be done.

    Serial lines are read with pyserial: pyvisa-py takes a byte at a time.

    Raises:
        MeterOffline: there is no such serial port, or another program holds it.
    """
    if "::" not in resource and ("/" in resource or resource.upper().startswith("COM")):
        return SerialPort.open(name, resource, baud=baud)
    if serial := _SERIAL.fullmatch(resource):
        return SerialPort.open(name, serial[1], baud=baud)
    return through(lambda: open_visa(resource, timeout_s=timeout_s))


def open_visa(resource: str, *, timeout_s: float) -> Port:
    """Open a resource by its VISA name; OSError when that cannot be done.

    The resource manager is one object for the whole process and is never closed: closing it ends every session.
    """
    import pyvisa

    timeout_ms = round(timeout_s * 1000)
    try:
        opened = pyvisa.ResourceManager("@py").open_resource(resource, open_timeout=timeout_ms)
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{resource}: {error}") from error
    session = cast("MessageBasedResource", opened)
    link = getattr(cast("Any", session.visalib).sessions[session.session], "interface", None)
    if not isinstance(link, socket.socket):
        return MessagePort(session)
    try:
        _must_be_connected(link, resource)
    except OSError:
        session.close()
        raise
    return SocketPort(session, link, timeout_s)


def _must_be_connected(link: socket.socket, resource: str) -> None:
    """Raise OSError if no connection was made: pyvisa-py takes one that is refused for an open one."""
    if errno := link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(f"{resource}: {os.strerror(errno)}")
    try:
        link.getpeername()
    except OSError as error:
        raise OSError(f"{resource}: {error.strerror}") from error
