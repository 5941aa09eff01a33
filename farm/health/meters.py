"""One reading of each meter of a board, and whether it makes sense."""

import math
import re
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from power.polling import again

from ..errors import LabFault
from ..lab.inventory import Lab
from ..lab.own_sensors import open_meter
from ..lab.paired import open_wired
from ..lab.reach import open_shell

if TYPE_CHECKING:
    from devices.shell import Shell
    from power.meter import Meter

_VOLTS = re.compile(r"(\d+(?:\.\d+)?) ?V\b")
_RAIL_WITHIN = 0.2
"""Assumed: USB allows 5 V - 12 % at the far end of a cable, a supply that is further off is the wrong one."""
_MOST_VOLTS = 300.0
"""Of a rail whose words name no volts: what no meter of the farm is made for."""
_LEAST_WATTS = 0.05
"""Assumed: every board that is on draws more, and a meter whose leads are off reads less."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter says now. NaN: it answered, and had no value."""

    volts: float
    amps: float
    watts: float


def read_meter(lab: Lab, board: str, name: str, state: Path) -> Reading:
    """Open a meter of a board, which proves that the configured unit answers, take one reading, close it.

    Raises:
        power.errors.PowerError: it is silent, says nonsense, or is another unit.
        devices.errors.DeviceError, UsageFault: it is a part of the board, and the way there is not to be trusted.
    """
    with ExitStack() as links:

        def shell() -> "Shell":
            return links.enter_context(closing(open_shell(lab, board, state)))

        meter: Meter = open_wired(lab, name, lambda one, entry: open_meter(one, entry, lab.boards[board], shell))
        block = again(links.enter_context(meter).read)
    return Reading(float(block.volts[0]), float(block.amps[0]), float(block.watts[0]))


def check_reading(name: str, rail: str, reading: Reading, *, powered: bool) -> None:
    """Hold a reading against its rail and against what a board that is on must draw.

    Args:
        name: the meter's.
        rail: its words in the inventory; volts that stand there are taken at their word.
        reading: what it says.
        powered: whether the board is known to be on.

    Raises:
        LabFault: it makes no sense; says what was read and what was expected.
    """
    hint = f"look at the wiring of the meter on {rail!r}, its range and its leads"
    watts_only = math.isfinite(reading.watts) and math.isnan(reading.volts) and math.isnan(reading.amps)
    told = {"watts": reading.watts} if watts_only else {"volts": reading.volts, "amps": reading.amps}
    for quantity, value in told.items():
        if not math.isfinite(value):
            raise LabFault(name, f"answers, and has no value for {quantity}", hint=hint)
    if not powered:
        return  # an inline meter on a dead rail reads what it likes
    lowest, highest = rail_volts(rail)
    if not watts_only and not lowest <= reading.volts <= highest:
        raise LabFault(name, f"reads {reading.volts:.3g} V; {rail!r} is {lowest:g} to {highest:g} V", hint=hint)
    if reading.watts < _LEAST_WATTS:
        raise LabFault(name, f"reads {reading.watts:.3g} W on a board that is on", hint=hint)


def rail_volts(rail: str) -> tuple[float, float]:
    """Return between which volts a rail may lie, by its words in the inventory."""
    named = [float(volts) for volts in _VOLTS.findall(rail)]
    if not named:
        return 0.5, _MOST_VOLTS
    return min(named) * (1 - _RAIL_WITHIN), max(named) * (1 + _RAIL_WITHIN)
