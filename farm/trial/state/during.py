"""What the state of a board while a trial ran means for that trial. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...store.record import DemandFacts, DuringFacts, Event
from ..clock import ClockMap
from .asked import Asked
from .changes import MUCH_LOAD, Change, changes, reasons, throughout
from .kept import Kept, kept
from .moments import Interval, Moment, holes, in_force, moments, other_load, share
from .rules import percent
from .watch import Watched

_MOST_CHANGES = 100
_CALLED = {"governor": "governor", "power_mode": "power mode"}
"""A demand whose change is told as one of the settings already."""


@dataclass(frozen=True, slots=True)
class During:
    """What was seen, and what follows from it."""

    facts: DuringFacts | None = None
    voids: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    events: list[Event] = field(default_factory=list[Event])
    demands: list[DemandFacts] = field(default_factory=list[DemandFacts])
    decides: frozenset[str] = frozenset()
    """Fields of the state that were watched throughout: what they are after the trial matters no more."""


def judge(watched: Watched, times: ClockMap, asked: Asked) -> During:
    """Return what a watch says of a trial."""
    found = moments(watched, times, asked.before, asked.begun_ns)
    left, load = holes(found, asked.frames, lambda _: True), other_load(found, asked.frames)
    seen = list(changes(found, asked))
    demands = list(kept(found, asked, load))
    told = {change.what for change in seen if change.voids}
    broken = [
        f"demand: {one.facts.name}: wanted {one.facts.wanted}, {one.broken}"
        for one in demands
        if one.broken and _CALLED.get(one.facts.name) not in told
    ]
    return During(
        _facts(watched, found, asked, left, seen, load),
        [*reasons(seen, asked), *broken, *_unwatched(demands, left, asked, watched)],
        list(_warnings(demands, left, asked, watched, load)),
        [*_events(seen, left, watched), *(one.event for one in demands if one.event is not None)],
        [one.facts for one in demands],
        throughout(found, asked),
    )


def _unwatched(demands: Sequence[Kept], left: Sequence[Interval], asked: Asked, watched: Watched) -> Iterator[str]:
    if names := [one.facts.name for one in demands if one.unwatched]:
        when = _stretches(left, asked) or "the board does not tell while frames run"
        yield f"unwatched: {', '.join(names)}: {when}{_because(watched)}"


def _warnings(
    demands: Sequence[Kept], left: Sequence[Interval], asked: Asked, watched: Watched, load: float | None
) -> Iterator[str]:
    if left and not any(one.unwatched for one in demands):
        yield f"state: {_stretches(left, asked)}{_because(watched)}"
    if load is not None and load > MUCH_LOAD and asked.demands.max_other_load is None:
        yield f"load: others took {percent(load)} of the processors' time while frames ran; the watts hold that, too"


def _stretches(left: Sequence[Interval], asked: Asked) -> str:
    spans = [f"{asked.seconds(begin):.1f} to {asked.seconds(end):.1f} s" for begin, end in left]
    return f"nothing is known of {', '.join(spans)}" if spans else ""


def _because(watched: Watched) -> str:
    return f" ({watched.why_not})" if watched.why_not else ""


def _events(seen: Sequence[Change], left: Sequence[Interval], watched: Watched) -> Iterator[Event]:
    yield from (change.event() for change in seen[:_MOST_CHANGES])
    if watched.lives:
        for begin_ns, end_ns in left:
            yield Event(kind="state", what="state unknown", t_ns=begin_ns, until_ns=end_ns)


def _facts(
    watched: Watched,
    found: Sequence[Moment],
    asked: Asked,
    left: Sequence[Interval],
    seen: Sequence[Change],
    load: float | None,
) -> DuringFacts | None:
    if not watched.readings:
        return None
    states = [one.state for one in in_force(found, asked.frames)]
    free = [state.memory_free_bytes for state in states if state.memory_free_bytes is not None]
    return DuringFacts(
        period_s=watched.period_s,
        readings=watched.readings,
        cpu_ms=watched.cost_s * 1e3,
        watched=1 - share(left, asked.frames),
        unwatched_s=[(asked.seconds(begin), asked.seconds(end)) for begin, end in left],
        why_unwatched=(watched.why_not or None) if left else None,
        changes=[change.facts(asked) for change in seen[:_MOST_CHANGES]],
        celsius_max=_extremes([state.celsius for state in states], highest=True),
        clock_min_hz={name: int(hz) for name, hz in _extremes([state.clock_hz for state in states]).items()},
        memory_free_min_bytes=min(free, default=None),
        other_load=load,
    )


def _extremes(told: Sequence[Mapping[str, float]], *, highest: bool = False) -> dict[str, float]:
    names = dict.fromkeys(name for one in told for name in one)
    pick = max if highest else min
    return {name: pick(one[name] for one in told if name in one) for name in names}
