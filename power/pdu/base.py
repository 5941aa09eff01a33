"""What the switches here share: to switch is to send a command, and then to ask until the switch has confirmed it."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self

from .confirm import confirm


class AskedSwitch(ABC):
    """The part of :class:`~power.switch.PowerSwitch` that is the same for all of them.

    A switch that cannot be asked raises SwitchBlind from :meth:`state`, and so from on and off too: after the command
    was sent, and without ever claiming that it was obeyed.
    """

    verified: ClassVar[tuple[str, ...]] = ("published bytes",)
    """What it was tried on, best first: ``instrument``, another program, ``twin``, ``published bytes``."""
    confirm_within_s: ClassVar[float] = 2.0
    """Assumed; most report the new state with the answer to the command already."""
    disobeyed_hint: ClassVar[str]
    """Where to look when it took a command and stays as it is."""

    def __init__(self, name: str, min_off_s: float) -> None:
        """Note what errors begin with, and how long a cycle stays off."""
        self.name, self.min_off_s = name, min_off_s

    def on(self) -> None:
        """Switch on and return once the switch says so; raises as :meth:`power.switch.Supply.on`."""
        self._turn(True)

    def off(self) -> None:
        """Switch off and return once the switch says so; raises as :meth:`on`."""
        self._turn(False)

    @abstractmethod
    def state(self) -> bool:
        """Ask the switch: True when on; SwitchOffline when it does not answer so that one could tell."""

    @abstractmethod
    def send(self, on: bool) -> None:
        """Send the command and do not wait for its effect; SwitchOffline when it does not get there."""

    def close(self) -> None:  # noqa: B027 -- most have nothing to close
        """Nothing is held between two requests, unless a driver says otherwise. The state stays."""

    def __enter__(self) -> Self:
        """Return the switch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the switch; its state stays."""
        self.close()

    def _turn(self, on: bool) -> None:
        self.send(on)
        confirm(self.name, self.state, on, within_s=self.confirm_within_s, hint=self.disobeyed_hint)
