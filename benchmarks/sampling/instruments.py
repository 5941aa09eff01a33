"""All the instruments in one process of its own: ``python -m benchmarks.sampling.instruments POLLED BUFFERED``.

Prints the options that lead to them as one JSON line, serves until its input ends, and then prints the processor time
that serving took. What each of them tells is a count, so that a reading which is lost, comes twice or is another
instrument's shows in the numbers themselves.
"""

import json
import selectors
import socket
import sys
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from power.twin.multimeter import DMM6500
from power.twin.ppk2 import PPK2
from power.twin.truth import PROFILES, Supply

COUNT_OF_AMPS = 1e6
"""A multimeter's reading is its number, in microamps: its range ends at 12 A."""
STEPS = 8192
"""A streamed sample is its number modulo this, in steps of the converter."""


class Polled(threading.Thread):
    """Instruments on sockets of their own, in one thread: ``READ?`` tells which one, and how often it was asked."""

    def __init__(self, count: int) -> None:
        super().__init__(name="polled", daemon=True)
        self._ready = selectors.DefaultSelector()
        self.ports: list[int] = []
        for number in range(count):
            listener = socket.create_server(("127.0.0.1", 0))
            self._ready.register(listener, selectors.EVENT_READ, number)
            self.ports.append(listener.getsockname()[1])

    def run(self) -> None:
        while True:
            for key, _ in self._ready.select():
                end = key.fileobj
                assert isinstance(end, socket.socket)
                if isinstance(key.data, int):
                    client = end.accept()[0]
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._ready.register(client, selectors.EVENT_READ, Asked(key.data))
                elif data := end.recv(4096):
                    end.sendall(key.data.answers(data))
                else:
                    self._ready.unregister(end)
                    end.close()


class Asked:
    """One client's instrument."""

    def __init__(self, number: int) -> None:
        self._number, self._readings = number, 0

    def answers(self, data: bytes) -> bytes:
        return b"".join(self._answer(line) for line in data.splitlines())

    def _answer(self, question: bytes) -> bytes:
        if question == b"*IDN?":
            return b"BENCH,COUNTER,%d,1\n" % self._number
        self._readings += 1
        return b"%d.0,%d\n" % (self._number, self._readings)


class Buffered(DMM6500):
    """A multimeter's twin whose readings are their numbers."""

    def timed(self, index: int) -> str:
        return f"{index / COUNT_OF_AMPS:+.8E}"


class Streamed(PPK2):
    """A profiler's twin whose samples are their numbers."""

    @staticmethod
    def _words(amps: float, counters: NDArray[np.int64]) -> NDArray[np.uint32]:  # noqa: ARG004
        return (counters % STEPS | 4 << 14 | counters % 64 << 18).astype(np.uint32)


def main() -> None:
    polled, buffered = map(int, sys.argv[1:])
    supply = Supply(PROFILES["coral-dev"], powered=lambda: True, cpu_ns=lambda: 0)
    asked = Polled(polled)
    asked.start()
    options: dict[str, list[dict[str, Any]]] = {
        "scpi": [{"resource": f"TCPIP::127.0.0.1::{port}::SOCKET"} for port in asked.ports],
        "dmm6500": [Buffered(f"buffered-{n}", {}, supply).start() for n in range(buffered)],
        "ppk2": [Streamed("streamed", {}, supply).start()],
    }
    print(json.dumps(options), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"cpu_s": time.process_time()}), flush=True)


if __name__ == "__main__":
    main()
