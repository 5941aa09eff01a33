"""What can be wrong with what a board's meters are said to measure: watts that would be counted twice, or as others."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError

from power.registry import load_meter

from .inventory import MeterEntry
from .rails import ORDER, WORDS, kind_of, within
from .sensor_checks import driver_of
from .supply_checks import board_class
from .words import unknown
from .yaml_lines import Fault, Where

Tree = Mapping[str, Any]


def measured(boards: Mapping[str, Tree], meters: Mapping[str, Tree]) -> Iterator[Fault]:
    """Hold what meters are said to measure against each other; entries of a wrong shape have faults of their own."""
    entries = {name: entry for name, tree in meters.items() if (entry := _entry(tree)) is not None}
    for name, entry in entries.items():
        yield from _possible(name, entry)
    for board, tree in boards.items():
        listed = tree.get("meters")
        names = (
            [name for name in cast("list[Any]", listed) if isinstance(name, str)] if isinstance(listed, list) else []
        )
        own = {name: entries[name] for name in names if name in entries}
        for name in own:
            yield from _held(name, own)
        yield from _stands_for(board, own)
        yield from _volts(board, tree.get("model"), own)


def _entry(tree: Tree) -> MeterEntry | None:
    try:
        entry = MeterEntry.model_validate(tree)
    except ValidationError:
        return None
    return entry if driver_of(tree) is not None else None


def _possible(name: str, entry: MeterEntry) -> Iterator[Fault]:
    can = load_meter(entry.driver).kinds
    if entry.kind is not None and entry.kind not in can:
        text = f"'{entry.driver}' measures {WORDS[can[0]]}, not {WORDS[entry.kind]}; write `{can[0]}`, or remove it"
        yield Fault(("meters", name, "kind"), text)


def _held(name: str, own: Mapping[str, MeterEntry]) -> Iterator[Fault]:
    """Follow what holds its watts outwards: it must end, on meters of this board, and never lead further in."""
    where: Where = ("meters", name, "within")
    passed, entry = [name], own[name]
    while entry.within is not None or len(passed) > 1:
        outer = within(passed[-1], own)
        if outer is None:
            return
        if outer in passed:
            yield Fault(where, f"{' is within '.join([*passed, outer])}: no watts hold themselves; remove one")
            return
        if outer not in own:
            others = [other for other in own if other != name]
            if len(passed) == 1:
                yield Fault(where, f"'{outer}' is no meter of the same board; {unknown(outer, others)}")
            return
        if len(passed) == 1 and ORDER.index(kind_of(own[outer])) > ORDER.index(kind_of(entry)):
            said, holds = WORDS[kind_of(own[outer])], WORDS[kind_of(entry)]
            yield Fault(where, f"'{outer}' measures {said}, which cannot hold watts {holds}; correct `kind:` or this")
        passed, entry = [*passed, outer], own[outer]


def _stands_for(board: str, own: Mapping[str, MeterEntry]) -> Iterator[Fault]:
    """The first meter's watts stand for the board: those of a rail must not where the whole is measured too."""
    whole = [name for name, entry in own.items() if kind_of(entry) in ("wall", "inlet")]
    first = next(iter(own), None)
    if whole and first is not None and first not in whole:
        text = f"'{first}' measures {WORDS[kind_of(own[first])]}, and the first one's watts stand for the board; put"
        yield Fault(("boards", board, "meters", 0), f"{text} '{whole[0]}' first")


def _volts(board: str, model: Any, own: Mapping[str, MeterEntry]) -> Iterator[Fault]:  # noqa: ANN401 -- any YAML value
    found, _ = board_class(model)
    if found is None or found.supply_volts is None:
        return
    least, most = found.supply_volts
    for name, entry in own.items():
        if entry.volts is not None and kind_of(entry) == "inlet" and not least <= entry.volts <= most:
            takes = f"{board}, a {model}, takes {least:g} to {most:g} V"
            yield Fault(
                ("meters", name, "volts"), f"{entry.volts:g} V at its input, and {takes}; correct it, or `kind:`"
            )
