"""Power logs of SPEC PTDaemon, as MLPerf publishes them: ``Time,MM-DD-YYYY hh:mm:ss.fff,Watts,…`` in UTC.

Grammar as in public logs: names and values by turns; behind ``Mark`` one block a channel (``Ch1,Watts,…``) where the
analyser has several, the first watts then being their sum. -1 and -2 stand for no value. Between the rows lie notices
and errors of the daemon, rows of a temperature sensor and continued lines; all are left out and counted.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from .trace import Recorded, TraceError, iso, left_out, since_epoch_ns

Order = Literal["mdy", "dmy"]
"""Which comes first in a date, month or day."""

ROW = re.compile(
    r"^(?:Time\s*,\s*)?(?:(?P<year_first>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)|(\d{1,2})[-/](\d{1,2})[-/](\d{4}))"
    r"[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:?00)?\s*,(.*)$"
)
"""A line with the daemon's time in front and fields behind. Programs that pass its rows on may write ISO dates."""
_MARK_DATE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)_\d\d-\d\d-\d\d")
"""MLPerf's marks begin with the session's start, in the director's own zone."""
_CHANNEL = re.compile(r"(?:Ch|Analyzer)(\d+)")
"""Of one analyser; or whole rows of several, which power-dev has put behind their sum."""
_NO_VALUE = (-1.0, -2.0)
"""No value, and (in the rows of a published session, beside the daemon's "Missed 1 samples") a missed one."""
_NOT_MEASURED = 9.9e37
"""From here on SCPI means no value, or one beyond the range; other programs pass it on."""
_MONTHS = 12
_HALF_DAY_NS = 12 * 3600 * 10**9
_LONGEST_SESSION_NS = 7 * 24 * 3600 * 10**9
"""Assumed: shorter than what a date that is read the wrong way round is off by."""
_NO_VALUES = "rows without a value"
_FORM = "ptdaemon"


@dataclass(frozen=True, slots=True)
class Row:
    """One line with watts."""

    date: tuple[int, int, int]
    """First, second, year; as they stand. Of an ISO date month, day, year."""
    day_ns: int
    """Since midnight."""
    fields: dict[str, float]
    """Of the whole, or the sum of the channels. NaN for no value."""
    channels: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    mark: str = ""
    iso: bool = False
    """Year first: nothing is to be found out."""


def parse(line: str) -> Row:
    """Return what a line with watts says; ValueError for every other line, with the reason it is left out for."""
    found = ROW.match(line.strip())
    if found is None:
        raise ValueError("lines that are no rows")
    *_, first, second, year, hour, minute, second_s, fraction, rest = found.groups()
    if iso := found["year_first"] is not None:
        year, first, second = found.group("year_first", "month", "day")
    words = [word.strip() for word in rest.split(",")]
    if words[0].upper() in ("ERROR", "WARNING", "NOTICE"):
        raise ValueError({"E": "errors", "W": "warnings", "N": "notices"}[words[0][0].upper()] + " of the daemon")
    if "Watts" not in words:
        raise ValueError("rows without watts")
    total, channels, mark = _fields(words)
    if "Watts" not in total:
        raise ValueError("rows without watts")
    day_ns = ((int(hour) * 60 + int(minute)) * 60 + int(second_s)) * 10**9 + int((fraction or "0").ljust(9, "0"))
    return Row((int(first), int(second), int(year)), day_ns, total, channels, mark, iso)


def _fields(words: list[str]) -> tuple[dict[str, float], dict[int, dict[str, float]], str]:
    total, channels, mark = dict[str, float](), dict[int, dict[str, float]](), ""
    into, at = total, 0
    while at < len(words):
        name = words[at]
        if channel := _CHANNEL.fullmatch(name):
            into = channels.setdefault(int(channel[1]), {})
            at += 1
            continue
        if _is_number(name):  # an uncertainty behind the value that it belongs to
            at += 1
            continue
        if name == "Watts" and name in into:  # unread samples name no channels
            into = channels.setdefault(len(channels) + 1, {})
        value = words[at + 1] if at + 1 < len(words) else ""
        if name == "Mark":
            mark = mark or value
        elif name:
            into[name] = _number(name, value)
        at += 2
    return total, channels, mark


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _number(name: str, value: str) -> float:
    """Return a value; NaN for none. What the farm does not use may be no number at all."""
    try:
        number = float(value)
    except ValueError:
        if name in ("Watts", "Volts", "Amps"):
            raise ValueError("rows that are cut off or no numbers") from None
        return float("nan")
    return float("nan") if number in _NO_VALUE or abs(number) >= _NOT_MEASURED else number


def looks_like(lines: Iterable[str]) -> bool:
    """Tell whether any line is a row of such a log."""
    return any("Watts" in line and ROW.match(line.strip()) for line in lines)


