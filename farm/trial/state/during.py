"""What the state of a board while a trial ran means for that trial. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ...store.record import ChangeFacts, DemandFacts, DuringFacts, Event, StateFacts, VoidKind
from ..clock import ClockMap
from ..watts import Window
from .demands import Demands, Finding, look
from .moments import Interval, Moment, holes, in_force, moments, other_load, share
from .watch import Watched

_UNWATCHED = 0.1
"""Share of the frames' time for which a demand may go unwatched (assumed)."""
_MUCH_LOAD = 0.25
"""Assumed: that much of the processors' time taken by others shows in the watts."""
_MOST_CHANGES = 100

_KINDS: dict[str, VoidKind] = {
    "throttled": "throttled",
    "governor": "settings",
    "power mode": "settings",
    "cores": "settings",
}
"""Anything else is a link's port."""
_DECIDES = {"throttled": "throttled", "governor": "governor", "power mode": "power_mode"}
"""What is compared before and after too, by the field of the state."""
_CALLED = {"governor": "governor", "power_mode": "power mode"}
"""A demand whose change is told as a change of settings."""


@dataclass(frozen=True, slots=True)
class During:
    """What was seen, and what follows from it."""

    facts: DuringFacts | None = None
    voids: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    events: list[Event] = field(default_factory=list[Event])
    demands: list[DemandFacts] = field(default_factory=list[DemandFacts])
    decides: frozenset[str] = frozenset()
    """Fields of the state that were watched throughout: what they were after the trial matters no more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the state is held against."""

    demands: Demands
    before: StateFacts
    begun_ns: int
    """When the first thing began that counts: the idle watts before the frames."""
    frames: Window
    remembers: bool = False
    """See :attr:`devices.board.Board.remembers_throttling`."""

    def seconds(self, t_ns: int) -> float:
        """Return a moment from the first frame's arrival."""
        return (t_ns - self.frames.start_ns) / 1e9


def judge(watched: Watched, times: ClockMap, asked: Asked) -> During:
    """Return what a watch says of a trial."""
    found = moments(watched, times, asked.before, asked.begun_ns)
    left = holes(found, asked.frames, lambda _: True)
    changes = [(one, change) for one, change in _changes(found, asked)][:_MOST_CHANGES]
    load = other_load(found, asked.frames)
    demands = list(_demands(found, asked, load))
    told = {change.what for _, change in changes if change.voids}
    broken = [
        f"demand: {one.name}: wanted {one.wanted}, {text}"
        for one, text, _ in demands
        if text and not one.unwatched and _CALLED.get(one.name) not in told
    ]
    unwatched = [one.name for one, _, _ in demands if one.unwatched]
    return During(
        _facts(watched, found, asked, left, [change for _, change in changes], load),
        [*_voids([change for _, change in changes]), *broken, *_unwatched(unwatched, left, asked, watched)],
        _warnings(asked, left, load, watched, unwatched),
        [*_events(changes, left, watched), *(event for *_, event in demands if event is not None)],
        [one.facts for one, _, _ in demands],
        frozenset(name for what, name in _DECIDES.items() if _throughout(found, asked, what)),
    )


def _aspects(state: StateFacts) -> dict[str, str]:
    """Return what may not change, in words; what the board does not tell is left out."""
    told: dict[str, str] = {}
    if state.throttled is not None or state.throttle_detail is not None:
        told["throttled"] = state.throttle_detail or ("yes" if state.throttled else "nothing")
    if state.governor is not None:
        told["governor"] = state.governor
    if state.power_mode is not None:
        told["power mode"] = state.power_mode
    if cores := [name.removeprefix("cpu") for name in state.clock_hz if name.startswith("cpu")]:
        told["cores"] = ", ".join(sorted(cores))
    if state.other_load is not None:
        told["other load"] = f"{state.other_load:.0%}".replace("%", " %") if state.other_load > _MUCH_LOAD else "little"
    return told


def _links(was: StateFacts, is_now: StateFacts) -> Iterator[tuple[str, str, str]]:
    now = {one.port: f"{one.link_mbps} Mbit/s" for one in is_now.accelerators}
    for one in was.accelerators:
        if one.link_mbps is not None and now.get(one.port) != (text := f"{one.link_mbps} Mbit/s"):
            yield f"{one.kind} on port {one.port}", text, now.get(one.port, "gone")


def _changes(found: Sequence[Moment], asked: Asked) -> Iterator[tuple[Moment, ChangeFacts]]:
    """Yield what changed from each moment to the next, and whether it matters."""
    for earlier, later in pairwise(found):
        matters = later.since_ns < asked.frames.end_ns and later.at_ns >= asked.begun_ns
        was, is_now = _aspects(earlier.state), _aspects(later.state)
        moved = [(what, was[what], is_now[what]) for what in was if is_now.get(what, was[what]) != was[what]]
        for what, before, after in [*moved, *_links(earlier.state, later.state)]:
            if what == "other load" and "little" not in (before, after):
                continue  # much, and then another much
            voids = matters and what != "other load"
            at_s, since_s = asked.seconds(later.at_ns), asked.seconds(later.since_ns)
            yield (
                later,
                ChangeFacts(what=what, was=before, is_now=after, at_s=at_s, since_s=since_s, voids=voids),
            )


def _voids(changes: Sequence[ChangeFacts]) -> Iterator[str]:
    """Yield a reason for each thing that changed, by its first change."""
    counted: dict[str, list[ChangeFacts]] = {}
    for change in changes:
        if change.voids:
            counted.setdefault(change.what, []).append(change)
    for what, all_of_it in counted.items():
        first, kind = all_of_it[0], _KINDS.get(what, "link")
        more = f", and {len(all_of_it) - 1} more" if len(all_of_it) > 1 else ""
        if kind == "throttled":
            yield f"throttled: {_when(first.at_s)}: {first.was} → {first.is_now}{more}"
        else:
            yield f"{kind}: {what} {first.was} → {first.is_now} {_when(first.at_s)}{more}"


