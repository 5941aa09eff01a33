"""Boards that accept and never answer cost their own deadline, and nobody else's."""

import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from devices.ssh_knock import greeting
from farm.health import look_at_each
from farm.health.look import _QUICK, _SLOW


@pytest.fixture
def never_answers() -> Iterator[int]:
    """A port whose backlog takes every connection, and which nobody reads."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield server.getsockname()[1]


@pytest.fixture
def nobody_listens() -> int:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return gone.getsockname()[1]


A_LOOK = 4
"""Threads of one look: its own, the heartbeat of its lease, the opening of the console, the deadline of the login."""


@pytest.fixture
def most_threads() -> Iterator[list[int]]:
    """How many threads there were at most beyond those that were there before."""
    most, over, before = [0], threading.Event(), set(threading.enumerate())

    def count() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], len(set(threading.enumerate()) - before - {counter}))

    counter = threading.Thread(target=count)
    counter.start()
    yield most
    over.set()
    counter.join()


def test_boards_that_hang_hold_up_neither_the_others_nor_each_other(
    sockets_lab, never_answers, nobody_listens, most_threads, tmp_path, monkeypatch
):
    monkeypatch.setenv("HEALTH_TEST_PASSWORD", "secret")
    hang = {f"hangs-{n}": never_answers for n in range(64)}
    ports = hang | {f"refuses-{n}": nobody_listens for n in range(96)}
    lab = sockets_lab(ports, console=f"socket://127.0.0.1:{nobody_listens}")
    started_s = time.monotonic()
    found = {health.board: health for health in look_at_each(lab, list(ports), tmp_path)}
    took_s = time.monotonic() - started_s
    waited_s = sum(found[name].looked_s for name in hang)
    assert took_s < waited_s / 3, "one after the other"
    waits_to_write = 1
    assert most_threads[0] <= A_LOOK * (_QUICK + _SLOW) + waits_to_write < 3 * len(ports), "threads without bound"
    assert all("greets nobody within" in health.faults[0] for name, health in found.items() if name in hang)
    assert all("cannot be reached" in health.faults[0] for name, health in found.items() if name not in hang)
    places = {name: place for place, name in enumerate(found)}
    answered = [place for name, place in places.items() if name not in hang]
    assert np.median(answered) < np.median([places[name] for name in hang]), "who answers waits for those who do not"


def test_a_server_that_greets_is_told_from_one_that_is_silent(never_answers, nobody_listens):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            link, _ = server.accept()
            link.sendall(b"Welcome to the lab\r\nSS")
            link.sendall(b"H-2.0-OpenSSH_9.2\r\n")
            link.close()

        greeter = threading.Thread(target=greet)
        greeter.start()
        servers = {"greets": server.getsockname()[:2], "silent": ("127.0.0.1", never_answers)}
        servers |= {"refuses": ("127.0.0.1", nobody_listens), "by-name": ("board.lab.invalid", 22)}
        assert greeting(servers, within_s=1.0) == {"greets": "greeted", "silent": "silent", "refuses": "refused"}
        greeter.join()
