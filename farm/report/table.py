"""Trials as lines of a table that no terminal width wraps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Self

from farm.lab.rails import label
from farm.store.record import PowerFacts, Record, Verdict

TITLES = {
    "board": "board",
    "model": "model",
    "fps": "fps",
    "p99_ms": "p99 ms",
    "missed": "missed",
    "accuracy": "accuracy",
    "loss": "loss",
    "idle_watts": "idle W",
    "watts": "mean W",
    "joules_per_inference": "J/inference",
    "verdict": "verdict",
}
"""Columns of a :class:`Row`, and what stands above them."""
_TEXT = {"board", "model", "verdict"}
"""Columns aligned left; figures are aligned right."""
PREDICTION = "PREDICTION"
"""Stands where others have a verdict: it decides nothing."""
ABSENT = "-"
"""What a figure that was not recorded looks like: never a number."""


@dataclass(frozen=True, slots=True)
class Row:
    """One trial as it is printed. Texts only: it travels between processes."""

    board: str
    """With what it was made of, unless it is a real board."""
    model: str
    fps: str
    p99_ms: str
    missed: str
    accuracy: str
    loss: str
    idle_watts: str
    watts: str
    joules_per_inference: str
    verdict: str

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Self:
        """Return the row that :meth:`as_dict` was made from."""
        return cls(**texts)

    def as_dict(self) -> dict[str, str]:
        """Return the texts by column."""
        return asdict(self)


def row(record: Record, verdict: Verdict | None) -> Row:
    """Return one trial as texts; the first meter's watts stand for the board's."""
    power, accuracy = record.supply, record.accuracy
    return Row(
        board=record.board.name if record.made == "board" else f"{record.board.name} ({record.made})",
        model=record.artifact.name,
        fps=f"{record.deadlines.fps:.2f}" if record.scenario.timed else ABSENT,
        p99_ms=f"{record.latency.p99_ms:.1f}" if record.scenario.timed else ABSENT,
        missed=ABSENT if record.deadlines.missed is None else f"{record.deadlines.missed}/{record.scenario.frames}",
        accuracy=_accuracy(record),
        loss=f"{accuracy.loss:+.2%}" if accuracy and accuracy.loss is not None else ABSENT,
        idle_watts=f"{power.idle_before.watts:.3f}" if power and power.idle_before else ABSENT,
        watts=_with_bounds(power.mean.watts, power.mean.u_watts) + _whose(power) if power else ABSENT,
        joules_per_inference=_joules(power) + _whose(power) if power else ABSENT,
        verdict=verdict.outcome.upper() if verdict else PREDICTION if record.prediction else "not judged",
    )


def _accuracy(record: Record) -> str:
    """Print a share only of the whole data set; of a part, how much of it was seen."""
    if (counted := record.accuracy) is None:
        return ABSENT
    if counted.total < record.dataset.images:
        return f"{counted.total}/{record.dataset.images} seen"
    return f"{counted.fraction:.2%}"


def _joules(power: PowerFacts) -> str:
    return _with_bounds(power.joules_per_inference, power.u_joules_per_inference)


def _whose(power: PowerFacts) -> str:
    """Say so where the watts are not measured at the board's input: no column compares unlike quantities in silence."""
    return f" ({told})" if (told := label(power)) else ""


def _with_bounds(value: float, u: float) -> str:
    """Print two significant digits of the uncertainty, and the value to the same place; at least milli-units."""
    places = max(3, 1 - math.floor(math.log10(u))) if u > 0 else 3
    return f"{value:.{places}f} ±{u:.{places}f}"


def table(rows: Sequence[Row]) -> list[str]:
    """Return title, rule and a line for each row, columns aligned."""
    columns = [field.name for field in fields(Row)]
    cells = [[TITLES[name] for name in columns], *([getattr(r, name) for name in columns] for r in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]

    def printed(line: list[str]) -> str:
        return "  ".join(
            text.ljust(width) if name in _TEXT else text.rjust(width)
            for name, text, width in zip(columns, line, widths, strict=True)
        ).rstrip()

    head, *body = map(printed, cells)
    return [head, "-" * sum([*widths, 2 * (len(widths) - 1)]), *body]
