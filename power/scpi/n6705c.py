"""Keysight N6705B/C DC power analyser: one output's own voltmeter and ammeter.

Commands as in the N6705C Operating and Service Guide (SCPI programming reference); written for the N6781A module.
Not yet tried on a unit here.
"""

from typing import ClassVar, Self

from pydantic import BaseModel, Field

from ..meter import Accuracy, Identity, Tolerance
from .asked import Ask, AskedMeter, ScpiOptions, Way, opened, unconfirmed
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


class N6705C(AskedMeter):
    """Volts and amps of one output, 10.9 readings a second.

    A reading is one sweep of both: means of 3906 samples 20.48 us apart, 80 ms in all, begun by the question for
    amps. ``t_ns`` is the middle between that question and its answer: right to half of what it took beyond 80 ms.
    A question that came late loses nothing and is flagged LATE; one without an answer is a lost reading.
    """

    class Config(ScpiOptions):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=4)

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
        super().__init__(name, port, identity or Identity("Keysight Technologies", "N6705C"), _ways(f"(@{channel})"))

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
            meter = cls(name, port, options.channel, identity)
            meter.accuracy = Accuracy(cls.accuracy.volts, cls.accuracy.amps, cls.accuracy.source + unconfirmed(silent))
            return meter

        return opened(name, options, make, models=("N6705",), timeout_s=cls._timeout_s)


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
        wanted=(),
        deciding=(
            f"SENS:FUNC:VOLT ON,{at}",
            f"SENS:FUNC:CURR ON,{at}",
            f"SENS:VOLT:RANG {_VOLTS_RANGE:g},{at}",
            f"SENS:CURR:RANG {_AMPS_RANGE:g},{at}",
            f"SENS:WIND RECT,{at}",  # another window would weigh the middle of a sweep more
            f"SENS:SWE:OFFS:POIN 0,{at}",
            f"SENS:SWE:TINT {_SAMPLE_S:g},{at}",
            f"SENS:SWE:POIN {_POINTS},{at}",
        ),
        kept={f"SENS:SWE:TINT? {at}": _SAMPLE_S, f"SENS:SWE:POIN? {at}": _POINTS},
        hint="which module sits there?",
    )
