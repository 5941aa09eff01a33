# pyright: standard
"""The columns of the table: what each shows, how wide it must be, and which go first when the terminal is narrow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .boards import BoardState, Tone
from .spark import sparkline

ABSENT = "-"
"""What is not known: never a number."""
_WIDE_GAP = 140
"""From so many cells on, columns stand two cells apart."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    key: str
    title: str
    least: int
    most: int
    """Wider than ``least`` only after every column that fits has its least."""
    drop: int
    """The highest goes first; 0 stays."""
    text: Callable[[BoardState, int], str]
    """What it shows, and in how many cells."""
    tone: Callable[[BoardState], Tone] = lambda _: ""
    order: Callable[[BoardState], Any] = lambda _: 0
    """What it is sorted by."""
    right: bool = False


def _made(board: BoardState, width: int) -> str:
    made = board.wiring.made
    return made if len(made) <= width else made.replace("process ", "").replace(" twin", "")


def _watts(board: BoardState) -> float | None:
    return board.glance.watts if board.glance else None


def _number(value: float | None, form: str) -> str:
    return ABSENT if value is None else format(value, form)


def _unknown_last(value: float | None) -> tuple[bool, float]:
    return value is None, -(value or 0.0)


def _owner(board: BoardState, width: int) -> str:
    holder = board.holder
    if holder is None:
        return "another" if board.glance and board.glance.in_use is not None else ABSENT
    return holder.owner if len(holder.owner) <= width else holder.owner.partition("@")[0]


def _celsius(board: BoardState) -> float | None:
    return board.glance.celsius if board.glance else None


_VERDICTS: dict[str, tuple[str, Tone, int]] = {
    "regression": ("REGRESSION", "fault", 0),
    "no verdict": ("no verdict", "warn", 1),
    "pass": ("pass", "", 2),
}


def _verdict(board: BoardState) -> tuple[str, Tone, int]:
    if board.last is None or board.last.outcome is None:
        return ABSENT, "", 3
    return _VERDICTS[board.last.outcome]


def _fault(board: BoardState) -> str:
    if board.doing:
        return board.doing
    first = board.faults[0].partition("\n")[0] if board.faults else ""
    return first.removeprefix(f"{board.name}: ")


def _seen(board: BoardState) -> str:
    return board.looked.strftime("%H:%M") if board.looked else ABSENT


COLUMNS: tuple[Column, ...] = (
    Column("board", "board", 8, 24, 0, lambda b, _: b.name, order=lambda b: b.name),
    Column("made", "made", 5, 12, 0, _made, lambda _: "quiet", lambda b: b.wiring.made),
    Column("model", "model", 11, 16, 9, lambda b, _: b.wiring.model, lambda _: "quiet", lambda b: b.wiring.model),
    Column("state", "state", 12, 12, 0, lambda b, _: str(b.state), lambda b: b.state.tone, lambda b: b.state.rank),
    Column("lease", "lease", 8, 22, 3, _owner, order=lambda b: b.holder.owner if b.holder else "~"),
    Column("boot", "boot", 10, 10, 7, lambda b, _: b.boot or ABSENT, order=lambda b: b.boot or "~"),
    Column(
        "celsius",
        "°C",
        4,
        5,
        5,
        lambda b, _: _number(_celsius(b), "z.0f"),
        order=lambda b: _unknown_last(_celsius(b)),
        right=True,
    ),
    Column(
        "watts",
        "W now",
        6,
        7,
        2,
        lambda b, _: _number(_watts(b), "z.2f"),
        order=lambda b: _unknown_last(_watts(b)),
        right=True,
    ),
    Column(
        "spark",
        "W before",
        8,
        32,
        6,
        lambda b, width: sparkline(b.watts, width),
        lambda _: "quiet",
        lambda b: _unknown_last(_watts(b)),
    ),
    Column(
        "verdict", "verdict", 10, 10, 4, lambda b, _: _verdict(b)[0], lambda b: _verdict(b)[1], lambda b: _verdict(b)[2]
    ),
    Column("seen", "seen", 5, 5, 8, lambda b, _: _seen(b), lambda _: "quiet", lambda b: b.looked is None),
    Column(
        "fault",
        "fault",
        16,
        400,
        1,
        lambda b, _: _fault(b),
        lambda b: "fault" if b.faults else b.state.tone,
        lambda b: (not b.faults, _fault(b)),
    ),
)
SORTS = [column.key for column in COLUMNS if column.key != "spark"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A column where it stands on the screen."""

    column: Column
    x: int
    width: int


def place(width: int, names: Sequence[str], columns: Sequence[Column] = COLUMNS) -> list[Placed]:
    """Return the columns that fit into ``width`` cells, without overlap; the last takes what is left.

    Depends on the terminal and the inventory alone, so no value that changes moves a column.
    """
    name_width = max([8, *map(len, names)])
    gap = 2 if width >= _WIDE_GAP else 1
    kept = list(columns)
    least = {column.key: column.least for column in columns} | {"board": min(name_width, 24 if width >= 100 else 14)}

    def needed() -> int:
        return sum(least[column.key] + gap for column in kept) - gap

    while len(kept) > 1 and needed() > width:
        worst = max(kept, key=lambda column: column.drop)
        if worst.drop == 0:
            break
        kept.remove(worst)
    left = max(0, width - needed())
    placed: list[Placed] = []
    x = 0
    for column in kept:
        most = name_width if column.key == "board" else column.most
        # a free text at the end gets half of what is over before others grow beyond what they need
        share = left if column is kept[-1] else min(max(0, most - least[column.key]), left // 2)
        left -= share
        size = min(least[column.key] + share, max(0, width - x))
        placed.append(Placed(column, x, size))
        x += size + gap
    return placed
