"""A serial line as a :class:`~power.port.Port`."""

import re
import termios
from typing import TYPE_CHECKING, Self

from ..errors import MeterOffline
from ..port import Port, through

if TYPE_CHECKING:
    from serial import Serial

HINT = "is the meter plugged in and powered, and no other program using its port?"
_WRITE_TIMEOUT_S = 1.0
"""Assumed: a question is a few bytes; a radio link that is gone would take them never."""

_TCP = re.compile(r"(?:tcp://|socket://)?([\w.-]+):(\d+)/?|TCPIP\d*::([^:]+)::(\d+)::SOCKET", re.IGNORECASE)


def tcp_of(link: str) -> tuple[str, int] | None:
    """Return host and port of a TCP link, however it is named: ``host:port``, a URL, a VISA name; None for others."""
    found = _TCP.fullmatch(link.strip())
    return (found[1] or found[3], int(found[2] or found[4])) if found else None


class SerialPort:
    """A USB or Bluetooth serial port, held by this process alone."""

    def __init__(self, serial: "Serial") -> None:
        """Take over an open pyserial port."""
        self._serial = serial

    @classmethod
    def open(cls, name: str, port: str, *, baud: int) -> Port:
        """Open a device path or a pyserial URL; ``host:port`` and VISA's names of sockets are TCP.

        Raises:
            MeterOffline: there is no such port, or another program holds it.
        """
        return through(lambda: cls._open(name, port, baud))

    @classmethod
    def _open(cls, name: str, port: str, baud: int) -> Self:
        import serial

        url = "socket://{}:{}".format(*tcp) if (tcp := tcp_of(port)) else port
        try:
            return cls(serial.serial_for_url(url, baudrate=baud, exclusive=True, write_timeout=_WRITE_TIMEOUT_S))
        except (OSError, ValueError) as error:
            raise MeterOffline(name, str(error), hint=HINT) from error

    def discard(self) -> None:
        """Forget what has arrived and was not read."""
        try:
            self._serial.reset_input_buffer()
        except termios.error as error:  # pyserial passes it on as it is when the device is gone
            raise OSError(*error.args) from error

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._serial.write(data)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``."""
        self._serial.timeout = timeout_s
        return self._serial.read_until(terminator)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or the fewer that came within ``timeout_s``."""
        self._serial.timeout = timeout_s
        return self._serial.read(size_bytes)

    def close(self) -> None:
        """Close the port. May be called twice."""
        self._serial.close()


def ask(name: str, port: Port, question: bytes, *, size_bytes: int, timeout_s: float) -> bytes:
    """Return what a meter answers, at most ``size_bytes``; its length and checksum are for the driver's ``parse``.

    Raises:
        MeterOffline: silence, or the line is broken.
    """
    try:
        port.discard()
        port.write(question)
        answer = port.read_exactly(size_bytes, timeout_s)
    except OSError as error:
        raise MeterOffline(name, str(error), hint=HINT) from error
    if not answer:
        raise MeterOffline(name, f"no answer to {question!r} within {timeout_s:g} s", hint=HINT)
    return answer
