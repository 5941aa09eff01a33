"""Two records or runs, figure by figure: the difference, and whether their uncertainty covers it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from farm.lab.rails import ORDER, WORDS
from farm.store.record import PowerFacts, Record
from farm.verdict.scatter import u_of_mean

from ..errors import UsageFault
from .same_unit import same_unit


class _Kind(NamedTuple):
    name: str
    unit: str
    take: Callable[[Record], tuple[float | None, float | None]]
    """Value and expanded uncertainty; absent where the record does not hold it."""
    accuracy: bool = False
    energy: bool = False
    """In proportion to the joules of the window, and as uncertain."""
    power: bool = False
    """Of the supply meter: compared with nothing that is measured elsewhere."""


def _plain(take: Callable[[Record], float | None]) -> Callable[[Record], tuple[float | None, float | None]]:
    return lambda record: (take(record), None)


def _supply(
    take: Callable[[PowerFacts], tuple[float | None, float | None]],
) -> Callable[[Record], tuple[float | None, float | None]]:
    return lambda record: (None, None) if record.supply is None else take(record.supply)


def _idle(power: PowerFacts) -> tuple[float | None, float | None]:
    return (None, None) if power.idle_before is None else (power.idle_before.watts, power.idle_before.u_watts)


def _short_term(power: PowerFacts) -> tuple[float | None, float | None]:
    return (None, None) if power.short_term is None else (power.short_term.watts, power.short_term.u_watts)


def _counted(record: Record) -> bool:
    return record.accuracy is not None and record.accuracy.total == record.dataset.images


def _missed(record: Record) -> float | None:
    missed = record.deadlines.missed
    return None if missed is None else missed / record.scenario.frames


def _speed(take: Callable[[Record], float]) -> Callable[[Record], tuple[float | None, float | None]]:
    return _plain(lambda record: take(record) if record.scenario.timed else None)


KINDS = (
    _Kind("fps", "1/s", _speed(lambda r: r.deadlines.fps)),
    _Kind("latency_p50", "ms", _speed(lambda r: r.latency.p50_ms)),
    _Kind("latency_p99", "ms", _speed(lambda r: r.latency.p99_ms)),
    _Kind("latency_max", "ms", _speed(lambda r: r.latency.max_ms)),
    _Kind("missed_fraction", "", _plain(_missed)),
    _Kind("accuracy", "", _plain(lambda r: r.accuracy.fraction if r.accuracy and _counted(r) else None), accuracy=True),
    _Kind(
        "accuracy_loss", "", _plain(lambda r: r.accuracy.loss if r.accuracy and _counted(r) else None), accuracy=True
    ),
    _Kind("mean_watts", "W", _supply(lambda p: (p.mean.watts, p.mean.u_watts)), energy=True, power=True),
    _Kind("peak_watts", "W", _supply(lambda p: (p.peak_watts, p.u_peak_watts)), power=True),
    _Kind("p99_watts", "W", _supply(lambda p: (p.p99.watts, p.p99.u_watts) if p.p99 else (None, None)), power=True),
    _Kind("short_term_watts", "W", _supply(_short_term), power=True),
    _Kind("idle_watts", "W", _supply(_idle), power=True),
    _Kind(
        "joules_per_inference",
        "J",
        _supply(lambda p: (p.joules_per_inference, p.u_joules_per_inference)),
        energy=True,
        power=True,
    ),
    _Kind(
        "joules_per_inference_above_idle",
        "J",
        _supply(lambda p: (p.joules_per_inference_above_idle, p.u_joules_per_inference_above_idle)),
        power=True,
    ),
    _Kind("size", "bytes", _plain(lambda r: float(r.artifact.size_bytes))),
    _Kind("boot", "s", _plain(lambda r: r.boot.up_s if r.boot else None)),
)
"""What is compared, in the order in which it is printed. Watts and joules are the supply meter's."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both sides."""

    name: str
    unit: str
    a: float | None
    b: float | None
    difference: float | None
    """b - a; absent where one is not there, or they must not be compared."""
    u: float | None
    """Uncertainty of the difference, 95 %; absent where neither side has one."""
    relative: float | None
    """Of a."""
    covered: bool | None
    """Whether the uncertainty covers the difference; absent where that is not known."""
    why: str = ""
    """Why they are not compared."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What stands on two boards, or twice on one."""

    a: str
    b: str
    """Board and artifact, and what it was made of unless it was a board."""
    trials: tuple[int, int]
    remarks: list[str]
    """What else differs, so that a difference need not be the artifact's."""
    figures: list[Compared]


def compare(a: Sequence[Record], b: Sequence[Record]) -> tuple[list[Pair], list[str]]:
    """Return what both sides hold, board by board, and what only one of them does.

    Of a gate its candidates are compared, unless a side is a baseline's record alone. Several trials of a board are
    one figure, their mean.

    Raises:
        UsageFault: a side is empty, or nothing of one has a counterpart on the other.
    """
    sides = [_groups(records) for records in (a, b)]
    for name, side in zip("AB", sides, strict=True):
        if not side:
            raise UsageFault(f"{name} holds no record to compare")
    left, right = sides
    common = [key for key in left if key in right]
    if not common and len(left) == len(right) == 1:
        return [_pair(next(iter(left.values())), next(iter(right.values())))], []
    if not common:
        raise UsageFault(f"no board in both: A has {', '.join(left)}; B has {', '.join(right)}")
    alone = [f"only in A: {key}" for key in left if key not in right]
    alone += [f"only in B: {key}" for key in right if key not in left]
    return [_pair(left[key], right[key]) for key in common], alone


