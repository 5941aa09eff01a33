"""Records as one long table, and their traces as another: units in the names of the columns, times in UTC.

A row is a record on a meter: one with two meters has two rows, one with none has one. What is not known is an empty
cell, null, or left out, never 0.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from farm.store.database import Store, Stored
from farm.store.record import PowerFacts, Record, utc
from power.piecewise import lots
from power.trace import since_epoch_ns

from ..errors import LabFault, UsageFault

_AT_ONCE = 100_000
"""Readings: some 100 MB as rows."""

Format = Literal["csv", "json", "parquet"]
Row = dict[str, Any]

_COLUMNS: dict[str, type] = {
    "record": str,
    "run": str,
    "role": str,
    "started_utc": str,
    "lab": str,
    "board": str,
    "board_model": str,
    "board_serial_number": str,
    "made": str,
    "artifact": str,
    "artifact_name": str,
    "artifact_model": str,
    "precision": str,
    "artifact_size_bytes": int,
    "dataset": str,
    "dataset_name": str,
    "scenario": str,
    "rate_hz": float,
    "duration_s": float,
    "frames": int,
    "outcome": str,
    "voids": str,
    "fps": float,
    "latency_p50_ms": float,
    "latency_p90_ms": float,
    "latency_p99_ms": float,
    "latency_max_ms": float,
    "missed_frames": int,
    "accuracy": float,
    "accuracy_loss": float,
    "boot_s": float,
    "clock_bound_ns": int,
    "meter": str,
    "meter_serial_number": str,
    "rail": str,
    "kind": str,
    "within": str,
    "how": str,
    "is_supply": bool,
    "measured_rate_hz": float,
    "readings": int,
    "lost_readings": int,
    "mean_watts": float,
    "u_mean_watts": float,
    "peak_watts": float,
    "u_peak_watts": float,
    "p99_watts": float,
    "short_term_watts": float,
    "short_term_s": float,
    "mean_volts": float,
    "energy_joules": float,
    "u_energy_joules": float,
    "joules_per_inference": float,
    "u_joules_per_inference": float,
    "joules_per_inference_above_idle": float,
    "u_joules_per_inference_above_idle": float,
    "idle_before_watts": float,
    "idle_after_watts": float,
}
"""Column → what it holds; ``u_*`` is its neighbour's uncertainty, 95 %."""
_TRACE: dict[str, type] = {
    "record": str,
    "meter": str,
    "t_ns": int,
    "t_s": float,
    "unix_ns": int,
    "volts": float,
    "amps": float,
    "watts": float,
    "flags": int,
}
"""``t_ns`` is the controller's monotonic clock, ``t_s`` counts from the first frame's arrival. ``unix_ns`` counts from
1970 UTC; it is empty of a record whose farm did not keep what its clock was worth."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a formula begins with, in one spreadsheet or another (OWASP, CSV injection); numbers are no texts here."""


def rows(found: Iterable[Stored]) -> Iterator[Row]:
    """Yield the table's rows, each with all columns; None where nothing is known."""
    for stored in found:
        own = _of_record(stored)
        for power in stored.record.power or [None]:
            row = own | (_of_meter(stored.record, power) if power else {})
            yield {name: row.get(name) for name in _COLUMNS}


def write(rows: Iterable[Row], path: Path, form: Format) -> int:
    """Write the table of records, and return how many rows it has.

    Raises:
        UsageFault: Parquet, and pyarrow is not installed.
        LabFault: the file cannot be written.
    """
    return write_rows([list(rows)], path, form, _COLUMNS)


def write_traces(store: Store, found: Sequence[Stored], path: Path, form: Format) -> int:
    """Write every reading of the records' traces, and return how many there are; some at a time in memory.

    Raises:
        UsageFault: as :func:`write`; or as JSON, which is no format for millions of readings.
        LabFault: as :func:`write`; or a trace is damaged.
    """
    if form == "json":
        raise UsageFault(f"{path}: traces are written as .csv or .parquet")
    parts = (part for stored in found for part in _readings(store, stored))
    return write_rows(parts, path, form, _TRACE)


def _of_record(stored: Stored) -> Row:
    record, verdict = stored.record, stored.verdict
    counted = record.accuracy if record.accuracy and record.accuracy.total == record.dataset.images else None
    timed = record.scenario.timed
    return {
        "record": record.id,
        "run": record.run_id,
        "role": record.role,
        "started_utc": utc(record.started_utc),
        "lab": record.lab,
        "board": record.board.name,
        "board_model": record.board.model,
        "board_serial_number": record.board.serial_number,
        "made": record.made,
        "artifact": record.artifact.id,
        "artifact_name": record.artifact.name,
        "artifact_model": record.artifact.model,
        "precision": record.artifact.precision,
        "artifact_size_bytes": record.artifact.size_bytes,
        "dataset": record.dataset.id,
        "dataset_name": record.dataset.name,
        "scenario": record.scenario.name,
        "rate_hz": record.scenario.rate_hz,
        "duration_s": record.scenario.duration_s,
        "frames": record.scenario.frames,
        "outcome": verdict.outcome if verdict else None,
        "voids": "; ".join(record.voids) or None,
        "fps": record.deadlines.fps if timed else None,
        "latency_p50_ms": record.latency.p50_ms if timed else None,
        "latency_p90_ms": record.latency.p90_ms if timed else None,
        "latency_p99_ms": record.latency.p99_ms if timed else None,
        "latency_max_ms": record.latency.max_ms if timed else None,
        "missed_frames": record.deadlines.missed,
        "accuracy": counted.fraction if counted else None,
        "accuracy_loss": counted.loss if counted else None,
        "boot_s": record.boot.up_s if record.boot else None,
        "clock_bound_ns": record.clock.bound_ns,
    }


