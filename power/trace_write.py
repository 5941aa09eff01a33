"""Power traces as lines that other programs read: logs as SPEC PTDaemon and MLPerf write them."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from .trace import Recorded, TraceError

_NO_VALUE = -1.0
_MS, _US = 1_000_000, 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def mlperf_lines(trace: Recorded, mark: str) -> Iterator[str]:
    """Yield a row for each reading: ``Time,MM-DD-YYYY hh:mm:ss.fff,Watts,…,Mark,…`` in UTC, without its line end.

    Milliseconds; microseconds where those would put two readings at one instant. Volts, amps and power factor that
    are not known are -1, watts ``nan``: MLPerf's own checks leave such rows out.

    Raises:
        TraceError: the trace has no dates.
    """
    if not trace.dated:
        raise TraceError("its times count from a zero of its own; say which instant that is")
    steps = np.diff(trace.t_ns)
    fine = bool(len(steps)) and int(steps.min()) < _MS
    marks = trace.marks or (mark,) * len(trace.t_ns)
    columns = (trace.t_ns, trace.watts, trace.volts, trace.amps)
    for own, (t_ns, watts, volts, amps) in zip(
        marks, zip(*(column.tolist() for column in columns), strict=True), strict=True
    ):
        said = "nan" if math.isnan(watts) else f"{watts:.6f}"
        told = f"Watts,{said},Volts,{_told(volts):.6f},Amps,{_told(amps):.6f},PF,{_NO_VALUE:.6f}"
        yield f"Time,{_stamp(t_ns, fine=fine)},{told},Mark,{own or mark}"


def _told(value: float) -> float:
    return _NO_VALUE if math.isnan(value) else value


def _stamp(t_ns: int, *, fine: bool) -> str:
    """Return an instant the way PTDaemon writes it, rounded to its last digit."""
    unit_ns, digits = (_US, 6) if fine else (_MS, 3)
    units = (t_ns + unit_ns // 2) // unit_ns
    moment = _EPOCH + timedelta(microseconds=units * unit_ns // _US)
    return f"{moment:%m-%d-%Y %H:%M:%S}.{moment.microsecond * 10**digits // 10**6:0{digits}d}"
