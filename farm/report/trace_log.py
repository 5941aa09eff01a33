"""Traces of trials, and those of other programs, as files that other programs read."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from farm.store.database import Store, Stored
from power.block import Block
from power.trace import Recorded, since_epoch_ns
from power.trace_write import mlperf_lines

from ..errors import LabFault, UsageFault
from .export import Format, Row, write_rows

_COLUMNS: dict[str, type] = {"t_ns": int, "watts": float, "volts": float, "amps": float, "mark": str}
"""``t_ns`` counts from 1970 UTC, or of a trace without dates from its own zero."""
_AT_ONCE = 100_000


def write_log(store: Store, found: Sequence[Stored], path: Path) -> int:
    """Write every reading of the records' traces as MLPerf's rows, and return how many there are.

    The mark of a row is ``<record>_<meter>``: MLPerf's own checks and `farm trace energy --mark` pick by it.

    Raises:
        UsageFault: a record was made by a farm that did not keep what its clock was worth.
        LabFault: the file cannot be written, or a trace is damaged.
    """
    traces = (
        (_recorded(stored, store.trace(stored.record.id, power.meter)), f"{stored.record.id}_{power.meter}")
        for stored in found
        for power in stored.record.power
    )
    return _write_lines((line for trace, mark in traces for line in mlperf_lines(trace, mark)), path)


def write_trace(trace: Recorded, path: Path, form: "Format | str") -> int:
    """Write a trace of another program as ``mlperf``, ``csv`` or ``parquet``, and return how many rows it has.

    Raises:
        power.trace.TraceError: as MLPerf's rows, and it has no dates.
        UsageFault: Parquet, and pyarrow is not installed.
        LabFault: the file cannot be written.
    """
    if form == "mlperf":
        return _write_lines(mlperf_lines(trace, "trace"), path)
    return write_rows(_parts(trace), path, "csv" if form == "csv" else "parquet", _COLUMNS)


def _recorded(stored: Stored, block: Block) -> Recorded:
    """Return a trace with times since 1970."""
    record = stored.record
    if record.started_ns is None:
        raise UsageFault(f"record {record.id}: an older farm made it; what time it was at its readings is not known")
    zero_ns = since_epoch_ns(record.started_utc) - record.started_ns
    return Recorded("record", block.t_ns + np.int64(zero_ns), block.watts, block.volts, block.amps)


def _parts(trace: Recorded) -> Iterator[list[Row]]:
    columns = (trace.t_ns, trace.watts, trace.volts, trace.amps)
    marks = trace.marks or (None,) * len(trace.t_ns)
    for begin in range(0, len(trace.t_ns), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        rows = zip(*(column[part].tolist() for column in columns), marks[part], strict=True)
        yield [dict(zip(_COLUMNS, (t_ns, *map(_known, values), mark), strict=True)) for t_ns, *values, mark in rows]


def _known(value: float) -> float | None:
    return None if value != value else value  # NaN alone differs from itself


def _write_lines(lines: Iterable[str], path: Path) -> int:
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(line + "\n")
                written += 1
    except OSError as error:
        raise LabFault("export", str(error), hint="is the disk full, the folder writable?") from error
    return written
