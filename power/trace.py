"""A power trace that another program has recorded, and the energy in a window of it.

Nothing is guessed: rows that cannot be used are left out and told, a window that the rows do not cover is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


class TraceError(ValueError):
    """The file, or the window, is not such that an energy could be stated; the message says why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The usable rows of a file, in the file's order. All arrays have shape (n,)."""

    form: str
    """What kind of file it was taken for."""
    t_ns: NDArray[np.int64]
    """Since 1970 UTC; of an undated trace since the zero of its own clock."""
    watts: NDArray[np.float64]
    volts: NDArray[np.float64]
    amps: NDArray[np.float64]
    """NaN where the row does not tell them. ``watts`` have a value in every row."""
    marks: tuple[str, ...] = ()
    """One a row; empty where the format has none."""
    dated: bool = True
    notes: tuple[str, ...] = ()
    """What a person should know: rows left out and why, how an ambiguous date was read."""

    def pick(self, which: NDArray[np.bool_] | slice) -> "Recorded":
        """Return these rows only."""
        index: list[int] = np.arange(len(self.t_ns))[which].tolist()
        marks = tuple(self.marks[i] for i in index) if self.marks else ()
        columns = (self.t_ns[index], self.watts[index], self.volts[index], self.amps[index])
        return Recorded(self.form, *columns, marks, self.dated, self.notes)


@dataclass(frozen=True, slots=True)
class WindowEnergy:
    """What a trace says about one window, by two ways that share nothing but the rows."""

    joules_trapezoid: float
    """Area under the polygon of the rows, its edges interpolated."""
    joules_mean: float
    """Mean of the rows strictly inside, times the window's length: MLPerf's way."""
    mean_watts: float
    """Mean of the rows strictly inside."""
    rows: int
    """Strictly inside the window."""
    largest_gap_s: float
    """Between neighbouring rows, from the last before the window to the first after it."""
    duration_s: float
    notes: tuple[str, ...] = ()


def instant_ns(text: str) -> int:
    """Return an ISO 8601 time as ns since 1970 UTC; TraceError when it is none, or lacks its zone."""
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise TraceError(f"{text!r} is no time in ISO 8601; write it as 2026-01-31T12:00:00.5Z")
    if found[4] is None:
        raise TraceError(f"{text!r} has no zone; write Z behind it if it is UTC")
    return iso_ns(text)[0]


def iso_ns(text: str) -> tuple[int, bool]:
    """Return an ISO 8601 time as ns since 1970 UTC, and whether it names its zone; TraceError when it is none."""
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise TraceError(f"{text!r} is no time in ISO 8601")
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{(zone or 'Z').upper()}")
    except ValueError as error:
        raise TraceError(f"{text!r} is no time: {error}") from error
    return since_epoch_ns(moment) + int((fraction or "0").ljust(9, "0")), zone is not None


