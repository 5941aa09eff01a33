"""USB meters on a real pseudo-terminal."""

import os
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from power.errors import MeterOffline
from power.usb.serial_port import SerialPort, ask, tcp_of


@contextmanager
def terminal(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A pty whose other end answers each burst of bytes."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def serve() -> None:
        while (heard := os.read(ours, 100)) != b"END":
            os.write(ours, answer(heard))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.write(theirs, b"END")
        thread.join(5)
        os.close(ours)
        os.close(theirs)


@contextmanager
def opened(path: str) -> Iterator[SerialPort]:
    port = SerialPort.open("m1", path, baud=9600)
    try:
        yield port
    finally:
        port.close()
        port.close()


def test_bytes_go_out_and_come_back_unchanged() -> None:
    every_byte = bytes(range(256))
    with terminal(lambda _: every_byte) as path, opened(path) as port:
        assert ask("m1", port, b"\xf0", size_bytes=256, timeout_s=2.0) == every_byte


def test_what_came_before_the_question_is_thrown_away() -> None:
    with terminal(lambda heard: b"old old old" if heard == b"?" else b"new") as path, opened(path) as port:
        port.write(b"?")
        assert port.read_exactly(3, 2.0) == b"old"
        assert ask("m1", port, b"!", size_bytes=3, timeout_s=2.0) == b"new"


def test_silence_is_offline() -> None:
    offline = pytest.raises(MeterOffline, match=r"m1: no answer to b'\\xf0' within 0.05 s")
    with terminal(lambda _: b"") as path, opened(path) as port, offline:
        ask("m1", port, b"\xf0", size_bytes=3, timeout_s=0.05)


def test_a_port_is_held_by_one_program_at_a_time() -> None:
    with terminal(lambda _: b"") as path, opened(path), pytest.raises(MeterOffline) as seen:
        SerialPort.open("m1", path, baud=9600)
    assert "no other program" in seen.value.hint


def test_a_meter_that_is_pulled_out_is_offline() -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with opened(os.ttyname(theirs)) as port:
        os.close(ours)
        os.close(theirs)
        with pytest.raises(MeterOffline, match="m1: ") as seen:
            ask("m1", port, b"\xf0", size_bytes=3, timeout_s=0.05)
    assert "plugged in" in seen.value.hint


@pytest.mark.parametrize("path", ["/dev/no-such-port", "nonsense://x"])
def test_a_port_that_is_not_there_is_offline_and_named(path: str) -> None:
    with pytest.raises(MeterOffline, match="m1: "):
        SerialPort.open("m1", path, baud=9600)


@pytest.mark.parametrize(
    "link",
    [
        "127.0.0.1:5025",
        "socket://127.0.0.1:5025",
        "tcp://127.0.0.1:5025",
        "TCPIP::127.0.0.1::5025::SOCKET",
        "tcpip0::127.0.0.1::5025::socket",
    ],
)
def test_a_tcp_link_may_be_named_in_every_way_there_is(link: str) -> None:
    assert tcp_of(link) == ("127.0.0.1", 5025)


@pytest.mark.parametrize(
    "link", ["/dev/ttyACM0", "USB0::0x0B21::0x0025::C2::INSTR", "TCPIP::192.0.2.1::INSTR", "COM3", ""]
)
def test_what_is_no_tcp_link_is_left_as_it_is(link: str) -> None:
    assert tcp_of(link) is None
