"""Meters as the inventory wires them: corrected by their calibration, with the one beside it that tells their volts."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from power.calibrated import calibrated
from power.paired import paired

from .inventory import Lab, MeterEntry

if TYPE_CHECKING:
    from power.meter import Meter


def open_wired(lab: Lab, name: str, open_one: "Callable[[str, MeterEntry], Meter]") -> "Meter":
    """Open a meter of the inventory, and the one that tells its volts where it has one.

    Args:
        lab: where it stands.
        name: the meter's.
        open_one: opens what a single entry names; raises what a driver's ``open`` raises.
    """
    entry = lab.meters[name]
    meter = calibrated(open_one(name, entry), entry.calibration)
    if entry.volts_from is None:
        return meter
    try:
        beside = lab.meters[entry.volts_from]
        return paired(name, meter, calibrated(open_one(entry.volts_from, beside), beside.calibration))
    except BaseException:
        meter.close()
        raise


def with_volts(lab: Lab, meters: Iterable[str]) -> list[str]:
    """Return these meters, each with the one that tells its volts."""
    both = ((name, lab.meters[name].volts_from) for name in meters)
    return [name for pair in both for name in pair if name is not None]
