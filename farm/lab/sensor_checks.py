"""Meters that are sensors of the board that they measure: read on it, over its shell."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from power.onboard.reach import on_board
from power.registry import known_meters, load_meter

from .yaml_lines import Fault

if TYPE_CHECKING:
    from power.meter import Meter

Tree = Mapping[str, Any]


def sensors(meters: Mapping[str, Tree], switches: Mapping[str, Tree]) -> Iterator[Fault]:
    """Tell of sensors that shall be twins by themselves, and of those that shall prove their board off."""
    for name, meter in meters.items():
        if meter.get("twin") is not None and is_on_board(meter):
            text = "is a sensor of its board, and a twin where that is one; remove `twin:`"
            yield Fault(("meters", name, "twin"), text)
    for switch, entry in switches.items():
        proof = entry.get("proof")
        name = cast("Tree", proof).get("meter") if isinstance(proof, dict) else None
        if isinstance(name, str) and name in meters and is_on_board(meters[name]):
            text = f"'{name}' is a sensor of the board itself, and silent whether that is off or hangs"
            yield Fault(("switches", switch, "proof", "meter"), f"{text}; name a meter on its supply")


def is_on_board(meter: Tree) -> bool:
    """Tell whether a meter's entry is a sensor of the board that names it; not where its driver is unknown."""
    driver = driver_of(meter)
    return driver is not None and on_board(driver) is not None


def driver_of(meter: Tree) -> "type[Meter] | None":
    """Return the driver of a meter's entry; None where it is unknown, or what it needs is not installed."""
    driver = meter.get("driver")
    if not isinstance(driver, str) or driver not in known_meters():
        return None
    try:
        return load_meter(driver)
    except ImportError:
        return None
