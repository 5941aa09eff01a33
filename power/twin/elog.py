"""The external data log of an N6705 twin: what is switched on is in each record, whoever switched it on.

Order of a record: Keysight's guide for the N6900, "Periodically retrieve the data".
"""

import struct
import time
from collections.abc import Callable

from .converter import Reading
from .scpi import Handler, ScpiError, number, switch

_ORDER = ("CURR", "CURR:MINM", "VOLT", "VOLT:MINM")
_NOTATION = {
    "CURR": "CURRent",
    "CURR:MINM": "CURRent:MINMax",
    "VOLT": "VOLTage",
    "VOLT:MINM": "VOLTage:MINMax",
}
_TICK_S = 20.48e-6
_SHORTEST_S = 102.4e-6
"""For each quantity in a record."""


def block_text(values: list[float], border: str) -> str:
    """Return a definite-length block of single-precision numbers, as text of one character a byte."""
    data = struct.pack(f"{'<' if border.startswith('SWAP') else '>'}{len(values)}f", *values)
    size = str(len(data))
    return f"#{len(size)}{size}" + data.decode("latin-1")


class ElogTwin:
    """Logs means over each period from the trigger on; a fetch takes the records away."""

    def __init__(self, average: Callable[[int, int], Reading], border: Callable[[], str]) -> None:
        """Wake as an earlier user left it: only volts are logged."""
        self._average, self._border = average, border
        self.on = {"CURR": False, "CURR:MINM": False, "VOLT": True, "VOLT:MINM": False}
        self._period_s, self._armed, self._began_ns, self._taken = 0.1, False, 0, 0

    def commands(self, on: Callable[[str, Handler], None], here: Callable[[str, str], str]) -> None:
        """Add the headers; ``here`` refuses another channel."""
        for name, notation in _NOTATION.items():
            header = f"SENSe:ELOG:FUNCtion:{notation}"
            on(header, lambda a, n=name: self._switch(n, a[0]))
            on(header + "?", lambda a, n=name: here(a[0], str(int(self.on[n]))))
        for quantity in ("CURRent", "VOLTage"):
            on(f"SENSe:ELOG:{quantity}[:DC]:RANGe[:UPPer]", lambda _: None)
        on("SENSe:ELOG:PERiod", lambda a: self._set_period(number(a[0])))
        on("SENSe:ELOG:PERiod?", lambda a: here(a[0], f"{self._period_s:.6E}"))
        on("TRIGger:ELOG:SOURce", lambda _: None)
        on("INITiate[:IMMediate]:ELOG", lambda _: self._arm())
        on("TRIGger:ELOG[:IMMediate]", lambda _: self._trigger())
        on("ABORt:ELOG", lambda _: self._abort())
        on("FETCh:ELOG?", lambda a: self._fetch(int(number(a[0]))))

    def _switch(self, name: str, state: str) -> None:
        self.on[name] = switch(state)

    def _set_period(self, seconds: float) -> None:
        if seconds < _SHORTEST_S * sum(self.on.values()):
            raise ScpiError(-222, "Data out of range")
        self._period_s = round(seconds / _TICK_S) * _TICK_S

    def _arm(self) -> None:
        self._armed = True

    def _trigger(self) -> None:
        if not self._armed:
            raise ScpiError(-211, "Trigger ignored")
        self._armed, self._began_ns, self._taken = False, time.monotonic_ns(), 0

    def _abort(self) -> None:
        self._armed, self._began_ns = False, 0

    def _fetch(self, most: int) -> str:
        values: list[float] = []
        ended = int((time.monotonic_ns() - self._began_ns) / 1e9 / self._period_s) if self._began_ns else 0
        last = min(ended, self._taken + most)
        for index in range(self._taken, last):
            start_ns = self._began_ns + round(index * self._period_s * 1e9)
            reading = self._average(start_ns, start_ns + round(self._period_s * 1e9))
            for name in _ORDER:
                if self.on[name]:
                    value = reading.amps if name.startswith("CURR") else reading.volts
                    values += [value, value] if name.endswith("MINM") else [value]
        self._taken = last
        return block_text(values, self._border())
