"""Keithley DMM6500 and DMM7510 multimeters: on demand, or digitising.

Commands as in the reference manuals (DMM6500-901-01, DMM7510-901-01), in pymeasure's and in Qcodes' drivers. The unit
must be set to the SCPI command set. Not yet tried on a unit here.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..block import Block, Flag
from ..meter import Accuracy
from ..timebase import TimeBase
from .asked import Ask, Way
from .memory import Memory, read_series
from .multimeter import Limits, Multimeter
from .port import ScpiPort
from .setup import settle
from .wider import wider


def _same(ranges: Sequence[float], of_reading: float, of_range: float) -> Limits:
    return dict.fromkeys(ranges, (of_reading, of_range))


_AMPS_RANGES = (10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1.0, 3.0, 10.0)
_VOLTS_RANGES = (0.1, 1.0, 10.0, 100.0, 1000.0)


_DC_VOLTS = (
    "Keithley SPEC-DMM6500 Rev. A, DC voltage accuracy, as quoted in public; one year, within 5 °C of its calibration"
)
_DIGITIZED = 10.0
"""Assumed: the digitiser has 16 bits (DMM7510: 18) where the other converter has 22 and more."""
_BUFFER = '"defbuffer1"'
_HOLDS = 100_000
"""Readings of the default buffer (reference manual, ``:TRACe:POINts``)."""


class DigitizeBuffer:
    """The default buffer, filled without pause; each reading carries its time since the first."""

    most = 5000
    """Some 160 kB of text."""

    def __init__(self, port: ScpiPort) -> None:
        """Remember where it is; nothing is sent."""
        self._port = port
        self._taken = 0

    def start(self) -> None:
        """Digitise until :meth:`stop`."""
        for command in (
            "ABOR",
            f":TRAC:CLE {_BUFFER}",
            f":TRAC:FILL:MODE CONT, {_BUFFER}",
            ':TRIG:LOAD "EMPTY"',
            f":TRIG:BLOC:MDIG 1, {_BUFFER}, INF",
            "INIT",
        ):
            self._port.write(command)
        self._taken = 0

    def fetch(self) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
        """Take what is new; a buffer that went round has lost what was not fetched."""
        end = self._port.query_number(f":TRAC:ACT:END? {_BUFFER}")
        if end - self._taken >= _HOLDS:
            return np.empty(0), np.empty(0), True
        first, last = self._taken + 1, int(min(end, self._taken + self.most)) if end >= 0 else self._taken
        if last < first:
            return np.empty(0), np.empty(0), False
        pairs = read_series(self._port, f":TRAC:DATA? {first}, {last}, {_BUFFER}, READ, REL", 2 * (last - first + 1))
        self._taken = last
        return pairs[1::2], pairs[0::2], False

    def stop(self) -> None:
        """Stop digitising."""
        self._port.write("ABOR")


class DMM6500(Multimeter):
    """Amps or volts, some ten readings a second on demand, or digitised at 1 kHz to 1 MHz."""

    class Config(Multimeter.Config):
        """Options in the inventory."""

        ranges: ClassVar[dict[str, Limits]] = {
            "amps": {**_same(_AMPS_RANGES[:-2], 5e-4, 1e-4), 3.0: (1.2e-3, 1e-4), 10.0: (3e-3, 2e-4)},
            "volts": _same(_VOLTS_RANGES, 6e-5, 3.5e-5),
        }
        own_time: bool = False
        """On demand: each reading is asked for together with the instrument's own time of it, which dates it better
        than question and answer where the link is slow or busy."""
        rates_hz = (1000.0, 1e6)
        """Of the digitiser; text over the link keeps up with some 50 kHz."""

    _own_s = math.inf
    """The instrument's time of the last reading; the first one is earlier."""
    models = ("DMM6500",)
    looked_up: ClassVar = {
        ("volts", 0.1): (30e-6, 35e-6, _DC_VOLTS),
        ("volts", 1.0): (25e-6, 6e-6, _DC_VOLTS),
        ("volts", 10.0): (25e-6, 5e-6, _DC_VOLTS),
        ("volts", 100.0): (40e-6, 6e-6, _DC_VOLTS),
        ("volts", 1000.0): (40e-6, 6e-6, _DC_VOLTS),
    }
    """10 V is the same in the calibration manual, DMM6500-905-01, section 2."""
    source = "assumed, wider than the DMM6500 data sheet, one year; not looked up"
    present = ":SENS:FUNC?"
    single = ("ABOR", ":SENS:COUN 1", ":FORM ASC")
    aperture = ":SENS:{f}:APER?"

    @classmethod
    def prepare(cls, port: ScpiPort, options: Multimeter.Config) -> list[str]:
        """Choose quantity, range and aperture."""
        function = options.function
        chosen = (
            f":SENS:{function}:RANG:AUTO ON" if options.range is None else f":SENS:{function}:RANG {options.range:g}"
        )
        if options.sample_rate_hz is not None:
            return _digitize(port, options)
        kept: dict[str, float | str] = {"*LANG?": "SCPI", ":SENS:FUNC?": function}
        if options.range is not None:
            kept[f":SENS:{function}:RANG?"] = options.range
        return settle(
            port,
            wanted=("ABOR", ":FORM ASC"),
            deciding=(f':SENS:FUNC "{function}:DC"', *([] if options.range is None else [chosen])),
            refining=[chosen] if options.range is None else (),
            then=(f":SENS:{function}:APER {options.aperture_s:g}",),
            kept=kept,
            hint="is its command set SCPI (menu, settings), and is it wired to the terminals of that range?",
        )

    def _limits(self, silent: Sequence[str]) -> Accuracy:
        """Return limits that hold for the digitiser too."""
        found, options = super()._limits(silent), self._options
        if options.sample_rate_hz is None:
            return found
        return wider(found, options.quantity, _DIGITIZED, "digitised")

    @classmethod
    def ways(cls, options: Multimeter.Config) -> Sequence[Way]:
        """Measure once and answer."""
        fields = (options.quantity,)
        if options.sample_rate_hz is not None:
            return (Way((Ask(":READ:DIG?", fields),)), Way((Ask(":MEAS:DIG?", fields),)))
        if isinstance(options, cls.Config) and options.own_time:
            return (Way((Ask(f":READ? {_BUFFER}, READ, REL", (*fields, "seconds")),)),)
        return (Way((Ask(":READ?", fields),)), Way((Ask(f":MEAS:{options.function}:DC?", fields),)))

    def block_of(self, t_ns: int, found: dict[str, float], flags: Flag) -> Block:
        """Date a reading by the instrument's own time, where it tells that; the same time again is the same reading."""
        seconds = found.pop("seconds", math.nan)
        if math.isfinite(seconds):
            if seconds < self._own_s:  # its buffer was emptied: it counts anew
                self._base = TimeBase()
            flags |= Flag.STALE if seconds == self._own_s else Flag(0)
            self._own_s = seconds
            t_ns = int(self._base.place(np.array([seconds]), t_ns)[0])
        return super().block_of(t_ns, found, flags)

    def memory(self) -> Memory:
        """Return the default buffer."""
        return DigitizeBuffer(self._port)


