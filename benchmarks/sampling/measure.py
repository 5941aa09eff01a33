"""All meters at once in this process, each with its driver and its sampler as in a trial."""

import json
import os
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from power.block import Flag
from power.lateness import Lateness
from power.meter import Meter
from power.registry import load_meter
from power.sampler import Sampler, Trace

from .instruments import COUNT_OF_AMPS, STEPS

POLLED_HZ, BUFFERED_HZ, STREAMED_HZ = 100, 1000, 100_000
OPTIONS: dict[str, dict[str, Any]] = {
    "scpi": {"query": "READ?", "rate_hz": POLLED_HZ},
    "dmm6500": {"measures": "amps", "amps_range": 10.0, "assume_volts": 5.0, "sample_rate_hz": BUFFERED_HZ},
    "ppk2": {"mode": "ampere", "volts": 5.0, "rate_hz": STREAMED_HZ},
}
_BEAT_S = 0.005


class Instruments:
    """The process with all the instruments."""

    def __init__(self, polled: int, buffered: int) -> None:
        argv = [sys.executable, "-m", "benchmarks.sampling.instruments", str(polled), str(buffered)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self.options: dict[str, list[dict[str, Any]]] = self._told()

    def cpu_s(self) -> float:
        """Return the processor time that it has used."""
        self._to.write("\n")
        self._to.flush()
        return self._told()["cpu_s"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._to.close()
        self._process.wait()
        self._from.close()

    def _told(self) -> dict[str, Any]:
        return json.loads(self._from.readline())


class Beats:
    """When a thread that does nothing else was let run: every 5 ms if all is well."""

    def __init__(self) -> None:
        self.t_ns = array("q")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="beats")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.is_set():
            self.t_ns.append(time.monotonic_ns())
            time.sleep(_BEAT_S)


@dataclass(frozen=True)
class Kind:
    """What the meters of one kind have come to, all together."""

    driver: str
    meters: int
    nominal_hz: float
    rate_hz: float
    """The slowest meter's."""
    readings: int
    wrong: int
    """Readings that the instrument gave and the trace lacks, or holds twice, or that are another's."""
    lost: int
    """Readings that the trace says it lost."""
    stale: int
    late: int
    """Readings that were asked for so late that the stretch before went unseen."""
    jitter_ms: float
    """Of the worst meter; see :class:`power.sampler.Trace`."""
    lateness: Lateness | None
    """From when a question was due to when it was asked; absent where the instrument's timer decides."""


@dataclass(frozen=True)
class Run:
    """What all of it took."""

    seconds: float
    kinds: list[Kind]
    core_share: float
    """Processor time of this process by wall time: 1 is one core, fully busy."""
    instruments_share: float
    others_share: float
    """What all other programs of the machine took meanwhile."""
    stall_ms: float
    """The longest time in which no thread of this process got to run Python."""


def run(instruments: Instruments, seconds: float, *, drivers: Sequence[str] = tuple(OPTIONS)) -> Run:
    """Open all meters, sample for so long, and hold what was read against what the instruments counted."""
    with ExitStack() as stack:
        meters = {driver: list(_opened(stack, driver, instruments.options[driver])) for driver in drivers}
        served_s, beats = instruments.cpu_s(), Beats()
        samplers = {driver: [Sampler(meter) for meter in kind] for driver, kind in meters.items()}
        began_s, cpu_s, busy_s = time.monotonic(), time.process_time(), _busy_s()
        with beats:
            for sampler in _all(samplers.values()):
                sampler.start()
            time.sleep(seconds)
            cpu_s, wall_s, busy_s = time.process_time() - cpu_s, time.monotonic() - began_s, _busy_s() - busy_s
        traces = {driver: [sampler.stop() for sampler in kind] for driver, kind in samplers.items()}
        served_s = instruments.cpu_s() - served_s
    kinds = [_kind(driver, meters[driver], traces[driver]) for driver in drivers]
    awake_ns = np.sort(np.concatenate([beats.t_ns, *(trace.block.t_ns for trace in traces["scpi"])]))
    within = awake_ns[(awake_ns >= began_s * 1e9) & (awake_ns <= (began_s + wall_s) * 1e9)]
    stall_ms = float(np.diff(within).max()) / 1e6
    others_s = max(0.0, busy_s - cpu_s - served_s)
    return Run(wall_s, kinds, cpu_s / wall_s, served_s / wall_s, others_s / wall_s, stall_ms)


def _busy_s() -> float:
    """Return the processor time that all programs of this machine have used."""
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text("ascii").split()[1:9])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def _opened(stack: ExitStack, driver: str, found: list[dict[str, Any]]) -> Generator[Meter]:
    made = load_meter(driver)
    for number, options in enumerate(found):
        config = made.Config.model_validate({**options, **OPTIONS[driver]})
        yield stack.enter_context(made.open(f"{driver}-{number}", config))


def _kind(driver: str, meters: list[Meter], traces: list[Trace]) -> Kind:
    paced = [found for meter in meters if (found := getattr(meter, "lateness", None)) is not None]
    lateness = Lateness() if paced and driver == "scpi" else None
    for one in paced if lateness else ():
        lateness.merge(one)
    return Kind(
        driver=driver,
        meters=len(meters),
        nominal_hz=meters[0].rate_hz,
        rate_hz=min(trace.rate_hz for trace in traces),
        readings=sum(len(trace.block) for trace in traces),
        wrong=sum(_wrong(driver, number, trace) for number, trace in enumerate(traces)),
        lost=sum(trace.lost for trace in traces),
        stale=sum(_flagged(trace, Flag.STALE) for trace in traces),
        late=sum(_flagged(trace, Flag.LATE) for trace in traces),
        jitter_ms=max(trace.jitter_ms for trace in traces),
        lateness=lateness,
    )


def _flagged(trace: Trace, flag: Flag) -> int:
    return int(np.count_nonzero(trace.block.flags & np.uint8(flag)))


def _wrong(driver: str, number: int, trace: Trace) -> int:
    """Count where one reading's number does not follow on the one before, and readings of another instrument."""
    block = trace.block
    if driver == "scpi":
        counts = np.rint(block.amps).astype(np.int64)
        return int(np.count_nonzero(np.diff(counts, prepend=0) != 1) + np.count_nonzero(block.volts != number))
    if driver == "dmm6500":
        counts = np.rint(block.amps * COUNT_OF_AMPS).astype(np.int64)
        return int(np.count_nonzero(np.diff(counts, prepend=-1) != 1))
    steps = np.rint(block.amps / _STEP_AMPS).astype(np.int64)
    return int(np.count_nonzero(np.diff(steps) % STEPS != 1))


_STEP_AMPS = 4 * 1.8 / 163840 / 0.0433
"""Of a converter step on the twin's highest range."""


def _all(kinds: Iterable[Iterable[Sampler]]) -> Generator[Sampler]:
    for kind in kinds:
        yield from kind
