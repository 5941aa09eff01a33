"""The watts of an MLPerf training run: ``power/result_N/node_K.txt`` beside ``result_N.txt``, MLLOG entries a reading.

The nodes' watts are added up where all of them were read, between the readings by straight lines. A switch's are an
estimate (``interconnect_power_est``): they are told and never added.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .mllog import MARKER, entries
from .trace import Recorded, TraceError, left_out
from .trace_text import text_of

FORM = "mlperf-training"
_READING, _EFFICIENCY, _ESTIMATE = "power_reading", "conversion_eff", "interconnect_power_est"
_NS_A_MS = 1_000_000


def watts_of(path: Path) -> list[Path] | None:
    """Return the files of watts that belong to a result, a folder of one, or a node; None: it is no training's.

    Raises:
        TraceError: several runs of a folder have watts; or the one that is meant has none.
    """
    if path.is_file():
        node = path.match("node_*.txt")
        if not (node or path.match("result_*.txt")) or MARKER not in text_of(path):
            return None
        return [path] if node else _named(path.parent / "power" / path.stem, path)
    if nodes := _nodes(path):
        return nodes
    found = [result for result in sorted(path.glob("result_*.txt")) if _nodes(path / "power" / result.stem)]
    if not found:
        return None
    if len(found) > 1:
        raise TraceError(f"several runs have watts: {', '.join(one.name for one in found)}; name one of these files")
    return _nodes(path / "power" / found[0].stem)


def result_of(path: Path) -> Path | None:
    """Return the ``result_*.txt`` that tells when the run began and ended; None: there is none."""
    if path.is_file():
        return path if path.match("result_*.txt") else _beside(path.parent)
    if _nodes(path):
        return _beside(path)
    found = [one for one in sorted(path.glob("result_*.txt")) if _nodes(path / "power" / one.stem)]
    return found[0] if len(found) == 1 else None


def _beside(folder: Path) -> Path | None:
    there = folder.parent.parent / f"{folder.name}.txt"
    return there if there.is_file() else None


def _nodes(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("node_*.txt")), *sorted(folder.glob("sw_*.txt"))]


def _named(folder: Path, result: Path) -> list[Path]:
    if not (found := _nodes(folder)):
        raise TraceError(f"{folder} holds no node_*.txt with the watts of {result.name}")
    return found


@dataclass(slots=True)
class _Node:
    """What one file says."""

    name: str
    t_ns: list[int] = field(default_factory=list[int])
    watts: list[float] = field(default_factory=list[float])
    efficiency: float = 1.0
    estimate: float | None = None
    reasons: list[str] = field(default_factory=list[str])


def read(paths: list[Path]) -> Recorded:
    """Return the sum of the nodes' watts.

    Raises:
        TraceError: no node has readings, or they have no time in common.
    """
    files = [_parse(path) for path in paths]
    nodes = [one for one in files if one.watts]
    if not nodes:
        raise TraceError(f"no {_READING} in {', '.join(path.name for path in paths)}")
    notes = [*left_out([reason for one in files for reason in one.reasons])]
    notes += [
        f"{one.name}: {one.estimate:g} W estimated, not measured, and not in the sum" for one in files if one.estimate
    ]
    if factors := Counter(one.efficiency for one in nodes if one.efficiency != 1.0):
        notes.append(f"{_EFFICIENCY}: watts times {', '.join(f'{factor:g}' for factor in factors)}")
    if len(nodes) > 1:
        notes.append(f"the sum of {len(nodes)} nodes, between their readings by straight lines")
    t_ns, watts = _sum(nodes)
    nothing = np.full(len(t_ns), np.nan)
    return Recorded(FORM, t_ns, watts, nothing, nothing.copy(), notes=tuple(notes))


def _parse(path: Path) -> _Node:
    node = _Node(path.stem)
    for entry in entries(text_of(path)):
        key, value = entry.get("key"), entry.get("value")
        if key not in (_READING, _EFFICIENCY, _ESTIMATE):
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
            node.reasons.append("rows without a value")
        elif key == _READING and isinstance(at_ms := entry.get("time_ms"), int | float):
            node.t_ns.append(round(at_ms * _NS_A_MS))
            node.watts.append(float(value))
        elif key == _EFFICIENCY:
            node.efficiency = float(value)
        elif key == _ESTIMATE:
            node.estimate = float(value)
    return node


def _sum(nodes: list[_Node]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    columns: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for node in nodes:
        t_ns, first = np.unique(np.array(node.t_ns, np.int64), return_index=True)
        columns.append((t_ns, np.array(node.watts)[first] * node.efficiency))
    begin, end = max(int(t[0]) for t, _ in columns), min(int(t[-1]) for t, _ in columns)
    if begin > end:
        raise TraceError("its nodes have no time in common; do their clocks agree?")
    grid = np.unique(np.concatenate([t[(t >= begin) & (t <= end)] for t, _ in columns]))
    zero = np.int64(begin)
    return grid, sum((np.interp(grid - zero, t - zero, watts) for t, watts in columns), np.zeros(len(grid)))
