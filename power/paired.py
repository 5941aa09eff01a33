"""Watts of two instruments on one rail: one tells amps, the other volts.

They know nothing of each other. The volts are taken at the moments of the amps, between two readings of theirs; where
one of the two has a gap, the watts have one. What amps and volts do together faster than that is a term of the budget
(:attr:`~power.meter.Accuracy.apart_s`): volts sag when amps rise, always the same way.
"""

import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, cast

import numpy as np

from .block import Block, Flag
from .errors import MeterOffline, PowerError, UnknownChoice
from .gaps import missing_before
from .meter import Accuracy, Identity, Meter

_SILENT_S, _SILENT_PERIODS = 2.0, 3
"""One of the two that gives nothing for so long is silent (assumed): the other one's readings wait no longer."""
_AGAIN_S = 0.05
"""After a fault."""
_SAID_OF_BOTH = np.uint8(Flag.STALE | Flag.RANGE_MOVED | Flag.OVERLOAD)
"""What is known against volts is known against the watts that are made with them."""


def paired(name: str, amps: Meter, volts: Meter) -> Meter:
    """Return a meter of the watts of a rail; closing it closes both.

    Args:
        name: the pair's.
        amps: says when readings are, and how often.
        volts: says what stood on the rail meanwhile.

    Raises:
        UnknownChoice: one of them tells watts only.
    """
    for meter, limits, what in ((amps, amps.accuracy.amps, "amps"), (volts, volts.accuracy.volts, "volts")):
        if limits is None:
            raise UnknownChoice(
                name, f"{meter.name} tells no {what}", hint="pair what measures amps with what measures volts"
            )
    return cast("Meter", PairedMeter(name, amps, volts))


@dataclass(frozen=True, slots=True)
class PairedMeter:
    """A :class:`~power.meter.Meter` that says everything as the one for amps does, but volts."""

    name: str
    amps: Meter
    volts: Meter

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the meter has
        """Return what the one for amps has."""
        return getattr(self.amps, name)

    @property
    def accuracy(self) -> Accuracy:
        """Each one's limits for what it measures, with its source."""
        amps, volts = self.amps.accuracy, self.volts.accuracy
        apart_s = 1 / self.volts.rate_hz + self.volts.stamp_bound_s + self.amps.stamp_bound_s
        source = f"{_who(self.amps)}: {amps.source}; {_who(self.volts)}: {volts.source}"
        return Accuracy(volts.volts, amps.amps, source, assumed=volts.assumed or amps.assumed, apart_s=apart_s)

    def identity(self) -> Identity:
        """Return who both are, the one for amps first."""
        amps, volts = self.amps.identity(), self.volts.identity()
        both = ((getattr(amps, part), getattr(volts, part)) for part in ("maker", "model", "serial_number", "firmware"))
        return Identity(*(" + ".join(told or "?" for told in pair) if any(pair) else "" for pair in both))

    def apart(self) -> None:
        """Its readings cannot be asked for in halves."""

    def read(self) -> Block:
        """Return one reading of amps, with the volts that were read right after; raises as the two."""
        amps, volts = self.amps.read(), self.volts.read()
        return replace(amps, volts=volts.volts, flags=amps.flags | volts.flags & _SAID_OF_BOTH, own_watts=None)

    def stream(self) -> Iterator[Block]:
        """Yield readings of amps once the volts around them are known; raises as the two."""
        with _beside(self.name, self.amps) as amps, _beside(self.name, self.volts) as volts:
            waiting, known, lost = amps.next(), volts.next(), False
            while True:
                ready = int(np.searchsorted(waiting.t_ns, int(known.t_ns[-1]), "right"))
                if not ready:
                    known = Block.join([known.pick(slice(-2, None)), volts.next()])
                    continue
                block, lost = _at_amps(waiting.pick(slice(ready)), known, self.volts.rate_hz, lost=lost)
                if len(block):
                    yield block
                waiting = waiting.pick(slice(ready, None)) if ready < len(waiting) else amps.next()

    def close(self) -> None:
        """Close both. May be called twice."""
        try:
            self.amps.close()
        finally:
            self.volts.close()

    def __enter__(self) -> Self:
        """Return the meter itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both."""
        self.close()


