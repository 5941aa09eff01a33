"""Capture: one thread for every port, copies from the first byte on, a port that goes and comes back."""

import logging
import socket
import threading
import time

import pytest

from devices.console import Console
from devices.errors import ConsoleFault

from .test_console import wait_for


def _readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "consoles"]


def test_all_consoles_share_one_thread_which_ends_with_the_last(uart):
    pairs = [uart("none") for _ in range(8)]
    assert _readers() == ["consoles"]
    for n, (line, _) in enumerate(pairs):
        line.print(b"board %d\r\n" % n * 500)
    for n, (_, console) in enumerate(pairs):
        wait_for(lambda console=console, n=n: console.log() == b"board %d\r\n" % n * 500)
    for _, console in pairs:
        console.close()
    assert not _readers()


def test_a_copy_has_every_byte_in_order_also_what_came_before(uart):
    line, console = uart("none")
    line.print(b"before ")
    wait_for(lambda: console.log() == b"before ")
    copied: list[tuple[int, bytes]] = []
    console.copy_to(lambda t_ns, data: copied.append((t_ns, data)))
    assert b"".join(data for _, data in copied) == b"before "
    for n in range(200):
        line.print(b"%d " % n)
    wanted = b"before " + b"".join(b"%d " % n for n in range(200))
    wait_for(lambda: b"".join(data for _, data in copied) == wanted)
    times = [t_ns for t_ns, _ in copied]
    assert times == sorted(times)
    assert times[-1] <= time.monotonic_ns()


def test_a_copy_gets_what_a_command_answers_too(uart):
    _, console = uart(logged_in=True)
    copied = bytearray()
    console.copy_to(lambda _, data: copied.extend(data))
    console.login("farm", "secret", timeout_s=30)
    console.run("seq 1 1000", timeout_s=30)
    wait_for(lambda: bytes(copied) == console.log())
    assert len(copied) > 1000


def test_a_copy_that_fails_is_dropped_and_told_and_capture_goes_on(uart, caplog):
    line, console = uart("none")

    def full(t_ns: int, data: bytes) -> None:
        raise OSError("no space left")

    console.copy_to(full)
    with caplog.at_level(logging.ERROR):
        line.print(b"one")
        wait_for(lambda: console.log() == b"one")
        line.print(b"two")
        wait_for(lambda: console.log() == b"onetwo")
        console.copy_to(full)  # which fails at what came before
    assert [record.getMessage() for record in caplog.records] == [
        "board-1: a copy of the console's log has ended early"
    ] * 2


def test_a_port_that_goes_is_told_and_captured_again_when_it_is_back():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with Console.open("board-1", url) as console:
            first, _ = server.accept()
            first.sendall(b"one ")
            wait_for(lambda: console.log() == b"one ")
            first.close()
            with pytest.raises(ConsoleFault, match="is gone"):
                for _ in console.follow(idle_s=0.01):
                    pass
            second, _ = server.accept()
            with second:
                second.sendall(b"two")
                wait_for(lambda: console.log() == b"one two")
                wait_for(lambda: _writes(console))
                assert second.recv(100).startswith(b"hello")


def _writes(console: Console) -> bool:
    try:
        console.write(b"hello")
    except ConsoleFault:
        return False
    return True


def test_a_closed_console_is_told_and_its_log_stays(uart):
    line, console = uart("none")
    line.print(b"last words")
    wait_for(lambda: console.log() == b"last words")
    console.close()
    with pytest.raises(ConsoleFault, match="it has been closed here"):
        console.write(b"x")
    assert console.log() == b"last words"


def test_many_small_pieces_cost_no_more_than_their_number(uart):
    line, console = uart("none")
    text = b"x" * 40 + b"\r\n"
    threading.Thread(target=lambda: [line.print(text) for _ in range(5000)]).start()
    wait_for(lambda: len(console.log()) == 5000 * len(text))
    assert len(console.lines()) == 5000
    assert next(iter(console.follow(since=0))) == text * 5000
