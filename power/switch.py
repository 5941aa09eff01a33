"""What every power switch offers, and the power cycle that respects the minimum off time."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field


class Supply(Protocol):
    """The supply of one board, which can be switched."""

    @property
    def name(self) -> str:
        """The switch's name: what errors begin with."""
        ...

    @property
    def min_off_s(self) -> float:
        """How long it stays off in a cycle, so that the board's capacitors are empty."""
        ...

    def on(self) -> None:
        """Switch on and return once the switch has confirmed it.

        Raises:
            SwitchOffline: no answer.
            SwitchUnconfirmed: it answered with another state.
            SwitchBlind: the command is sent, and this switch can never tell what became of it.
            SwitchRefused: it would not be safe; nothing was switched.
            SupplyTripped: a protection of the supply has cut the output.
        """
        ...

    def off(self) -> None:
        """Switch off and return once the switch has confirmed it; raises as :meth:`on`."""
        ...

    def state(self) -> bool:
        """Ask the switch: True when on. An answer is never assumed.

        Raises:
            SwitchOffline: no answer: neither on nor off is known.
            SwitchBlind: this switch can never tell.
            SupplyTripped: there is no power, and nobody switched it off.
        """
        ...


class SwitchConfig(BaseModel):
    """What the options of every switch that ships here have in common; a plug-in's may inherit it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_off_s: float = Field(default=2.0, gt=0)
    """Assumed long enough for the capacitors of a board and its supply."""

    @property
    def reads_back(self) -> bool:
        """Whether the switch can be asked for its state. One that cannot needs a meter to prove what it did."""
        return True

    @property
    def puts_out_volts(self) -> float | None:
        """The volts that it sets before it switches on; None where it only passes on what comes in."""
        return None

    @property
    def cuts_above_volts(self) -> float | None:
        """Where its own protection cuts the rail; None where it has none, or the inventory does not say."""
        return None


@runtime_checkable
class Adjustable(Protocol):
    """A switch that makes the rail's volts itself, as a bench supply does."""

    def volts_when_on(self) -> float:
        """Return the volts that :meth:`Supply.on` would put on the rail now.

        Raises:
            SwitchOffline: no answer.
        """
        ...


class PowerSwitch(Supply, Protocol):
    """The driver of a power switch."""

    Config: ClassVar[type[BaseModel]]
    """The driver's own options in the inventory."""

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Reach the switch without changing its state.

        Raises:
            SwitchOffline: nothing answers there.
        """
        ...

    def close(self) -> None:
        """Let go of the switch; its state stays."""
        ...

    def __enter__(self) -> Self:
        """Return the switch itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the switch."""
        ...


def cycle(switch: Supply, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Switch off, wait the switch's minimum off time, switch on; each state confirmed.

    Returns:
        When it was told to switch on, on the controller's monotonic clock, ns.
    """
    switch.off()
    sleep(switch.min_off_s)
    on_ns = time.monotonic_ns()
    switch.on()
    return on_ns