def _who(meter: Meter) -> str:
    identity = meter.identity()
    return " ".join(filter(None, (meter.name, identity.model, identity.serial_number)))


def _at_amps(amps: Block, volts: Block, rate_hz: float, *, lost: bool) -> tuple[Block, bool]:
    """Return the readings of amps around which there are volts, and whether one is missing after the last.

    Args:
        amps: in time order.
        volts: in time order, from before the first of the amps, where there are such, to after the last.
        rate_hz: of the volts.
        lost: one is missing before the first.
    """
    gaps = missing_before(volts, rate_hz) > 0
    unknown = ~np.isfinite(volts.volts)
    after = np.searchsorted(volts.t_ns, amps.t_ns)
    before = np.maximum(after - 1, 0)
    exact = volts.t_ns[after] == amps.t_ns
    known = exact & ~unknown[after] | ~exact & (after > 0) & ~(gaps[after] | unknown[after] | unknown[before])
    since_ns = int(volts.t_ns[0])
    at = np.interp((amps.t_ns - since_ns).astype(np.float64), (volts.t_ns - since_ns).astype(np.float64), volts.volts)
    against = (volts.flags[after] | np.where(exact, 0, volts.flags[before]).astype(np.uint8)) & _SAID_OF_BOTH
    missing = ~known & (after > 0)  # amps that are older than all volts are no loss: the reading just begins
    lost_before = np.concatenate([[lost], missing[:-1]])
    flags = amps.flags | against | np.where(lost_before, np.uint8(Flag.LOST_BEFORE), np.uint8(0))
    return replace(amps, volts=at, flags=flags, own_watts=None).pick(known), bool(missing[-1])


class _Beside:
    """Readings of one meter, taken by a thread of its own."""

    def __init__(self, pair: str, meter: Meter) -> None:
        self._pair, self._meter = pair, meter
        self._silent_s = max(_SILENT_S, _SILENT_PERIODS / meter.rate_hz)
        self._blocks: deque[Block] = deque()
        self._last_ns = 0
        self._fault: PowerError | None = None
        """Since the last reading."""
        self._ended: Exception | None = None
        self._changed, self._over = threading.Condition(), threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"{meter.name}: one of two", daemon=True)

    def next(self) -> Block:
        """Return what has come since, at least one reading; wait for it.

        Raises:
            MeterOffline: it is silent.
            PowerError: what else has ended its readings.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._blocks or self._ended, self._silent_s):
                said = "" if self._fault is None else f"; at last: {self._fault}".partition("\n")[0]
                hint = "is it on, and is its link in?" if self._fault is None else self._fault.hint
                silent = f"no reading of {self._meter.name} for {self._silent_s:.1f} s{said}"
                raise MeterOffline(self._pair, silent, hint=hint)
            if not self._blocks and self._ended is not None:
                raise self._ended
            blocks = list(self._blocks)
            self._blocks.clear()
        return Block.join(blocks)

    def stop(self) -> None:
        """Read no more once the reading that is under way is there."""
        self._over.set()

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                try:
                    self._read()
                except PowerError as fault:
                    if not fault.transient:
                        raise
                    self._fault = fault
                    self._over.wait(_AGAIN_S)
        except Exception as error:  # noqa: BLE001 -- next() raises it, where something can be done about it
            with self._changed:
                self._ended = error
                self._changed.notify()

    def _read(self) -> None:
        for block in self._meter.stream():
            if len(newer := block.pick(block.t_ns > self._last_ns)):  # a reading that comes twice is none
                self._last_ns, self._fault = int(newer.t_ns[-1]), None
                with self._changed:
                    self._blocks.append(newer)
                    self._changed.notify()
            if self._over.is_set():
                return


@contextmanager
def _beside(pair: str, meter: Meter) -> Generator[_Beside]:
    beside = _Beside(pair, meter)
    beside.thread.start()
    try:
        yield beside
    finally:
        beside.stop()
        beside.thread.join()
