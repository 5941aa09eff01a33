"""INA3221: the three-channel sensors on Jetson boards, as the kernel shows them; not yet tried on a board here.

The reader wakes a processor of the board that it measures: 10 readings a second are enough.
"""

import math
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ..block import Block, Flag
from ..errors import MeterOffline, UnknownChoice
from ..gaps import is_long
from ..kind import Kind
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter
from .files import HINT, Files, listing, read_numbers
from .ina3221_rails import Rail, rails
from .prompt import promptly
from .rail_names import chosen
from .reach import Here, Reach

_WIDTH = 2.0
"""Of a mean that lets through as much noise as a low-pass of first order, in time constants."""
_ASSUMED_SHUNT_OHMS = 0.01
"""As on the TX2's module; hwmon tells its own."""
_SHUNT_STEP_VOLTS, _SHUNT_OFFSET_VOLTS = 40e-6, 80e-6
_BUS_STEP_VOLTS, _BUS_OFFSET_VOLTS = 8e-3, 16e-3
_OF_READING, _RESISTOR = 0.0025, 0.01
_MOST_VOLTS = 19.6
"""The TX2's developer kit takes no more; other inputs that are added lie lower."""


class Ina3221(PolledMeter):
    """Volts and amps of one rail of a board: averages of the chip where it is set to average, else points."""

    verified: ClassVar[tuple[str, ...]] = ("board twin", "published layout")

    kinds: ClassVar[tuple[Kind, ...]] = ("rail", "inlet")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        root: str = "/"
        """The folder above ``sys``."""
        rail: str = Field(examples=["VDD_IN"])
        """By name: numbers of channels and devices change between boots. ``A+B`` adds their watts."""
        rate_hz: float = Field(10.0, gt=0, le=100)

    def __init__(self, name: str, files: Files, rails: Sequence[Rail], options: "Ina3221.Config") -> None:
        """Sit on rails that were found; of several, only the sum of their watts is told."""
        super().__init__(name, Identity("Texas Instruments", f"INA3221 {'+'.join(rail.name for rail in rails)}"))
        self.rate_hz = options.rate_hz
        self._files, self._rails, self._options = files, tuple(rails), options
        self._lag_s, self._waits_s = max(rail.lag_s for rail in rails), sum(rail.waits_s for rail in rails)
        self.aperture_s = min(_WIDTH * self._lag_s, 1 / options.rate_hz)
        self.bandwidth_hz = 1 / (2 * math.pi * self._lag_s) if self._lag_s else None
        self._pace = Pace(1 / options.rate_hz)
        self.lateness = self._pace.lateness
        self._last_ns: int | None = None
        self._moved = False
        self.accuracy = _accuracy(rails[0]) if len(rails) == 1 else _of_a_sum(rails)

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Find the rail of this machine; raises as :meth:`on`."""
        return cls.open_on(name, config, Here())

    @classmethod
    def open_on(cls, name: str, config: BaseModel, reach: Reach) -> Self:
        """Find the rail of a machine, below ``root``; raises as :meth:`on`."""
        options = cls.Config.model_validate(config)
        files = reach.files(options.root)
        try:
            return cls.on(name, files, options)
        except BaseException:
            files.close()
            raise

    @classmethod
    def on(cls, name: str, files: Files, options: "Ina3221.Config") -> Self:
        """Find the rail among files that are here or on a board.

        Raises:
            MeterOffline: there is no INA3221.
            UnknownChoice: no rail of that name, or several; or a sum that counts watts twice.
        """
        return cls(name, files, _find(name, files, options.rail), options)

    def read(self) -> Block:
        """Return the rail's volts and amps of now, shape (1,).

        Raises:
            MeterOffline: the sensor is gone or off; or a board's answers come too slowly.
            FrameError: a file shows no number.
        """
        self._pace.wait()
        last_ns, self._last_ns = self._last_ns, None
        if self._moved:
            self._find_again()
        try:
            t_ns, numbers, again = promptly(self.name, self._numbers, period_s=1 / self.rate_hz, takes_s=self._waits_s)
        except MeterOffline:
            self._moved = True
            raise
        t_ns -= round(self._lag_s * 1e9)  # where the middle of what it averages lies
        self._last_ns = t_ns
        late = again or (last_ns is not None and is_long(t_ns - last_ns, self.rate_hz))
        flags = Flag.LATE if late else Flag(0)
        read = [(volts / 1e3, amps / 1e3) for volts, amps in zip(numbers[::2], numbers[1::2], strict=True)]
        if len(read) == 1:
            return Block.one(t_ns, *read[0], flags)
        return Block.one(t_ns, math.nan, math.nan, flags, watts=sum(volts * amps for volts, amps in read))

    def close(self) -> None:
        """Let go of the machine. May be called twice."""
        self._files.close()

    def _numbers(self) -> list[int]:
        return read_numbers(
            self.name, self._files, [p for rail in self._rails for p in (rail.millivolts, rail.milliamps)]
        )

    def _find_again(self) -> None:
        """Look where the rails are now: a board that was started anew numbers its sensors otherwise."""
        try:
            self._rails = tuple(_find(self.name, self._files, self._options.rail))
        except UnknownChoice as error:  # its drivers load one after the other
            raise MeterOffline(self.name, str(error).removeprefix(f"{self.name}: "), hint=HINT) from error
        self._moved = False


def _find(name: str, files: Files, wanted: str) -> list[Rail]:
    with listing(name):
        there = rails(files)
    if not there:
        raise MeterOffline(name, "no INA3221 under /sys", hint=HINT)
    names = chosen(name, wanted, [rail.name for rail in there])
    return [rail for rail in there if rail.name in names]


def _accuracy(rail: Rail) -> Accuracy:
    ohms = rail.shunt_ohms or _ASSUMED_SHUNT_OHMS
    shunt = f"{ohms * 1e3:g} mΩ" + " (assumed)" * (rail.shunt_ohms is None)
    return Accuracy(
        volts=Tolerance(_OF_READING, _BUS_OFFSET_VOLTS + _BUS_STEP_VOLTS / 2),
        amps=Tolerance(_OF_READING + _RESISTOR, (_SHUNT_OFFSET_VOLTS + _SHUNT_STEP_VOLTS / 2) / ohms),
        source=f"TI SBOS576C, section 6.5, maximum errors at 25 °C, half a step; shunt {shunt}, taken to be within 1 %",
        assumed=rail.shunt_ohms is None,
    )


def _of_a_sum(rails: Sequence[Rail]) -> Accuracy:
    """Return the limits of added watts, as if every rail bore the highest volts: they only get wider."""
    each = [_accuracy(rail) for rail in rails]
    amps = sum(one.amps.offset for one in each if one.amps is not None)
    watts = Tolerance(2 * _OF_READING + _RESISTOR, _MOST_VOLTS * amps)
    return Accuracy(
        None,
        None,
        f"{each[0].source}; a sum, at {_MOST_VOLTS:g} V",
        watts=watts,
        assumed=any(one.assumed for one in each),
    )
