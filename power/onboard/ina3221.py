"""INA3221: the three-channel sensors on Jetson boards, as the kernel shows them.

Two generations: NVIDIA's own driver (L4T up to 32: ``rail_name_N``, channels from 0) and mainline's hwmon (L4T from 34:
``inN_label``, channels from 1). Layouts from public device trees and kernel sources; not yet tried on a board here.
The reader wakes a processor of the board that it measures: 10 readings a second are enough.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ..block import Block
from ..errors import MeterOffline
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter
from .files import HINT, Files, LocalFiles, listing, read_number, whole_number
from .rail_names import chosen

_OLD = ("sys/bus/i2c/drivers/ina3221x/*/iio*/rail_name_*", "sys/bus/iio/devices/*/rail_name_*")
_NEW = "sys/class/hwmon/hwmon*/name"
_CHANNELS = 3
"""``in4`` and higher of hwmon are shunts and their sum: no rails."""
_MICRO = 1e-6
_ASSUMED_SHUNT_OHMS = 0.01
"""As on the TX2's module; hwmon tells its own."""
_SHUNT_STEP_VOLTS, _SHUNT_OFFSET_VOLTS = 40e-6, 80e-6
_BUS_STEP_VOLTS, _BUS_OFFSET_VOLTS = 8e-3, 16e-3
_OF_READING, _RESISTOR = 0.0025, 0.01
_MOST_VOLTS = 19.6
"""The TX2's developer kit takes no more; other inputs that are added lie lower."""


@dataclass(frozen=True, slots=True)
class Rail:
    """Where one channel's millivolts and milliamperes stand."""

    name: str
    millivolts: str
    milliamps: str
    shunt_ohms: float | None = None


class Ina3221(PolledMeter):
    """Volts and amps of one rail of a board, point samples, one after the other."""

    verified: ClassVar[tuple[str, ...]] = ("published layout",)
    reads_own_machine: ClassVar[bool] = True
    aperture_s = 0.0

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
        self._files, self._rails = files, tuple(rails)
        self._pace = Pace(1 / options.rate_hz)
        self.accuracy = _accuracy(rails[0]) if len(rails) == 1 else _of_a_sum(rails)

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Find the rail below ``root``; raises as :meth:`on`."""
        options = cls.Config.model_validate(config)
        return cls.on(name, LocalFiles(options.root), options)

    @classmethod
    def on(cls, name: str, files: Files, options: "Ina3221.Config") -> Self:
        """Find the rail among files that are here or on a board.

        Raises:
            MeterOffline: there is no INA3221.
            UnknownChoice: no rail of that name, or several; or a sum that counts watts twice.
        """
        with listing(name):
            there = rails(files)
        if not there:
            raise MeterOffline(name, "no INA3221 under /sys", hint=HINT)
        names = chosen(name, options.rail, [rail.name for rail in there])
        return cls(name, files, [rail for rail in there if rail.name in names], options)

    def read(self) -> Block:
        """Return the rail's volts and amps of now, shape (1,).

        Raises:
            MeterOffline: the sensor is gone or off.
            FrameError: a file shows no number.
        """
        self._pace.wait()
        asked_ns = time.monotonic_ns()
        read = [(self._number(rail.millivolts) / 1e3, self._number(rail.milliamps) / 1e3) for rail in self._rails]
        middle_ns = (asked_ns + time.monotonic_ns()) // 2
        if len(read) == 1:
            return Block.one(middle_ns, *read[0])
        return Block.one(middle_ns, math.nan, math.nan, watts=sum(volts * amps for volts, amps in read))

    def _number(self, path: str) -> int:
        return read_number(self.name, self._files, path)

    def close(self) -> None:
        """Nothing is held open."""


def rails(files: Files) -> list[Rail]:
    """Return the rails that the kernel shows, whichever generation it is."""
    old = next((found for pattern in _OLD if (found := files.glob(pattern))), list[str]())
    return [_old(files, path) for path in old] or [rail for path in files.glob(_NEW) for rail in _new(files, path)]


def _old(files: Files, path: str) -> Rail:
    folder, _, number = path.rpartition("/rail_name_")
    return Rail(files.read(path).strip(), f"{folder}/in_voltage{number}_input", f"{folder}/in_current{number}_input")


def _new(files: Files, path: str) -> list[Rail]:
    """Return the rails of one chip; a channel without a label or a current has nothing wired to it."""
    if files.read(path).strip() != "ina3221":
        return []
    folder = path.rpartition("/")[0]
    there = set(files.glob(f"{folder}/*"))
    found: list[Rail] = []
    for n in range(1, _CHANNELS + 1):
        label, volts, amps, shunt = (f"{folder}/{file}" for file in _files_of(n))
        if {label, volts, amps} <= there:
            ohms = whole_number(files.read(shunt)) * _MICRO if shunt in there else None
            found.append(Rail(files.read(label).strip(), volts, amps, ohms))
    return found


def _files_of(n: int) -> tuple[str, str, str, str]:
    return f"in{n}_label", f"in{n}_input", f"curr{n}_input", f"shunt{n}_resistor"


def _accuracy(rail: Rail) -> Accuracy:
    ohms = rail.shunt_ohms or _ASSUMED_SHUNT_OHMS
    shunt = f"{ohms * 1e3:g} mΩ" + " (assumed)" * (rail.shunt_ohms is None)
    return Accuracy(
        volts=Tolerance(_OF_READING, _BUS_OFFSET_VOLTS + _BUS_STEP_VOLTS / 2),
        amps=Tolerance(_OF_READING + _RESISTOR, (_SHUNT_OFFSET_VOLTS + _SHUNT_STEP_VOLTS / 2) / ohms),
        source=f"TI SBOS576C, section 6.5, maximum errors at 25 °C, half a step; shunt {shunt}, taken to be within 1 %",
    )


def _of_a_sum(rails: Sequence[Rail]) -> Accuracy:
    """Return the limits of added watts, as if every rail bore the highest volts: they only get wider."""
    each = [_accuracy(rail) for rail in rails]
    amps = sum(one.amps.offset for one in each if one.amps is not None)
    watts = Tolerance(2 * _OF_READING + _RESISTOR, _MOST_VOLTS * amps)
    return Accuracy(None, None, f"{each[0].source}; a sum, at {_MOST_VOLTS:g} V", watts=watts)
