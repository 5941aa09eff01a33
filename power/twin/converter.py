"""What a meter twin makes of its rail: averages, with the unit's own errors, noise and steps."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from .truth import Supply


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of error of one quantity, from the data sheet, and what is left to chance."""

    of_reading: float
    """Fraction of the reading."""
    offset: float
    """Volts or amps."""
    noise: float
    """Standard deviation of one reading, volts or amps."""
    step: float
    """Resolution, volts or amps."""


class Channel:
    """One quantity of one unit: where within its limits it errs is drawn once, as in a factory."""

    def __init__(self, rng: random.Random) -> None:
        """Draw this unit's gain and offset."""
        self._rng = rng
        self._gain, self._offset = rng.uniform(-1.0, 1.0), rng.uniform(-1.0, 1.0)

    def measure(self, true: float, limits: Limits) -> float:
        """Return what the unit shows for a true value."""
        shown = true * (1.0 + self._gain * limits.of_reading) + self._offset * limits.offset
        shown += self._rng.gauss(0.0, limits.noise)
        return round(shown / limits.step) * limits.step


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversion."""

    volts: float
    amps: float

    @property
    def watts(self) -> float:
        """Volts times amps."""
        return self.volts * self.amps


class Sense:
    """Voltmeter and ammeter on a supply."""

    def __init__(self, supply: Supply, rng: random.Random) -> None:
        """Draw the unit's errors."""
        self._supply = supply
        self._volts, self._amps = Channel(rng), Channel(rng)

    def average(self, start_ns: int, end_ns: int, volts: Limits, amps: Limits) -> Reading:
        """Return the averages over a window that has passed."""
        true_amps = self._supply.mean_watts(start_ns, end_ns) / (self._supply.set_volts or self._supply.profile.volts)
        return Reading(self._volts.measure(self._supply.volts, volts), self._amps.measure(true_amps, amps))


Average = Callable[[int, int], Reading]
"""Start and end of a window that has passed → what the unit shows for it."""


class Updates:
    """A unit that converts without pause and shows the last finished average, however often it is asked."""

    def __init__(self, average: Average, period_s: float) -> None:
        """Begin the first conversion now."""
        self._average = average
        self._period_ns = round(period_s * 1e9)
        self._begin_ns = time.monotonic_ns()
        self._shown_number = 0
        self._shown: Reading | None = None

    @property
    def number(self) -> int:
        """How many conversions are done."""
        return (time.monotonic_ns() - self._begin_ns) // self._period_ns

    def latest(self) -> Reading | None:
        """Return the last finished conversion, the same one until the next is done; None before the first."""
        if (number := self.number) > self._shown_number:
            end_ns = self._begin_ns + number * self._period_ns
            self._shown_number, self._shown = number, self._average(end_ns - self._period_ns, end_ns)
        return self._shown

    def next_in_s(self) -> float:
        """Return the seconds until the running conversion is done."""
        spent_ns = (time.monotonic_ns() - self._begin_ns) % self._period_ns
        return (self._period_ns - spent_ns) / 1e9
