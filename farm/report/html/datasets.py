"""What a trial's plots are drawn from: named data sets, times in seconds from the first frame.

None is a figure that is not there; it is drawn as a gap, never as 0.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from farm.store.frames import FrameTimes
from farm.store.record import Event, PowerFacts, Record
from power.block import Block

from ..prediction.beside import PredictedText
from .decimate import Envelope, chosen, envelope
from .detail import Detail

Params = dict[str, float]
Cell = str | float | int | None
Columns = dict[str, list[Cell]]
"""A data set by column: a third of the size that it has by row."""
_LOG_FROM = 20.0
"""Slowest over fastest frame from which a linear axis hides the fast ones (assumed)."""
_HISTOGRAM_BINS = 40
_EDGE = 0.02
"""Share of the time axis that stays free on either side."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record, and what it seals."""

    record: Record
    traces: Mapping[str, Block]
    """By meter; a damaged one is left out and named in ``damaged``."""
    frames: FrameTimes | None
    console: bytes
    damaged: tuple[str, ...] = ()
    """What could not be read, each in one line."""
    predicted: PredictedText | None = None
    """Beside the record; absent where nothing like it was ever predicted."""

    @property
    def zero_ns(self) -> int | None:
        """The first scheduled arrival on the clock of the traces; None in a record that does not say."""
        if self.record.scenario.start_ns is not None:
            return self.record.scenario.start_ns
        return None if self.frames is None or not len(self.frames) else int(self.frames.arrival_ns[0])


@dataclass(frozen=True, slots=True)
class Drawable:
    """One plot's data."""

    data: dict[str, Columns]
    """By the names in its description."""
    params: Params
    plot: str
    """Its name in :data:`.plots.PLOTS`."""
    note: str = ""
    """What a reader must know of how it is drawn."""


def drawables(evidence: Evidence, detail: Detail) -> dict[str, Drawable]:
    """Return the plots that a trial has the data for, by what they show; none without a time axis or at no detail."""
    if not detail.bins:
        return {}
    found = {
        "time": _time(evidence, detail),
        "latency": _latency(evidence),
        "stages": _stages(evidence),
        "energy": _energy(evidence.record),
        "boot": _boot(evidence.record),
    }
    return {name: one for name, one in found.items() if one is not None}


def _time(evidence: Evidence, detail: Detail) -> Drawable | None:
    zero_ns = evidence.zero_ns
    if zero_ns is None or not evidence.traces:  # without watts the plot has no height
        return None
    rates = {power.meter: power.rate_hz for power in evidence.record.power}
    curves = {
        meter: envelope(block, zero_ns, rates.get(meter) or _rate_hz(block), detail.bins)
        for meter, block in evidence.traces.items()
    }
    frames = list(_frames(evidence, zero_ns, detail))
    lanes = [*_lanes(evidence.record, zero_ns), *_inferences(frames)]
    data = {
        "lanes": _columns(("lane", "kind", "what", "t", "until"), lanes),
        "watts": _columns(("meter", "t", "low", "mean", "high"), _readings(curves)),
        "frames": _columns(("t", "until", "ms", "late"), frames),
        "deadline": _columns(
            ("ms",), [(_number(ms),) for ms in (evidence.record.deadlines.deadline_ms,) if ms is not None]
        ),
    }
    return Drawable(data, _home(evidence.record, curves, zero_ns), "time", _thinned(evidence, curves, detail))


def _rate_hz(block: Block) -> float:
    """Return what a meter kept up, of which the record says nothing because it read too little."""
    return 1e9 / float(np.median(np.diff(block.t_ns))) if len(block) > 1 else 1.0


def _home(record: Record, curves: Mapping[str, Envelope], zero_ns: int) -> Params:
    """Return what the time axis shows at first: all that was sampled, and the boot if it was just before."""
    ends = [float(end) for curve in curves.values() if len(curve.t_s) for end in (curve.t_s[0], curve.t_s[-1])]
    ends += [(t - zero_ns) / 1e9 for e in record.events if e.kind in ("idle", "frames") for t in _edges(e)]
    ends = ends or [0.0, record.scenario.duration_s]
    first, last = min(ends), max(ends)
    if record.boot is not None and first - (booted := (record.boot.start_ns - zero_ns) / 1e9) < last - first:
        first = min(first, booted)
    edge = (last - first) * _EDGE
    return {"home_from": round(first - edge, 3), "home_to": round(last + edge, 3)}


def _edges(event: Event) -> list[int]:
    return [event.t_ns, event.until_ns or event.t_ns]


def _lanes(record: Record, zero_ns: int) -> Iterable[Sequence[Cell]]:
    lanes = {"boot": "boot", "state": "state", "fault": "fault"}
    boots = [event for event in record.events if event.kind == "boot"]
    for event in record.events:
        until_ns = event.until_ns
        if event.kind == "boot" and until_ns is None:
            until_ns = _next_stage_ns(record, boots, event)
        until = None if until_ns is None else _number((until_ns - zero_ns) / 1e9)
        start = _number((event.t_ns - zero_ns) / 1e9)
        yield lanes.get(event.kind, "trial"), event.kind, event.what, start, until


def _next_stage_ns(record: Record, boots: Sequence[Event], stage: Event) -> int | None:
    later = [event.t_ns for event in boots if event.t_ns > stage.t_ns]
    if later:
        return min(later)
    return None if record.boot is None else record.boot.start_ns + int(record.boot.up_s * 1e9)


def _inferences(frames: Iterable[Sequence[Cell]]) -> Iterable[Sequence[Cell]]:
    for t, until, _, late in frames:
        yield "inference", "fault" if late else "frames", "late frame" if late else "frame", t, until


