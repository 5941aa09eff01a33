"""A supply that a board would not survive is not switched on."""

from .errors import SwitchRefused
from .switch import Adjustable, Supply


class GuardedSwitch:
    """A :class:`~power.switch.Supply` that looks at the volts it would put out before it switches on."""

    def __init__(self, switch: Supply, source: Adjustable, *, least_volts: float, most_volts: float, what: str) -> None:
        """Take a switch, the supply behind it, and what the rail bears.

        Args:
            switch: what is switched.
            source: what makes the volts: often the same.
            least_volts: the board's input range, from its data sheet.
            most_volts: its other end.
            what: whose range that is, for the message.
        """
        self.name, self.min_off_s = switch.name, switch.min_off_s
        self._switch, self._source, self._what = switch, source, what
        self._least_volts, self._most_volts = least_volts, most_volts

    def on(self) -> None:
        """Switch on, within the range only.

        Raises:
            SwitchRefused: the supply would put out more, or less, than the board takes; nothing was switched.
        """
        volts = self._source.volts_when_on()
        if not self._least_volts <= volts <= self._most_volts:
            raise SwitchRefused(
                self.name,
                f"would put {volts:g} V on {self._what}, which takes {self._least_volts:g} to {self._most_volts:g} V",
                hint="write the board's `volts:` into the switch's options; first look which board is wired to it",
            )
        self._switch.on()

    def off(self) -> None:
        """Switch off; raises as the switch."""
        self._switch.off()

    def state(self) -> bool:
        """Ask the switch; raises as it."""
        return self._switch.state()