def read(text: str, *, mark: str | None = None, channel: int | None = None, order: Order | None = None) -> Recorded:
    """Return the rows of a log.

    Args:
        text: the whole file.
        mark: only rows whose mark contains this.
        channel: watts of this channel; absent, of the whole.
        order: how dates are to be read; absent, it is found out.

    Raises:
        TraceError: there is no usable row.
    """
    rows, reasons = _rows(text)
    marks = Counter(row.mark for row in rows)
    if mark is not None:
        rows = [row for row in rows if mark in row.mark]
    if not rows:
        there = f"; marks are {', '.join(filter(None, marks))}" if marks else ""
        raise TraceError(f"no row with watts{f' and the mark {mark}' if mark else ''}{there}")
    order, how = (order, "") if order else _order(rows)
    picked = [_of(row, channel) for row in rows]
    watts = np.array([one.get("Watts", np.nan) for one in picked])
    t_ns = np.array([_t_ns(row, order) for row in rows], np.int64)
    valued = np.isfinite(watts)
    reasons += [_NO_VALUES] * int((~valued).sum())
    notes = (*left_out(reasons), *([how] if how else ()))
    volts, amps = (np.array([one.get(name, np.nan) for one in picked]) for name in ("Volts", "Amps"))
    whole = Recorded(_FORM, t_ns, watts, volts, amps, tuple(row.mark for row in rows), notes=notes)
    return whole.pick(valued)


def _rows(text: str) -> tuple[list[Row], list[str]]:
    lines, reasons = text.splitlines(), list[str]()
    rows: list[Row] = []
    usual = 0
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.count(",")
        try:
            row = parse(line)
        except ValueError as reason:
            reasons.append(str(reason))
            continue
        if number == len(lines) and not text.endswith("\n") and words < usual:
            reasons.append("rows that are cut off or no numbers")
            continue
        usual = words
        rows.append(row)
    return rows, reasons


def _of(row: Row, channel: int | None) -> dict[str, float]:
    if channel is None:
        return row.fields
    if channel not in row.channels:
        there = ", ".join(map(str, row.channels)) or "none"
        raise TraceError(f"a row has no channel {channel}; it has {there}")
    return row.channels[channel]


def _t_ns(row: Row, order: Order) -> int:
    first, second, year = row.date
    month, day = (first, second) if row.iso or order == "mdy" else (second, first)
    try:
        midnight = datetime(year, month, day, tzinfo=UTC)
    except ValueError as error:
        raise TraceError(f"{first:02d}-{second:02d}-{year} is no date with {_WORDS[order]}: {error}") from error
    return since_epoch_ns(midnight) + row.day_ns


_WORDS: dict[Order, str] = {"mdy": "the month first", "dmy": "the day first"}


def _order(rows: list[Row]) -> tuple[Order, str]:
    """Return how the dates are written, and what must be told of it; PTDaemon itself writes the month first."""
    rows = [row for row in rows if not row.iso]
    if not rows:
        return "mdy", ""
    firsts, seconds = {row.date[0] for row in rows}, {row.date[1] for row in rows}
    if max(firsts) > _MONTHS and max(seconds) > _MONTHS:
        raise TraceError("dates with the month first and with the day first in one file")
    if max(seconds) > _MONTHS:
        return "mdy", ""
    if max(firsts) > _MONTHS:
        return "dmy", "the dates have the day first, which is not as PTDaemon writes them"
    if firsts == seconds and len(firsts) == 1:
        return "mdy", ""
    by_mark: set[Order] = {
        order for order in ("mdy", "dmy") if all(_agrees(row, order) for row in _first_and_last(rows))
    }
    if len(by_mark) == 1 and any(_MARK_DATE.match(row.mark) for row in rows):
        return by_mark.pop(), ""
    steps: dict[Order, int] = {order: abs(_t_ns(rows[-1], order) - _t_ns(rows[0], order)) for order in ("mdy", "dmy")}
    if steps["dmy"] < steps["mdy"]:
        return "dmy", "the dates are read with the day first: so the rows lie closest together"
    if steps["mdy"] < steps["dmy"]:
        return "mdy", ""
    begins = iso(_t_ns(rows[0], "mdy"))[:10]
    return "mdy", f"the dates may be read both ways; taken with the month first, as PTDaemon writes: {begins}"


def _first_and_last(rows: list[Row]) -> Iterator[Row]:
    yield rows[0]
    yield rows[-1]


def _agrees(row: Row, order: Order) -> bool:
    """Tell whether a row lies within half a day and a zone of the session that its mark names."""
    found = _MARK_DATE.match(row.mark)
    if found is None:
        return True
    named = datetime(*map(int, found.groups()), tzinfo=UTC)  # pyright: ignore[reportArgumentType]
    return -3 * _HALF_DAY_NS < _t_ns(row, order) - since_epoch_ns(named) < _LONGEST_SESSION_NS