def _frames(evidence: Evidence, zero_ns: int, detail: Detail) -> Iterable[Sequence[Cell]]:
    if (frames := evidence.frames) is None:
        return
    ms = frames.latency_ms
    late = ms > _deadline_ms(evidence.record)
    for at in chosen(ms, late, detail.frames):
        due, done = ((int(t[at]) - zero_ns) / 1e9 for t in (frames.arrival_ns, frames.finish_ns))
        yield _number(due), _number(done), _number(float(ms[at])), int(late[at])


def _deadline_ms(record: Record) -> float:
    """Return what is late; where nothing can be, a time that nothing takes."""
    deadline = record.deadlines.deadline_ms
    return math.inf if deadline is None else deadline


def _readings(curves: Mapping[str, Envelope]) -> Iterable[Sequence[Cell]]:
    for meter, curve in curves.items():
        for row in zip(curve.t_s, curve.low, curve.mean, curve.high, strict=True):
            yield meter, *(_number(float(value)) for value in row)


def _thinned(evidence: Evidence, curves: Mapping[str, Envelope], detail: Detail) -> str:
    """Say what the plot leaves out."""
    said = [
        f"{meter}: each point is up to {curve.readings_per_bin:,} readings, their mean as a line, lowest to highest "
        "as a band."
        for meter, curve in curves.items()
        if curve.readings_per_bin > 1
    ]
    said.append(
        "Outside the marked windows the board loads the model and warms up, then predicts the rest of the data."
    )
    total = 0 if evidence.frames is None else len(evidence.frames)
    if total > detail.frames:
        said.append(f"Of {total:,} frames the slowest and the fastest of each moment are drawn.")
    return " ".join(said)


def _latency(evidence: Evidence) -> Drawable | None:
    if evidence.frames is None or not len(evidence.frames):
        return None
    ms, facts = evidence.frames.latency_ms, evidence.record
    low, high = float(ms.min()), float(ms.max())
    log = low > 0 and high / low > _LOG_FROM
    if high == low:
        low, high = low * 0.99 - 1e-6, high * 1.01 + 1e-6
    edges = (np.geomspace if log else np.linspace)(low, high, _HISTOGRAM_BINS + 1)
    counts, _ = np.histogram(ms, np.concatenate([edges[:-1], [np.nextafter(edges[-1], np.inf)]]))
    deadline = _deadline_ms(facts)
    bins = [
        (_number(a), _number(b), int(n), int(a >= deadline))
        for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
        if n
    ]
    marks = [("p50", facts.latency.p50_ms), ("p99", facts.latency.p99_ms)]
    marks += [("deadline", deadline)] if deadline <= 3 * high else []
    note = (
        ""
        if deadline <= 3 * high or deadline == math.inf
        else f"The deadline of {deadline:.4g} ms is far to the right of this axis."
    )
    data = {
        "bins": _columns(("low", "high", "frames", "late"), bins),
        "marks": _columns(("name", "ms"), [(name, _number(value)) for name, value in marks]),
    }
    return Drawable(data, {}, "latency-log" if log else "latency", note)


def _stages(evidence: Evidence) -> Drawable | None:
    means = evidence.record.latency.stages_mean_ms
    if not means:
        return None
    spent = evidence.frames.stages_ns if evidence.frames is not None else {}
    p99 = {name: float(np.percentile(ns, 99, method="inverted_cdf")) / 1e6 for name, ns in spent.items() if len(ns)}
    rows = [
        (name, _number(mean), _number(p99[name]) if name in p99 else None, order)
        for order, (name, mean) in enumerate(means.items())
    ]
    return Drawable({"stages": _columns(("stage", "mean", "p99", "order"), rows)}, {}, "stages")


def idle_joules(power: PowerFacts, frames: int) -> float | None:
    """Return what idling for as long would have taken; None where idle watts were not read."""
    if power.joules_per_inference_above_idle is None:
        return None
    return power.joules - power.joules_per_inference_above_idle * _inferred(power, frames)


def _inferred(power: PowerFacts, frames: int) -> float:
    """Return by how many inferences the meter's joules were shared; ``frames`` when there were none to tell by."""
    return power.joules / power.joules_per_inference if power.joules_per_inference else frames


def _energy(record: Record) -> Drawable | None:
    rows: list[Sequence[Cell]] = []
    for power in record.power:
        idle = idle_joules(power, record.scenario.frames)
        if idle is None or not 0 <= idle <= power.joules:
            rows.append((power.meter, "in all", _number(power.joules), 0))
        else:
            rows.append((power.meter, "idle", _number(idle), 0))
            rows.append((power.meter, "above idle", _number(power.joules - idle), 1))
    return Drawable({"energy": _columns(("meter", "part", "joules", "order"), rows)}, {}, "energy") if rows else None


def _boot(record: Record) -> Drawable | None:
    if record.boot is None or not record.boot.reached_s:
        return None
    starts = list(record.boot.reached_s.values())
    until = [*starts[1:], record.boot.up_s]
    rows = [
        (stage, _number(start), _number(end), order)
        for order, (stage, start, end) in enumerate(zip(record.boot.reached_s, starts, until, strict=True))
    ]
    return Drawable({"boot": _columns(("stage", "t", "until", "order"), rows)}, {}, "boot")


def _number(value: float) -> float | None:
    """Return six significant digits; None for what is no number."""
    return float(f"{value:.6g}") if isfinite(value) else None


def _columns(names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Columns:
    columns: Columns = {name: [] for name in names}
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            columns[name].append(cell)
    return columns
