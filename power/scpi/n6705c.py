"""Keysight N6705B/C DC power analyser: one output's own voltmeter and ammeter.

Commands as in the N6705C Operating and Service Guide (SCPI programming reference); written for the N6781A module.
Not yet tried on a unit here.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from ..apart import Exchange
from ..block import Block, Flag
from ..errors import InstrumentFault, MeterOffline
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace
from ..timebase import TimeBase
from .asked import Ask, AskedMeter, Way
from .n6705c_log import RECORDS, SHORTEST_S, Log, Sweeps
from .opening import ScpiOptions, opened, unconfirmed
from .port import ScpiPort
from .setup import settle

_SAMPLE_S = 20.48e-6
"""Sampling interval of every module with up to two parameters (N6705C guide, "Resolution")."""
_POINTS = 3906
"""80.0 ms: four periods of 50 Hz, and most of the time between two readings."""
_VOLTS_RANGE, _AMPS_RANGE = 20.0, 3.0
"""The ranges that the stated accuracy holds for."""
_PERIOD_S = 0.092
"""80 ms of measuring and 12 ms for two queries (assumed). No multiple of a usual frame period: readings that fall
in step with a board's frames would see the same part of each frame, trial after trial."""


_FETCH_S = 0.05
"""How often the log is emptied."""
_HOLDS_S = 15.0
"""Of a log, with something to spare: the instrument holds some 20 s (guide, "External data logging")."""
_SILENT_S = 3.0
"""A log without a record for this long, and five periods, has ended (assumed)."""


