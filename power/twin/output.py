"""Twin of a supply's output stage: its levels, and the protections that cut it and stay latched.

Levels and their ends: N6781A data sheet, 20 V range. Latching, and that clearing brings the output back as it was:
N6705C operating and service guide.
"""

import time
from collections.abc import Callable

from .scpi import ScpiError, switch
from .truth import Supply

OVER_CURRENT = 2
"""Its bit of the questionable status register. Over-voltage has none here: no level can be set above its protection."""

_VOLTS = "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]"
_OVP_VOLTS = "[SOURce:]VOLTage:PROTection[:LEVel]"
_AMPS = "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]"
_LIMIT_AMPS = "[SOURce:]CURRent:LIMit[:POSitive][:IMMediate][:AMPLitude]"
_MOST = {_VOLTS: 20.4, _OVP_VOLTS: 22.0, _AMPS: 3.06, _LIMIT_AMPS: 3.06}
_WINDOW_NS = 20_000_000
"""Over which the current is averaged for the protection (assumed)."""


class Output:
    """The output of one channel, on a rail that it may or may not switch."""

    def __init__(self, supply: Supply, set_power: Callable[[bool], None] | None) -> None:
        """Wake as somebody left it: the board's volts, no limit but the module's own, OCP off."""
        self._supply, self._set_power = supply, set_power
        self.levels = {**_MOST, _VOLTS: supply.profile.volts}
        self.ocp = False
        self.tripped = 0
        self._enabled_before = False

    @property
    def enabled(self) -> bool:
        """What the unit calls its output's state: a trip does not change it."""
        return self._enabled_before if self.tripped else self._supply.on

    def switch(self, state: str) -> None:
        """Switch the rail; one that has tripped stays dead and is remembered."""
        wanted = switch(state)
        if self._set_power is None:
            raise ScpiError(-203, "Command protected")
        if self.tripped:
            self._enabled_before = wanted
        else:
            self._set_power(wanted)

    def set_level(self, header: str, value: float) -> None:
        """Set a level within the module's ends; the voltage never above its protection."""
        most = min(_MOST[header], self.levels[_OVP_VOLTS]) if header == _VOLTS else _MOST[header]
        if not 0 <= value <= most or (header == _OVP_VOLTS and value < self.levels[_VOLTS]):
            raise ScpiError(-222, "Data out of range")
        self.levels[header] = value
        if header == _VOLTS and self._set_power is not None:
            self._supply.set_volts = value

    def set_ocp(self, state: str) -> None:
        """Let the current limit cut the output, or only hold the current."""
        self.ocp = switch(state)

    def protect(self, *, forced: bool) -> None:
        """Cut the output where the over-current protection must; ``forced``: without a reason, while that lasts."""
        if self._set_power is None or (self.tripped and not forced):
            return
        if forced or (
            self.ocp and self._supply.on and self._amps() > min(self.levels[_AMPS], self.levels[_LIMIT_AMPS])
        ):
            if not self.tripped:
                self._enabled_before = self._supply.on
            self.tripped |= OVER_CURRENT
            self._set_power(False)

    def clear(self) -> None:
        """Unlatch: the output is again what it was, or what it was set to meanwhile."""
        if self.tripped and self._set_power is not None:
            self.tripped = 0
            self._set_power(self._enabled_before)

    def _amps(self) -> float:
        now_ns = time.monotonic_ns()
        return self._supply.mean_watts(now_ns - _WINDOW_NS, now_ns) / (self.levels[_VOLTS] or 1.0)
