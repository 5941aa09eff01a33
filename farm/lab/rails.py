"""What a board's meters measure: which kind of watts, held by which other meter's, at which volts, and measured how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from power.kind import Kind
from power.registry import load_meter

if TYPE_CHECKING:
    from ..store.record import PowerFacts
    from .inventory import Lab, MeterEntry

ORDER: tuple[Kind, ...] = get_args(Kind)
"""The outermost first."""
WORDS: dict[Kind, str] = {
    "wall": "at the wall",
    "inlet": "at the board's input",
    "rail": "one rail inside",
    "chip": "one chip only",
}
_BRANCHES = {
    "VDD_IN": ("VDD_SYS_", "VDD_CPU", "VDD_GPU", "VDD_SOC", "VDD_CV"),
    "POM_5V_IN": ("POM_5V_",),
}
"""Rails of Jetson modules → those that hang behind them (NVIDIA's device trees; the carrier's, which the TX2 feeds by
VDD_MUX, do not)."""


@dataclass(frozen=True, slots=True)
class Rail:
    """One meter's place."""

    kind: Kind
    within: str | None
    """The meter of the same board whose watts hold these; of several, the nearest."""
    same_as: str | None
    """The first meter of the same board that measures the very same, by its kind and the name of its rail."""
    volts: tuple[float, float] | None
    """What stands on it when all is well, least and most; None: not said."""
    estimated_why: str | None
    """What of its watts is not measured; None: all is."""


def rails(lab: "Lab", board: str) -> dict[str, Rail]:
    """Return the place of each meter of a board, in the inventory's order."""
    entries = {name: lab.meters[name] for name in lab.boards[board].meters}
    return {
        name: Rail(
            kind_of(entry),
            within(name, entries),
            _same_as(name, entries),
            None if entry.volts is None else _around(entry.volts, entry.volts_tolerance),
            load_meter(entry.driver).estimated_why(entry.options),
        )
        for name, entry in entries.items()
    }


def label(power: "PowerFacts") -> str:
    """Return what a meter's watts are, to stand beside them; empty where they are measured at the board's input."""
    kind = "" if power.kind in (None, "inlet") else WORDS[power.kind]
    return ", ".join(filter(None, (kind, "estimated" if power.how == "estimated" else "")))


def kind_of(entry: "MeterEntry") -> Kind:
    """Return what a meter measures: what the inventory says, else what its driver usually does."""
    return entry.kind or load_meter(entry.driver).kinds[0]


def within(name: str, entries: "Mapping[str, MeterEntry]") -> str | None:
    """Return the meter whose watts hold this one's: the one that is named, else the nearest that must."""
    entry = entries[name]
    if entry.within is not None:
        return entry.within
    rail = str(entry.options.get("rail", ""))
    for other, feed in entries.items():
        feeds = str(feed.options.get("rail", ""))
        if other != name and feeds != rail and rail.startswith(_BRANCHES.get(feeds, ())):
            return other
    depth = ORDER.index(kind_of(entry))
    outer = [other for other, feed in entries.items() if ORDER.index(kind_of(feed)) < depth and _certain(entry, feed)]
    return max(outer, key=lambda other: ORDER.index(kind_of(entries[other])), default=None)


def _certain(inner: "MeterEntry", outer: "MeterEntry") -> bool:
    """Whether one must hold the other: a rail holds a chip only where that is said; the input holds all of them."""
    return not (kind_of(inner) == "chip" and kind_of(outer) == "rail")


def _same_as(name: str, entries: "Mapping[str, MeterEntry]") -> str | None:
    own = entries[name]
    for other, entry in entries.items():
        if other == name:
            return None
        if kind_of(entry) == kind_of(own) and entry.rail == own.rail:
            return other
    return None


def _around(volts: float, tolerance: float) -> tuple[float, float]:
    return volts * (1 - tolerance), volts * (1 + tolerance)
