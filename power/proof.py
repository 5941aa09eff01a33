"""A switch whose state a meter on the rail proves: the only way for one that cannot be asked, a second look for others.

A switch that says off proves little: relays weld, hubs have registers without transistors, and a board is fed through
its UART, HDMI or USB too. Watts do not lie about that.
"""

import math
from contextlib import suppress

from .errors import FrameError, MeterOffline, SwitchBlind, SwitchOffline, SwitchUnconfirmed
from .meter import Meter
from .pdu.confirm import confirm
from .switch import Supply

_MOST_READINGS = 10
"""Of which two in a row must agree (assumed): in between a board starts, or its capacitors run empty."""
_CONFIRM_WITHIN_S = 10.0
"""Assumed: a meter shows averages of up to a second, and capacitors take as long again."""


class ProvenSwitch:
    """A :class:`~power.switch.Supply` that is off when its meter reads less than ``off_below_watts``, else on."""

    def __init__(
        self, switch: Supply, meter: Meter, *, off_below_watts: float, within_s: float = _CONFIRM_WITHIN_S
    ) -> None:
        """Take an open switch and an open meter; both stay the caller's to close."""
        self.name, self.min_off_s = switch.name, switch.min_off_s
        self._switch, self._meter = switch, meter
        self._off_below_watts, self._within_s = off_below_watts, within_s

    def on(self) -> None:
        """Switch on and return once power flows; raises as the switch, and as :meth:`state`."""
        with suppress(SwitchBlind):
            self._switch.on()
        hint = (
            f"is the board wired to this switch and behind the meter {self._meter.name}, and does it start by itself?"
        )
        confirm(self.name, self._flows, True, within_s=self._within_s, hint=hint)

    def off(self) -> None:
        """Switch off and return once no power flows; raises as the switch, and as :meth:`state`."""
        with suppress(SwitchBlind):
            self._switch.off()
        confirm(self.name, self._flows, False, within_s=self._within_s, hint=self._fed_hint)

    def state(self) -> bool:
        """Return whether power flows, and the switch does not say otherwise.

        Raises:
            SwitchOffline: the switch or the meter does not answer, or its readings do not settle.
            SwitchUnconfirmed: the switch says off, and power flows.
        """
        try:
            says_on = self._switch.state()
        except SwitchBlind:
            return self._flows()
        if not says_on and self._flows():
            raise SwitchUnconfirmed(
                self.name, f"says off, and {self._meter.name} reads power all the same", hint=self._fed_hint
            )
        return says_on  # on without a flow is a board that has halted: its supply is on

    @property
    def _fed_hint(self) -> str:
        return (
            f"is the board fed some other way (UART, HDMI, USB), or is {self._meter.name} another board's? "
            f"Is `off_below_watts:` {self._off_below_watts:g} above what the meter itself shows for nothing?"
        )

    def _flows(self) -> bool:
        """Read until two readings in a row agree."""
        before: bool | None = None
        for _ in range(_MOST_READINGS):
            now = self._reading()
            if now is before:
                return now
            before = now
        raise SwitchOffline(self.name, f"the readings of {self._meter.name} do not settle", hint=self._fed_hint)

    def _reading(self) -> bool:
        meter = self._meter.name
        try:
            block = self._meter.read()
        except (MeterOffline, FrameError) as error:
            what = str(error).partition("\n")[0].removeprefix(f"{meter}: ")
            hint = "a meter that the rail itself feeds goes out with it: put it before the switch"
            raise SwitchOffline(self.name, f"the meter that proves it, {meter}: {what}", hint=hint) from error
        watts = float(block.watts[-1])
        if math.isnan(watts):
            raise SwitchOffline(self.name, f"the meter that proves it, {meter}, has no value", hint=self._fed_hint)
        return abs(watts) >= self._off_below_watts  # a meter that is wired backwards reads less than nothing
