"""Any table of times and watts, or volts and amps: Joulescope's exports, a logger's CSV, our own.

Columns are known by their names (``power (mW)``, ``t_ns``, ``voltage``) or named by the caller; units stand in brackets
or behind an underscore. Numbers of seconds, ms, µs and ns since 1970 are told apart by their size, unless a unit is
given; small ones count from the trace's own zero.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .trace import Recorded, TraceError, iso_ns, left_out

UNDATED = "its times count from a zero of its own"
"""What is told of a trace without dates."""

_TIMES = ("unix", "time", "t", "timestamp", "datetime", "epoch", "utc", "elapsed", "seconds", "date")
_QUANTITIES = {
    "time": _TIMES,
    "watts": ("power", "watts", "watt", "w", "p", "mw", "power.draw", "power_draw", "total_power", "active_power"),
    "volts": ("voltage", "volts", "volt", "v", "u", "mv", "vbus", "bus_voltage"),
    "amps": ("current", "amps", "amp", "a", "i", "ma", "ibus", "amperes"),
}
_MARKS = ("record", "meter", "mark")
"""Columns that together say whose a row is, in what the farm itself writes."""
_SCALES: dict[str, dict[str, float]] = {
    "watts": {"w": 1.0, "watts": 1.0, "mw": 1e-3, "uw": 1e-6, "µw": 1e-6, "kw": 1e3},
    "volts": {"v": 1.0, "volts": 1.0, "mv": 1e-3, "uv": 1e-6, "µv": 1e-6, "kv": 1e3},
    "amps": {"a": 1.0, "amps": 1.0, "ma": 1e-3, "ua": 1e-6, "µa": 1e-6, "na": 1e-9},
}
_TIME_UNITS = {"s": 10**9, "sec": 10**9, "seconds": 10**9, "ms": 10**6, "us": 10**3, "µs": 10**3, "ns": 1}
_EPOCH_FROM = ((1e17, 1), (1e14, 10**3), (1e11, 10**6), (1e8, 10**9))
"""Least magnitude → ns a unit, for instants from 1973 on."""
_UNIT = re.compile(r"^(.*?)\s*[(\[]\s*([^)\]]*?)\s*[)\]]$")
_DELIMITERS = "\t;"
"""Before the comma, which may be a decimal point beside them."""
_NUMBER = re.compile(r"[+-]?(\d+)(?:\.(\d+))?")
_DECIMAL_COMMA = re.compile(r"([+-]?\d+),(\d+)")
_WITH_UNIT = re.compile(r"([+-]?\d[\d.]*(?:[eE][+-]?\d+)?)\s*([mµuk]?[WVA])")
_NO_VALUE = 9.9e36
"""SCPI: 9.91E37 is no number, 9.9E37 beyond the range."""
_USABLE_SHARE = 0.5
"""Assumed. Of a file with more rows that cannot be used than that, something else must be wrong."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a quantity stands, and what its numbers are to be multiplied by."""

    index: int
    quantity: str
    scale: float = 1.0
    unit_ns: int | None = None
    """Of times: ns a unit; None where the name does not tell."""


def read(text: str, *, named: Mapping[str, str] | None = None, mark: str | None = None) -> Recorded:
    """Return the usable rows of a table.

    Args:
        text: the whole file.
        named: quantity (``time``, ``watts``, ``volts``, ``amps``) → name or number (from 1) of its column.
        mark: only rows whose ``mark``, or ``record`` and ``meter``, contain this.

    Raises:
        TraceError: no such column, several that fit, or hardly a usable row.
    """
    header, rows, delimiter = _table(text)
    marked = [header.index(name) for name in _MARKS if name in header]
    if mark is not None:
        rows = _of_mark(mark, marked, rows)
    columns = _columns(header, rows[0], named or {})
    if delimiter != "," and any(_DECIMAL_COMMA.fullmatch(cell) for row in rows[:2] for cell in row):
        rows = [[_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in row] for row in rows]
    clock = _Clock(columns["time"], rows, header)
    kept, reasons, marks = list[tuple[int, float, float, float]](), list[str](), list[str]()
    for row in rows:
        try:
            values = [_value(row, columns.get(name)) for name in ("watts", "volts", "amps")]
            t_ns = clock.t_ns(row)
        except (ValueError, IndexError, KeyError):
            reasons.append("rows that are no numbers")
            continue
        watts = values[1] * values[2] if "watts" not in columns else values[0]
        if not math.isfinite(watts):
            reasons.append("rows without a value")
            continue
        kept.append((t_ns, watts, values[1], values[2]))
        marks.append(_mark(row, marked))
    if len(kept) < max(1, _USABLE_SHARE * len(rows)):
        raise TraceError(
            f"{len(kept)} of {len(rows)} rows have a time and watts; the first is {delimiter.join(rows[0])[:60]!r}"
        )
    notes = (*left_out(reasons), *clock.notes())
    watts, volts, amps = (np.array([one[i] for one in kept]) for i in (1, 2, 3))
    form = "joulescope csv" if _is_joulescope(header) else "csv"
    t_ns = np.array([one[0] for one in kept], np.int64)
    return Recorded(form, t_ns, watts, volts, amps, tuple(marks) if any(marks) else (), clock.dated, notes)