def _when(at_s: float) -> str:
    return f"at {at_s:.1f} s" if at_s >= 0 else f"{-at_s:.1f} s before the first frame"


@dataclass(frozen=True, slots=True)
class _Demand:
    facts: DemandFacts
    unwatched: bool

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def wanted(self) -> str:
        return self.facts.wanted


def _demands(found: Sequence[Moment], asked: Asked, load: float | None) -> Iterator[tuple[_Demand, str, Event | None]]:
    """Yield each demand, how it was broken (empty: it was not), and where that stands on the time axis."""
    before = {one.name: one for one in look(asked.demands, asked.before, remembers=asked.remembers)}
    watched = {one.name for one in look(asked.demands, asked.before, remembers=asked.remembers, during=True)}
    for name, first in before.items():
        facts = DemandFacts(name=name, wanted=first.wanted, before=first.got or "nothing", held=first.held)
        if name not in watched:
            yield _Demand(facts, unwatched=False), "", None
            continue
        one = Demands.model_validate({name: asked.demands.given[name]})
        if name == "max_other_load":
            yield _over_all(facts, one, load)
            continue
        left = holes(found, asked.frames, lambda state, one=one: bool(_told(one, state, asked)))
        seen = [
            (moment, told[0]) for moment in in_force(found, asked.frames) if (told := _told(one, moment.state, asked))
        ]
        broken = next(((moment, finding) for moment, finding in seen if not finding.held), None)
        lost = share(left, asked.frames) > _UNWATCHED
        during = broken[1].got if broken else seen[-1][1].got if seen else None
        facts = facts.model_copy(update={"during": during, "held": broken is None and not lost})
        if broken is None:
            yield _Demand(facts, unwatched=lost), "", None
            continue
        text = f"got {during} {_when(max(0.0, asked.seconds(broken[0].at_ns)))}"
        event = Event(kind="fault", what=f"{name}: {during}", t_ns=broken[0].at_ns)
        yield _Demand(facts, unwatched=False), text, event


def _told(one: Demands, state: StateFacts, asked: Asked) -> list[Finding]:
    return list(look(one, state, remembers=asked.remembers, told=True))


def _over_all(facts: DemandFacts, one: Demands, load: float | None) -> tuple[_Demand, str, Event | None]:
    """Judge the one demand that is about all of the frames' time together."""
    seen = list(look(one, StateFacts(other_load=load), told=True))
    if not seen:
        return _Demand(facts.model_copy(update={"held": False}), unwatched=True), "", None
    got = seen[0].got
    facts = facts.model_copy(update={"during": got, "held": seen[0].held})
    return _Demand(facts, unwatched=False), "" if seen[0].held else f"got {got} over the frames", None


def _throughout(found: Sequence[Moment], asked: Asked, what: str) -> bool:
    return not holes(found, asked.frames, lambda state: what in _aspects(state))


def _unwatched(names: Sequence[str], left: Sequence[Interval], asked: Asked, watched: Watched) -> Iterator[str]:
    if names:
        when = _stretches(left, asked) or "the board does not tell while frames run"
        why = f" ({watched.why_not})" if watched.why_not else ""
        yield f"unwatched: {', '.join(names)}: {when}{why}"


def _stretches(left: Sequence[Interval], asked: Asked) -> str:
    spans = [f"{asked.seconds(begin):.1f} to {asked.seconds(end):.1f} s" for begin, end in left]
    return f"nothing is known of {', '.join(spans)}" if spans else ""


def _warnings(
    asked: Asked, left: Sequence[Interval], load: float | None, watched: Watched, told: Sequence[str]
) -> list[str]:
    found: list[str] = []
    if left and not told:
        why = f": {watched.why_not}" if watched.why_not else ""
        found.append(f"state: {_stretches(left, asked)}{why}")
    if load is not None and load > _MUCH_LOAD and asked.demands.max_other_load is None:
        took = f"{load:.0%}".replace("%", " %")
        found.append(f"load: others took {took} of the processors' time while frames ran; the watts hold that, too")
    return found


def _events(
    changes: Sequence[tuple[Moment, ChangeFacts]], left: Sequence[Interval], watched: Watched
) -> Iterator[Event]:
    for moment, change in changes:
        what = f"{change.what}: {change.was} → {change.is_now}"
        yield Event(kind="fault" if change.voids else "state", what=what, t_ns=moment.at_ns)
    if watched.lives:
        for begin_ns, end_ns in left:
            yield Event(kind="state", what="state unknown", t_ns=begin_ns, until_ns=end_ns)


def _facts(
    watched: Watched,
    found: Sequence[Moment],
    asked: Asked,
    left: Sequence[Interval],
    changes: list[ChangeFacts],
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
        why_unwatched=watched.why_not or None,
        changes=changes,
        celsius_max=_extremes([state.celsius for state in states], highest=True),
        clock_min_hz={name: int(hz) for name, hz in _extremes([state.clock_hz for state in states]).items()},
        memory_free_min_bytes=min(free, default=None),
        other_load=load,
    )


def _extremes(told: Sequence[Mapping[str, float]], *, highest: bool = False) -> dict[str, float]:
    names = dict.fromkeys(name for one in told for name in one)
    pick = max if highest else min
    return {name: pick(one[name] for one in told if name in one) for name in names}
