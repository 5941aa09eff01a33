"""A TCP link that counts what goes over it, and lets only so much a second."""

import select
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

_PIECE_BYTES = 8192
_BUFFER_BYTES = 16_384
"""Of either socket: what a link holds would otherwise count as sent."""


class Wire:
    """Stands before a server on loopback. ``bytes_a_second`` holds for each direction."""

    def __init__(self, port: int, bytes_a_second: float | None = None) -> None:
        self._far, self._rate = port, bytes_a_second
        self._listener = socket.socket()
        self._squeeze(self._listener)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self.carried = 0
        """Bytes of both directions together."""
        self._stop = False
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _squeeze(self, sock: socket.socket) -> None:
        if self._rate is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)

    def _accept(self) -> None:
        while not self._stop:
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            near, _ = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._far))
            self._squeeze(far)
            for a, b in ((near, far), (far, near)):
                a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(a)
                thread = threading.Thread(target=self._carry, args=(a, b), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, a: socket.socket, b: socket.socket) -> None:
        due = time.perf_counter()
        try:
            while data := a.recv(_PIECE_BYTES if self._rate else 1 << 18):
                if self._rate is not None:
                    due = max(due, time.perf_counter() - 0.002) + len(data) / self._rate
                    if (early := due - time.perf_counter()) > 0:
                        time.sleep(early)
                b.sendall(data)
                with self._lock:
                    self.carried += len(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other direction has ended the connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop = True
        for sock in self._sockets:
            with suppress(OSError):  # closed by its peer
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in [*self._sockets, self._listener]:
            sock.close()
