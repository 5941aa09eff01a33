"""Whether demands were kept while frames ran. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...store.record import DemandFacts, Event, StateFacts
from .asked import Asked
from .demands import Demands, Finding, look
from .moments import Moment, holes, in_force, share
from .rules import percent

_UNWATCHED = 0.1
"""Share of the frames' time for which a demand may go unwatched (assumed)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One demand."""

    facts: DemandFacts
    unwatched: bool = False
    """For too long to say that it was kept."""
    broken: str = ""
    """What was got, and when; empty: it was kept as far as it was watched."""
    event: Event | None = None


def kept(found: Sequence[Moment], asked: Asked, other_load: float | None) -> Iterator[Kept]:
    """Yield what became of each demand; ``other_load``: over the frames' time, None where it is not known."""
    before = list(look(asked.demands, asked.before, remembers=asked.remembers))
    held_to = {one.name for one in look(asked.demands, asked.before, remembers=asked.remembers, during=True)}
    for first in before:
        facts = DemandFacts(name=first.name, wanted=first.wanted, before=first.got or "nothing", held=first.held)
        if first.name not in held_to:  # it was, or the trial had not begun; what warmed the board may show in it now
            yield Kept(facts if first.held else facts.model_copy(update={"before": "fulfilled", "held": True}))
        elif first.name == "max_other_load":
            yield _over_all(facts, _alone(asked, first), other_load)
        else:
            yield _moment_by_moment(facts, _alone(asked, first), found, asked)


def _alone(asked: Asked, one: Finding) -> Demands:
    return Demands.model_validate({one.name: asked.demands.given[one.name]})


def _moment_by_moment(facts: DemandFacts, one: Demands, found: Sequence[Moment], asked: Asked) -> Kept:
    def told(state: StateFacts) -> Finding | None:
        return next(look(one, state, remembers=asked.remembers, told=True), None)

    left = holes(found, asked.frames, lambda state: told(state) is not None)
    seen = [(moment, finding) for moment in in_force(found, asked.frames) if (finding := told(moment.state))]
    broken = next(((moment, finding) for moment, finding in seen if not finding.held), None)
    if broken is None:
        lost = share(left, asked.frames) > _UNWATCHED
        during = seen[-1][1].got if seen else None
        if lost and during:
            during += f", unwatched for {percent(share(left, asked.frames))}"
        return Kept(facts.model_copy(update={"during": during, "held": not lost}), unwatched=lost)
    at_ns, got = max(broken[0].at_ns, asked.frames.start_ns), broken[1].got
    event = Event(kind="fault", what=f"{facts.name}: {got}", t_ns=at_ns)
    facts = facts.model_copy(update={"during": got, "held": False})
    return Kept(facts, broken=f"got {got} {asked.when(at_ns)}", event=event)


def _over_all(facts: DemandFacts, one: Demands, load: float | None) -> Kept:
    """Judge the one demand that is about all of the frames' time together."""
    finding = next(look(one, StateFacts(other_load=load), told=True), None)
    if finding is None:
        return Kept(facts.model_copy(update={"held": False}), unwatched=True)
    facts = facts.model_copy(update={"during": finding.got, "held": finding.held})
    return Kept(facts, broken="" if finding.held else f"got {finding.got} over the frames")
