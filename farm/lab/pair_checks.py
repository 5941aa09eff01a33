"""What can be wrong with two meters of which one tells the other's volts."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from .sensor_checks import driver_of
from .words import unknown
from .yaml_lines import Fault, Where

Tree = Mapping[str, Any]


def beside(meters: Mapping[str, Tree], name: str) -> str | None:
    """Return the meter that tells another one's volts, as far as the entry has the shape of one."""
    other = meters.get(name, {}).get("volts_from")
    return other if isinstance(other, str) else None


def pairs(boards: Mapping[str, Tree], meters: Mapping[str, Tree]) -> Iterator[Fault]:
    """Hold against each other the meters of which one tells the other's volts."""
    taken = {name: board for board, entry in boards.items() for name in _listed(entry)}
    for name in meters:
        if (other := beside(meters, name)) is None:
            continue
        where: Where = ("meters", name, "volts_from")
        if other not in meters:
            yield Fault(where, f"no meter '{other}'; {unknown(other, [one for one in meters if one != name])}")
        elif other == name:
            yield Fault(where, "names itself; name the instrument that tells its volts, or remove it")
        elif beside(meters, other) is not None:
            yield Fault(where, f"'{other}' has its volts from elsewhere itself; name an instrument that measures volts")
        elif other in taken:
            yield Fault(where, f"'{other}' already measures '{taken[other]}'; one meter serves one board, once")
        else:
            yield from _quantities(name, other, meters)
        taken.setdefault(other, name)


def _listed(board: Tree) -> list[str]:
    listed = board.get("meters")
    return [name for name in cast("list[Any]", listed) if isinstance(name, str)] if isinstance(listed, list) else []


def _part(entry: Tree, name: str) -> Tree:
    found = entry.get(name)
    return cast("Tree", found) if isinstance(found, dict) else {}


def _quantities(name: str, other: str, meters: Mapping[str, Tree]) -> Iterator[Fault]:
    """One must measure amps and the other volts; what a front panel happens to be set to is no wiring."""
    for one, wanted, assumed in ((name, "amps", "assume_volts"), (other, "volts", "assume_amps")):
        where: Where = ("meters", one, "options")
        options, corrected = _part(meters[one], "options"), _part(meters[one], "calibration")
        if corrected.get("watts") is not None:
            why = f"corrects watts, and '{name}' has `volts_from: {other}`: of this one only {wanted} count"
            yield Fault(("meters", one, "calibration", "watts"), f"{why}; correct `{wanted}:`")
        if options.get(assumed) is not None:
            yield Fault((*where, assumed), f"is assumed, and '{name}' has `volts_from: {other}`; remove one of them")
        driver = driver_of(meters[one])
        if driver is not None and "measures" in driver.Config.model_fields and options.get("measures") != wanted:
            why = f"'{name}' has `volts_from: {other}`, so this one is to tell {wanted}"
            yield Fault((*where, "measures") if "measures" in options else where, f"{why}; write `measures: {wanted}`")
