"""A lab of 256 boards of which 64 are sockets that accept and never answer."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from farm.tui.source import Glance, Held, Known, Past, Piece, Show, Tell, Trial, Wiring, Wish

BOARDS = 256
HANGING = 64
LOOK_S = 0.03
"""What a quick board takes to answer; asleep, as over a network."""


@contextmanager
def deaf_ports(count: int = HANGING) -> Iterator[list[int]]:
    """Listen on so many ports, take every connection, and say nothing."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    taken: list[socket.socket] = []

    def accept(server: socket.socket) -> None:
        try:
            while True:
                taken.append(server.accept()[0])
        except OSError:  # closed: the measurement is over
            return

    threads = [threading.Thread(target=accept, args=(server,), daemon=True) for server in listening]
    for thread in threads:
        thread.start()
    try:
        yield [server.getsockname()[1] for server in listening]
    finally:
        for server in [*listening, *taken]:
            _end(server)
        for thread in threads:
            thread.join(5)


def _end(link: socket.socket) -> None:
    """Close it, and wake who waits on it."""
    with suppress(OSError):  # never connected, or the other end was first
        link.shutdown(socket.SHUT_RDWR)
    link.close()


_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class BenchLab:
    """Every fourth board is one of the deaf ports; the others answer with watts that change at each look."""

    lab = "benchmark"

    def __init__(self, ports: Sequence[int]) -> None:
        every = BOARDS // len(ports)
        self._ports = {f"board-{number * every:03d}": port for number, port in enumerate(ports)}
        self._looks: dict[str, int] = {}

    def boards(self) -> list[Wiring]:
        return [Wiring(f"board-{number:03d}", "jetson-tx2", "process twin") for number in range(BOARDS)]

    def look(self, board: str) -> Glance:
        if board in self._ports:
            with socket.create_connection(("127.0.0.1", self._ports[board])) as link:
                link.recv(1)  # for ever
        time.sleep(LOOK_S)
        count = self._looks[board] = self._looks.get(board, 0) + 1
        watts = 7 + 0.37 * (count % 5)
        return Glance(powered=True, up=True, stage="login", watts=watts, celsius=40 + count % 7)

    def known(self) -> Known:
        passed = {board.board: Trial("1", _AT, "lenet5", "pass") for board in self.boards()[::2]}
        return Known({"board-001": [Held("reservation", "ann@desk", "", _AT)]}, {}, passed)

    def past(self, board: str) -> Past:  # noqa: ARG002 -- the protocol's
        return Past()

    def watch(self, board: str, stop: threading.Event) -> Iterator[Piece]:  # noqa: ARG002 -- the protocol's
        yield Piece(note="live")
        stop.wait()

    def act(self, wish: Wish, tell: Tell, show: Show) -> str:  # noqa: ARG002 -- the protocol's
        return "done"

    def console_command(self, board: str) -> list[str]:  # noqa: ARG002 -- the protocol's
        return ["true"]
