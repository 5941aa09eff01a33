"""Keithley 2281S precision supply and battery simulator: volts and amps of its output, with its own time.

Commands as in the reference manual (077114601) and in pymeasure's driver. Not yet tried on a unit here.
"""

import math
import time
from collections.abc import Iterator
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from ..block import Block, Flag
from ..errors import FrameError, MeterOffline
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter
from ..timebase import TimeBase
from .number import number
from .opening import ScpiOptions, opened, unconfirmed
from .port import LINK_HINT, ScpiPort
from .setup import settle

_FETCH = ':DATA:DATA? "READ,SOUR,REL"'
"""Amps, volts and the instrument's seconds of every reading since this was last asked."""
_MEASURE = (":MEAS:CONC?", ":READ?")
"""The same of one reading, for an instrument that does not answer the question above; as public programs ask."""
_EACH_S = 0.05
"""How often the buffer is emptied: it holds 2500 readings (manual, ``:TRACe:POINts``)."""
_SILENT_S, _SILENT_READINGS = 2.0, 10
"""Assumed: an instrument without a new reading for this long, or so many periods, measures none."""


class Keithley2281S(PolledMeter):
    """Volts and amps of the output in power-supply mode, fetched in blocks with the instrument's own time."""

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(ScpiOptions):
        """Options in the inventory."""

        nplc: float = Field(default=1.0, ge=0.002, le=15)
        """Periods of the mains that volts, and then amps, are averaged over; at most 12 at 50 Hz."""
        line_hz: Literal[50, 60] = 50
        """The mains' frequency; the instrument finds its own."""

    def __init__(
        self, name: str, port: ScpiPort, options: "Keithley2281S.Config", identity: Identity | None = None
    ) -> None:
        """Sit on an open port to an instrument that measures."""
        super().__init__(name, identity or Identity("KEITHLEY INSTRUMENTS", "2281S-20-6"))
        self._port = port
        self.aperture_s = options.nplc / options.line_hz
        self.rate_hz = 1 / (2 * self.aperture_s)  # amps after volts: assumed
        self.accuracy = _accuracy(())
        self._base = TimeBase()
        self._last_s: float | None = None
        self._questions = [_FETCH, *_MEASURE]

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the instrument and let it measure. What it puts out stays.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
            InstrumentFault: it tests or simulates a battery, or measures only one quantity.
        """
        options = cls.Config.model_validate(config)

        def make(port: ScpiPort, identity: Identity) -> Self:
            silent = settle(
                port,
                wanted=(':SENS:FUNC "CONC"', ":TRAC:CLE", f":SENS:CONC:NPLC {options.nplc:g}", ":INIT:CONT ON"),
                kept={":ENTR:FUNC?": "POWER"},
                hint="press MENU and choose the power supply: battery modes are not read by this driver",
            )
            meter = cls(name, port, options, identity)
            meter.accuracy = _accuracy(silent)
            return meter

        return opened(name, options, make, models=("2281S", "2280S"))

    def read(self) -> Block:
        """Return the newest reading, shape (1,). NaN where there is no value; STALE if the one before had its second.

        Raises:
            MeterOffline: no answer, or no new reading.
            FrameError: not triples of numbers.
        """
        block = self._fetch()
        return block.pick(slice(-1, None))

    def stream(self) -> Iterator[Block]:
        """Yield all that was measured since the last block, until the caller stops; raises as :meth:`read`."""
        while True:
            yield self._fetch()
            time.sleep(_EACH_S)

    def errors(self) -> list[str]:
        """Empty the instrument's error queue and return what stood in it; raises as :meth:`ScpiPort.errors`."""
        return self._port.errors()

    def close(self) -> None:
        """Close the link; the output's state stays. May be called twice."""
        self._port.close()

    def _fetch(self) -> Block:
        """Return what is new, by the first question that is answered with readings."""
        first: MeterOffline | FrameError | None = None
        for question in self._questions:
            try:
                block = self._answered(question)
            except (MeterOffline, FrameError) as error:
                if isinstance(error.__cause__, OSError):
                    raise
                first = first or error
            else:
                self._questions = [question]
                return block
        raise first or MeterOffline(self.name, "no way to ask it is known")

    def _answered(self, question: str) -> Block:
        """Return what is new, waiting until something is."""
        until_ns = time.monotonic_ns() + round(max(_SILENT_S, _SILENT_READINGS / self.rate_hz) * 1e9)
        while True:
            answer = self._port.query(question)
            arrived_ns = time.monotonic_ns()
            if answer:
                return self._block(question, answer, arrived_ns)
            if arrived_ns > until_ns:
                what = f"{question}: no new reading"
                raise MeterOffline(self.name, what, hint="does the instrument's display count?")
            time.sleep(min(_EACH_S, 1 / self.rate_hz))

    def _block(self, question: str, answer: str, arrived_ns: int) -> Block:
        try:
            amps, volts, seconds = parse(answer)
        except ValueError as error:
            self._port.mistrust()
            raise FrameError(self.name, f"{question}: {error}", hint=LINK_HINT) from error
        flags = np.where(np.isinf(amps) | np.isinf(volts), np.uint8(Flag.OVERLOAD), np.uint8(0))
        if self._last_s is not None and seconds[0] < self._last_s:  # it counts from 0 again each day, or was cleared
            self._base = TimeBase()
            flags[0] |= Flag.LOST_BEFORE
        flags[np.diff(seconds, prepend=math.nan if self._last_s is None else self._last_s) == 0] |= np.uint8(Flag.STALE)
        self._last_s = float(seconds[-1])
        t_ns = self._base.place(seconds, arrived_ns) - round(self.aperture_s * 5e8)
        return Block(t_ns, _finite(volts), _finite(amps), flags)


def parse(answer: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Read amps, volts and seconds, each of shape (n,), out of triples; ValueError when they are none.

    Some firmware puts the unit behind each number, some does not.
    """
    fields = answer.split(",")
    if len(fields) % 3:
        raise ValueError(f"{len(fields)} values, not triples")
    amps, volts, seconds = (
        np.array([number(field, unit) for field in fields[place::3]]) for place, unit in enumerate("AVS")
    )
    if not np.isfinite(seconds).all() or (np.diff(seconds) < 0).any():
        raise ValueError("the seconds of the readings do not ascend")
    return amps, volts, seconds


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)


def _accuracy(silent: tuple[str, ...] | list[str]) -> Accuracy:
    """Return limits wide enough for every current range, of which this driver leaves the choice to the front panel."""
    return Accuracy(
        volts=Tolerance(0.0002, 2e-3),
        amps=Tolerance(0.0005, 250e-6),
        source="assumed after the 2281S-20-6 data sheet (10 A range); not looked up" + unconfirmed(silent),
        assumed=True,
    )
