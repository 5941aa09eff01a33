"""Any instrument that answers questions about volts, amps or watts in text: the questions stand in the inventory."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from ..block import Block, Flag
from ..errors import FrameError, MeterOffline
from ..meter import Accuracy, Identity, Tolerance
from .asked import Ask, AskedMeter, Way, finite
from .identify import identify
from .opening import ScpiOptions, twice
from .port import ScpiPort

_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}


def _listed(value: Any) -> Any:  # noqa: ANN401 -- what stands in the inventory
    """Take one word or a list: a command line knows no lists."""
    return (value,) if isinstance(value, str) else value


def _split(value: Any) -> Any:  # noqa: ANN401 -- as above
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class GenericScpi(AskedMeter):
    """Readings by the questions of the inventory, at the pace it states.

    Either one question for each quantity, or one ``query`` whose answer holds several ``fields``.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin",)

    class Config(ScpiOptions):
        """Options in the inventory."""

        volts_query: str | None = None
        amps_query: str | None = None
        watts_query: str | None = None
        """Where the instrument measures watts as such; volts and amps that it does not tell stay unknown."""
        query: str | None = None
        """One question for all, instead."""
        fields: Annotated[tuple[Literal["volts", "amps", "watts", "seconds", "-"], ...], BeforeValidator(_split)] = (
            "volts",
            "amps",
        )
        """What the numbers in the answer to ``query`` are, in order; ``-`` for one that is not used."""
        setup: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
        """Commands without an answer, sent once."""
        before: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
        """Commands without an answer, sent before each reading: which channel is meant."""
        volts_scale: float = 1.0
        """What the number is multiplied by to be volts: 0.001 of an instrument that tells millivolts."""
        amps_scale: float = 1.0
        """Negative where the instrument counts current out of the board as positive."""
        watts_scale: float = 1.0
        terminator: Literal["lf", "crlf", "cr"] = "lf"
        """What ends commands and answers. A carriage return before a line feed is always understood."""
        pause_s: float = Field(default=0.0, ge=0, le=5)
        """What the instrument needs between an answer and the next command."""
        timeout_s: float = Field(default=2.0, gt=0, le=60)
        model: str | None = None
        """What the model in ``*IDN?`` must begin with; absent: any, and it need not answer. Empty: it is not asked."""
        rate_hz: float = Field(default=1 / 0.207, gt=0, le=1000)
        """How often it is asked."""
        aperture_s: float = Field(default=0.0, ge=0)
        """Each reading averages over this long; 0 where the maker does not say."""
        age_s: float = Field(default=0.0, ge=0, le=5)
        """How old what it tells is, in the middle: it may be fresh, or twice as old. Of one that shows a mean and
        renews it, that mean's length, where nothing better is known. A trial's burst of load shows it."""
        bandwidth_hz: float | None = Field(default=None, gt=0)
        of_reading: float = Field(default=0.05, gt=0, lt=0.1)
        """Limit of error as a fraction of volts and of amps (of watts, where those are measured as such)."""
        volts_offset: float = Field(default=0.05, ge=0)
        amps_offset: float = Field(default=0.05, ge=0)
        watts_offset: float = Field(default=0.5, ge=0)
        accuracy_source: str | None = None
        """Where the limits stand. Absent: they count as assumed, and every record says so."""

        @model_validator(mode="after")
        def _asks_something(self) -> Self:
            single = (self.volts_query, self.amps_query, self.watts_query)
            if self.query is not None and any(single):
                raise ValueError("query asks for all; leave out volts_query, amps_query and watts_query")
            if self.query is not None and not {"volts", "amps", "watts"} & {*self.fields}:
                raise ValueError("fields: name at least one of volts, amps, watts")
            if self.aperture_s * self.rate_hz > 1:
                raise ValueError(f"aperture_s {self.aperture_s:g} is longer than the {1 / self.rate_hz:g} s of rate_hz")
            return self

    def __init__(self, name: str, port: ScpiPort, options: "GenericScpi.Config", identity: Identity | None) -> None:
        """Sit on an open port to an instrument that is set up."""
        self.rate_hz = options.rate_hz
        super().__init__(name, port, identity or Identity("", "not told"), [_way(options)])
        self.aperture_s, self.bandwidth_hz = options.aperture_s, options.bandwidth_hz
        self.stamp_bound_s = options.age_s
        self.accuracy = _accuracy(options)
        self._options = options

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the instrument where it can be, and send what sets it up.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
        """
        options = cls.Config.model_validate(config)
        return twice(name, lambda: cls._once(name, options))

    @classmethod
    def _once(cls, name: str, options: "GenericScpi.Config") -> Self:
        port = ScpiPort.open(
            name,
            options.resource,
            timeout_s=options.timeout_s,
            terminator=_ENDS[options.terminator],
            pause_s=options.pause_s,
            baud=options.baud,
        )
        try:
            identity, silence = _who(port, options)

            def set_up() -> None:
                for command in options.setup:
                    port.write(command)

            set_up()
            port.remember(set_up)
            meter = cls(name, port, options, identity)
            if silence is not None and not _answers(meter):
                raise silence
        except BaseException:
            port.close()
            raise
        return meter

    def block_of(self, t_ns: int, found: dict[str, float], flags: Flag) -> Block:
        """Scale, date back, and keep watts that were measured as such."""
        options = self._options
        t_ns -= round(options.age_s * 1e9)
        volts, amps = found.get("volts", math.nan), found.get("amps", math.nan)
        watts = finite(found["watts"] * options.watts_scale) if "watts" in found else None
        return Block.one(t_ns, volts * options.volts_scale, amps * options.amps_scale, flags, watts=watts)


def _who(port: ScpiPort, options: GenericScpi.Config) -> tuple[Identity | None, MeterOffline | None]:
    """Return who answers, as far as that is asked; and the silence, where nobody in particular is wanted."""
    if options.model == "":
        return None, None
    models = (options.model.upper(),) if options.model else ()
    try:
        return identify(port, maker="", models=models, serial_number=options.serial_number), None
    except MeterOffline as silence:
        if models or options.serial_number is not None or isinstance(silence.__cause__, OSError):
            raise
        return None, silence


def _answers(meter: GenericScpi) -> bool:
    """Return whether an instrument that does not say who it is gives a reading."""
    try:
        meter.read()
    except (MeterOffline, FrameError):
        return False
    return True


def _way(options: GenericScpi.Config) -> Way:
    if options.query is not None:
        return Way((Ask(options.query, tuple("" if f == "-" else f for f in options.fields)),), options.before)
    single = {"volts": options.volts_query, "amps": options.amps_query, "watts": options.watts_query}
    if not any(single.values()):  # what most of them understand
        single = {"volts": "MEAS:VOLT?", "amps": "MEAS:CURR?"}
    return Way(tuple(Ask(query, (name,)) for name, query in single.items() if query is not None), options.before)


def _accuracy(options: GenericScpi.Config) -> Accuracy:
    told: Sequence[str] = [name for ask in _way(options).asks for name in ask.fields]
    return Accuracy(
        volts=Tolerance(options.of_reading, options.volts_offset),
        amps=Tolerance(options.of_reading, options.amps_offset),
        watts=Tolerance(options.of_reading, options.watts_offset) if "watts" in told else None,
        source=options.accuracy_source or "assumed: the inventory names no accuracy_source",
        assumed=options.accuracy_source is None,
    )
