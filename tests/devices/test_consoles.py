"""Consoles on every kind of port keep what a console promises."""

import os
import pty
import select
import socket
import threading
import tty

import pytest
import serial
from serial.rfc2217 import PortManager

from devices.console import Console
from devices.testing import ConsoleConformance


class PtyEnd:
    """A local port: the master of a pseudo-terminal."""

    def __init__(self) -> None:
        self._master, line = pty.openpty()
        tty.setraw(line)
        self.port = os.ttyname(line)
        os.close(line)
        self._typed = b""

    def print(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._master, data) :]

    def typed(self) -> bytes:
        while select.select([self._master], [], [], 0)[0]:
            self._typed += os.read(self._master, 65536)
        return self._typed

    def cut(self) -> None:
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        if self._master >= 0:
            self.cut()


class NetEnd:
    """A terminal server with one client, raw or RFC 2217; its far side is this object."""

    def __init__(self, scheme: str) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self.port = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._settings = serial.serial_for_url("loop://", 9600) if scheme == "rfc2217" else None
        self._manager: PortManager | None = None
        self._client = socket.socket()
        self._typed, self._there = bytearray(), threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._client.close()
        self._client, _ = self._listener.accept()
        self._listener.close()
        if self._settings is not None:
            self._manager = PortManager(self._settings, self)
        self._there.set()
        try:
            while data := self._client.recv(65536):
                self._typed += b"".join(self._manager.filter(data)) if self._manager else data
        except OSError:
            pass  # the test has cut it

    def write(self, data: bytes) -> None:
        """For PortManager."""
        self._client.sendall(data)

    def print(self, data: bytes) -> None:
        assert self._there.wait(60)
        self.write(b"".join(self._manager.escape(data)) if self._manager else data)

    def typed(self) -> bytes:
        return bytes(self._typed)

    def cut(self) -> None:
        self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if not self._there.is_set():
            socket.create_connection(self._listener.getsockname()).close()
        self._thread.join(10)
        self._client.close()
        if self._settings is not None:
            self._settings.close()


class OnAPort(ConsoleConformance):
    @pytest.fixture
    def console(self, far):
        with Console.open("board-1", far.port) as console:
            yield console


class TestOnALocalPort(OnAPort):
    @pytest.fixture
    def far(self):
        far = PtyEnd()
        yield far
        far.close()


class TestOverARawSocket(OnAPort):
    scheme = "socket"

    @pytest.fixture
    def far(self):
        far = NetEnd(self.scheme)
        yield far
        far.close()


class TestOverRfc2217(TestOverARawSocket):
    scheme = "rfc2217"
