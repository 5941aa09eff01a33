"""The polled meters once more, by a loop around PyVISA as users write it: no driver, no sampler."""

import threading
import time
from dataclasses import dataclass
from typing import Any, cast

import pyvisa

from .measure import POLLED_HZ, Instruments


@dataclass(frozen=True)
class Plain:
    """What the loops have come to."""

    rate_hz: float
    """The slowest meter's."""
    core_share: float
    microseconds: float
    """Processor time a reading."""


def run(instruments: Instruments, seconds: float) -> Plain:
    """Read every polled meter in a thread of its own for so long."""
    manager = pyvisa.ResourceManager("@py")
    opened = [
        cast("Any", manager.open_resource(found["resource"], read_termination="\n", write_termination="\n"))
        for found in instruments.options["scpi"]
    ]
    for meter in opened:
        meter.query("*IDN?")
    stop = threading.Event()
    rows: list[list[tuple[float, float, float]]] = [[] for _ in opened]

    def loop(number: int) -> None:
        while not stop.is_set():
            began_s = time.monotonic()
            volts, amps = opened[number].query_ascii_values("READ?")
            rows[number].append((began_s, volts, amps))
            time.sleep(max(0.0, began_s + 1 / POLLED_HZ - time.monotonic()))

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(len(opened))]
    began_s, cpu_s = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    cpu_s, wall_s = time.process_time() - cpu_s, time.monotonic() - began_s
    stop.set()
    for thread in threads:
        thread.join()
    for meter in opened:
        meter.close()
    return Plain(min(map(len, rows)) / wall_s, cpu_s / wall_s, 1e6 * cpu_s / sum(map(len, rows)))
