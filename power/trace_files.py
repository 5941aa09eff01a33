"""Files that hold power traces: which format they have, and what an MLPerf session keeps beside them."""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from . import trace_csv, trace_ptd
from .trace import Recorded, TraceError, iso, since_epoch_ns

_GZIP = b"\x1f\x8b"
_LOG = "spl.txt"
"""MLPerf's name for the daemon's rows of one run."""
_RANGING = "ranging"
_TALK = "SPEC PTDaemon Tool"
"""Stands at the head of the daemon's own messages, MLPerf's ``ptd_logs.txt``."""
_DETAIL = "mlperf_log_detail.txt"
_MLLOG = ":::MLLOG "
_OLD_DETAIL = re.compile(r"\b(POWER_(?:BEGIN|END))\b.*?(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d(?:\.\d+)?)")
_FORMAT = "%m-%d-%Y %H:%M:%S.%f"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read where it does not say so itself."""

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """Quantity → column, of tables."""
    mark: str | None = None
    channel: int | None = None
    dates: trace_ptd.Order | None = None


def read(path: Path, how: Reading | None = None) -> Recorded:
    """Return the rows of a trace: a PTDaemon log, a table, gzipped or not; or the folder of an MLPerf run.

    Raises:
        TraceError: it cannot be read, or is none.
    """
    how = how or Reading()
    text = _text(log_of(path))
    if not how.columns and trace_ptd.looks_like(text.splitlines()):
        return trace_ptd.read(text, mark=how.mark, channel=how.channel, order=how.dates)
    if _TALK in text:
        raise TraceError("what PTDaemon said of its work, without rows of watts; those are in spl.txt")
    for option, value in (("--mark", how.mark), ("--channel", how.channel), ("--dates", how.dates)):
        if value is not None:
            raise TraceError(f"{option} is for logs of PTDaemon; this is a table")
    return trace_csv.read(text, named=how.columns)


def log_of(path: Path) -> Path:
    """Return the log itself: of a folder, the one of the measured run.

    Raises:
        TraceError: the folder holds none, or several.
    """
    if not path.is_dir():
        return path
    for there in (path / _LOG, path / "run_1" / _LOG):
        if there.is_file():
            return there
    found = [one for one in sorted(path.rglob(_LOG)) if one.parent.name != _RANGING]
    if len(found) != 1:
        told = ", ".join(str(one.relative_to(path)) for one in found[:5]) if found else f"no {_LOG}"
        raise TraceError(f"a folder without one measured run: {told}")
    return found[0]


def read_covering(path: Path, start_ns: int, end_ns: int, how: Reading | None = None) -> Recorded:
    """Return as :func:`read`; of a folder with several runs, the log that covers a window: it may be the ranging run's.

    Raises:
        TraceError: none does; or as :func:`read`.
    """
    if not path.is_dir():
        return read(path, how)
    logs = sorted(path.rglob(_LOG), key=lambda log: (log.parent.name == _RANGING, log))
    if not logs:
        raise TraceError(f"no {_LOG} in this folder")
    for log in logs:
        trace = read(log, how)
        if trace.t_ns.min() <= start_ns and end_ns <= trace.t_ns.max():
            return trace
    names = ", ".join(str(log.relative_to(path)) for log in logs)
    raise TraceError(f"no run's log covers from {iso(start_ns)} to {iso(end_ns)}: {names}")


def load_window_ns(path: Path) -> tuple[int, int] | None:
    """Return when the load of an MLPerf run began and ended, as its load generator wrote it in UTC; None: it did not.

    Raises:
        TraceError: several runs lie there, or a time is none.
    """
    folder = log_of(path).parent
    details = sorted(folder.rglob(_DETAIL))
    if len(details) > 1:
        raise TraceError(f"{len(details)} runs of the load generator lie beside {_LOG}; say --from and --to")
    if not details:
        return None
    times = {key: value for line in _text(details[0]).splitlines() for key, value in _power_times(line)}
    if {"power_begin", "power_end"} - times.keys():
        return None
    begin, end = (_utc_ns(times[key]) for key in ("power_begin", "power_end"))
    return begin, end


def _power_times(line: str) -> list[tuple[str, str]]:
    if line.startswith(_MLLOG):
        try:
            entry = json.loads(line.removeprefix(_MLLOG))
        except ValueError:
            return []
        return [(entry["key"], str(entry.get("value")))] if entry.get("key") in ("power_begin", "power_end") else []
    return [(name.lower(), value) for name, value in _OLD_DETAIL.findall(line)]


def _utc_ns(text: str) -> int:
    try:
        return since_epoch_ns(datetime.strptime(text if "." in text else f"{text}.0", _FORMAT).replace(tzinfo=UTC))
    except ValueError as error:
        raise TraceError(f"{_DETAIL}: {text!r} is no time: {error}") from error


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise TraceError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")