class N6705C(AskedMeter):
    """Volts and amps of one output: 10.9 readings a second, sweeps of every sample, or a log without gaps.

    ``mode: meas``: a reading is one sweep of both: means of 3906 samples 20.48 us apart, 80 ms in all, begun by the
    question for amps. ``t_ns`` is the middle between that question and its answer: right to half of what it took beyond
    80 ms. A question that came late loses nothing and is flagged LATE; one without an answer is a lost reading.

    ``mode: array``: the samples of such sweeps themselves; between two sweeps some milliseconds go unseen, flagged
    LATE. ``mode: elog``: means over ``log_period_s``, without gaps, on the instrument's own time base.
    """

    class Config(ScpiOptions):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=4)
        mode: Literal["meas", "array", "elog"] = "meas"
        """How readings are taken."""
        log_period_s: float = Field(default=0.001, ge=SHORTEST_S, le=60)
        """Of a reading in ``mode: elog``."""

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")
    rate_hz = 1 / _PERIOD_S
    aperture_s = _POINTS * _SAMPLE_S
    accuracy = Accuracy(
        volts=Tolerance(0.00025, 1.2e-3),
        amps=Tolerance(0.0003, 250e-6),
        source="Keysight N6781A data sheet: volts (20 V range) 0.025 % + 1.2 mV, amps (3 A range) 0.03 % + 250 uA",
    )
    _timeout_s: ClassVar[float] = 1.0
    """Assumed: it answers 80 ms after the question."""

    def __init__(
        self,
        name: str,
        port: ScpiPort,
        channel: int,
        identity: Identity | None = None,
        *,
        mode: Literal["meas", "array", "elog"] = "meas",
        log_period_s: float = 0.001,
    ) -> None:
        """Sit on an open port to an output that :func:`prepare` has set up."""
        self._at, self._mode, self._log_period_s = f"(@{channel})", mode, log_period_s
        super().__init__(name, port, identity or Identity("Keysight Technologies", "N6705C"), _ways(self._at))
        if mode == "array":
            self.rate_hz, self.aperture_s = 1 / _SAMPLE_S, _SAMPLE_S
        elif mode == "elog":
            self.rate_hz, self.aperture_s = 1 / log_period_s, log_period_s
        self._pace = Pace(_PERIOD_S)

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the instrument and fix the output's sweep. The output's state stays.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
            InstrumentFault: it refuses a setting, or does not keep it.
        """
        options = cls.Config.model_validate(config)

        def make(port: ScpiPort, identity: Identity) -> Self:
            silent = prepare(port, options.channel)
            fast: dict[str, Any] = {"mode": options.mode, "log_period_s": options.log_period_s}
            meter = cls(name, port, options.channel, identity, **fast)
            meter.accuracy = Accuracy(cls.accuracy.volts, cls.accuracy.amps, cls.accuracy.source + unconfirmed(silent))
            return meter

        return opened(name, options, make, models=("N6705",), timeout_s=cls._timeout_s)

    def apart(self) -> Exchange | None:
        """Return readings on demand in halves; sweeps and logs are fetched."""
        return super().apart() if self._mode == "meas" else None

    def stream(self) -> Iterator[Block]:
        """Yield readings as ``mode`` says until the caller stops.

        Raises:
            MeterOffline: no answer, or the log has ended.
            FrameError: not the numbers that were asked for.
            InstrumentFault: the log holds something else, or ran over.
        """
        if self._mode == "meas":
            yield from super().stream()
        elif self._mode == "array":
            yield from self._swept()
        else:
            ranges = {"volts_range": _VOLTS_RANGE, "amps_range": _AMPS_RANGE}
            log = Log(self._port, self._at, self._log_period_s, **ranges)
            try:
                yield from self._logged(log)
            finally:
                with suppress(MeterOffline):
                    log.stop()

    def _swept(self) -> Iterator[Block]:
        sweeps, late = Sweeps(self._port, self._at), False
        offsets_ns = np.rint((np.arange(_POINTS) - (_POINTS - 1) / 2) * _SAMPLE_S * 1e9).astype(np.int64)
        while True:
            amps, volts, middle_ns = sweeps.take(_POINTS)
            yield _block(middle_ns + offsets_ns, volts, amps, Flag.LATE if late else Flag(0))
            late = True

    def _logged(self, log: Log) -> Iterator[Block]:
        base = TimeBase(log.start())
        heard_ns, silent_s = time.monotonic_ns(), max(_SILENT_S, 5 * log.period_s)
        while True:
            seconds, amps, volts = log.fetch()
            arrived_ns = time.monotonic_ns()
            if len(seconds):
                heard_ns, t_ns = arrived_ns, base.place(seconds, arrived_ns)
                if arrived_ns - int(t_ns[0]) > _HOLDS_S * 1e9:
                    raise InstrumentFault(self.name, "its log ran over", hint="is the link too slow for log_period_s?")
                yield _block(t_ns, volts, amps, Flag(0))
            elif arrived_ns - heard_ns > silent_s * 1e9:
                raise MeterOffline(self.name, "its log has ended", hint="did somebody touch the front panel?")
            if len(seconds) < RECORDS:
                time.sleep(_FETCH_S)


def _block(t_ns: NDArray[np.int64], volts: NDArray[np.float64], amps: NDArray[np.float64], first: Flag) -> Block:
    """Return readings that arrived together; ``first`` is known against the first of them."""
    flags = np.where(np.isinf(volts) | np.isinf(amps), np.uint8(Flag.OVERLOAD), np.uint8(0))
    flags[0] |= np.uint8(first)
    known_volts, known_amps = (np.where(np.isfinite(values), values, np.nan) for values in (volts, amps))
    return Block(t_ns, known_volts, known_amps, flags)


def _ways(at: str) -> tuple[Way, ...]:
    amps, volts = Ask(f"MEAS:CURR? {at}", ("amps",)), Ask(f"FETC:VOLT? {at}", ("volts",))
    return (
        Way((amps, volts), measures_once=True),
        Way((amps, Ask(f"MEAS:VOLT? {at}", ("volts",)))),  # modules with one converter for both
    )


def prepare(port: ScpiPort, channel: int) -> list[str]:
    """Fix what an earlier user may have left otherwise: quantities, ranges and sweep; return what was not confirmed.

    Raises:
        InstrumentFault: the instrument refuses a setting, or does not keep it.
    """
    at = f"(@{channel})"
    return settle(
        port,
        wanted=(
            f"SENS:FUNC:VOLT ON,{at}",
            f"SENS:FUNC:CURR ON,{at}",
            f"SENS:WIND RECT,{at}",  # another window would weigh the middle of a sweep more
            f"SENS:SWE:OFFS:POIN 0,{at}",
        ),
        refining=(
            f"SENS:VOLT:RANG {_VOLTS_RANGE:g},{at}",
            f"SENS:CURR:RANG {_AMPS_RANGE:g},{at}",
            f"SENS:SWE:TINT {_SAMPLE_S:g},{at}",
            f"SENS:SWE:POIN {_POINTS},{at}",
        ),
        kept={f"SENS:SWE:TINT? {at}": _SAMPLE_S, f"SENS:SWE:POIN? {at}": _POINTS},
        hint="which module sits in that channel? this driver wants the 20 V and 3 A ranges of an N6781A",
    )
