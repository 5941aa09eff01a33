"""``farm results show RECORD``: every figure, the watts over time, the verdict."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from ..errors import Exit, UsageFault
from .common import as_json
from .output import print_json, say, table, warn

if TYPE_CHECKING:
    from ..store.database import Store, Stored
    from ..store.record import Record

_SPARKLINE = 60
"""Characters."""


def show(store: "Store", stored: "Stored", args: Namespace) -> int:
    """Print all of a record, its watts over time and its verdict; or, as asked for, its budget or its JSON."""
    from ..verdict.criteria import explain
    from .results_stages import show as show_stages
    from .results_state import show as show_state

    if args.budget and not args.json:
        from .results_budget import show as show_budget

        show_budget(stored.record)
        return Exit.PASS
    if args.json:
        print_json(as_json(stored.record, stored.verdict))
        return Exit.PASS
    show_leaves(stored.record.model_dump(mode="json", exclude_none=True))
    show_stages(stored.record)
    show_state(stored.record)
    _show_speed(stored.record)
    _show_prediction(store, stored.record)
    _sparklines(store, stored)
    say(explain(stored.verdict) if stored.verdict else "never judged")
    return Exit.PASS


def _show_speed(record: "Record") -> None:
    """Print frames a second for each watt, and what stands beside the figures of speed."""
    from ..report.speed import speed

    if record.fps_per_watt is not None:
        say(f"{record.deadlines.fps:.4g} fps, {record.fps_per_watt:.4g} fps per watt")
    for text in speed(record):
        say(text)


def _show_prediction(store: "Store", record: "Record") -> None:
    """Print what a prediction is made of, and predictions beside measurements with how far off they have been."""
    from ..report.prediction.beside import COLUMNS, Lookup
    from ..report.prediction.said import lines

    for text in lines(record):
        say(text)
    if (found := Lookup(store).text(record)) is None:
        return
    say(found.title.lower())
    if found.rows:
        table(COLUMNS, found.rows)
    for note in found.notes:
        say(note)


def _sparklines(store: "Store", stored: "Stored") -> None:
    """Print each meter's watts over time in one line."""
    from ..errors import LabFault
    from ..report.sparkline import sparkline

    for power in stored.record.power:
        try:
            block = store.overview(stored.record.id, power.meter)
        except (UsageFault, LabFault) as fault:
            warn(str(fault))
            continue
        watts = block.watts
        known = watts[watts == watts]  # NaN alone differs from itself
        if len(known):
            line = sparkline(watts.tolist(), _SPARKLINE, encoding=sys.stdout.encoding)
            seconds = (block.t_ns[-1] - block.t_ns[0]) / 1e9
            say(f"{power.meter}  {line}  {known.min():.3f} to {known.max():.3f} W in {seconds:.1f} s")


def show_leaves(value: object) -> None:
    """Print every figure on a line of its own, behind its dotted name."""
    leaves = list(_leaves(value))
    width = max(len(name) for name, _ in leaves)
    for name, text in leaves:
        say(f"{name.ljust(width)}  {text}")


def _leaves(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted name, text) of every figure; units are in the names."""
    if isinstance(value, dict):
        pairs = [(str(name), inner) for name, inner in cast("dict[str, object]", value).items()]
    elif isinstance(value, list):
        pairs = [(str(number), inner) for number, inner in enumerate(cast("list[object]", value))]
    else:
        yield at, f"{value:.6g}" if isinstance(value, float) else str(value)
        return
    for name, inner in pairs:
        yield from _leaves(inner, f"{at}.{name}" if at else name)
