"""Reads a meter while something else runs. Loses nothing, or says what it lost."""

import itertools
import math
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .apart import Exchange, apart
from .block import Block
from .errors import MeterOffline, PowerError
from .meter import Meter
from .piecewise import Keeper, Readings
from .rota import Rota
from .tally import Tally

_SILENT_PERIODS = 3
_SILENT_LEAST_S = 3.0
"""A meter without a reading for this long is silent: assumed longer than any hiccup of a cable or a radio link."""
_FAULTS_IN_A_ROW = 8
"""Assumed. A silent meter is given up after so many, or at the end: one that loses a third of its answers goes on."""
_STOP_S, _STOP_PERIODS = 5.0, 2
"""How long a reading may go on after the end: a slow meter's own, and the timeouts of the questions in one."""
_MOST_ERRORS_KEPT = 100
PIECE_READINGS = 1 << 18
"""Handed to the keeper together: some 8 MB, and 12 ms to pack (measured) in which the meter is not read."""
_SPREAD_S = 0.004
"""Samplers begin so much apart at most, and a period: meters that are started together and asked equally often would
else all be due at the same moments. Spread wider the processor falls asleep between any two (measured with 64 meters
at 100 Hz: with 20 ms half as many questions again came late)."""
_GOLDEN = 0.618034
"""Multiples of it, modulo 1, lie evenly between 0 and 1 however many there are."""
_STARTED = itertools.count()
_MOST_BLOCKS = 256
"""Joined when there are so many: a block of one reading takes twenty times the reading's own room. The first time
sooner, and no two samplers' at once: each takes half a millisecond, in which nobody else is asked."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that was read between start and stop."""

    readings: Readings
    """All of them; LOST_BEFORE where some are missing. A block, or what a keeper made of the pieces."""
    errors: list[str]
    """Faults that were survived: one line each, the first hundred."""
    rate_hz: float
    """Readings a second that really came; NaN for fewer than two readings."""
    lost: int
    """Readings that should be there and are not."""
    jitter_ms: float = math.nan
    """Standard deviation of the time from one reading to the next, where nothing is missing between them; NaN for
    fewer than two readings."""

    stale: int = 0
    """Readings flagged STALE: the instrument repeated an old value."""
    doubled: int = 0
    """Readings that came a second time, and were left out."""

    @property
    def block(self) -> Block:
        """All readings at once: for traces that fit into memory."""
        return Block.join(self.readings.pieces())


ROTA = Rota()
"""Of this process: all its samplers' meters that can be asked apart."""