def _mark(row: Sequence[str], marked: Sequence[int]) -> str:
    return "_".join(row[i] for i in marked if i < len(row) and row[i])


def _of_mark(mark: str, marked: Sequence[int], rows: list[list[str]]) -> list[list[str]]:
    if not marked:
        raise TraceError(
            "--mark is for logs of PTDaemon and tables with a column of marks; this is a table without one"
        )
    if not (found := [row for row in rows if mark in _mark(row, marked)]):
        there = dict.fromkeys(_mark(row, marked) for row in rows)
        raise TraceError(f"no row has the mark {mark}; marks are {', '.join(filter(None, there))}")
    return found


def _table(text: str) -> tuple[list[str], list[list[str]], str]:
    """Return the names of the columns (none: empty), the rows, and what stands between the cells."""
    remarks, data = list[str](), list[str]()
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            if not data:
                remarks.append(line.lstrip().lstrip("#"))
        elif line.strip():
            data.append(line)
    if not data:
        raise TraceError("no row")
    delimiter = _delimiter(data[:2])
    rows = list(_rows(data, delimiter))
    if not any(_is_value(cell) for cell in rows[0]):
        return rows[0], rows[1:] or _no_rows(), delimiter
    names = next(
        (named for line in reversed(remarks) if len(named := _cells(line, delimiter)) == len(rows[0])), list[str]()
    )
    return names, rows, delimiter


def _delimiter(first: Sequence[str]) -> str:
    """Return what stands between the cells of the first rows: a blank where nothing else does, and all have as many."""
    if found := next((mark for mark in _DELIMITERS if all(mark in line for line in first)), ""):
        return found
    words = {len(line.split()) for line in first}
    return " " if len(first) > 1 and len(words) == 1 and words != {1} and "," not in "".join(first) else ","


def _no_rows() -> list[list[str]]:
    raise TraceError("no row below the names of the columns")


def _cells(line: str, delimiter: str) -> list[str]:
    return next(_rows([line], delimiter), list[str]())


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    stripped = (line.strip(" ") for line in lines)
    return ([cell.strip() for cell in row] for row in csv.reader(stripped, delimiter=delimiter, skipinitialspace=True))


