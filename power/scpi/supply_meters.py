"""Bench supplies that tell volts and amps of an output: one row each. Not yet tried on units here.

Questions as in the makers' programming guides and in public drivers (libsigrok's supply profiles, Qcodes, pymeasure).
A supply's readings are slow and coarse: they tell watts of minutes, not of inferences.

No maker states how old the values are that a supply shows: they are dated back by ``age_s``, and may be off by as much.
"""

from dataclasses import replace
from typing import ClassVar, Self

from pydantic import BaseModel, Field

from ..block import Block, Flag
from ..errors import InstrumentFault
from ..meter import Accuracy, Identity, Tolerance
from .asked import Ask, AskedMeter, Way
from .opening import ScpiOptions, opened, unconfirmed
from .port import ScpiPort
from .setup import knows_not, settle

_PERIOD_S = 0.207
"""Assumed: they convert about five times a second. No multiple of a usual frame period, as in :mod:`.n6705c`."""
_AGE_S = 0.1
"""Assumed: what is shown is the mean over the last conversion but one at the oldest, so up to 0.2 s old."""
_TIMEOUT_S = 1.0
"""Assumed; the slowest answer within a fifth of it."""
_VOLTS, _AMPS = ("volts",), ("amps",)


def _data_sheet(volts: Tolerance, amps: Tolerance, model: str) -> Accuracy:
    source = f"assumed after the data sheet of the {model} (read-back, one year); not looked up"
    return Accuracy(volts, amps, source, assumed=True)


