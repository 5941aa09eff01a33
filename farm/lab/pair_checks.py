"""What can be wrong with two meters of which one tells the other's volts."""

from collections.abc import Iterator, Mapping

from .plain import Tree, at, beside, named_meters
from .sensor_checks import driver_of
from .words import unknown
from .yaml_lines import Fault, Where


def pairs(boards: Mapping[str, Tree], meters: Mapping[str, Tree]) -> Iterator[Fault]:
    """Hold against each other the meters of which one tells the other's volts."""
    taken = {name: board for board, entry in boards.items() for name in named_meters(entry)}
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


def _quantities(name: str, other: str, meters: Mapping[str, Tree]) -> Iterator[Fault]:
    """One must measure amps and the other volts; what a front panel happens to be set to is no wiring."""
    for one, wanted, assumed in ((name, "amps", "assume_volts"), (other, "volts", "assume_amps")):
        entry, where = meters[one], ("meters", one)
        if at(entry, "calibration", "watts") is not None:
            why = f"corrects watts, and '{name}' has `volts_from: {other}`: of this one only {wanted} count"
            yield Fault((*where, "calibration", "watts"), f"{why}; correct `{wanted}:`")
        if at(entry, "options", assumed) is not None:
            why = f"is assumed, and '{name}' has `volts_from: {other}`; remove one of them"
            yield Fault((*where, "options", assumed), why)
        driver, measures = driver_of(entry), at(entry, "options", "measures")
        if driver is not None and "measures" in driver.Config.model_fields and measures != wanted:
            why = f"'{name}' has `volts_from: {other}`, so this one is to tell {wanted}; write `measures: {wanted}`"
            yield Fault((*where, "options", *(("measures",) if measures is not None else ())), why)
