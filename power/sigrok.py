"""Whatever ``sigrok-cli`` reads: hundreds of hand-held multimeters, supplies and loads through one program.

Lines as libsigrok's output module ``analog`` writes them, seen from sigrok-cli 0.7.2 with libsigrok 0.5.2 and its demo
device; the other devices are its makers' to vouch for.
"""

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .block import Block, Flag
from .errors import FrameError, MeterOffline, MissingLibrary
from .meter import Accuracy, Identity, Tolerance
from .polling import PolledMeter
from .port import Port
from .program_port import ProgramPort

_LINE = re.compile(
    r"([^:]+): ([+-]?(?:\d+\.?\d*|inf|nan))(?: ([GMkmunpµ]?)(V|A|W)((?: \S+)*))?", re.ASCII | re.IGNORECASE
)
_PREFIXES = {"": 1.0, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_QUANTITIES = {"V": "volts", "A": "amps", "W": "watts"}
_FROZEN = {"HOLD", "MAX", "MIN"}
"""The display is held, or shows an extreme: no reading of now."""
_SCAN_S = 15.0
"""Serial devices are looked for with pauses of seconds (assumed)."""
_SILENT_PERIODS, _SILENT_LEAST_S = 5, 3.0
_HINT = "does `sigrok-cli -d DEVICE --show` find it?"


@dataclass(frozen=True, slots=True)
class Told:
    """One line: a channel's value in volts, amps or watts."""

    channel: str
    quantity: str
    value: float
    """NaN for no value, infinity beyond the range."""
    frozen: bool


def parse(line: str) -> Told | None:
    """Read one line of the ``analog`` output; None for a line between readings or of a quantity that is not power's.

    Raises:
        ValueError: it is none of these.
    """
    bare = line.strip()
    if bare in ("", "FRAME-BEGIN", "FRAME-END"):
        return None
    found = _LINE.fullmatch(bare)
    if found is None:
        if re.fullmatch(r"[^:]+: [+-]?\d\S* \S+.*", bare) and not re.search(r" [GMkmunpµ]?[VAW]\b", bare):
            return None  # degrees, ohms, hertz: of another channel
        raise ValueError(f"{bare[:60]!r} is no reading")
    channel, number, prefix, unit, words = found.groups(default="")
    if not unit:
        raise ValueError(f"{bare[:60]!r} names no unit")
    value = float(number) * _PREFIXES[prefix]
    return Told(channel, _QUANTITIES[unit], value, frozen=bool(_FROZEN & {*words.split()}))


class Sigrok(PolledMeter):
    """Volts and amps, or one of them, from lines that the program prints as readings come.

    ``t_ns`` is the arrival of the line: late by what device and program take. Devices tell neither when nor for how
    long they measured, nor how well: what the inventory does not state is assumed, and every record says so.
    """

    verified: ClassVar[tuple[str, ...]] = ("sigrok's demo device",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        device: str
        """As for ``sigrok-cli -d``: ``korad-kaxxxxp:conn=/dev/ttyACM0``, ``uni-t-ut61e:conn=1a86.e008``, ``demo``."""
        measures: Literal["both", "amps", "volts", "watts"] = "both"
        """What the device tells: a supply both, a multimeter one."""
        volts_channel: str | None = None
        """Whose lines are volts; absent: all that are in volts."""
        amps_channel: str | None = None
        """Whose lines are amps; absent: all that are in amps."""
        amps_per_volt: float | None = Field(default=None, gt=0)
        """Of a shunt or a clamp, where the lines of ``amps_channel`` are in volts."""
        assume_volts: float | None = Field(default=None, gt=0)
        """Where amps alone are measured. Absent: volts and watts are unknown."""
        assume_amps: float | None = Field(default=None, gt=0)
        channel_group: str | None = None
        """As for ``sigrok-cli -g``."""
        config: str | None = None
        """As for ``sigrok-cli --config``: ``samplerate=10``."""
        rate_hz: float = Field(default=2.0, gt=0, le=1e6)
        """How many readings a second the device gives."""
        of_reading: float = Field(default=0.05, gt=0, lt=0.1)
        volts_offset: float = Field(default=0.05, ge=0)
        amps_offset: float = Field(default=0.05, ge=0)
        accuracy_source: str | None = None
        """Where the limits of error stand. Absent: they count as assumed."""
        program: str = "sigrok-cli"

        @model_validator(mode="after")
        def _fits(self) -> Self:
            if self.amps_per_volt is not None and self.amps_channel is None:
                raise ValueError("amps_per_volt: name the amps_channel whose volts it turns into amps")
            if self.assume_volts is not None and self.measures != "amps":
                raise ValueError("assume_volts: only where it `measures: amps`")
            if self.assume_amps is not None and self.measures != "volts":
                raise ValueError("assume_amps: only where it `measures: volts`")
            return self

        def argv(self) -> list[str]:
            """Return the command line."""
            words = [self.program, "-d", self.device, "--continuous", "-O", "analog"]
            named = [c for c in (self.volts_channel, self.amps_channel) if c is not None]
            words += ["-C", ",".join(named)] if len(named) == 2 or (named and self.measures != "both") else []
            words += ["-g", self.channel_group] if self.channel_group else []
            return words + (["--config", self.config] if self.config else [])

    aperture_s = 0.0

    def __init__(self, name: str, start: Callable[[], Port], options: "Sigrok.Config") -> None:
        """Start the program with ``start``, now and whenever it has ended."""
        super().__init__(name, Identity("sigrok", options.device.partition(":")[0]))
        self._start, self._options = start, options
        self._port: Port | None = start()
        self.rate_hz = options.rate_hz
        self.accuracy = _accuracy(options)
        self._found: dict[str, Told] = {}
        self._besides: dict[str, None] = {}
        """What else it has told since the last reading, in the order in which it came."""
        self._wanted = {"both": {"volts", "amps"}}.get(options.measures, {options.measures})

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Start the program and wait for its first reading.

        Raises:
            MissingLibrary: the program is not installed.
            MeterOffline: it finds no device, or the device says nothing.
        """
        options = cls.Config.model_validate(config)
        meter = cls(name, lambda: _started(name, options.argv()), options)
        try:
            meter._next(_SCAN_S)
        except BaseException:
            meter.close()
            raise
        return meter

    def read(self) -> Block:
        """Return the next reading, shape (1,); what has come before is dropped. NaN where there is no value.

        Raises:
            MeterOffline: no reading, or the program has ended.
            FrameError: a line that is none.
        """
        port = self._running()
        while self._has_line(port):
            self._take(port, 0.0)
        return self._next(self._silent_s)

    def stream(self) -> Iterator[Block]:
        """Yield every reading as it comes until the caller stops; raises as :meth:`read`."""
        while True:
            yield self._next(self._silent_s)

    def close(self) -> None:
        """End the program. May be called twice."""
        if self._port is not None:
            self._port.close()
            self._port = None

    @property
    def _silent_s(self) -> float:
        return max(_SILENT_LEAST_S, _SILENT_PERIODS / self.rate_hz)

    def _running(self) -> Port:
        if self._port is None:
            self._port, self._found = self._start(), {}
        return self._port

    @staticmethod
    def _has_line(port: Port) -> bool:
        return isinstance(port, ProgramPort) and port.has_line()

    def _next(self, timeout_s: float) -> Block:
        port = self._running()
        until_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        while (found := self._take(port, max(0.0, (until_ns - time.monotonic_ns()) / 1e9))) is None:
            pass
        return self._block(found, time.monotonic_ns())

    def _take(self, port: Port, timeout_s: float) -> dict[str, Told] | None:
        """Take in one line; return the readings of one moment when it completed them."""
        try:
            line = port.read_line(b"\n", timeout_s)
        except OSError as error:
            self.close()
            raise MeterOffline(self.name, str(error), hint=_HINT) from error
        if self._besides and not line.endswith(b"\n"):
            wanted, told = " and ".join(sorted(self._wanted - self._found.keys())), ", ".join(self._besides)
            what = f"no {wanted} in what it tells, which is {told}"
            raise MeterOffline(self.name, what, hint="set `measures` and the channels to what it measures, or its knob")
        if not line:
            raise MeterOffline(self.name, f"no reading within {timeout_s:.1f} s", hint=_HINT)
        try:
            if not line.endswith(b"\n"):
                raise ValueError(f"half a line: {line[:60]!r}")
            told = parse(line.decode("utf-8"))
        except ValueError as error:
            self._found = {}
            raise FrameError(self.name, str(error), hint=_HINT) from error
        if told is not None and (name := self._quantity(told)) is not None:
            self._found[name] = told
        elif told is not None:
            self._besides[f"{told.quantity} of {told.channel}"] = None
        if self._found.keys() < self._wanted:
            return None
        found, self._found, self._besides = self._found, {}, {}
        return found

    def _quantity(self, told: Told) -> str | None:
        """Return what a line is in this setup; None when it is not asked for."""
        options = self._options
        if told.channel == options.amps_channel and told.quantity == "volts" and options.amps_per_volt is not None:
            return "amps"
        for quantity, channel in (("volts", options.volts_channel), ("amps", options.amps_channel)):
            if told.quantity == quantity and channel not in (None, told.channel):
                return None
        return told.quantity if told.quantity in self._wanted else None

    def _block(self, found: dict[str, Told], arrived_ns: int) -> Block:
        options = self._options
        values = {name: told.value for name, told in found.items()}
        if "amps" in found and found["amps"].quantity == "volts":
            values["amps"] *= options.amps_per_volt or math.nan
        flags = Flag.STALE if any(told.frozen for told in found.values()) else Flag(0)
        if any(math.isinf(value) for value in values.values()):
            flags |= Flag.OVERLOAD
        values = {name: value if math.isfinite(value) else math.nan for name, value in values.items()}
        volts = values.get("volts", math.nan if options.assume_volts is None else options.assume_volts)
        amps = values.get("amps", math.nan if options.assume_amps is None else options.assume_amps)
        return Block.one(arrived_ns, volts, amps, flags, watts=values.get("watts"))


def _started(name: str, argv: list[str]) -> ProgramPort:
    try:
        return ProgramPort(argv)
    except OSError as error:
        what = f"{argv[0]}: {error.strerror}"
        raise MissingLibrary(name, what, hint="install it (Debian: apt install sigrok-cli)") from error


def _accuracy(options: Sigrok.Config) -> Accuracy:
    source = options.accuracy_source or "assumed: the inventory names no accuracy_source"
    for quantity, assumed in (("volts", options.assume_volts), ("amps", options.assume_amps)):
        source += f"; {quantity}: assumed {assumed:g}" if assumed is not None else ""
    watts = Tolerance(options.of_reading, options.volts_offset) if options.measures == "watts" else None
    return Accuracy(
        volts=Tolerance(options.of_reading, options.volts_offset),
        amps=Tolerance(options.of_reading, options.amps_offset),
        watts=watts,
        source=source,
        assumed=options.accuracy_source is None or options.assume_volts is not None or options.assume_amps is not None,
    )