def _digitize(port: ScpiPort, options: Multimeter.Config) -> list[str]:
    function, rate_hz = options.function, options.sample_rate_hz or math.nan
    at = f":SENS:DIG:{function}"
    return settle(
        port,
        wanted=("ABOR", ":FORM ASC"),
        deciding=(f':SENS:DIG:FUNC "{function}"', f"{at}:RANG {options.range:g}", f"{at}:SRAT {rate_hz:g}"),
        then=(f"{at}:APER AUTO",),
        kept={
            "*LANG?": "SCPI",
            ":SENS:DIG:FUNC?": function,
            f"{at}:RANG?": options.range or math.nan,
            f"{at}:SRAT?": rate_hz,
        },
        hint="is its command set SCPI (menu, settings), and is it wired to the terminals of that range?",
    )


class DMM7510(DMM6500):
    """As the DMM6500, and more accurate."""

    class Config(DMM6500.Config):
        """Options in the inventory."""

        ranges: ClassVar[dict[str, Limits]] = {
            "amps": {**_same(_AMPS_RANGES[:-2], 4e-4, 5e-5), 3.0: (8e-4, 1e-4), 10.0: (2e-3, 2e-4)},
            "volts": _same(_VOLTS_RANGES, 3e-5, 1e-5),
        }

    verified = ("twin",)
    models = ("DMM7510",)
    looked_up: ClassVar = {}
    source = "assumed, wider than the DMM7510 data sheet, one year; not looked up"
