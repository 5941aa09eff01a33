"""Keysight N6705B/C DC power analyser: one output's own voltmeter and ammeter.

Commands as in the N6705C Operating and Service Guide (SCPI programming reference); written for the N6781A module.
Not yet tried on a unit here.
"""

import math
import time
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ..block import Block, Flag
from ..gaps import is_long
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter
from .port import ScpiPort, identify
from .setup import set_up

_SAMPLE_S = 20.48e-6
"""Sampling interval of every module with up to two parameters (N6705C guide, "Resolution")."""
_POINTS = 3906
"""80.0 ms: four periods of 50 Hz, and most of the time between two readings."""
_VOLTS_RANGE, _AMPS_RANGE = 20.0, 3.0
"""The ranges that the stated accuracy holds for."""
_PERIOD_S = 0.092
"""80 ms of measuring and 12 ms for two queries (assumed). No multiple of a usual frame period: readings that fall
in step with a board's frames would see the same part of each frame, trial after trial."""


class N6705C(PolledMeter):
    """Volts and amps of one output, 10.9 readings a second.

    A reading is one sweep of both: means of 3906 samples 20.48 us apart, 80 ms in all, begun by the question for
    amps. ``t_ns`` is the middle between that question and its answer: right to half of what it took beyond 80 ms.
    A question that came late loses nothing and is flagged LATE; one without an answer is a lost reading.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        resource: str
        """VISA name, e.g. ``TCPIP::192.0.2.20::5025::SOCKET``."""
        channel: int = Field(default=1, ge=1, le=4)
        serial_number: str | None = None
        """What ``*IDN?`` must name; absent: any unit will do."""

    rate_hz = 1 / _PERIOD_S
    aperture_s = _POINTS * _SAMPLE_S
    accuracy = Accuracy(
        volts=Tolerance(0.00025, 1.2e-3),
        amps=Tolerance(0.0003, 250e-6),
        source="Keysight N6781A data sheet: volts (20 V range) 0.025 % + 1.2 mV, amps (3 A range) 0.03 % + 250 uA",
    )
    _timeout_s: ClassVar[float] = 1.0
    """Assumed: it answers 80 ms after the question."""

    def __init__(self, name: str, port: ScpiPort, channel: int, identity: Identity | None = None) -> None:
        """Sit on an open port to an output that :func:`prepare` has set up."""
        super().__init__(name, identity or Identity("Keysight Technologies", "N6705C"))
        self._port = port
        self._at = f"(@{channel})"
        self._pace = Pace(_PERIOD_S)
        self._last_ns: int | None = None
        self._unanswered = False

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the instrument and fix the output's sweep. The output's state stays.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
            InstrumentFault: it refuses a setting, or does not keep it.
        """
        options = cls.Config.model_validate(config)
        port = ScpiPort.open(name, options.resource, timeout_s=cls._timeout_s)
        try:
            identity = identify(port, maker="", models=("N6705",), serial_number=options.serial_number)
            prepare(port, options.channel)
        except BaseException:
            port.close()
            raise
        return cls(name, port, options.channel, identity)

    def read(self) -> Block:
        """Measure for 80 ms and return the one reading, shape (1,). NaN where there is no value.

        Raises:
            MeterOffline: no answer.
            FrameError: not a number.
        """
        self._pace.wait()
        flags, self._unanswered = Flag.LOST_BEFORE if self._unanswered else Flag(0), True
        asked_ns = time.monotonic_ns()
        (amps,) = self._port.query_numbers(f"MEAS:CURR? {self._at}")
        middle_ns = (asked_ns + time.monotonic_ns()) // 2
        (volts,) = self._port.query_numbers(f"FETC:VOLT? {self._at}")
        self._unanswered = False
        last_ns, self._last_ns = self._last_ns, middle_ns
        if not flags and last_ns is not None and is_long(middle_ns - last_ns, self.rate_hz):
            flags = Flag.LATE
        if math.isinf(volts) or math.isinf(amps):
            volts, amps, flags = math.nan, math.nan, flags | Flag.OVERLOAD
        return Block.one(middle_ns, volts, amps, flags)

    def close(self) -> None:
        """Close the link; the output's state stays. May be called twice."""
        self._port.close()


def prepare(port: ScpiPort, channel: int) -> None:
    """Fix what an earlier user may have left otherwise: quantities, ranges and sweep.

    Raises:
        InstrumentFault: the instrument refuses a setting, or does not keep it.
    """
    at = f"(@{channel})"
    commands = (
        f"SENS:FUNC:VOLT ON,{at}",
        f"SENS:FUNC:CURR ON,{at}",
        f"SENS:VOLT:RANG {_VOLTS_RANGE:g},{at}",
        f"SENS:CURR:RANG {_AMPS_RANGE:g},{at}",
        f"SENS:WIND RECT,{at}",  # another window would weigh the middle of a sweep more
        f"SENS:SWE:OFFS:POIN 0,{at}",
        f"SENS:SWE:TINT {_SAMPLE_S:g},{at}",
        f"SENS:SWE:POIN {_POINTS},{at}",
    )
    kept = {f"SENS:SWE:TINT? {at}": _SAMPLE_S, f"SENS:SWE:POIN? {at}": _POINTS}
    set_up(port, commands, kept, hint="which module sits there?")
