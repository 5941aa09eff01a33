"""Consoles over TCP: against pyserial's own RFC 2217 server, and against servers that misbehave."""

import os
import random
import select
import socket
import threading
from contextlib import suppress

import pytest
import serial
from serial.rfc2217 import PortManager

from devices.console_port import open_port
from devices.console_telnet import Telnet, escaped
from devices.errors import ConsoleFault

from .test_console_port import received

ALL = bytes(range(256))
IAC, WILL, WONT, DO, DONT, SB, SE = b"\xff", b"\xfb", b"\xfc", b"\xfd", b"\xfe", b"\xfa", b"\xf0"


class Server:
    """Takes one connection after another and gives each to a function; all is closed at the end."""

    def __init__(self, serve) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._serve, self._stop = serve, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            if select.select([self._listener], [], [], 0.02)[0]:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    self._serve(connection, self._stop)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def server():
    """``server(serve)`` → its address."""
    made = []

    def make(serve) -> str:
        made.append(Server(serve))
        return made[-1].address

    yield make
    for one in made:
        one.close()


class Locked:
    """What PortManager writes to."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


def pyserial_server(board: serial.SerialBase):
    """Return what serves a port of pyserial's as its own example server does."""

    def serve(connection: socket.socket, stop: threading.Event) -> None:
        manager = PortManager(board, Locked(connection))
        while not stop.is_set():
            if select.select([connection], [], [], 0.01)[0]:
                data = connection.recv(1024)
                if not data:
                    return
                board.write(b"".join(manager.filter(data)))
            if waiting := board.in_waiting:
                connection.sendall(b"".join(manager.escape(board.read(waiting))))

    return serve


def test_rfc2217_sets_the_port_and_passes_all_byte_values(server):
    with serial.serial_for_url("loop://", 9600, timeout=0) as board:
        port = open_port("b", f"rfc2217://{server(pyserial_server(board))}", 57600)
        port.write(ALL * 20)
        assert received(port, 20 * 256) == ALL * 20
        assert board.baudrate == 57600
        port.close()


def test_what_the_board_said_before_anybody_listened_is_kept(server):
    with serial.serial_for_url("loop://", 115200, timeout=0) as board:
        board.write(b"early")
        port = open_port("b", f"rfc2217://{server(pyserial_server(board))}", 115200)
        assert received(port, 5) == b"early"
        port.close()


def test_a_server_that_sets_another_rate_is_refused(server):
    answer = IAC + WILL + b"\x00" + IAC + DO + b"\x00" + IAC + DO + b"\x2c"
    answer += IAC + SB + b"\x2c\x65" + (9600).to_bytes(4, "big") + IAC + SE

    def serve(connection, stop):
        connection.sendall(answer)
        stop.wait()

    with pytest.raises(ConsoleFault, match="its server sets 9600 baud where 115200 was asked for"):
        open_port("b", f"rfc2217://{server(serve)}", 115200)


def test_a_server_without_the_option_is_refused(server):
    with pytest.raises(ConsoleFault, match=r"refuses the serial port option \(RFC 2217\)"):
        open_port(
            "b", f"rfc2217://{server(lambda link, stop: link.sendall(IAC + DONT + bytes([44])) or stop.wait())}", 1
        )


def test_a_raw_server_is_no_rfc2217_server(server, monkeypatch):
    monkeypatch.setattr("devices.console_net._AGREE_S", 0.3)

    def echo(connection, stop):
        while data := connection.recv(100):
            connection.sendall(data.replace(IAC + WILL, b"").replace(IAC + DO, b""))

    with pytest.raises(ConsoleFault, match=r"did not agree to .* within 0\.3 s"):
        open_port("b", f"rfc2217://{server(echo)}", 115200)


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_server_that_is_busy_is_told_in_its_own_words(server, scheme, monkeypatch):
    monkeypatch.setattr("devices.console_net._REFUSAL_S", 20.0)  # this machine may be slow to hang up

    def serve(connection, stop):
        connection.sendall(b"Port already in use\r\n")
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)

    with pytest.raises(ConsoleFault, match=r"closed the connection, and said: Port already in use\n.*nobody else conn"):
        open_port("b", f"{scheme}://{server(serve)}", 115200)


def test_a_raw_socket_carries_all_byte_values_and_its_end_is_no_silence(server):
    over = threading.Event()

    def echo(connection, stop):
        connection.sendall(b"early")
        while not over.is_set() and (data := connection.recv(65536)):
            connection.sendall(data)
            if b"over" in data:
                return

    port = open_port("b", f"socket://{server(echo)}", 115200)
    port.write(ALL * 20)
    assert received(port, 5 + 20 * 256) == b"early" + ALL * 20
    port.write(b"over")
    assert received(port, 4) == b"over"
    select.select([port.fileno()], [], [], 60)
    with pytest.raises(OSError, match="closed the connection"):
        port.read()
    port.close()


def test_a_server_that_takes_nothing_is_found_out(server, monkeypatch):
    monkeypatch.setattr("devices.console_net._WRITE_S", 0.2)
    port = open_port("b", f"socket://{server(lambda _, stop: stop.wait())}", 115200)
    with pytest.raises(OSError, match="timed out"):
        port.write(bytes(50_000_000))
    port.close()


def test_a_server_that_takes_no_answers_keeps_nobody_from_reading(server, monkeypatch):
    monkeypatch.setattr("devices.console_net._WRITE_S", 0.2)

    def serve(connection: socket.socket, stop: threading.Event) -> None:
        go.wait(20)
        connection.sendall((b"x" + IAC + DO + b"\x18") * 1000)
        stop.wait()

    go = threading.Event()
    port = open_port("b", f"socket://{server(serve)}", 115200)
    with pytest.raises(OSError, match="timed out"):
        port.write(bytes(50_000_000))  # nothing more goes from here on
    port._telnet = Telnet(115200)
    go.set()
    assert received(port, 1000) == b"x" * 1000
    port.close()


def test_telnet_is_understood_in_any_chunking():
    said = b"boot" + IAC + WILL + b"\x01" + escaped(ALL) + IAC + SB + b"\x2c\x6b" + IAC + IAC + IAC + SE + b"ed"
    said += IAC + b"\xf1" + IAC + DO + b"\x18" + IAC + IAC + b"."
    for seed in range(50):
        cut, telnet, data, answers = random.Random(seed), Telnet(115200), b"", b""
        rest = said
        while rest:
            size = cut.randint(1, 9)
            got, answer = telnet.feed(rest[:size])
            data, answers, rest = data + got, answers + answer, rest[size:]
        assert data == b"boot" + ALL + b"ed\xff."
        assert answers == IAC + DO + b"\x01" + IAC + WONT + b"\x18"


def test_what_is_agreed_already_is_not_answered_again():
    telnet = Telnet(115200)
    assert telnet.feed(IAC + WILL + b"\x01")[1] == IAC + DO + b"\x01"
    assert telnet.feed(IAC + WILL + b"\x01")[1] == b""
    assert telnet.feed(IAC + WONT + b"\x01")[1] == IAC + DONT + b"\x01"
    assert telnet.feed(IAC + WONT + b"\x01")[1] == b""


def test_plain_bytes_cost_no_copying():
    data = os.urandom(1000).replace(IAC, b"")
    assert Telnet(115200).feed(data)[0] is data
