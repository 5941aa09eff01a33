"""The board's SSH server: a port that stays the board's, open only while it is up."""

import logging
import socket
import struct
import threading
from contextlib import suppress
from io import StringIO
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .ssh_job import Place
from .ssh_session import Access, Connection, Session

logging.getLogger("devices.twin.ssh").addHandler(logging.NullHandler())  # a cut link is no news here
logging.getLogger("devices.twin.ssh").propagate = False

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: a board that loses power sends no farewell
_END_S = 5.0
_BACKLOG = 16


class Link(socket.socket):
    """An accepted connection that can fall silent."""

    silence: threading.Event
    gone: threading.Event

    @classmethod
    def around(cls, plain: socket.socket, silence: threading.Event) -> "Link":
        """Take over a socket."""
        link = cls(fileno=plain.detach())
        link.silence, link.gone = silence, threading.Event()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive; what came in silence is heard when it ends."""
        self._wait()
        data = super().recv(bufsize, flags)
        self._wait()
        return data

    def send(self, data: bytes, flags: int = 0, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] -- paramiko sends bytes
        """Send, once nobody wants silence."""
        self._wait()
        return super().send(data, flags)

    def cut(self) -> None:
        """Break the connection from any thread; the one that uses it then closes it."""
        with suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            self.shutdown(socket.SHUT_RDWR)
        self.gone.set()  # last: who waits in silence must find nothing left to send on

    def _wait(self) -> None:
        while self.silence.is_set() and not self.gone.wait(0.05):
            pass


class SshServer:
    """Listens, and keeps count of who is connected."""

    def __init__(self, access: Access, place: Place, root: Path) -> None:
        self._access, self._place, self._root = access, place, root
        self._lock = threading.Lock()
        self._silence = threading.Event()
        self._links: dict[Link, Connection] = {}
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._claim = _bound(0)
        self.port: int = self._claim.getsockname()[1]
        """Bound, but not listening, while the board is down: connections are refused, and nobody else gets it."""

    def open(self, host_key: paramiko.PKey) -> None:
        """Begin to listen."""
        listener = _bound(self.port)
        listener.listen(_BACKLOG)
        acceptor = threading.Thread(target=self._accept, args=(listener, host_key), name="twin-sshd", daemon=True)
        acceptor.start()
        self._acceptor = acceptor  # the power may go at any moment: only what runs is there to be shut
        self._listener = listener

    def silence(self, *, on: bool) -> None:
        """Let connections stay open, and nothing go either way; or let them speak again."""
        (self._silence.set if on else self._silence.clear)()

    def stall(self) -> None:
        """Let the connections that there are stay open and hear nothing more; new ones are served as ever."""
        silent = threading.Event()
        silent.set()
        with self._lock:
            for link in self._links:
                link.silence = silent

    def cut(self) -> None:
        """Break every connection."""
        with self._lock:
            connections = dict(self._links)
        for link in connections:
            link.cut()
        for connection in connections.values():
            connection.join(_END_S)
        with self._lock:
            for link in connections:
                self._links.pop(link, None)

    def shut(self) -> None:
        """Stop listening and break every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            if self._acceptor is not None:
                self._acceptor.join(_END_S)
            listener.close()
        self.cut()

    def close(self) -> None:
        """Give the port back."""
        self.shut()
        self._claim.close()

    def _accept(self, listener: socket.socket, host_key: paramiko.PKey) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:  # shut
                return
            link = Link.around(plain, self._silence)
            connection = Connection(link, Session(self._access, self._place), host_key, self._root)
            with self._lock:
                self._links = {known: other for known, other in self._links.items() if other.is_alive()}
                self._links[link] = connection
                connection.serve()


def host_key(path: Path, *, renew: bool = False) -> paramiko.PKey:
    """Return the key in a file, made first when there is none or another one is wanted."""
    if renew or not path.exists():
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(text)
    return paramiko.Ed25519Key(file_obj=StringIO(path.read_text()))


def _bound(port: int) -> socket.socket:
    claim = socket.socket()
    claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    claim.bind(("127.0.0.1", port))
    return claim
