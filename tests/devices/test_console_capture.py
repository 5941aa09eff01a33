"""Capture: one thread for every port, copies from the first byte on, a port that goes and comes back."""

import logging
import socket
import threading

import pytest

from devices.console import Console
from devices.errors import ConsoleFault

from .test_console import wait_for


def _readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "consoles"]


def _copiers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.endswith("copy of the console")]


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
    copied = bytearray()
    console.copy_to(copied.extend)
    for n in range(200):
        line.print(b"%d " % n)
    whole = b"before " + b"".join(b"%d " % n for n in range(200))
    wait_for(lambda: len(copied) >= len(whole))
    assert bytes(copied) == whole


def test_a_copy_gets_what_a_command_answers_too(uart):
    _, console = uart(logged_in=True)
    copied = bytearray()
    console.copy_to(copied.extend)
    console.login("farm", "secret", timeout_s=30)
    console.run("seq 1 1000", timeout_s=30)
    wait_for(lambda: bytes(copied) == console.log())
    assert len(copied) > 1000


def test_a_copy_is_whole_when_the_console_is_closed(uart):
    line, console = uart("none")
    copied = bytearray()
    console.copy_to(copied.extend)
    line.print(b"last words")
    wait_for(lambda: console.log() == b"last words")
    console.close()
    assert copied == b"last words"
    late = bytearray()
    console.copy_to(late.extend)
    assert late == b"last words"


def test_a_copy_on_a_disk_that_hangs_costs_no_console_a_byte(uart, caplog):
    hangs, (line, console) = threading.Event(), uart("none")
    others = [uart("none") for _ in range(3)]
    copied = bytearray()

    def hang(data: bytes) -> None:
        assert hangs.wait(30)
        copied.extend(data)

    console.copy_to(hang)
    text = b"".join(b"line %d\r\n" % n for n in range(3000))
    for far, _ in [*others, (line, console)]:
        far.print(text)
    for _, near in [*others, (line, console)]:
        wait_for(lambda near=near: near.log() == text)
    assert not copied
    hangs.set()
    wait_for(lambda: copied == text)
    assert not caplog.records


def test_a_disk_that_hangs_holds_up_no_closing_and_what_is_missing_is_told(uart, caplog, monkeypatch):
    monkeypatch.setattr("devices.console_capture._COPIED_S", 0.1)
    hangs, (line, console) = threading.Event(), uart("none")
    copied: list[bytes] = []

    def hang(data: bytes) -> None:
        copied.append(data)
        assert hangs.wait(30)

    console.copy_to(hang)
    line.print(b"one")
    wait_for(lambda: copied)
    line.print(b"two")
    wait_for(lambda: console.log() == b"onetwo")
    console.close()
    assert [record.getMessage() for record in caplog.records] == [
        "board-1: the last 6 bytes of the console's log are not in its copy: whoever writes it does not come back"
    ]
    hangs.set()
    wait_for(lambda: not _copiers())
    assert copied == [b"one"]  # its file may be closed by now


def test_a_copy_on_a_full_disk_goes_on_when_there_is_room(uart, caplog, monkeypatch):
    monkeypatch.setattr("devices.console_copy._AGAIN_S", 0.01)
    full, (line, console) = threading.Event(), uart("none")
    copied = bytearray()

    def write(data: bytes) -> None:
        if full.is_set():
            raise OSError(28, "No space left on device")
        copied.extend(data)

    full.set()
    console.copy_to(write)
    line.print(b"one")
    wait_for(lambda: caplog.records)
    line.print(b"two")
    wait_for(lambda: console.log() == b"onetwo")
    full.clear()
    wait_for(lambda: copied == b"onetwo")
    full.set()
    line.print(b"three")
    wait_for(lambda: len(caplog.records) == 3)
    console.close()
    held_up = (
        "board-1: a copy of the console's log is held up, and goes on when it can: [Errno 28] No space left on device"
    )
    assert [record.getMessage() for record in caplog.records] == [
        held_up,
        "board-1: the copy of the console's log goes on",
        held_up,
        "board-1: the last 5 bytes of the console's log are not in its copy: [Errno 28] No space left on device",
    ]


def test_a_copy_that_is_broken_is_dropped_and_told_and_capture_goes_on(uart, caplog):
    line, console = uart("none")

    def broken(data: bytes) -> None:
        raise ValueError("write to closed file")

    console.copy_to(broken)
    with caplog.at_level(logging.ERROR):
        line.print(b"one")
        wait_for(lambda: caplog.records)
        line.print(b"two")
        wait_for(lambda: console.log() == b"onetwo")
        console.close()
    assert [record.getMessage() for record in caplog.records] == [
        "board-1: a copy of the console's log has ended early"
    ]


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
