"""Readings as rows: a table for people, dictionaries for JSON."""

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any

from .output import print_json, table

if TYPE_CHECKING:
    from power.block import Block

Row = dict[str, Any]


def rows(blocks: "Iterable[Block]") -> Iterator[Row]:
    """Yield a row for each reading."""
    for block in blocks:
        columns = (block.t_ns, block.volts, block.amps, block.watts, block.flags)
        for t_ns, volts, amps, watts, flags in zip(*(column.tolist() for column in columns), strict=True):
            yield row(t_ns, volts, amps, watts, flags)


def row(t_ns: int | None, volts: float, amps: float, watts: float, flags: int) -> Row:
    """Return a reading; what has no value is None."""
    from power.block import Flag

    names = [flag.name for flag in Flag if flag & flags]
    return {"t_ns": t_ns, "volts": _known(volts), "amps": _known(amps), "watts": _known(watts), "flags": names}


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


def tell(rows: list[Row], *, as_json: bool) -> None:
    """Print the readings, their times in seconds from the first."""
    if as_json:
        print_json({"readings": rows})
        return
    first_ns = rows[0]["t_ns"]
    shown = (
        (
            None if row["t_ns"] is None else f"{(row['t_ns'] - first_ns) / 1e9:.6f}",
            *(None if row[name] is None else f"{row[name]:.7g}" for name in ("volts", "amps", "watts")),
            " ".join(row["flags"]) or None,
        )
        for row in rows
    )
    table(("s", "volts", "amps", "watts", "flags"), shown)
