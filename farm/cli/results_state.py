"""``farm results show RECORD``: what was demanded of the board's state, and what changed while the trial ran."""

from typing import TYPE_CHECKING

from .output import say, table

if TYPE_CHECKING:
    from ..store.record import Record


def show(record: "Record") -> None:
    """Print both as tables, and how the board was watched; nothing of a record from before it was."""
    if record.demands:
        rows = [
            (one.name, one.wanted, one.before, one.during or "-", "yes" if one.held else "NO") for one in record.demands
        ]
        table(("demand", "wanted", "before", "while frames ran", "held"), rows)
    if (during := record.state_during) is None:
        return
    if during.changes:
        rows = [
            (one.what, one.was, one.is_now, f"{one.since_s:.1f} to {one.at_s:.1f}", "yes" if one.voids else "no")
            for one in during.changes
        ]
        table(("changed", "from", "to", "s from the first frame", "voids"), rows)
    looked = f"state: {during.readings} readings, one in {during.period_s:.2g} s, {during.cpu_ms:.2g} ms of the board's"
    say(f"{looked} processor each; they cover {during.watched:.0%} of the frames".replace("%", " %"))
