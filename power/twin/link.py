"""Where a twin listens: a TCP or UDP port on loopback, or a pseudo-terminal. One thread each, no polling."""

import os
import selectors
import socket
import threading
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable

Answer = Callable[[bytes], bytes]
"""One request in, the bytes to send back; empty for none."""

Cut = Callable[[bytearray], list[bytes]]
"""Takes the complete requests out of what has arrived so far."""

_SEND_TIMEOUT_S = 1.0
"""A client that does not read for this long loses its connection (assumed)."""


def cut_lines(arrived: bytearray) -> list[bytes]:
    """Cut at line feeds; a carriage return before one is dropped."""
    *lines, rest = bytes(arrived).split(b"\n")
    arrived[:] = rest
    return [line.rstrip(b"\r") for line in lines]


class Link(ABC):
    """Serves requests from a thread until it is closed."""

    address: str

    def __init__(self, name: str, cut: Cut, answer: Answer) -> None:
        """Make the thread; a subclass opens its port and starts it."""
        self._cut, self._answer = cut, answer
        self._ready = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._ready.register(self._wake_read, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"twin {name}", daemon=True)

    def close(self) -> None:
        """Let go of the port and end the thread. May be called twice."""
        if not self._thread.is_alive():
            return
        self._wake_write.send(b"x")
        self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                for key, _ in self._ready.select():
                    if key.fileobj is self._wake_read:
                        return
                    self._serve(key)
        finally:
            self._close_port()
            self._ready.close()
            self._wake_read.close()
            self._wake_write.close()

    @abstractmethod
    def _serve(self, key: selectors.SelectorKey) -> None:
        """Something has arrived."""

    @abstractmethod
    def _close_port(self) -> None:
        """Close what was opened."""


class TcpLink(Link):
    """A free port on loopback; any number of clients, one request at a time, as in a bench instrument."""

    def __init__(self, name: str, cut: Cut, answer: Answer, *, one_request: bool = False) -> None:
        """Listen. With ``one_request`` a connection ends with its first answer."""
        super().__init__(name, cut, answer)
        self._one_request = one_request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._arrived: dict[socket.socket, bytearray] = {}
        self._ready.register(self._listener, selectors.EVENT_READ)
        self.port = int(self._listener.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self._thread.start()

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._listener:
            self._accept()
            return
        client = key.fileobj
        if not isinstance(client, socket.socket):
            raise TypeError(f"{self.address}: {client!r} is not one of its sockets")
        try:
            data = client.recv(65536)
            self._arrived[client] += data
            for request in self._cut(self._arrived[client]):
                client.sendall(answer := self._answer(request))
                if self._one_request and answer:
                    data = b""
        except OSError:  # the client is gone, or does not read
            data = b""
        if not data:
            self._drop(client)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # gone again before it was accepted
            return
        client.settimeout(_SEND_TIMEOUT_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._arrived[client] = bytearray()
        self._ready.register(client, selectors.EVENT_READ)

    def push(self, data: bytes) -> None:
        """Send what nobody asked for to whoever is connected, from a thread other than the link's."""
        for client in list(self._arrived):
            try:
                client.sendall(data)
            except OSError:  # gone: the link's own thread notices
                continue

    def _drop(self, client: socket.socket) -> None:
        self._ready.unregister(client)
        del self._arrived[client]
        client.close()

    def _close_port(self) -> None:
        for client in list(self._arrived):
            self._drop(client)
        self._listener.close()


class UdpLink(Link):
    """A free UDP port on loopback; a datagram is a request, and is answered with one."""

    def __init__(self, name: str, answer: Answer) -> None:
        """Listen."""
        super().__init__(name, lambda arrived: [bytes(arrived)], answer)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._ready.register(self._socket, selectors.EVENT_READ)
        self.port = int(self._socket.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self._thread.start()

    def _serve(self, key: selectors.SelectorKey) -> None:  # noqa: ARG002 -- there is one socket
        request, client = self._socket.recvfrom(65536)
        if answer := self._answer(request):
            self._socket.sendto(answer, client)

    def _close_port(self) -> None:
        self._socket.close()


class PtyLink(Link):
    """A pseudo-terminal: the client opens ``address`` like a serial port."""

    def __init__(self, name: str, cut: Cut, answer: Answer) -> None:
        """Open the pair. Its client end is held open too, so that a client may come and go."""
        super().__init__(name, cut, answer)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._arrived = bytearray()
        self._ready.register(self._master, selectors.EVENT_READ)
        self.address = os.ttyname(self._slave)
        self._thread.start()

    def _serve(self, key: selectors.SelectorKey) -> None:  # noqa: ARG002 -- there is one port
        self._arrived += os.read(self._master, 4096)
        for request in self._cut(self._arrived):
            if not self.push(self._answer(request)):
                return

    def push(self, data: bytes) -> bool:
        """Send what nobody asked for, from any thread; False when nobody reads: a serial line drops it too."""
        try:
            os.write(self._master, data)
        except BlockingIOError:
            return False
        return True

    def _close_port(self) -> None:
        os.close(self._master)
        os.close(self._slave)