def _is_value(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return bool(re.match(r"\d{4}[-/]\d\d[-/]\d\d", cell))
    return True


def _columns(header: Sequence[str], row: Sequence[str], named: Mapping[str, str]) -> dict[str, Column]:
    found = {quantity: _by_caller(quantity, wanted, header, row) for quantity, wanted in named.items()}
    power = "watts" in found or {"volts", "amps"} <= found.keys()
    for quantity in ("time",) if power else _QUANTITIES:
        if quantity not in found and (column := _by_name(quantity, header)) is not None:
            found[quantity] = column
    there = f"; its columns are {', '.join(header)}" if header else f"; it names none of its {len(row)} columns"
    if "time" not in found:
        raise TraceError(f"no column of times is known by its name{there}; say --time-column")
    if "watts" not in found and not {"volts", "amps"} <= found.keys():
        raise TraceError(f"no column of watts, or of volts and amps, is known by its name{there}; say --watts-column")
    return found


def _by_caller(quantity: str, wanted: str, header: Sequence[str], row: Sequence[str]) -> Column:
    same = [i for i, name in enumerate(header) if name.strip().lower() == wanted.strip().lower()]
    same = same or [i for i, name in enumerate(header) if _split(name)[0] == wanted.strip().lower()]
    if not same and wanted.isdigit() and 1 <= int(wanted) <= len(row):
        same = [int(wanted) - 1]
    if len(same) != 1:
        what = "several columns" if same else "no column"
        raise TraceError(f"{what} {wanted!r}; there are {', '.join(header) or f'columns 1 to {len(row)}'}")
    return _column(quantity, same[0], header[same[0]] if header else wanted)


def _by_name(quantity: str, header: Sequence[str]) -> Column | None:
    """Return the column that a name points to; the names that say it best go first."""
    bases = [_split(name)[0] for name in header]
    for name in _QUANTITIES[quantity]:
        if (count := bases.count(name)) > 1:
            raise TraceError(f"{count} columns are called {name!r}; say --{quantity}-column")
        if count:
            return _column(quantity, bases.index(name), header[bases.index(name)])
    return None


def _column(quantity: str, index: int, name: str) -> Column:
    base, unit = _split(name)
    if quantity == "time":
        return Column(index, quantity, unit_ns=_TIME_UNITS.get(unit))
    scales = _SCALES[quantity]
    return Column(index, quantity, scales.get(unit, scales.get(base, 1.0)))


def _split(name: str) -> tuple[str, str]:
    """Return a column's name in small letters without its unit, and the unit."""
    text = name.strip().lower()
    if found := _UNIT.match(text):
        return found[1].replace(" ", "_"), found[2]
    base, _, unit = text.replace(" ", "_").rpartition("_")
    known = {*_TIME_UNITS, *(unit for scales in _SCALES.values() for unit in scales)}
    return (base, unit) if base and unit in known else (text.replace(" ", "_"), "")


def _value(row: Sequence[str], column: Column | None) -> float:
    if column is None:
        return math.nan
    cell = row[column.index]
    if not cell or cell.lower() in ("nan", "none", "null", "-", "n/a"):
        return math.nan
    scale = column.scale
    if with_unit := _WITH_UNIT.fullmatch(cell):  # as nvidia-smi writes: 61.23 W
        cell, unit = with_unit.groups()
        scale = _SCALES[column.quantity][unit.lower()]
    value = float(cell)
    return math.nan if abs(value) >= _NO_VALUE else value * scale


class _Clock:
    """Reads the column of times."""

    def __init__(self, column: Column, rows: Sequence[Sequence[str]], header: Sequence[str]) -> None:
        """Look at the first row that has a time."""
        self._index = column.index
        self._date = _date_column(column, header)
        self._zoned = True
        first = next((self._cell(row) for row in rows if len(row) > self._index and self._cell(row)), "")
        self._unit_ns: int | None = None
        self.dated = True
        if _NUMBER.match(first) and _is_float(first):
            size = abs(float(first))
            least, epoch_ns = next(((least, ns) for least, ns in _EPOCH_FROM if size >= least), (0.0, 10**9))
            self._unit_ns = column.unit_ns or epoch_ns
            # since 1973, in the unit that the name or the size tells
            self.dated = bool(least) and size * self._unit_ns >= _EPOCH_FROM[-1][0] * 1e9

    def t_ns(self, row: Sequence[str]) -> int:
        cell = self._cell(row)
        if self._unit_ns is not None:
            return _exact_ns(cell, self._unit_ns)
        t_ns, zoned = iso_ns(cell.replace("/", "-"))
        self._zoned &= zoned
        return t_ns

    def notes(self) -> Iterator[str]:
        if not self.dated:
            yield UNDATED
        if not self._zoned:
            yield "its times name no zone; taken as UTC"

    def _cell(self, row: Sequence[str]) -> str:
        return f"{row[self._date]} {row[self._index]}" if self._date is not None else row[self._index]


def _date_column(column: Column, header: Sequence[str]) -> int | None:
    """Return where the date stands, if it has a column beside that of the time of day."""
    names = [name.strip().lower() for name in header]
    return names.index("date") if "date" in names and names[column.index] == "time" else None


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _exact_ns(text: str, unit_ns: int) -> int:
    """Return a number of units as ns; decimals as they stand, for a float would round instants to 256 ns."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        return round(value * unit_ns)
    decimals = found[2] or ""
    whole = int(found[1] + decimals) * unit_ns
    divisor = 10 ** len(decimals)
    return (whole + divisor // 2) // divisor * (-1 if text.startswith("-") else 1)


def _is_joulescope(header: Sequence[str]) -> bool:
    """Joulescope's own programs write these columns first, in this order."""
    return [_split(name)[0] for name in header[:3]] == ["time", "current", "voltage"]