def _of_meter(record: Record, power: PowerFacts) -> Row:
    return {
        "meter": power.meter,
        "meter_serial_number": power.serial_number,
        "rail": power.rail,
        "kind": power.kind,
        "within": power.within,
        "how": power.how,
        "is_supply": power.meter == record.supply_meter,
        "measured_rate_hz": power.rate_hz,
        "readings": power.readings,
        "lost_readings": power.lost,
        "mean_watts": power.mean.watts,
        "u_mean_watts": power.mean.u_watts,
        "peak_watts": power.peak_watts,
        "u_peak_watts": power.u_peak_watts,
        "p99_watts": power.p99.watts if power.p99 else None,
        "short_term_watts": power.short_term.watts if power.short_term else None,
        "short_term_s": power.short_term.over_s if power.short_term else None,
        "mean_volts": power.volts_mean,
        "energy_joules": power.joules,
        "u_energy_joules": power.u_joules,
        "joules_per_inference": power.joules_per_inference,
        "u_joules_per_inference": power.u_joules_per_inference,
        "joules_per_inference_above_idle": power.joules_per_inference_above_idle,
        "u_joules_per_inference_above_idle": power.u_joules_per_inference_above_idle,
        "idle_before_watts": power.idle_before.watts if power.idle_before else None,
        "idle_after_watts": power.idle_after.watts if power.idle_after else None,
    }


def _readings(store: Store, stored: Stored) -> Iterator[list[Row]]:
    """Yield rows some at a time: a trace may be longer than the memory."""
    record = stored.record
    start_ns = record.scenario.start_ns
    zero_ns = None if record.started_ns is None else since_epoch_ns(record.started_utc) - record.started_ns
    for power in record.power:
        for block in lots(store.readings(record.id, power.meter), _AT_ONCE):
            columns = (block.t_ns, block.volts, block.amps, block.watts, block.flags)
            yield [
                {
                    "record": record.id,
                    "meter": power.meter,
                    "t_ns": t_ns,
                    "t_s": None if start_ns is None else (t_ns - start_ns) / 1e9,
                    "unix_ns": None if zero_ns is None else t_ns + zero_ns,
                    "volts": _known(volts),
                    "amps": _known(amps),
                    "watts": _known(watts),
                    "flags": flags,
                }
                for t_ns, volts, amps, watts, flags in zip(*(column.tolist() for column in columns), strict=True)
            ]


def _known(value: float) -> float | None:
    return None if value != value else value  # NaN alone differs from itself


def write_rows(parts: Iterable[list[Row]], path: Path, form: Format, columns: Mapping[str, type]) -> int:
    """Write rows part by part, and return how many there were.

    Raises:
        UsageFault: Parquet, and pyarrow is not installed.
        LabFault: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return {"csv": _csv, "json": _json, "parquet": _parquet}[form](parts, path, columns)
    except OSError as error:
        raise LabFault("export", str(error), hint="is the disk full, the folder writable?") from error


def _csv(parts: Iterable[list[Row]], path: Path, columns: Mapping[str, type]) -> int:
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        for part in parts:
            writer.writerows({name: _no_formula(value) for name, value in row.items()} for row in part)
            written += len(part)
    return written


def _no_formula(value: object) -> object:
    """Return a text that a spreadsheet would take for a formula behind an apostrophe, which makes it text there."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _json(parts: Iterable[list[Row]], path: Path, columns: Mapping[str, type]) -> int:
    known = [{name: row[name] for name in columns if row[name] is not None} for part in parts for row in part]
    path.write_text(json.dumps(known, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return len(known)


def _parquet(parts: Iterable[list[Row]], path: Path, columns: Mapping[str, type]) -> int:
    try:
        pa: Any = import_module("pyarrow")  # not typed
        pq: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise UsageFault("Parquet needs pyarrow: pip install 'edge-test-farm[parquet]'") from None
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    table_schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    written = 0
    with pq.ParquetWriter(path, table_schema) as writer:
        for part in parts:
            writer.write_table(pa.Table.from_pylist(part, schema=table_schema))
            written += len(part)
    return written
