"""The output of a SCPI supply as a power switch: safe values set and read back before it goes on.

Families of supplies: :mod:`power.scpi.supplies`. Not yet tried on a unit here.
"""

from collections.abc import Callable
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, Field, model_validator

from ..errors import FrameError, InstrumentFault, MeterOffline, SupplyTripped, SwitchOffline, SwitchRefused
from ..scpi.port import ScpiPort
from ..scpi.setup import set_up
from ..scpi.supplies import FAMILIES, STATES
from ..switch import SwitchConfig
from .base import AskedSwitch

T = TypeVar("T")

_TRIPPED_HINT = "find the short or the wrong wire first; then `farm power off BOARD` acknowledges it"


class ScpiOutput(AskedSwitch):
    """One output of a SCPI supply, with its protections.

    Before it goes on, ``volts``, ``max_amps``, ``ovp_volts`` and ``ocp`` are set and read back; where one differs it
    stays off. What the inventory does not name stays as it is on the supply.
    """

    class Config(SwitchConfig):
        """Options in the inventory."""

        resource: str
        """VISA name, e.g. ``TCPIP::192.0.2.20::5025::SOCKET``."""
        channel: int = Field(default=1, ge=1)
        family: Literal["n6700", "n678x", "dp800"] = "n6700"
        """Whose commands it takes."""
        volts: float | None = Field(default=None, gt=0)
        """What the board is to get; held against the range that its model takes."""
        max_amps: float | None = Field(default=None, gt=0)
        """The current limit."""
        ovp_volts: float | None = Field(default=None, gt=0)
        """Where the over-voltage protection cuts the output."""
        ocp: bool = False
        """Cut the output at the current limit, instead of holding the current there."""

        @property
        def puts_out_volts(self) -> float | None:
            """As the inventory says; None: what the supply is set to."""
            return self.volts

        @property
        def cuts_above_volts(self) -> float | None:
            """As the inventory says."""
            return self.ovp_volts

        @model_validator(mode="after")
        def _protections_fit(self) -> Self:
            if self.volts is not None and self.ovp_volts is not None and self.ovp_volts <= self.volts:
                raise ValueError(
                    f"ovp_volts {self.ovp_volts:g} would cut {self.volts:g} V at once; set it above `volts:`"
                )
            if self.ocp and self.max_amps is None:
                raise ValueError("ocp needs the current to cut at; add `max_amps:`")
            return self

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")
    confirm_within_s: ClassVar[float] = 2.0
    """Assumed; outputs with relays and delays take up to a few hundred milliseconds."""
    disobeyed_hint: ClassVar[str] = "does the supply's display show an output that is locked or inhibited?"
    _timeout_s: ClassVar[float] = 2.0

    def __init__(self, name: str, port: ScpiPort, options: "ScpiOutput.Config") -> None:
        """Sit on an open port."""
        super().__init__(name, options.min_off_s)
        self._port, self._options = port, options
        self._family = FAMILIES[options.family]

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link and ask for the output's state. Nothing is set; a tripped protection is for :meth:`state`.

        Raises:
            SwitchOffline: nothing answers there.
        """
        options = cls.Config.model_validate(config)
        try:
            port = ScpiPort.open(name, options.resource, timeout_s=cls._timeout_s)
        except MeterOffline as error:
            raise _offline(name, error) from error
        switch = cls(name, port, options)
        try:
            switch._enabled()
        except BaseException:
            switch.close()
            raise
        return switch

    def state(self) -> bool:
        """Ask the supply: True when on.

        Raises:
            SwitchOffline: it does not answer so that one could tell.
            SupplyTripped: a protection has cut the output; it is not off because somebody switched it off.
        """
        if tripped := self._tripped():
            raise SupplyTripped(
                self.name, f"tripped: {' and '.join(tripped)}; the board has no power", hint=_TRIPPED_HINT
            )
        return self._enabled()

    def volts_when_on(self) -> float:
        """Return the volts of the inventory; without them those that the supply is set to now; SwitchOffline."""
        if self._options.volts is not None:
            return self._options.volts
        return self._ask(lambda: self._port.query_number(self._say(self._family.volts[1])))

    def send(self, on: bool) -> None:
        """Set and check what is to be safe, then switch; off first lets go of what has tripped.

        Raises:
            SwitchOffline: no answer.
            SwitchRefused: the supply did not take a value, or is on already with another one.
            SupplyTripped: a protection has cut the output before.
        """
        if on:
            self._set_up(already_on=self.state())
        self._write(self._say(self._family.output[0], "ON" if on else "OFF"))
        if not on and self._tripped():
            for command in self._family.clear:
                self._write(self._say(command))

    def close(self) -> None:
        """Close the link; the output's state stays. May be called twice."""
        self._port.close()

    def _set_up(self, *, already_on: bool) -> None:
        """Set the inventory's values and read them back; under a board that is on they are only looked at."""
        commands, kept = ([] if already_on else self._commands()), self._kept()
        stays = "is on, and not as the inventory says" if already_on else "is not switched on"
        try:
            if commands or kept:
                self._ask(lambda: set_up(self._port, commands, kept, hint="can this channel put that out?"))
        except InstrumentFault as fault:
            what = str(fault).partition("\n")[0].removeprefix(f"{self.name}: ")
            raise SwitchRefused(self.name, f"{stays}: {what}", hint=fault.hint) from fault
        for question, wanted in self._protections().items():
            if self._flag(question) is not wanted:
                what = f"{stays}: {question} says {'off' if wanted else 'on'}"
                raise SwitchRefused(self.name, what, hint="has this channel this protection?")

    def _commands(self) -> list[str]:
        """Return the settings; volts go down first, for many refuse a level of OVP below them, or above it."""
        options, family = self._options, self._family
        said: list[str] = []
        if options.volts is not None:
            said.append(self._say(family.volts[0], 0))
        if options.ovp_volts is not None:
            said.append(self._say(family.ovp_volts[0], options.ovp_volts))
            said += [self._say(family.ovp[0], "ON")] if family.ovp else []
        if options.max_amps is not None:
            said.append(self._say(family.amps[0], options.max_amps))
            said += [self._say(family.ocp_amps[0], options.max_amps)] if family.ocp_amps and options.ocp else []
            said.append(self._say(family.ocp[0], "ON" if options.ocp else "OFF"))
        if options.volts is not None:
            said.append(self._say(family.volts[0], options.volts))
        return said

    def _kept(self) -> dict[str, float]:
        options, family = self._options, self._family
        pairs = [
            (family.volts, options.volts),
            (family.ovp_volts, options.ovp_volts),
            (family.amps, options.max_amps),
            (family.ocp_amps if options.ocp else None, options.max_amps),
        ]
        return {self._say(pair[1]): value for pair, value in pairs if pair is not None and value is not None}

    def _protections(self) -> dict[str, bool]:
        options, family = self._options, self._family
        limited = {} if options.max_amps is None else {self._say(family.ocp[1]): options.ocp}
        return limited | ({} if options.ovp_volts is None or family.ovp is None else {self._say(family.ovp[1]): True})

    def _tripped(self) -> list[str]:
        found: list[str] = []
        for question, read in self._family.tripped.items():
            answer = self._query(question)
            try:
                found += read(answer)
            except ValueError as error:
                what = f"answers {answer[:60]!r} for its protections"
                raise SwitchOffline(self.name, what, hint="which `family:` is it?") from error
        return found

    def _enabled(self) -> bool:
        return self._flag(self._family.output[1])

    def _flag(self, question: str) -> bool:
        answer = self._query(question)
        if answer not in STATES:
            what = f"answers {answer[:60]!r} for the output's state"
            raise SwitchOffline(self.name, what, hint="which channel is it, and which `family:`?")
        return STATES[answer]

    def _query(self, question: str) -> str:
        return self._ask(lambda: self._port.query(self._say(question)))

    def _say(self, words: str, value: float | str = "") -> str:
        return words.format(ch=self._options.channel, x=value if isinstance(value, str) else f"{value:g}")

    def _write(self, command: str) -> None:
        self._ask(lambda: self._port.write(command))

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except (MeterOffline, FrameError) as error:
            raise _offline(self.name, error) from error


def _offline(name: str, error: MeterOffline | FrameError) -> SwitchOffline:
    what = str(error).partition("\n")[0].removeprefix(f"{name}: ")
    return SwitchOffline(name, what, hint=error.hint)
