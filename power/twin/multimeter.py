"""Twins of multimeters, and of a supply that measures into a buffer.

Headers: the guides that the drivers name. Limits: within those that the drivers assume; noise and steps are assumed.
"""

import math
import time

from .bench import BenchTwin, Row
from .converter import Limits, Reading
from .scpi import ScpiError, number


class MultimeterTwin(BenchTwin):
    """Measures when it is asked, amps or volts, on a fixed range or an automatic one."""

    amps_function: str
    """Header of the setting that holds the range of amps, without its end; as the others."""
    volts_function: str
    read: tuple[str, ...]
    """Headers that measure and answer."""
    overrange = 1.2
    """Above this share of a fixed range it shows infinity."""

    forgets: int
    """Readings that its memory holds."""

    def commands(self) -> None:
        """Add the functions, their ranges and their apertures."""
        self.interval_s, self._began_ns = 0.001, 0
        self.scpi.on("INITiate[:IMMediate]", lambda _: self.begin())
        self.function = "VOLT"
        self._ranges: dict[str, float | None] = {"VOLT": None, "CURR": None}
        self._apertures = {"VOLT": 0.02, "CURR": 0.02}
        on = self.scpi.on
        for function, header in (("CURR", self.amps_function), ("VOLT", self.volts_function)):
            on(f"{header}:RANGe[:UPPer]", lambda a, f=function: self._set_range(f, a[0]))
            on(f"{header}:RANGe[:UPPer]?", lambda _, f=function: f"{self._ranges[f] or 10.0:+.8E}")
            on(f"{header}:RANGe:AUTO", lambda _, f=function: self._set_range(f, "AUTO"))
            on(f"{header}:RANGe:AUTO?", lambda _, f=function: str(int(self._ranges[f] is None)))
            on(f"{header}:APERture", lambda a, f=function: self._set_aperture(f, number(a[0])))
            on(f"{header}:APERture?", lambda _, f=function: f"{self._apertures[f]:+.8E}")
        for header in self.read:
            on(header, lambda _: self.shown(self.measure(self.aperture_s)))
        on("ABORt", lambda _: self._end())
        super().commands()

    def begin(self) -> None:
        """Start the timer."""
        self._began_ns = time.monotonic_ns()

    def _end(self) -> None:
        self._began_ns = 0

    def taken(self) -> int:
        """How many readings the timer has taken since it was started."""
        if not self._began_ns:
            return 0
        return int((time.monotonic_ns() - self._began_ns) / 1e9 / self.interval_s)

    def timed(self, index: int) -> str:
        """Return a reading of the timer, by its number from 0."""
        start_ns = self._began_ns + round(index * self.interval_s * 1e9)
        return self.shown(self.at(start_ns, start_ns + round(0.8 * self.interval_s * 1e9)))

    @property
    def aperture_s(self) -> float:
        """How long a conversion takes now."""
        return self._apertures[self.function]

    def configure(self, function: str, chosen: str) -> None:
        """Choose the function and its range."""
        self.function = function
        self._set_range(function, chosen)

    def shown(self, reading: Reading) -> str:
        """Spell the quantity of the function."""
        value = reading.amps if self.function == "CURR" else reading.volts
        on_range = self._ranges[self.function]
        if on_range is not None and abs(value) > self.overrange * on_range:
            return f"{math.copysign(9.9e37, value):+.8E}"
        return f"{value:+.8E}"

    def _set_range(self, function: str, text: str) -> None:
        self._ranges[function] = None if text.upper() in ("AUTO", "DEF") else number(text)

    def _set_aperture(self, function: str, seconds: float) -> None:
        if not _SHORTEST_S <= seconds <= 1:
            raise ScpiError(-222, "Data out of range")
        self._apertures[function] = seconds


_SHORTEST_S = 8e-6
_VOLTS, _AMPS = Limits(3e-5, 5e-5, 2e-5, 1e-6), Limits(2e-4, 2e-5, 2e-6, 1e-7)


class Keysight34465A(MultimeterTwin):
    """Keysight 34465A."""

    row = Row(
        "Keysight Technologies,34465A,{serial},A.02.14-02.40-02.14-00.49-02-01", volts=_VOLTS, amps=_AMPS, asks={}
    )
    amps_function, volts_function = "[SENSe:]CURRent[:DC]", "[SENSe:]VOLTage[:DC]"
    read = ("READ?",)
    forgets = 50_000

    def commands(self) -> None:
        """Add what configures it, and the reading memory."""
        on = self.scpi.on
        self._removed = 0
        on("SAMPle:TIMer", lambda a: self._set_interval(number(a[0])))
        on("SAMPle:TIMer?", lambda _: f"{self.interval_s:+.8E}")
        on("DATA:POINts?", lambda _: f"{min(self.taken() - self._removed, self.forgets):+d}")
        on("DATA:REMove?", lambda a: self._remove(int(number(a[0]))))
        on("CONFigure:CURRent[:DC]", lambda a: self.configure("CURR", a[0] if a else "AUTO"))
        on("CONFigure:VOLTage[:DC]", lambda a: self.configure("VOLT", a[0] if a else "AUTO"))
        on("CONFigure?", lambda _: f'"{self.function} +1.000000E+01,+3.000000E-06"')
        super().commands()

    def begin(self) -> None:
        """Start the timer with the memory empty."""
        super().begin()
        self._removed = 0

    def _set_interval(self, seconds: float) -> None:
        self.interval_s = seconds

    def _remove(self, count: int) -> str:
        if count > self.taken() - self._removed:
            raise ScpiError(-222, "Data out of range")
        self._removed += count
        return ",".join(self.timed(index) for index in range(self._removed - count, self._removed))


