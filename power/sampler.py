"""Reads a meter while something else runs. Loses nothing, or says what it lost."""

import threading
import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import numpy as np

from .block import Block, Flag
from .errors import MeterOffline, PowerError
from .gaps import missing_before
from .meter import Meter

_SILENT_PERIODS = 3
_SILENT_LEAST_S = 3.0
"""A meter without a reading for this long is silent: assumed longer than any hiccup of a cable or a radio link."""
_FAULTS_IN_A_ROW = 8
"""Assumed. A silent meter is given up after so many, or at the end: one that loses a third of its answers goes on."""
_STOP_S, _STOP_PERIODS = 5.0, 2
"""How long a reading may go on after the end: a slow meter's own, and the timeouts of the questions in one."""
_MOST_ERRORS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that was read between start and stop."""

    block: Block
    """All readings; LOST_BEFORE where some are missing."""
    errors: list[str]
    """Faults that were survived: one line each, the first hundred."""
    rate_hz: float
    """Readings a second that really came; NaN for fewer than two readings."""
    lost: int
    """Readings that should be there and are not."""


class Sampler:
    """One thread that reads one meter. Use as ``with Sampler(meter) as sampler: …; trace = sampler.stop()``."""

    def __init__(self, meter: Meter) -> None:
        """Take an open meter; it stays open, but nobody else may read it between start and stop."""
        self._meter = meter
        self._silent_s = max(_SILENT_PERIODS / meter.rate_hz, _SILENT_LEAST_S)
        self._blocks: list[Block] = []
        self._errors: list[str] = []
        self._end: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sampler {meter.name}", daemon=True)

    def start(self) -> None:
        """Begin to read; returns at once."""
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
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise MeterOffline(self._meter.name, f"still busy {timeout_s:g} s after the end", hint="is its link stuck?")
        if self._end is not None:
            raise self._end
        return self._trace()

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

    def _run(self) -> None:
        try:
            self._read_until_stopped()
        except Exception as error:  # noqa: BLE001 -- stop() raises it, in the thread that can do something about it
            self._end = error

    def _read_until_stopped(self) -> None:
        heard_ns, faults, ending = time.monotonic_ns(), 0, False
        while not ending:
            try:
                for block in self._meter.stream():
                    self._blocks.append(block)
                    heard_ns, faults = time.monotonic_ns(), 0
                    if self._stopping.is_set():
                        return
                ending = self._stopping.is_set()
            except PowerError as error:
                if not error.transient:
                    raise
                faults += 1
                said = str(error).partition("\n")[0]
                if len(self._errors) < _MOST_ERRORS_KEPT:
                    self._errors.append(said)
                ending = self._stopping.wait(min(1 / self._meter.rate_hz, 0.1))
                silent_s = (time.monotonic_ns() - heard_ns) / 1e9
                if silent_s >= self._silent_s and (ending or faults >= _FAULTS_IN_A_ROW):
                    detail = f"no reading for {silent_s:.1f} s; at last: {said.removeprefix(f'{error.device}: ')}"
                    raise MeterOffline(self._meter.name, detail, hint=error.hint) from error

    def _trace(self) -> Trace:
        read = Block.join(self._blocks)
        missing = missing_before(read, self._meter.rate_hz)
        flags = np.where(missing > 0, read.flags | np.uint8(Flag.LOST_BEFORE), read.flags)
        span_s = (int(read.t_ns[-1]) - int(read.t_ns[0])) / 1e9 if len(read) > 1 else 0.0
        return Trace(
            block=replace(read, flags=flags.astype(np.uint8)),
            errors=list(self._errors),
            rate_hz=(len(read) - 1) / span_s if span_s else float("nan"),
            lost=int(missing.sum()),
        )
