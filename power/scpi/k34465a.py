"""Keysight 34465A and 34470A multimeters: on demand, or by their own timer.

Commands as in the Truevolt series operating and service guide and in Qcodes' driver. Not yet tried on a unit here.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import FrameError, MeterOffline
from ..meter import Accuracy
from .asked import Ask, Way
from .memory import Memory, read_series
from .multimeter import Limits, Multimeter
from .port import ScpiPort
from .setup import settle
from .wider import wider

_AMPS: Limits = {
    100e-6: (5e-4, 2.5e-4),
    1e-3: (5e-4, 6e-5),
    10e-3: (5e-4, 2e-4),
    100e-3: (5e-4, 5e-5),
    1.0: (8e-4, 1e-4),
    3.0: (2e-3, 2e-4),
    10.0: (1.2e-3, 1e-4),
}
_VOLTS: Limits = {
    0.1: (5e-5, 3.5e-5),
    1.0: (4e-5, 7e-6),
    10.0: (3e-5, 4e-6),
    100.0: (4e-5, 6e-6),
    1000.0: (4e-5, 6e-6),
}
_DATA_SHEET = (
    "Keysight 5991-1983EN, specifications 34465A, DC voltage, as quoted in public; one year, within 5 °C of its "
    "calibration"
)
_LESSER = {"34461A": 1.7, "34460A": 3.0}
"""Model → by how much wider its limits are than those of a 34465A: at most so much for direct volts of a 34461A
(5991-1983EN, specifications 34461A: 0.0045 % + 0.0010 % on 1000 V); assumed for all else."""
_BY_TIMER = 3.0
"""Assumed. The data sheet's limits are those of 10 periods of the mains and more, auto zero on."""


class TimedMemory:
    """Reading memory of a Truevolt: readings come at the timer's interval, and say nothing of time themselves."""

    most = 2000
    """Some 32 kB of text."""

    def __init__(self, port: ScpiPort, interval_s: float) -> None:
        """Remember where it is; nothing is sent."""
        self._port, self._interval_s = port, interval_s
        self._taken = 0
        self._questions = ("DATA:REM?", "R?")

    def start(self) -> None:
        """Start the timer; :data:`_COUNT` readings later it is started anew."""
        for command in ("ABOR", f"SAMP:COUN {_COUNT}", "TRIG:SOUR IMM", "INIT"):
            self._port.write(command)
        self._taken = 0

    def fetch(self) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
        """Take what is there; a full memory has thrown readings away."""
        held = self._port.query_number("DATA:POIN?")
        count = int(min(held, self.most)) if held >= 0 else 0
        if held >= _HOLDS or self._taken >= _COUNT:
            return np.empty(0), np.empty(0), True
        if count == 0:
            return np.empty(0), np.empty(0), False
        if (values := self._removed(count)) is None:
            return np.empty(0), np.empty(0), True
        seconds = np.arange(self._taken, self._taken + count, dtype=np.float64) * self._interval_s
        self._taken += count
        return seconds, values, False

    def _removed(self, count: int) -> NDArray[np.float64] | None:
        """Take readings out, in the words that are answered: some firmware knows but one of them.

        None where the first words were not: an answer that got lost may have held readings, so that nobody knows which
        these are.
        """
        first: MeterOffline | FrameError | None = None
        for question in self._questions:
            try:
                values = read_series(self._port, f"{question} {count}", count)
            except (MeterOffline, FrameError) as error:
                if isinstance(error.__cause__, OSError):
                    raise
                first = first or error
            else:
                self._questions = (question,)
                return values if first is None else None
        raise first or FrameError(self._port.name, "no words to take readings out are known")

    def stop(self) -> None:
        """Stop the timer."""
        self._port.write("ABOR")


_COUNT = 1_000_000
"""Readings of one start (guide, ``SAMPle:COUNt``)."""
_HOLDS = 50_000
"""Without the memory option (guide, "Reading memory")."""


class Keysight34465A(Multimeter):
    """Amps or volts, some ten readings a second on demand, or up to 5,000 by its timer."""

    class Config(Multimeter.Config):
        """Options in the inventory."""

        ranges: ClassVar[dict[str, Limits]] = {"amps": _AMPS, "volts": _VOLTS}
        rates_hz = (0.1, 5000.0)
        """50 kHz with the digitising option, whose commands this driver does not use."""

    models = ("34465A", "34470A", "34461A", "34460A")
    looked_up: ClassVar = {("volts", 100.0): (4e-5, 6e-6, _DATA_SHEET)}
    source = "assumed after the Truevolt data sheet, one year; not looked up"
    present = "CONF?"
    single = ("ABOR", "SAMP:COUN 1", "TRIG:COUN 1", "TRIG:SOUR IMM")
    aperture = "{f}:DC:APER?"

    @classmethod
    def prepare(cls, port: ScpiPort, options: Multimeter.Config) -> list[str]:
        """Choose quantity, range and aperture; all else as after ``CONF``: one reading for each question."""
        function, chosen = options.function, "AUTO" if options.range is None else f"{options.range:g}"
        kept: dict[str, float | str] = {"CONF?": function}
        if options.range is not None:
            kept[f"{function}:DC:RANG?"] = options.range
        timed: tuple[str, ...] = ()
        if options.sample_rate_hz is not None:
            timer = f"SAMP:TIM {1 / options.sample_rate_hz:g}"
            timed = (f"{function}:DC:ZERO:AUTO OFF", "TRIG:DEL 0", "SAMP:SOUR TIM", timer)
            kept["SAMP:TIM?"] = 1 / options.sample_rate_hz  # without it the readings have no time
        return settle(
            port,
            wanted=("ABOR",),  # what an earlier user left measuring
            deciding=(f"CONF:{function}:DC {chosen}",),
            then=(f"{function}:DC:APER {options.averages_s:g}", *timed),
            kept=kept,
            hint="is it wired to the terminals of that range?",
        )

    def _limits(self, silent: Sequence[str]) -> Accuracy:
        """Return limits that hold for the lesser models, and for short readings, too."""
        found, model, measured = super()._limits(silent), self._identity.model, self._options.quantity
        if (times := _LESSER.get(model)) is not None:
            found = wider(found, measured, times, f"it is a {model}")
        if self._options.sample_rate_hz is not None:
            found = wider(found, measured, _BY_TIMER, "short readings, without auto zero")
        return found

    @classmethod
    def ways(cls, options: Multimeter.Config) -> Sequence[Way]:
        """Measure once and answer."""
        fields = (options.quantity,)
        return (Way((Ask("READ?", fields),)), Way((Ask(f"MEAS:{options.function}:DC?", fields),)))

    def memory(self) -> Memory:
        """Return the reading memory."""
        return TimedMemory(self._port, 1 / self.rate_hz)
