"""Twins of bench supplies and multimeters: one row of a table each.

Headers: the programming guides that the drivers name. Limits: as the drivers assume; noise, steps and latencies are
assumed.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .converter import Limits, Reading, Sense, Updates
from .instrument import Twin
from .link import Link
from .scpi import Scpi, ScpiError, garbage_line, listen


@dataclass(frozen=True, slots=True)
class Row:
    """A family's words."""

    idn: str
    """What ``*IDN?`` answers; ``{serial}`` stands for the unit's number."""
    volts: Limits
    amps: Limits
    asks: Mapping[str, str]
    """Header → answer with ``{v}``, ``{i}`` and ``{p}`` in it."""
    selects: tuple[str, ...] = ()
    """Headers that choose an output, ``#`` its number."""
    error: str = '{code:+d},"{text}"'
    """An entry of the error queue."""
    period_s: float = 0.1
    """A new value so often."""
    latency_s: float = 0.002
    """From question to answer."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers of settings that are kept and told, and their values at power-up."""


class BenchTwin(Twin):
    """One output, or one pair of terminals; it shows the last conversion to whoever asks."""

    row: Row

    def power_up(self) -> None:
        """Wake with the first output chosen."""
        self._sense = Sense(self.supply, self.rng)
        self._updates = Updates(self._average, self.row.period_s)
        self._channel = int(self.options.get("channel", 1))
        self._chosen = 1
        self._kept = dict(self.row.settings)
        self.scpi = Scpi()
        self.commands()

    def commands(self) -> None:
        """Fill the table; a subclass adds its own first."""
        on, serial = self.scpi.on, self.options.get("serial_number") or f"TWIN{self.unit_number}"
        on("*IDN?", lambda _: self.row.idn.format(serial=serial))
        on("*RST", lambda _: None)
        on("SYSTem:ERRor[:NEXT]?", lambda _: self._error())
        for header in self.row.selects:
            on(header, lambda a: self._choose(a[0]))
            on(header.replace("#", "") + "?", lambda _: str(self._chosen))
        for header, answer in self.row.asks.items():
            on(header, lambda a, text=answer: self._measured(a, text))
        for header in self.row.settings:
            on(header, lambda a, h=header: self._keep(h, a[0]))
            on(header + "?", lambda _, h=header: self._kept[h])

    def answer(self, request: bytes) -> bytes:
        """Run one message."""
        if b"?" in request:
            self.pause(self.row.latency_s)
        return self.scpi.answer(request)

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on a raw socket."""
        return listen(self.name, self.respond)

    def mangle(self, answer: bytes) -> bytes:
        """Return a line of garbage."""
        return garbage_line(self.rng, answer)

    def setting(self, header: str) -> str:
        """Return a setting as it was last sent."""
        return self._kept[header]

    def measure(self, seconds: float) -> Reading:
        """Convert for so long, from now on."""
        start_ns = time.monotonic_ns()
        end_ns = start_ns + round(seconds * 1e9)
        while (left_ns := end_ns - time.monotonic_ns()) > 0 and not self.closing:
            self.pause(left_ns / 1e9)
        if self.closing:
            raise ScpiError(-210, "Trigger error")
        return self._average(start_ns, end_ns)

    def at(self, start_ns: int, end_ns: int) -> Reading:
        """Return what it converted over a window that has passed."""
        return self._average(start_ns, end_ns)

    def _average(self, start_ns: int, end_ns: int) -> Reading:
        return self._sense.average(start_ns, end_ns, self.row.volts, self.row.amps)

    def _measured(self, arguments: list[str], text: str) -> str:
        """Tell the last conversion of the output that is meant: named in the question, or chosen before it."""
        named = [int(found[1]) for a in arguments if (found := re.fullmatch(r"CH(\d)", a.upper()))]
        meant = named[0] if named else self._chosen if self.row.selects else self._channel
        shown = self._updates.latest()
        if shown is None:
            self.pause(self._updates.next_in_s())
            shown = self._updates.latest()
        if shown is None or meant != self._channel:  # the other outputs have no load, and are off
            shown = Reading(0.0, 0.0)
        return text.format(v=shown.volts, i=shown.amps, p=shown.watts)

    def _choose(self, text: str) -> None:
        found = re.fullmatch(r"(?:CH|OUT)?(\d+)", text.upper())
        if found is None or not 1 <= int(found[1]) <= _MOST_OUTPUTS:
            raise ScpiError(-222, "Data out of range")
        self._chosen = int(found[1])

    def _keep(self, header: str, value: str) -> None:
        self._kept[header] = {"ON": "1", "OFF": "0"}.get(value.upper(), value)

    def _error(self) -> str:
        error = self.scpi.pop_error()
        return self.row.error.format(code=error.code, text=error.text)


_MOST_OUTPUTS = 4


def _played(made: Row) -> type[BenchTwin]:
    class Played(BenchTwin):
        row = made

    return Played


_NUMBERED = {"MEASure[:SCALar]:VOLTage[:DC]?": "{v:.4E}", "MEASure[:SCALar]:CURRent[:DC]?": "{i:.4E}"}
_CHANNELS = {"MEASure:VOLTage?": "{v:.3f}", "MEASure:CURRent?": "{i:.3f}", "MEASure:POWEr?": "{p:.3f}"}

DP832 = _played(
    Row(
        "RIGOL TECHNOLOGIES,DP832,{serial},00.01.14",
        Limits(0.0005, 10e-3, 1e-3, 1e-4),
        Limits(0.0015, 5e-3, 1e-3, 1e-4),
        {
            "MEASure[:VOLTage][:DC]?": "{v:.4f}",
            "MEASure:CURRent[:DC]?": "{i:.4f}",
            "MEASure:POWEr[:DC]?": "{p:.3f}",
            "MEASure:ALL[:DC]?": "{v:.4f},{i:.4f},{p:.3f}",
        },
        error='{code},"{text}"',
    )
)
HMP4040 = _played(
    Row(
        "ROHDE&SCHWARZ,HMP4040,{serial},HW50020003/SW2.70",
        Limits(0.0005, 5e-3, 1e-3, 1e-3),
        Limits(0.001, 2e-3, 5e-4, 1e-4),
        {"MEASure[:SCALar]:VOLTage[:DC]?": "{v:.3f}", "MEASure[:SCALar]:CURRent[:DC]?": "{i:.4f}"},
        selects=("INSTrument:NSELect", "INSTrument[:SELect]"),
        latency_s=0.02,
    )
)
NGE100 = _played(
    Row(
        "Rohde&Schwarz,NGE103B,{serial},1.54",
        Limits(0.001, 20e-3, 1e-3, 1e-3),
        Limits(0.001, 5e-3, 5e-4, 1e-4),
        _NUMBERED,
        selects=("INSTrument:NSELect", "INSTrument[:SELect]"),
    )
)
NGL = _played(
    Row(
        "Rohde&Schwarz,NGL202,{serial},03.068",
        Limits(0.0002, 2e-3, 1e-4, 1e-5),
        Limits(0.0005, 250e-6, 1e-5, 1e-6),
        {**_NUMBERED, "READ?": "{v:.6E},{i:.6E}"},
        selects=("INSTrument:NSELect", "INSTrument[:SELect]"),
    )
)
SPD3303X = _played(
    Row(
        "Siglent Technologies,SPD3303X,{serial},1.01.01.01.02R1,V3.0",
        Limits(0.0003, 10e-3, 1e-3, 1e-3),
        Limits(0.003, 10e-3, 1e-3, 1e-3),
        _CHANNELS,
        error="{code}  {text}",
        latency_s=0.01,
    )
)
SPD1000X = _played(
    Row(
        "Siglent Technologies,SPD1168X,{serial},2.1.1.9,V1.0",
        Limits(0.0003, 10e-3, 1e-3, 1e-3),
        Limits(0.003, 10e-3, 1e-3, 1e-3),
        _CHANNELS,
        error="{code}  {text}",
        latency_s=0.01,
    )
)
GENERIC = _played(
    Row(
        "ACME,Anything,{serial},1.0",
        Limits(0.01, 5e-3, 1e-3, 1e-3),
        Limits(0.01, 5e-3, 1e-3, 1e-3),
        {"MEASure:VOLTage?": ":MEAS:VOLT {v:.3f}V", "MEASure:CURRent?": ":MEAS:CURR {i:.3f}A"},
    )
)
