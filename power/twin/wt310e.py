"""Twin of a Yokogawa WT310E power analyser on a DC rail.

Headers and formats: WT300E series communication interface manual (IM WT310E-17EN); ranges and limits: its
getting started guide (IM WT310E-02EN).
"""

import math
import re

from .converter import Limits, Reading, Sense, Updates
from .instrument import Twin
from .link import Link
from .scpi import Scpi, ScpiError, engineering, garbage_line, listen, number, switch

_VOLT_RANGES = (15.0, 30.0, 60.0, 150.0, 300.0, 600.0)
_AMP_RANGES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_RATES_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

_OF_READING, _OF_RANGE = 0.001, 0.002
"""0.1 % of reading and 0.2 % of range, DC, twelve months, for volts, amps and watts alike (IM WT310E-02EN,
section 7.3). Half of each goes to volts and half to amps, so that the watts keep the limit as well."""
_NOISE_OF_RANGE = 0.0001
"""Assumed."""
_COUNTS_OF_RANGE = 15_000
"""15.000 V on the 15 V range."""
_TOO_MUCH = 1.4
"""Above this share of the range overrange is shown; below ``_TOO_LITTLE`` volts and amps show zero (section 1.5)."""
_TOO_LITTLE = 0.005

_DIGITS = 5
_STALE = 0.2
"""Share of the questions about values that the fault spoils."""
_MOST_ITEMS = 255

# Settings that are kept and told, but change nothing in the twin: header → value at power-up.
_KEPT = {
    "[INPut:]CFACtor": "3",
    "[INPut:]MODE": "RMS",
    "[INPut:]WIRing": "P1W2",
    "[INPut:]SYNChronize": "VOLT",
    "[INPut:]FILTer:LINE": "0",
    "[INPut:]FILTer:FREQuency": "0",
    "[MEASure:]AVERaging[:STATe]": "0",
    "NUMeric:FORMat": "ASC",
}