class DMM6500(MultimeterTwin):
    """Keithley DMM6500."""

    row = Row(
        "KEITHLEY INSTRUMENTS,MODEL DMM6500,{serial},1.7.3b",
        volts=_VOLTS,
        amps=_AMPS,
        asks={},
        settings={"FORMat": "ASC"},
    )
    amps_function, volts_function = "[SENSe:]CURRent[:DC]", "[SENSe:]VOLTage[:DC]"
    read = ("READ?", "READ:DIGitize?")
    forgets = 100_000

    def commands(self) -> None:
        """Add what configures it, the digitiser and its buffer."""
        on = self.scpi.on
        for function in ("CURR", "VOLT"):
            header = f"[SENSe:]DIGitize:{'CURRent' if function == 'CURR' else 'VOLTage'}"
            on(f"{header}:RANGe", lambda a, f=function: self._set_range(f, a[0]))
            on(f"{header}:RANGe?", lambda _, f=function: f"{self._ranges[f] or 10.0:+.8E}")
            on(f"{header}:SRATe", lambda a: self._set_rate(number(a[0])))
            on(f"{header}:SRATe?", lambda _: f"{1 / self.interval_s:.0f}")
            on(f"{header}:APERture", lambda _: None)
        on("[SENSe:]DIGitize:FUNCtion", lambda a: self._choose_function(a[0]))
        on("[SENSe:]DIGitize:FUNCtion?", lambda _: f'"{self.function}"')
        on("TRIGger:LOAD", lambda _: None)
        on("TRIGger:BLOCk:MDIGitize", lambda _: None)
        on("TRACe:CLEar", lambda _: None)
        on("TRACe:FILL:MODE", lambda _: None)
        on("TRACe:ACTual:END?", lambda _: str(self.taken()))
        on("TRACe:DATA?", lambda a: self._told(int(a[0]), int(a[1])))
        on("*LANG?", lambda _: "SCPI")
        on("[SENSe:]FUNCtion", lambda a: self._choose_function(a[0]))
        on("[SENSe:]FUNCtion?", lambda _: f'"{self.function}:DC"')
        on("READ?", self._read)
        self._first_ns = 0
        super().commands()

    def _read(self, elements: list[str]) -> str:
        """Measure once; with ``REL`` among the elements the seconds since the first reading are told too."""
        began_ns = time.monotonic_ns()
        self._first_ns = self._first_ns or began_ns
        reading = self.shown(self.measure(self.aperture_s))
        return f"{reading},{(began_ns - self._first_ns) / 1e9:.6f}" if "REL" in elements else reading

    def _set_rate(self, rate_hz: float) -> None:
        self.interval_s = 1 / rate_hz

    def _told(self, first: int, last: int) -> str:
        """Tell readings and their seconds since the first."""
        if not max(1, self.taken() - self.forgets) <= first <= last <= self.taken():
            raise ScpiError(-222, "Data out of range")
        pairs = ((self.timed(index), index * self.interval_s) for index in range(first - 1, last))
        return ",".join(f"{reading},{seconds:.9f}" for reading, seconds in pairs)

    def _choose_function(self, text: str) -> None:
        function = text.strip("\"'").upper()[:4]
        if function not in ("VOLT", "CURR"):
            raise ScpiError(-224, "Illegal parameter value")
        self.function = function


class DMM7510(DMM6500):
    """Keithley DMM7510."""

    row = Row(
        "KEITHLEY INSTRUMENTS,MODEL DMM7510,{serial},1.6.4d",
        volts=_VOLTS,
        amps=_AMPS,
        asks={},
        settings={"FORMat": "ASC"},
    )


class Keithley2281S(BenchTwin):
    """Converts without pause into a buffer, which is emptied when it is asked for."""

    row = Row(
        "KEITHLEY INSTRUMENTS,MODEL 2281S-20-6,{serial},01.08b",
        Limits(0.0002, 2e-3, 1e-4, 1e-5),
        Limits(0.0005, 250e-6, 2e-6, 1e-7),
        asks={},
        settings={"[SENSe:]FUNCtion": '"CONC"', "INITiate:CONTinuous": "1"},
    )
    _MOST = 2500

    def commands(self) -> None:
        """Add the buffer."""
        on = self.scpi.on
        self._began_ns, self._told, self._nplc = time.monotonic_ns(), 0, 1.0
        on("ENTRy:FUNCtion?", lambda _: "POWER")
        on("TRACe:CLEar", lambda _: self._clear())
        on("[SENSe:]CONCurrent:NPLCycles", lambda a: self._set_nplc(number(a[0])))
        on("SYSTem:LFRequency?", lambda _: "50")
        on("STATus:MEASurement:INSTrument:ISUMmary:CONDition?", lambda _: "64" if self._ended() > self._told else "0")
        on("DATA:DATA?", lambda _: self._buffer())
        super().commands()

    @property
    def _period_ns(self) -> int:
        return round(2 * self._nplc / 50 * 1e9)

    def _set_nplc(self, nplc: float) -> None:
        if not 0.002 <= nplc <= 12:
            raise ScpiError(-222, "Data out of range")
        self._nplc, self._began_ns, self._told = nplc, time.monotonic_ns(), 0

    def _clear(self) -> None:
        self._told = self._ended()

    def _ended(self) -> int:
        return (time.monotonic_ns() - self._began_ns) // self._period_ns

    def _buffer(self) -> str:
        first, self._told = max(self._told, self._ended() - self._MOST), self._ended()
        told: list[str] = []
        for index in range(first, self._told):
            start_ns = self._began_ns + index * self._period_ns
            shown = self.at(start_ns, start_ns + self._period_ns)
            seconds = (index + 1) * self._period_ns / 1e9
            told.append(f"{shown.amps:+.6E}A,{shown.volts:+.6E}V,{seconds:+.6E}s")
        return ",".join(told) or " "