class SupplyMeter(AskedMeter):
    """Volts and amps of one output, about five times a second, asked one after the other.

    How long a supply averages is not stated: readings count as points unless the inventory knows better. Volts and
    amps are some ten milliseconds apart: on a load that jumps, their product is off by what happens between.
    """

    class Config(ScpiOptions):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1)
        """The output, as the front panel numbers it."""
        age_s: float = Field(default=_AGE_S, ge=0, le=5)
        """How old what it shows is, in the middle: it may be fresh, or twice as old."""
        aperture_s: float = Field(default=0.0, ge=0, le=_PERIOD_S)
        """What it shows is the mean over this long; 0 where nobody knows, and it counts as a point."""

    models: ClassVar[tuple[str, ...]]
    """What the model that it names may begin with."""
    select: ClassVar[tuple[str, ...]] = ()
    """Commands of which the first that is not refused chooses the output, for questions that name none; empty where
    they all do."""
    ways: ClassVar[tuple[Way, ...]]
    """How it is asked; ``{ch}`` stands for the output."""
    limits: ClassVar[Accuracy]
    pause_s: ClassVar[float] = 0.0
    """Between an answer and the next command."""

    rate_hz = 1 / _PERIOD_S

    def __init__(
        self, name: str, port: ScpiPort, options: "SupplyMeter.Config", identity: Identity | None = None
    ) -> None:
        """Sit on an open port; the output is chosen anew for each reading where a question cannot name it."""
        super().__init__(name, port, identity or Identity("", self.models[0]), self._ways_to(options.channel))
        self.aperture_s, self.stamp_bound_s = options.aperture_s, options.age_s
        aged = f"; what it shows is up to {2 * options.age_s:g} s old" + " (assumed)" * (options.age_s == _AGE_S)
        self.accuracy = replace(self.limits, source=self.limits.source + aged)

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the supply and choose the output. What it puts out stays.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
            InstrumentFault: it has no such output.
        """
        options = cls.Config.model_validate(config)

        def make(port: ScpiPort, identity: Identity) -> Self:
            chosen, silent = cls._choose(port, options.channel)
            meter = cls(name, port, options, identity)
            meter._ways.sort(key=lambda way: chosen not in way.before)  # sorting keeps the order of the rest
            meter.accuracy = replace(meter.accuracy, source=meter.accuracy.source + unconfirmed(silent))
            return meter

        return opened(name, options, make, models=cls.models, timeout_s=_TIMEOUT_S, pause_s=cls.pause_s)

    def block_of(self, t_ns: int, found: dict[str, float], flags: Flag) -> Block:
        """Date it back to the middle of how old it may be."""
        return super().block_of(t_ns - round(self.stamp_bound_s * 1e9), found, flags)

    @classmethod
    def _choose(cls, port: ScpiPort, channel: int) -> tuple[str, list[str]]:
        """Choose the output where that decides whose volts are told; return the command, and what is not confirmed.

        A supply that has no word for choosing has one output: the first.
        """
        refused: InstrumentFault | None = None
        for command in (one.format(ch=channel) for one in cls.select):
            try:
                return command, settle(port, wanted=(), deciding=[command], hint="which outputs has it?")
            except InstrumentFault as fault:
                if not knows_not(fault):
                    raise
                refused = refused or fault
        if refused is not None and channel != 1:
            raise refused
        return "", [command.format(ch=channel) for command in cls.select] if refused else []

    @classmethod
    def _ways_to(cls, channel: int) -> list[Way]:
        return [
            Way(
                asks=tuple(Ask(ask.question.format(ch=channel), ask.fields) for ask in way.asks),
                before=tuple(command.format(ch=channel) for command in way.before),
            )
            for way in cls.ways
        ]


class DP832(SupplyMeter):
    """Rigol DP832 and DP832A (DP800 programming guide)."""

    class Config(SupplyMeter.Config):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=3)

    verified = ("twin", "published bytes")
    models = ("DP832",)
    ways = (
        Way((Ask(":MEAS:ALL? CH{ch}", ("volts", "amps", "watts")),)),
        Way((Ask(":MEAS:VOLT? CH{ch}", _VOLTS), Ask(":MEAS:CURR? CH{ch}", _AMPS))),
        Way((Ask(":MEAS:VOLT?", _VOLTS), Ask(":MEAS:CURR?", _AMPS)), before=(":INST:NSEL {ch}",)),
    )
    limits = Accuracy(
        volts=Tolerance(0.0005, 10e-3),
        amps=Tolerance(0.0015, 5e-3),
        source="Rigol DP800 Performance Verification Manual, chapter 3: read-back, one year, amps 0.15 % + 5 mA; volts "
        "0.05 % + 10 mV as its specifications are quoted in public",
    )


_BY_CHANNEL = Way((Ask("MEAS:VOLT? CH{ch}", _VOLTS), Ask("MEAS:CURR? CH{ch}", _AMPS)))
_OF_CHOSEN = (Ask("MEAS:VOLT?", _VOLTS), Ask("MEAS:CURR?", _AMPS))
_BY_NUMBER = Way(_OF_CHOSEN, before=("INST:NSEL {ch}",))


class HMP4040(SupplyMeter):
    """Rohde & Schwarz (Hameg) HMP4040, HMP4030, HMP2030, HMP2020 (HMP series SCPI manual)."""

    class Config(SupplyMeter.Config):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=4)

    models = ("HMP",)
    select = ("INST:NSEL {ch}", "INST OUT{ch}")
    ways = (_BY_NUMBER, Way(_OF_CHOSEN, before=("INST OUT{ch}",)))
    limits = _data_sheet(Tolerance(0.0005, 5e-3), Tolerance(0.001, 2e-3), "R&S HMP4040")


class NGE100(SupplyMeter):
    """Rohde & Schwarz NGE102B and NGE103B (NGE100 user manual)."""

    class Config(SupplyMeter.Config):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=3)

    models = ("NGE1",)
    select = ("INST:NSEL {ch}", "INST OUT{ch}")
    ways = (_BY_NUMBER, Way(_OF_CHOSEN, before=("INST OUT{ch}",)))
    limits = _data_sheet(Tolerance(0.001, 30e-3), Tolerance(0.002, 10e-3), "R&S NGE100")


class NGL(SupplyMeter):
    """Rohde & Schwarz NGL201, NGL202; NGM and NGU answer alike (NGL200/NGM200 user manual)."""

    class Config(SupplyMeter.Config):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=2)

    models = ("NGL", "NGM", "NGU")
    select = ("INST:NSEL {ch}",)
    ways = (
        _BY_NUMBER,
        Way((Ask("MEAS:SCAL:VOLT:DC?", _VOLTS), Ask("MEAS:SCAL:CURR:DC?", _AMPS)), before=("INST:NSEL {ch}",)),
        Way((Ask("READ?", ("volts", "amps")),), before=("INST:NSEL {ch}",)),
    )
    limits = _data_sheet(Tolerance(0.0002, 2e-3), Tolerance(0.0005, 250e-6), "R&S NGL200")


class SPD3303X(SupplyMeter):
    """Siglent SPD3303X and SPD3303X-E; its third output is not measured (SPD3303X quick start, remote control)."""

    class Config(SupplyMeter.Config):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=2)

    models = ("SPD3303",)
    ways = (_BY_CHANNEL, Way(_OF_CHOSEN, before=("INST CH{ch}",)))
    limits = _data_sheet(Tolerance(0.005, 20e-3), Tolerance(0.005, 20e-3), "Siglent SPD3303X-E")
    """The lesser of both by far: 0.5 % and two digits of 10 mV and 10 mA."""
    pause_s = 0.02
    """Public programs wait 10 to 100 ms after each command to a Siglent."""


class SPD1000X(SupplyMeter):
    """Siglent SPD1168X and SPD1305X (SPD1000X programming guide)."""

    class Config(SupplyMeter.Config):
        """Options in the inventory."""

        channel: int = Field(default=1, ge=1, le=1)

    models = ("SPD1",)
    ways = (_BY_CHANNEL, Way(_OF_CHOSEN))
    limits = _data_sheet(Tolerance(0.0003, 10e-3), Tolerance(0.003, 10e-3), "Siglent SPD1000X, taken as the SPD3303X's")
    pause_s = 0.02
    """As :class:`SPD3303X`."""
