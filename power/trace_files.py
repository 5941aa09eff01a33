"""Files that hold power traces: which format they have, and what an MLPerf session keeps beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import trace_csv, trace_ptd, trace_training
from .trace import Recorded, TraceError, iso
from .trace_text import text_of

_LOG = "spl.txt"
"""MLPerf's name for the daemon's rows of one run."""
_RANGING = "ranging"
_TALK = "SPEC PTDaemon Tool"
"""Stands at the head of the daemon's own messages, MLPerf's ``ptd_logs.txt``."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read where it does not say so itself."""

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """Quantity → column, of tables."""
    mark: str | None = None
    channel: int | None = None
    dates: trace_ptd.Order | None = None


def read(path: Path, how: Reading | None = None) -> Recorded:
    """Return the rows of a trace: a PTDaemon log, a table, gzipped or not; or what lies with an MLPerf run.

    Raises:
        TraceError: it cannot be read, or is none.
    """
    how = how or Reading()
    if (watts := trace_training.watts_of(path)) is not None:
        _refuse_ptd_options(how, "readings of MLLOG")
        return trace_training.read(watts)
    text = text_of(log_of(path))
    if not how.columns and trace_ptd.looks_like(text.splitlines()):
        return trace_ptd.read(text, mark=how.mark, channel=how.channel, order=how.dates)
    if _TALK in text:
        raise TraceError("what PTDaemon said of its work, without rows of watts; those are in spl.txt")
    _refuse_ptd_options(replace(how, mark=None), "a table")
    return trace_csv.read(text, named=how.columns, mark=how.mark)


def _refuse_ptd_options(how: Reading, what: str) -> None:
    for option, value in (("--mark", how.mark), ("--channel", how.channel), ("--dates", how.dates)):
        if value is not None:
            raise TraceError(f"{option} is for logs of PTDaemon; this is {what}")


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
    if not path.is_dir() or trace_training.watts_of(path) is not None:
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
