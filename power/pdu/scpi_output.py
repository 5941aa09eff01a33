"""The output of a SCPI supply as a power switch (Keysight N6705B/C; others that take ``OUTP ON,(@1)``)."""

from types import TracebackType
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ..errors import FrameError, MeterOffline, SwitchOffline
from ..scpi.port import ScpiPort
from .confirm import confirm

_STATES = {"0": False, "1": True, "OFF": False, "ON": True}
_CONFIRM_WITHIN_S = 2.0
"""Assumed; outputs with relays and delays take up to a few hundred milliseconds."""


class ScpiOutput:
    """One output. Its voltage and its limits are the supply's own settings and stay as they are."""

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        resource: str
        """VISA name, e.g. ``TCPIP::192.0.2.20::5025::SOCKET``."""
        channel: int = Field(default=1, ge=1)
        min_off_s: float = Field(default=2.0, gt=0)
        """Assumed long enough for the capacitors of a board."""

    _timeout_s: ClassVar[float] = 2.0

    def __init__(self, name: str, port: ScpiPort, options: "ScpiOutput.Config") -> None:
        """Sit on an open port."""
        self.name = name
        self.min_off_s = options.min_off_s
        self._port = port
        self._at = f"(@{options.channel})"

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link and ask for the output's state, which stays as it is.

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
            switch.state()
        except BaseException:
            switch.close()
            raise
        return switch

    def on(self) -> None:
        """Switch on and return once the supply says so; SwitchOffline, SwitchUnconfirmed."""
        self._turn(True)

    def off(self) -> None:
        """Switch off and return once the supply says so; SwitchOffline, SwitchUnconfirmed."""
        self._turn(False)

    def state(self) -> bool:
        """Ask the supply: True when on; SwitchOffline when it does not answer so that one could tell."""
        try:
            answer = self._port.query(f"OUTP? {self._at}")
        except (MeterOffline, FrameError) as error:
            raise _offline(self.name, error) from error
        if answer not in _STATES:
            raise SwitchOffline(
                self.name, f"answers {answer[:60]!r} for the output's state", hint="which channel is it?"
            )
        return _STATES[answer]

    def close(self) -> None:
        """Close the link; the output's state stays. May be called twice."""
        self._port.close()

    def __enter__(self) -> Self:
        """Return the switch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the link."""
        self.close()

    def _turn(self, on: bool) -> None:
        try:
            self._port.write(f"OUTP {'ON' if on else 'OFF'},{self._at}")
        except MeterOffline as error:
            raise _offline(self.name, error) from error
        hint = "has a protection tripped? The supply's display says which"
        confirm(self.name, self.state, on, within_s=_CONFIRM_WITHIN_S, hint=hint)


def _offline(name: str, error: MeterOffline | FrameError) -> SwitchOffline:
    what = str(error).partition("\n")[0].removeprefix(f"{name}: ")
    return SwitchOffline(name, what, hint=error.hint)