class Sampler:
    """Reads one meter. Use as ``with Sampler(meter) as sampler: …; trace = sampler.stop()``."""

    def __init__(self, meter: Meter, keeper: Keeper | None = None) -> None:
        """Take an open meter; it stays open, but nobody else may read it between start and stop.

        Args:
            meter: the meter.
            keeper: takes what does not fit into one piece; without it everything stays in memory.
        """
        self._meter, self._keeper = meter, keeper
        self._silent_s = max(_SILENT_PERIODS / meter.rate_hz, _SILENT_LEAST_S)
        self._tally = Tally(meter.rate_hz)
        self._joined: list[Block] = []
        self._blocks: list[Block] = []
        self._waiting = 0
        self._kept = False
        self._read: Readings | None = None
        self._errors: list[str] = []
        self._end: Exception | None = None
        self._stopping = threading.Event()
        self._over = threading.Event()
        self._heard_ns = self._faults = 0
        phase = next(_STARTED) * _GOLDEN % 1
        self._phase_s = phase * min(1 / meter.rate_hz, _SPREAD_S)
        self._joins_at = math.ceil(phase * _MOST_BLOCKS)
        self._thread = self._alone()

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._heard_ns = time.monotonic_ns()
        self._thread.start()

    @property
    def fault(self) -> Exception | None:
        """What has ended the reading; None while it goes on. :meth:`stop` raises it."""
        return self._end

    def stop(self, timeout_s: float | None = None) -> Trace:
        """End the reading and return what was read. May be called again, with the same answer.

        Args:
            timeout_s: how long the last reading may take; by default 5 s and two of the meter's periods.

        Raises:
            MeterOffline: the meter gave no reading for a while, or does not come back from one.
            PowerError: what else ended the reading.
        """
        if timeout_s is None:
            timeout_s = _STOP_S + _STOP_PERIODS / self._meter.rate_hz
        self._stopping.set()
        if not self._over.wait(timeout_s):
            raise MeterOffline(self._meter.name, f"still busy {timeout_s:g} s after the end", hint="is its link stuck?")
        self._thread.join()
        ROTA.settle()
        if self._end is not None:
            raise self._end
        if self._read is None:
            self._read = self._all()
        tally = self._tally
        counts = (tally.stale, tally.doubled)
        return Trace(self._read, list(self._errors), tally.rate_hz, tally.lost, tally.jitter_ms, *counts)

    def __enter__(self) -> Self:
        """Begin to read."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the reading. A fault of the meter is raised here only if nothing else is being raised."""
        try:
            self.stop()
        except PowerError as fault:
            if error is None:
                raise
            error.add_note(f"meanwhile: {fault}")

    def _alone(self, fault: Exception | None = None) -> threading.Thread:
        name = f"sampler {self._meter.name}"
        return threading.Thread(target=self._run, args=(fault,), name=name, daemon=True)

    def _run(self, fault: Exception | None) -> None:
        """Read until the end, or until the meter may be asked together with others."""
        self._stopping.wait(self._phase_s)
        self._phase_s = 0.0
        try:
            if exchange := self._read_alone(fault):
                ROTA.join(exchange, self._take, self._leave)
                return
        except Exception as error:  # noqa: BLE001 -- stop() raises it, in the thread that can do something about it
            self._end = error
        self._over.set()

    def _read_alone(self, fault: Exception | None) -> Exchange | None:
        """Read until the end, and whatever takes time; return the meter's readings in halves when it has some."""
        self._hand_over_if_full()
        ending = fault is not None and self._survives(fault)
        while not ending:
            try:
                for block in self._meter.stream():
                    if not self._take(block):
                        self._hand_over_if_full()
                    if self._stopping.is_set():
                        return None
                    if exchange := apart(self._meter):
                        return exchange
                ending = self._stopping.is_set()
            except PowerError as error:
                ending = self._survives(error)
        return None

    def _leave(self, fault: Exception | None) -> None:
        """Go on alone, unless this is the end: the meter must be waited for, or a piece handed over."""
        if fault is None and self._stopping.is_set():
            self._over.set()
            return
        before = self._thread
        try:
            self._thread = self._alone(fault)
            self._thread.start()
        except RuntimeError as error:  # there can be no more threads; stop() raises it, and the others are served on
            self._thread, self._end = before, error
            self._over.set()

    def _survives(self, fault: Exception) -> bool:
        """Note a fault and wait a little; return whether this is the end.

        Raises:
            MeterOffline: the meter has been silent for long.
            Exception: the fault, where asking again does not help.
        """
        if not isinstance(fault, PowerError) or not fault.transient:
            raise fault
        self._faults += 1
        said = str(fault).partition("\n")[0]
        if len(self._errors) < _MOST_ERRORS_KEPT:
            self._errors.append(said)
        ending = self._stopping.wait(min(1 / self._meter.rate_hz, 0.1))
        silent_s = (time.monotonic_ns() - self._heard_ns) / 1e9
        if silent_s >= self._silent_s and (ending or self._faults >= _FAULTS_IN_A_ROW):
            detail = f"no reading for {silent_s:.1f} s; at last: {said.removeprefix(f'{fault.device}: ')}"
            raise MeterOffline(self._meter.name, detail, hint=fault.hint) from fault
        return ending

    @property
    def _is_full(self) -> bool:
        """Whether a piece waits to be handed over."""
        return self._keeper is not None and self._waiting >= PIECE_READINGS

    def _take(self, block: Block) -> bool:
        """Keep what was read; return whether to go on at once: False at the end, and before a piece is handed over."""
        self._heard_ns, self._faults = time.monotonic_ns(), 0
        self._blocks.append(block)
        self._waiting += len(block)
        if len(self._blocks) >= self._joins_at:
            self._joined.append(Block.join(self._blocks))
            self._blocks, self._joins_at = [], _MOST_BLOCKS
        return not self._is_full and not self._stopping.is_set()

    def _hand_over_if_full(self) -> None:
        if self._keeper is not None and self._is_full:
            self._hand_over(self._keeper)

    def _hand_over(self, keeper: Keeper) -> None:
        if len(piece := self._rest()):  # all of it may have come twice
            self._kept = True
            keeper.add(piece)

    def _rest(self) -> Block:
        """Take all that waits."""
        rest = Block.join([*self._joined, *self._blocks])
        self._joined, self._blocks, self._waiting = [], [], 0
        return self._tally.add(rest)

    def _all(self) -> Readings:
        """Return what was read: a short trace as it is, what is left of a long one to the keeper too."""
        if self._keeper is None or not self._kept:
            return self._rest()
        if self._waiting:
            self._hand_over(self._keeper)
        return self._keeper.readings()
