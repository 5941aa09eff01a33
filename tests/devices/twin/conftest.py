"""Plain clients of our own: the twin is judged without the farm's shell and console."""

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest

from devices.twin import uart
from devices.twin.board_twin import BoardTwin, TwinAddress
from devices.twin.machine import Life

SERIAL = "1424321018263"
PASSWORD = "secret-of-the-twin"
DEADLINE_S = 60.0


class Client:
    """One SSH connection."""

    def __init__(self, address: TwinAddress, *, user: str = "farm", password: str = PASSWORD, key=None) -> None:
        self.sock = socket.create_connection(("127.0.0.1", address.ssh_port), timeout=DEADLINE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = paramiko.Transport(self.sock)
        try:
            self.transport.start_client(timeout=DEADLINE_S)
            host_key = self.transport.get_remote_server_key()
            self.host_key = f"{host_key.get_name()} {host_key.get_base64()}"
            if key is None:
                self.transport.auth_password(user, password)
            else:
                self.transport.auth_publickey(user, key)
        except BaseException:
            self.close()
            raise

    def start(self, command: str) -> paramiko.Channel:
        channel = self.transport.open_session(timeout=DEADLINE_S)
        channel.settimeout(DEADLINE_S)
        channel.exec_command(command)
        return channel

    def run(self, command: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        channel = self.start(command)
        feeder = threading.Thread(target=self._feed, args=(channel, memoryview(stdin)))
        feeder.start()
        out, err = bytearray(), b""
        while data := channel.recv(65536):
            out += data
        while data := channel.recv_stderr(65536):
            err += data
        feeder.join()
        return channel.recv_exit_status(), bytes(out), err

    @staticmethod
    def _feed(channel: paramiko.Channel, data: memoryview) -> None:
        with suppress(OSError, EOFError):  # a command may end without reading its input
            channel.sendall(data)
            channel.shutdown_write()

    def text(self, command: str) -> str:
        status, out, err = self.run(command)
        assert status == 0, err
        return out.decode().rstrip("\n")

    def close(self) -> None:
        self.transport.close()
        self.sock.close()


class Port:
    """The other end of the console."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.seen = b""
        self._read_to = 0

    def read(self, seconds: float) -> bytes:
        if not select.select([self.fd], [], [], seconds)[0]:
            return b""
        data = os.read(self.fd, 65536)
        self.seen += data
        return data

    def until(self, text: bytes, *, timeout_s: float = DEADLINE_S) -> bytes:
        """Read on until this text; return what stands between the last one waited for and the end of all that came."""
        deadline, start = time.monotonic() + timeout_s, self._read_to
        while (found := self.seen.find(text, start)) < 0:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen[start:]!r}"
            self.read(0.1)
        self._read_to = found + len(text)
        return self.seen[start:]

    def skip(self) -> None:
        """Wait for nothing that has come so far."""
        self._read_to = len(self.seen)

    def quiet_for(self, seconds: float) -> bool:
        return not self.read(seconds)

    def type(self, text: bytes) -> None:
        os.write(self.fd, text)

    def log_in(self, user: str = "farm", password: str = PASSWORD) -> None:
        self.type(user.encode() + b"\r")
        self.until(b"Password: ")
        time.sleep(0.2)
        self.type(password.encode() + b"\r")

    def close(self) -> None:
        os.close(self.fd)


@pytest.fixture
def make_twin(tmp_path: Path) -> Iterator[Callable[..., tuple[BoardTwin, TwinAddress]]]:
    made: list[BoardTwin] = []

    def make(model: str = "pi-zero-aiy", **changes) -> tuple[BoardTwin, TwinAddress]:
        options = {"user": "farm", "password": PASSWORD, "authorized_key": "", "serial_number": SERIAL, "seed": 7}
        made.append(BoardTwin("twin", model, tmp_path / f"board-{len(made)}", **(options | changes)))
        return made[-1], made[-1].start()

    yield make
    for twin in made:
        twin.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boots and shutdowns take a tenth of their time, for tests that are about something else."""
    unhurried = Life._wait
    monkeypatch.setattr(Life, "_wait", lambda life, seconds: unhurried(life, seconds / 10))
    monkeypatch.setattr(uart, "_BYTES_PER_S", 200_000)


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BoardTwin, TwinAddress]]:
    """A TX2 that is up and that tests share: they leave it as they found it."""
    options = {"user": "farm", "password": PASSWORD, "authorized_key": "", "serial_number": SERIAL, "seed": 7}
    twin = BoardTwin("tx2", "jetson-tx2", tmp_path_factory.mktemp("tx2"), **options)
    address = twin.start()
    twin.power(on=True)
    wait_for_ssh(address)
    yield twin, address
    twin.close()


@pytest.fixture
def client(up: tuple[BoardTwin, TwinAddress]) -> Iterator[Client]:
    client = Client(up[1])
    yield client
    client.close()


@pytest.fixture
def port_of() -> Iterator[Callable[[TwinAddress], Port]]:
    opened: list[Port] = []

    def open_port(address: TwinAddress) -> Port:
        opened.append(Port(address.console_path))
        return opened[-1]

    yield open_port
    for port in opened:
        port.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def connect(address: TwinAddress, **options) -> Client:
        wait_for_ssh(address)
        clients.append(Client(address, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], bool]:
    return wait_until


def wait_for_ssh(address: TwinAddress) -> None:
    assert wait_until(lambda: listens(address)), "SSH never came up"


def listens(address: TwinAddress) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", address.ssh_port)) == 0


def wait_until(happens: Callable[[], bool], timeout_s: float = DEADLINE_S) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if happens():
            return True
        time.sleep(0.02)
    return happens()