class WT310E(Twin):
    """Updates by itself at its rate; whoever asks gets the last update, once or many times."""

    def power_up(self) -> None:
        """Wake as shipped."""
        self._sense = Sense(self.supply, self.rng)
        self._reset()
        self._scpi = Scpi()
        self._system_commands()
        self._input_commands()
        self._numeric_commands()

    faults = ("silent", "garbage", "drop", "stale")
    model = "WT310E"

    def answer(self, request: bytes) -> bytes:
        """Run one message; with the fault ``stale``, at times with what public logs show in an answer's place."""
        answer = self._scpi.answer(request)
        if "stale" in self._faults and b"VAL?" in request and self.rng.random() < _STALE:
            volts, amps = (engineering(r, 4) for r in self._ranges())
            return (
                f"{amps};{int(self._amps_range is None)};{volts};{int(self._volts_range is None)}\n".encode() + answer
            )
        return answer

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on a raw socket."""
        return listen(self.name, self.respond)

    def mangle(self, answer: bytes) -> bytes:
        """Return a line of garbage."""
        return garbage_line(self.rng, answer)

    def _reset(self) -> None:
        """Automatic ranges, 250 ms, headers on."""
        self._volts_range: float | None = None  # None: automatic
        self._amps_range: float | None = None
        self._headers = True
        self._items = ["U,1", "I,1", "P,1"]
        self._kept = dict(_KEPT)
        self._frozen: Reading | None = None
        self._set_rate(0.25)

    def _system_commands(self) -> None:
        on, serial = self._scpi.on, self.options.get("serial_number") or f"C2QG{self.unit_number}V"
        on("*IDN?", lambda _: f"YOKOGAWA,{self.model},{serial},F1.04")
        on("*RST", lambda _: self._reset())
        on("STATus:ERRor?", lambda _: self._error())
        on("STATus:FILTer#", lambda _: None)
        on("STATus:EESR?", lambda _: self._event())
        on("COMMunicate:REMote", lambda _: None)
        on("COMMunicate:VERBose", lambda _: None)
        on("COMMunicate:HEADer", lambda a: self._set_headers(switch(a[0])))
        on("COMMunicate:HEADer?", lambda _: self._told("COMM:HEAD", str(int(self._headers))))
        on("COMMunicate:WAIT", lambda _: self._wait())
        on("STATus:QMESsage", lambda _: None)

    def _input_commands(self) -> None:
        on = self._scpi.on
        on("[INPut:]VOLTage:RANGe", lambda a: self._set_volts_range(_one_of(_VOLT_RANGES, a[0])))
        on("[INPut:]VOLTage:RANGe?", lambda _: self._told("VOLT:RANG", engineering(self._ranges()[0], 4)))
        on("[INPut:]VOLTage:AUTO", lambda a: self._set_volts_range(None if switch(a[0]) else self._ranges()[0]))
        on("[INPut:]VOLTage:AUTO?", lambda _: self._told("VOLT:AUTO", str(int(self._volts_range is None))))
        on("[INPut:]CURRent:RANGe", lambda a: self._set_amps_range(_one_of(_AMP_RANGES, a[0])))
        on("[INPut:]CURRent:RANGe?", lambda _: self._told("CURR:RANG", engineering(self._ranges()[1], 4)))
        on("[INPut:]CURRent:AUTO", lambda a: self._set_amps_range(None if switch(a[0]) else self._ranges()[1]))
        on("[INPut:]CURRent:AUTO?", lambda _: self._told("CURR:AUTO", str(int(self._amps_range is None))))
        on("RATE", lambda a: self._set_rate(_one_of(_RATES_S, a[0])))
        on("RATE?", lambda _: self._told("RATE", engineering(self._rate_s, 4)))
        on("HOLD", lambda a: self._hold(switch(a[0])))
        on("HOLD?", lambda _: self._told("HOLD", str(int(self._frozen is not None))))
        for header in _KEPT:
            on(header, lambda a, h=header: self._keep(h, a[0]))
            on(header + "?", lambda _, h=header: self._told(_short(h), self._kept[h]))

    def _numeric_commands(self) -> None:
        on = self._scpi.on
        on("NUMeric[:NORMal]:NUMber", lambda a: self._set_count(int(number(a[0]))))
        on("NUMeric[:NORMal]:NUMber?", lambda _: self._told("NUM:NORM:NUM", str(len(self._items))))
        on("NUMeric[:NORMal]:ITEM#", lambda a: self._set_item(int(a[0]), ",".join(a[1:])))
        on("NUMeric[:NORMal]:ITEM#?", lambda a: self._told(f"NUM:NORM:ITEM{a[0]}", self._item(int(a[0]))))
        on("NUMeric[:NORMal]?", lambda _: self._list())
        on("NUMeric[:NORMal]:VALue?", self._values)

    def _told(self, header: str, value: str) -> str:
        return f":{header} {value}" if self._headers else value

    def _error(self) -> str:
        """Yokogawa's numbers have no sign."""
        error = self._scpi.pop_error()
        return self._told("STAT:ERR", f'{abs(error.code)},"{error.text}"')

    def _set_headers(self, on: bool) -> None:
        self._headers = on

    def _set_volts_range(self, volts: float | None) -> None:
        self._volts_range = volts

    def _set_amps_range(self, amps: float | None) -> None:
        self._amps_range = amps

    def _set_rate(self, seconds: float) -> None:
        """The running update is given up."""
        self._rate_s = seconds
        self._updates = Updates(self._average, seconds)
        self._update_told = 0

    def _keep(self, header: str, value: str) -> None:
        self._kept[header] = {"ON": "1", "OFF": "0"}.get(value.upper(), value.upper())

    def _event(self) -> str:
        """Tell, and forget, whether an update has ended since this was last asked."""
        new, self._update_told = self._updates.number > self._update_told, self._updates.number
        return self._told("STAT:EESR", str(int(new)))

    def _wait(self) -> None:
        """Hold everything up until an update has ended that no ``:STAT:EESR?`` has told of."""
        if self._updates.number == self._update_told:
            self.pause(self._updates.next_in_s())

    def _hold(self, on: bool) -> None:
        self._frozen = self._updates.latest() if on else None

    def _set_count(self, count: int) -> None:
        if not 1 <= count <= _MOST_ITEMS:
            raise ScpiError(-222, "Data out of range")
        self._items = (self._items + ["NONE"] * count)[:count]

    def _set_item(self, index: int, function: str) -> None:
        self._item(index)
        item = function.upper()
        self._items[index - 1] = item if "," in item or item == "NONE" else f"{item},1"

    def _list(self) -> str:
        items = (self._told(f"NUM:NORM:ITEM{place}", item) for place, item in enumerate(self._items, 1))
        return ";".join([self._told("NUM:NORM:NUM", str(len(self._items))), *items])

    def _item(self, index: int) -> str:
        if not 1 <= index <= len(self._items):
            raise ScpiError(-114, "Header suffix out of range")
        return self._items[index - 1]

    def _values(self, which: list[str]) -> str:
        """Values never carry a header."""
        items = [self._item(int(number(which[0])))] if which else self._items
        shown = self._frozen or self._updates.latest()
        return ",".join(self._value(item, shown) for item in items)

    def _value(self, item: str, shown: Reading | None) -> str:
        if shown is None:
            return "NAN"
        volts_range, amps_range = self._ranges()
        if shown.volts > _TOO_MUCH * volts_range or shown.amps > _TOO_MUCH * amps_range:
            return "INF"
        volts = shown.volts if shown.volts > _TOO_LITTLE * volts_range else 0.0
        amps = shown.amps if shown.amps > _TOO_LITTLE * amps_range else 0.0
        quantities = {"U": volts, "I": amps, "P": shown.watts, "S": shown.watts, "LAMB": 1.0}
        return engineering(quantities.get(item.partition(",")[0], math.nan), _DIGITS)

    def _ranges(self) -> tuple[float, float]:
        """Return the ranges in use; an automatic one holds the board's peak, and never moves."""
        profile = self.supply.profile
        volts = self._volts_range or next(r for r in _VOLT_RANGES if r >= profile.volts)
        amps = self._amps_range or next(r for r in _AMP_RANGES if r >= profile.peak_watts / profile.volts)
        return volts, amps

    def _average(self, start_ns: int, end_ns: int) -> Reading:
        volts_range, amps_range = self._ranges()
        return self._sense.average(start_ns, end_ns, _limits(volts_range), _limits(amps_range))


class WT330(WT310E):
    """One with three elements, of which the one that is asked for is wired to the rail."""

    model = "WT333E"


def _limits(full_scale: float) -> Limits:
    return Limits(
        of_reading=_OF_READING / 2,
        offset=_OF_RANGE / 2 * full_scale,
        noise=_NOISE_OF_RANGE * full_scale,
        step=full_scale / _COUNTS_OF_RANGE,
    )


def _one_of(choices: tuple[float, ...], text: str) -> float:
    """Read a number that must be one of these."""
    for choice in choices:
        if math.isclose(number(text), choice):
            return choice
    raise ScpiError(-222, "Data out of range")


def _short(notation: str) -> str:
    """``[INPut:]CFACtor`` → ``CFAC``, as answers spell it."""
    return re.sub(r"\[[^\]]*\]|[a-z]", "", notation)