def since_epoch_ns(moment: datetime) -> int:
    """Return an instant to the microsecond as ns since 1970 UTC, without going through floats."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def iso(t_ns: int) -> str:
    """Return ns since 1970 UTC as ISO 8601 with Z, to the millisecond."""
    whole_ms = t_ns // 1_000_000
    moment = _EPOCH + timedelta(milliseconds=whole_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{whole_ms % 1000:03d}Z"


def window_energy(trace: Recorded, start_ns: int, end_ns: int) -> WindowEnergy:
    """Return the energy between two instants.

    Raises:
        TraceError: the window is empty or not within the trace, holds no row, or its rows are not in time order.
    """
    if end_ns <= start_ns:
        raise TraceError(f"a window from {when(trace, start_ns)} to {when(trace, end_ns)} is empty")
    rows, notes = _in_order(trace, start_ns, end_ns)
    t_ns = rows.t_ns
    inside = (t_ns > start_ns) & (t_ns < end_ns)
    if not inside.any():
        raise TraceError(f"no row between {when(trace, start_ns)} and {when(trace, end_ns)}")
    first = int(np.searchsorted(t_ns, start_ns, "right")) - 1
    last = int(np.searchsorted(t_ns, end_ns, "left"))
    t_s = (t_ns[first : last + 1] - start_ns) / 1e9
    watts = rows.watts[first : last + 1]
    duration_s = (end_ns - start_ns) / 1e9
    edges = np.interp([0.0, duration_s], t_s, watts)
    between = inside[first : last + 1]
    corners_s = np.concatenate([[0.0], t_s[between], [duration_s]])
    heights = np.concatenate([edges[:1], watts[between], edges[1:]])
    mean_watts = float(rows.watts[inside].mean())
    return WindowEnergy(
        joules_trapezoid=float(np.trapezoid(heights, corners_s)),
        joules_mean=mean_watts * duration_s,
        mean_watts=mean_watts,
        rows=int(inside.sum()),
        largest_gap_s=float(np.diff(t_ns[first : last + 1]).max()) / 1e9,
        duration_s=duration_s,
        notes=(*trace.notes, *notes),
    )


def mixed_marks(trace: Recorded) -> tuple[str, ...]:
    """Return the marks of rows that lie in each other's time, as of several meters in one file; mostly none do."""
    back = np.flatnonzero(np.diff(trace.t_ns) < 0).tolist() if trace.marks else []
    if not any(trace.marks[i] != trace.marks[i + 1] for i in back):
        return ()
    spans: dict[str, tuple[int, int]] = {}
    for mark, t_ns in zip(trace.marks, trace.t_ns.tolist(), strict=True):
        first, last = spans.get(mark, (t_ns, t_ns))
        spans[mark] = (min(first, t_ns), max(last, t_ns))
    return tuple(
        mark
        for mark, (first, last) in spans.items()
        if any(first < until and begin < last for other, (begin, until) in spans.items() if other != mark)
    )


def _in_order(trace: Recorded, start_ns: int, end_ns: int) -> tuple[Recorded, list[str]]:
    """Return the one stretch of rows in time order that covers the window, without doubled rows, and what to tell."""
    if not len(trace.t_ns):
        raise TraceError("no row with a value")
    single, doubled = _single(trace)
    notes = list(left_out(["doubled rows"] * doubled))
    cuts = np.flatnonzero(np.diff(single.t_ns) <= 0) + 1
    bounds = [0, *cuts.tolist(), len(single.t_ns)]
    stretches = [single.pick(slice(a, b)) for a, b in pairwise(bounds)]
    if len(cuts):
        notes.append(f"the rows go back in time {_times(len(cuts))}, first at {when(trace, int(single.t_ns[cuts[0]]))}")
    covering = [one for one in stretches if one.t_ns[0] <= start_ns and end_ns <= one.t_ns[-1]]
    touching = [one for one in stretches if one.t_ns[0] < end_ns and one.t_ns[-1] > start_ns]
    if len(covering) == 1 == len(touching):
        return covering[0], notes
    if len(touching) > 1 and (mixed := mixed_marks(trace)):
        raise TraceError(f"rows of several meters at one time: say which with --mark: {', '.join(mixed)}")
    if len(touching) > 1:
        raise TraceError(f"{notes[-1]}: the window's rows are not in time order")
    first, last = int(single.t_ns.min()), int(single.t_ns.max())
    raise TraceError(
        f"the window from {when(trace, start_ns)} to {when(trace, end_ns)} is not within the trace, "
        f"which goes from {when(trace, first)} to {when(trace, last)}"
    )


def _single(trace: Recorded) -> tuple[Recorded, int]:
    """Return the rows without those that repeat the one before to the last digit, and how many those were."""
    again = np.concatenate([[False], np.diff(trace.t_ns) == 0])
    before = np.roll(trace.watts, 1)
    if np.any(differ := again & (trace.watts != before)):
        at = int(np.argmax(differ))
        raise TraceError(
            f"two rows at {when(trace, int(trace.t_ns[at]))} say {before[at]:g} W and {trace.watts[at]:g} W"
        )
    return trace.pick(~again), int(again.sum())


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def when(trace: Recorded, t_ns: int) -> str:
    """Return an instant of a trace for people: in UTC, or in seconds of its own clock."""
    return iso(t_ns) if trace.dated else f"{t_ns / 1e9:g} s"


def left_out(reasons: Sequence[str]) -> tuple[str, ...]:
    """Return a note for each kind of row that was left out, with how many there were."""
    return tuple(f"left out: {reason} ({reasons.count(reason)})" for reason in dict.fromkeys(reasons))
