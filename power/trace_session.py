"""MLPerf's folders: when the load of a run began and ended, and how far the clocks of load and watts were apart.

Inference: ``spl.txt`` of the analyser beside ``mlperf_log_detail.txt`` of the load generator, whose ``power_begin`` and
``power_end`` are UTC; or older ones with ``POWER_BEGIN``. Training: ``result_*.txt`` with ``run_start`` and
``run_stop``, whose ``time_ms`` count from 1970. Those logs are written by one machine and the watts by another.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from .mllog import MARKER, entries
from .trace import Recorded, TraceError, since_epoch_ns
from .trace_files import log_of
from .trace_text import text_of
from .trace_training import result_of

_DETAIL = "mlperf_log_detail.txt"
_RESULTS = "result_*.txt"
_OLD_DETAIL = re.compile(r"\b(POWER_(?:BEGIN|END))\b.*?(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d(?:\.\d+)?)")
_COMPLAINT = re.compile(r"^(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d+): (ERROR|WARNING): (.*)$", re.MULTILINE)
_FORMAT = "%m-%d-%Y %H:%M:%S.%f"
_NS_A_MS = 1_000_000
_HOUR_NS = 3600 * 10**9
_MOST_HOURS = 26
"""Between the zones that are furthest apart."""
_START, _STOP = "start,testing", "stop,testing"
"""End of the messages between the two machines around the measured run."""


@dataclass(frozen=True, slots=True)
class LoadWindow:
    """When the load of a run began and ended, on the clock of the machine that ran it."""

    start_ns: int
    """Since 1970 UTC, as the end."""
    end_ns: int
    source: str | None = None
    """Which keys of which file; None: a person said so."""


def load_window(path: Path) -> LoadWindow | None:
    """Return when the load of the run that a folder, or a training's result file, tells of; None: nothing says.

    Raises:
        TraceError: several runs lie there, or a time is none.
    """
    if (result := result_of(path)) is not None:
        return _of_training(result)
    folder = path.parent if path.is_file() else log_of(path).parent
    for places, read in ((_below(folder, _DETAIL), _of_loadgen), (_results(folder, path), _of_training)):
        if len(places) > 1:
            there = ", ".join(one.name if path.is_file() else str(one.relative_to(path)) for one in places[:5])
            raise TraceError(f"several runs lie beside the watts: {there}; say --from and --to")
        if places and (found := read(places[0])) is not None:
            return found
    return None


def _below(folder: Path, name: str) -> list[Path]:
    return sorted(folder.rglob(name))


def _results(folder: Path, path: Path) -> list[Path]:
    """Return a training's logs beside the analyser's, or above them."""
    return sorted(folder.rglob(_RESULTS)) or (sorted(path.glob(_RESULTS)) if path.is_dir() else [])


def _of_loadgen(path: Path) -> LoadWindow | None:
    text = text_of(path)
    times = {str(one.get("key")): str(one.get("value")) for one in entries(text) if one.get("key") in _POWER}
    times |= {name.lower(): value for line in text.splitlines() for name, value in _old(line)}
    if {*_POWER} - times.keys():
        return None
    begin, end = (_utc_ns(times[key], path) for key in _POWER)
    return LoadWindow(begin, end, f"power_begin to power_end of {path.parent.name}/{path.name}, in UTC")


_POWER = ("power_begin", "power_end")


def _old(line: str) -> list[tuple[str, str]]:
    return [] if MARKER in line else _OLD_DETAIL.findall(line)


def _utc_ns(text: str, path: Path) -> int:
    try:
        return since_epoch_ns(datetime.strptime(text if "." in text else f"{text}.0", _FORMAT).replace(tzinfo=UTC))
    except ValueError as error:
        raise TraceError(f"{path.name}: {text!r} is no time: {error}") from error


def _of_training(path: Path) -> LoadWindow | None:
    """Return from the first ``run_start`` to the last ``run_stop``: several machines may log into one file."""
    told: dict[str, list[float]] = {"run_start": [], "run_stop": []}
    for entry in entries(text_of(path)):
        if entry.get("key") in told and isinstance(at_ms := entry.get("time_ms"), int | float):
            told[str(entry["key"])].append(at_ms)
    if not all(told.values()):
        return None
    start_ns, end_ns = round(min(told["run_start"]) * _NS_A_MS), round(max(told["run_stop"]) * _NS_A_MS)
    return LoadWindow(start_ns, end_ns, f"run_start to run_stop of {path.name}, ms since 1970")


def hours_off(trace: Recorded, window: LoadWindow) -> int | None:
    """Return by how many whole hours a window must be moved to lie within the trace; None: by none, or it does."""
    first, last = int(trace.t_ns.min()), int(trace.t_ns.max())
    for hours in sorted(range(-_MOST_HOURS, _MOST_HOURS + 1), key=abs):
        if first <= window.start_ns + hours * _HOUR_NS and window.end_ns + hours * _HOUR_NS <= last:
            return hours or None
    return None


def clock_difference_s(path: Path) -> tuple[float, float] | None:
    """Return between which seconds the clock of the watts was ahead of the load's, around a session's measured run.

    Both machines note when they sent and got each message of the session: what one got cannot have been sent later.
    Nothing corrects the joules by it. None where the session does not tell.
    """
    for folder in _kept_by_session(path):
        bounds = _bounds(*(_messages(_json(folder / f"{name}.json")) for name in ("client", "server")))
        if bounds:
            return min(low for low, _ in bounds), max(high for _, high in bounds)
    return None


def complaints(path: Path, window: LoadWindow) -> list[str]:
    """Return what PTDaemon's own log of a session says against the watts of the run: errors and warnings, counted.

    Its times are taken for UTC, as those of its rows and as MLPerf's own check takes them.
    """
    for folder in _kept_by_session(path):
        if not (log := folder / "ptd_logs.txt").is_file():
            continue
        found = [
            (kind, what.strip())
            for at, kind, what in _COMPLAINT.findall(text_of(log))
            if window.start_ns <= _utc_ns(at, log) <= window.end_ns
        ]
        kinds = [kind for kind, _ in found]
        return [
            f"{log.name}: {kinds.count(kind)} of {kind} while the load ran, first: {found[kinds.index(kind)][1]}"
            for kind in dict.fromkeys(kinds)
        ]
    return []


def _kept_by_session(path: Path) -> list[Path]:
    """Return where a session's notes may lie; nowhere for a training, which has no log of an analyser."""
    try:
        folder = path.parent if path.is_file() else log_of(path).parent
    except TraceError:
        return []
    return [folder / "power", folder.parent / "power", folder]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _messages(notes: dict[str, Any]) -> list[dict[str, Any]]:
    messages: Any = notes.get("messages")
    listed = cast("list[Any]", messages) if isinstance(messages, list) else []
    return [cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)]


def _bounds(client: list[dict[str, Any]], server: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return what each message around the run says of the difference: at least, and at most."""
    found: list[tuple[float, float]] = []
    for one, other in zip(client, server, strict=False):
        command = str(one.get("cmd"))
        if command != str(other.get("cmd")):
            return []  # not the same session
        if not command.endswith((_START, _STOP)):
            continue
        try:
            sent, got, answered, heard = (
                float(side[key]) for side, key in ((one, _SENT), (other, _SENT), (other, _BACK), (one, _BACK))
            )
        except (KeyError, TypeError, ValueError):
            continue
        found.append((answered - heard, got - sent))
    return found


_SENT, _BACK = "cmd_time", "reply_time"
