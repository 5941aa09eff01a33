"""Consoles over TCP: the bytes as they are, or with the serial port's settings beside them (RFC 2217)."""

import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from .console_name import address
from .console_telnet import Telnet, escaped

_READ_BYTES = 65536
_CONNECT_S = 5.0
"""Assumed: a terminal server in the same laboratory answers within this."""
_AGREE_S = 5.0
"""Assumed: as above, for what RFC 2217 agrees on."""
_REFUSAL_S = 0.15
"""A server that has no room for a second connection takes it, says so and hangs up at once; assumed for a local net."""
_WRITE_S = 5.0
"""Assumed: a connection that takes nothing for this long never will."""
_ALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
"""A server that lost its power says nothing: found after 30 s. Assumed."""

_CLOSED = "its server has closed the connection"


class NetPort:
    """A connection to a terminal server. See :class:`devices.console_port.Port`."""

    def __init__(self, url: str, baud: int) -> None:
        """Connect, and where the URL says so agree on RFC 2217.

        Raises:
            OSError: nobody there, or it hangs up or does not agree; in words.
            ValueError: the URL is none.
        """
        scheme, host, port = address(url)
        self._telnet = Telnet(baud) if scheme == "rfc2217" else None
        self._early = b""
        """What came while the connection was made."""
        self._writing = threading.Lock()
        self._owed: deque[bytes] = deque()
        """Answers of telnet's that have not gone yet."""
        self._socket = socket.create_connection((host, port), _CONNECT_S)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _ALIVE.items():
                self._socket.setsockopt(socket.IPPROTO_TCP, option, value)
            self._socket.settimeout(_WRITE_S)  # and with it os.read never waits
            self._agree()
        except BaseException:
            self._socket.close()
            raise

    def _agree(self) -> None:
        telnet = self._telnet
        try:
            # who has no room says so and hangs up; typing into that would lose what it said
            self._listen(_REFUSAL_S, lambda: telnet is not None and telnet.heard)
            if telnet is not None:
                self._socket.sendall(telnet.hello())
                self._listen(_AGREE_S, lambda: telnet.ready or bool(telnet.refused))
        except ConnectionError as error:
            said = self._early.decode("utf-8", "replace").strip()
            raise ConnectionResetError(_CLOSED + f", and said: {said}" * bool(said)) from error
        if telnet is not None and telnet.refused:
            raise ValueError(telnet.refused)
        if telnet is not None and not telnet.ready:
            raise TimeoutError(f"its server did not agree to {telnet.missing} within {_AGREE_S:g} s")

    def _listen(self, for_s: float, enough: Callable[[], bool]) -> None:
        left_s, end_s = for_s, time.monotonic() + for_s
        while not enough() and left_s > 0:
            left_s = end_s - time.monotonic()
            if select.select([self._socket], [], [], max(0.0, left_s))[0]:  # what is here counts, however late
                self._early += self._receive()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def read(self) -> bytes:
        """Return what is there now."""
        early, self._early = self._early, b""
        return early or self._receive()

    def _receive(self) -> bytes:
        try:
            received = os.read(self._socket.fileno(), _READ_BYTES)
        except BlockingIOError:
            return b""
        if not received:
            raise ConnectionResetError(_CLOSED)
        if self._telnet is None:
            return received
        data, answer = self._telnet.feed(received)
        if answer:
            self._owed.append(answer)
        self._pay()
        return data

    def _pay(self) -> None:
        """Send what telnet owes the server, if that takes it now: who reads here reads other ports as well."""
        if not self._owed or not self._writing.acquire(blocking=False):
            return
        try:
            while self._owed:
                piece = self._owed.popleft()
                with suppress(BlockingIOError):
                    piece = piece[os.write(self._socket.fileno(), piece) :]
                if piece:
                    self._owed.appendleft(piece)
                    return
        finally:
            self._writing.release()

    def write(self, data: bytes) -> None:
        """Write all of it; TimeoutError where the server takes nothing."""
        with self._writing:
            while self._owed:
                self._socket.sendall(self._owed.popleft())
            self._socket.sendall(data if self._telnet is None else escaped(data))
        self._pay()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
