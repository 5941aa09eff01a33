"""``farm results show RECORD``: the joules of a frame and its stages, and the high watts, as a table."""

from typing import TYPE_CHECKING

from .output import say, table

if TYPE_CHECKING:
    from ..store.record import PowerFacts, Record


def show(record: "Record") -> None:
    """Print what each meter says; of what it cannot tell, why. Nothing of a record from before there was any."""
    from ..report.html.meter_rows import METER_COLUMNS, meter_row, part_rows

    wanted = [at for at, title in enumerate(METER_COLUMNS) if title in _HIGH]
    told = [power for power in record.power if power.p99 or power.short_term or power.too_slow_for]
    if not told:
        return
    high = [(power.meter, meter_row(power, record.scenario.frames)) for power in told]
    table(("meter", "of", *_HIGH), [(name, row.rail, *(row.cells[at] for at in wanted)) for name, row in high])
    parts = [row for power in told for row in part_rows(power, record.latency.stages_mean_ms)]
    if any(not row.why for row in parts):
        heads = ("meter", "part", "mean, ms", "gross, J", "above idle, J", "mean, W")
        table(heads, [(r.meter, r.name, r.mean, r.joules, r.above, r.watts) for r in parts if not r.why])
    for power in told:
        for line in _reasons(power):
            say(line)


_FIGURES = {
    "peak_watts": "the peak is a lower bound",
    "p99_watts": "no p99",
    "short_term_watts": "no short-term mean",
}
_ALL = {"frame": "a frame or its stages"}
_HIGH = ("mean, W", "peak, W", "p99, W", "highest short-term mean, W")


def _reasons(power: "PowerFacts") -> list[str]:
    """Return why figures are absent, a line for each reason; where no frame is told, no stage is."""
    slow, found = power.too_slow_for, dict[str, list[str]]()
    known = [name for name in slow if name in _FIGURES or name == "frame" or "frame" not in slow]
    for name in known:
        found.setdefault(slow[name], []).append(_FIGURES.get(name, f"no joules of {_ALL.get(name, name)}"))
    return [f"{power.meter}: {', '.join(names)}: {why}" for why, names in found.items()]