def _groups(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return a board's records by its name; by its artifact's too where it ran several."""
    counted = [record for record in records if record.role != "baseline"] or records
    several = {
        board
        for board in {record.board.name for record in counted}
        if len({r.artifact.name for r in counted if r.board.name == board}) > 1
    }
    found: dict[str, list[Record]] = {}
    for record in counted:
        name = record.board.name
        found.setdefault(f"{name} {record.artifact.name}" if name in several else name, []).append(record)
    return found


def _pair(a: Sequence[Record], b: Sequence[Record]) -> Pair:
    sets = [{record.dataset.id for record in side} for side in (a, b)]
    refused = "" if sets[0] == sets[1] and len(sets[0]) == 1 else "different data sets"
    unlike = _unlike(a, b)
    figures = [_compared(kind, a, b, refused if kind.accuracy else unlike if kind.power else "") for kind in KINDS]
    shown = [one for one in figures if one.a is not None or one.b is not None]
    return Pair(_label(a), _label(b), (len(a), len(b)), _remarks(a, b), shown)


def _unlike(a: Sequence[Record], b: Sequence[Record]) -> str:
    """Return why watts must not be compared: of the wall and of a rail inside they are different quantities."""
    supplies = [record.supply for record in (*a, *b) if record.supply is not None]
    kinds = {power.kind for power in supplies if power.kind is not None}
    return f"watts {' and '.join(WORDS[kind] for kind in ORDER if kind in kinds)}" if len(kinds) > 1 else ""


def _compared(kind: _Kind, a: Sequence[Record], b: Sequence[Record], refused: str) -> Compared:
    unit = same_unit(a, b) if kind.energy else None
    own = 1.0 if unit is None else unit.own
    (of_a, u_a), (of_b, u_b) = _mean(kind, a, own), _mean(kind, b, own)
    if of_a is None or of_b is None or refused:
        return Compared(kind.name, kind.unit, of_a, of_b, None, None, None, None, refused or "not in both")
    difference = of_b - of_a
    gain = 0.0 if unit is None else unit.gain * difference
    u = None if u_a is None and u_b is None else math.hypot(u_a or 0.0, u_b or 0.0, gain)
    relative = difference / of_a + 0.0 if of_a else None  # no -0
    return Compared(
        kind.name, kind.unit, of_a, of_b, difference, u, relative, None if u is None else abs(difference) <= u
    )


def _mean(kind: _Kind, records: Sequence[Record], own: float) -> tuple[float | None, float | None]:
    """Return the mean of what the records hold, and its uncertainty: the meter's, and how far the trials spread.

    The meter's does not shrink with more trials; the spread's does. Only the share ``own`` of the meter's counts.
    """
    taken = [kind.take(record) for record in records]
    values = [value for value, _ in taken if value is not None]
    if not values:
        return None, None
    of_meter = [u for _, u in taken if u is not None]
    spread = u_of_mean(values)
    if not of_meter and spread is None:
        return fmean(values), None
    return fmean(values), math.hypot(own * max(of_meter, default=0.0), spread or 0.0)


def _label(records: Sequence[Record]) -> str:
    first = records[0]
    made = "" if first.made == "board" else f" ({first.made})"
    return f"{first.board.name}{made} {', '.join(dict.fromkeys(r.artifact.name for r in records))}"


_SAME: dict[str, Callable[[Record], object]] = {
    "board": lambda r: r.board.name,
    "serial number": lambda r: r.board.serial_number,
    "board model": lambda r: r.board.model,
    "made of": lambda r: r.made,
    "supply meter": lambda r: r.supply_meter,
    "watts": lambda r: r.supply and (r.supply.kind and WORDS[r.supply.kind]),
    "how": lambda r: r.supply and r.supply.how,
    "short term": lambda r: r.supply and (r.supply.short_term and f"{r.supply.short_term.over_s:g} s"),
    "meter's serial number": lambda r: r.supply and r.supply.serial_number,
    "artifact": lambda r: r.artifact.id[:12],
    "data set": lambda r: r.dataset.id[:12],
    "scenario": lambda r: r.scenario.name,
    "frame rate": lambda r: r.scenario.rate_hz and f"{r.scenario.rate_hz:g} Hz",
    "lateness policy": lambda r: r.scenario.late or ("queue" if r.scenario.rate_hz else "none"),
    "deadline": lambda r: f"{ms:g} ms" if (ms := r.deadlines.deadline_ms) else "none",
    "part of the data set": lambda r: f"{part[0]} to {part[1] - 1}" if (part := r.scenario.part) else "all",
    "size of a query": lambda r: r.scenario.samples_per_query or "one",
    "pipeline": lambda r: ", ".join(r.latency.stages_mean_ms),
    "runtime": lambda r: r.board.runtime,
    "device": lambda r: r.board.device,
    "power mode": lambda r: r.state_before.power_mode,
    "governor": lambda r: r.state_before.governor,
}


def _remarks(a: Sequence[Record], b: Sequence[Record]) -> list[str]:
    found: list[str] = []
    for what, take in _SAME.items():
        of_a, of_b = (", ".join(dict.fromkeys(str(take(record) or "unknown") for record in side)) for side in (a, b))
        if of_a != of_b:
            found.append(f"{what} differs: {of_a} / {of_b}")
    for name, side in (("A", a), ("B", b)):
        voids = list(dict.fromkeys(void for record in side for void in record.voids))
        found += [f"{name} is void: {void}" for void in voids]
    return found
