"""Every load on every meter at once: twin, wire, driver, sampler and energy as in a trial of the farm."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

from power.block import Block
from power.energy import Energy, energy
from power.errors import MissingReadings
from power.meter import Meter
from power.registry import load_meter
from power.sampler import Sampler
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

from .loads import WINDOWS_S, Processor, Share

WIRING: dict[str, tuple[str, dict[str, Any]]] = {
    "n6705c": ("jetson-tx2", {"channel": 1}),
    "wt310e": ("atom-e3930", {"volts_range": 15, "amps_range": 2}),
    "tc66c": ("coral-dev", {}),
    "um25c": ("pi-zero-aiy", {}),
}
"""Meter driver → the board whose rail it sits on, and its options: as in the demo lab."""

Damage = Callable[[Block, int], Block]
"""All readings and the begin of the load → the readings as a fault in the farm's path would leave them."""

STALL_MS = 50.0
"""Readings that are missing where this process stood still for so long make a window void, as they would a trial: a
pause of an update interval, 100 ms, costs one, and a shorter one with the usual delays. The heart beats every 10 ms."""
_EDGE_NS = 50_000_000
"""The window is moved this much either way to see what a shift of the clock would change."""


@dataclass(frozen=True, slots=True)
class Result:
    """One window of one load on one meter."""

    load: str
    window: int
    driver: str
    rate_hz: float
    true_joules: float
    watts_at_edges: float
    """How much the joules change per second that the window is moved: watts at its end less those at its start."""
    energy: Energy | None
    stalled_ms: float | None
    """How long this process stood still, if that explains every reading that is missing; else absent."""
    refused: str = ""
    """Why the farm stated no energy."""

    @property
    def error_joules(self) -> float:
        """Stated less true; NaN when nothing was stated."""
        return self.energy.joules - self.true_joules if self.energy else float("nan")

    @property
    def relative_error(self) -> float:
        """The error as a fraction of the true joules."""
        return self.error_joules / self.true_joules


class Heart:
    """Beats every 10 ms: whoever misses it knows that the machine, not the farm, stood still."""

    PERIOD_S = 0.01

    def __init__(self) -> None:
        """Not beating yet."""
        self._beats_ns: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def __enter__(self) -> Self:
        """Beat."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self.PERIOD_S):
            self._beats_ns.append(time.monotonic_ns())

    def stall_ns(self, start_ns: int, end_ns: int) -> int:
        """Return the longest pause between two beats that touches this span of time."""
        touching = [b - a for a, b in pairwise(self._beats_ns) if a < end_ns and b > start_ns]
        return max(touching, default=0)


class Rig:
    """One load on one meter."""

    def __init__(self, load: str, share: Share, driver: str, seed: int, stack: ExitStack) -> None:
        """Start the twin and open its driver; the stack closes both."""
        model, options = WIRING[driver]
        self.load, self.driver = load, driver
        self._processor = Processor(share)
        profile = replace(PROFILES[model], factor=1.0)  # loads say the share of the peak themselves
        self.supply = Supply(profile, powered=lambda: True, cpu_ns=self._processor.cpu_ns)
        stack.callback(self.supply.close)
        twin = TWINS[driver](f"{driver} {load}", options, self.supply, seed=seed)
        found = options | twin.start()
        stack.callback(twin.close)
        kind = load_meter(driver)
        self.meter: Meter = stack.enter_context(kind.open(twin.name, kind.Config.model_validate(found)))
        self._sampler = Sampler(self.meter)

    def start(self, begin_ns: int) -> None:
        """Read from now on; the load begins at its moment."""
        self._processor.begin(begin_ns)
        self._sampler.start()

    def results(self, begin_ns: int, damage: Damage | None, heart: Heart) -> list[Result]:
        """Stop reading and hold each window's joules against the truth."""
        trace = self._sampler.stop()
        block = damage(trace.block, begin_ns) if damage else trace.block
        return [self._result(n, block, begin_ns, heart) for n in range(len(WINDOWS_S))]

    def _result(self, window: int, block: Block, begin_ns: int, heart: Heart) -> Result:
        start_ns, end_ns = (begin_ns + round(t_s * 1e9) for t_s in WINDOWS_S[window])
        later = self.supply.truth(start_ns + _EDGE_NS, end_ns + _EDGE_NS)
        earlier = self.supply.truth(start_ns - _EDGE_NS, end_ns - _EDGE_NS)
        stated, refused = None, ""
        try:
            stated = energy(
                block,
                start_ns,
                end_ns,
                rate_hz=self.meter.rate_hz,
                aperture_s=self.meter.aperture_s,
                accuracy=self.meter.accuracy,
                meter=self.meter.name,
            )
        except MissingReadings as error:
            refused = str(error).partition("\n")[0]
        return Result(
            load=self.load,
            window=window,
            driver=self.driver,
            rate_hz=self.meter.rate_hz,
            true_joules=self.supply.truth(start_ns, end_ns),
            watts_at_edges=(later - earlier) / (2 * _EDGE_NS / 1e9),
            energy=stated,
            stalled_ms=self._stalled_ms(block, start_ns, end_ns, heart) if refused else None,
            refused=refused,
        )

    def _stalled_ms(self, block: Block, start_ns: int, end_ns: int, heart: Heart) -> float | None:
        """Hold every gap between readings against the heart: it must have paused there, for as long as is missing."""
        period_ns, stalls_ns = round(1e9 / self.meter.rate_hz), [0]
        for before_ns, after_ns in pairwise(int(t) for t in block.t_ns):
            missing_ns = after_ns - before_ns - period_ns
            if missing_ns > period_ns / 2 and after_ns > start_ns and before_ns < end_ns:
                stall_ns = heart.stall_ns(before_ns - period_ns, after_ns + period_ns)
                if stall_ns < STALL_MS * 1e6 or missing_ns > period_ns + stall_ns:
                    return None
                stalls_ns.append(stall_ns)
        return max(stalls_ns) / 1e6 or None


def measure(
    loads: Callable[[], dict[str, Share]], *, length_s: float, damage: Damage | None, seed: int
) -> list[Result]:
    """Run all loads on all meters once, side by side, and return every window."""
    with ExitStack() as stack:
        heart = stack.enter_context(Heart())
        wanted = [(name, driver) for name in loads() for driver in WIRING]
        with ThreadPoolExecutor(max_workers=8) as pool:
            made = [
                pool.submit(Rig, name, loads()[name], driver, seed + k, stack)
                for k, (name, driver) in enumerate(wanted)
            ]
            rigs = [future.result() for future in made]
        begin_ns = time.monotonic_ns() + 500_000_000
        for rig in rigs:
            rig.start(begin_ns)
        time.sleep(max(0.0, (begin_ns - time.monotonic_ns()) / 1e9 + length_s))
        return [result for rig in rigs for result in rig.results(begin_ns, damage, heart)]
