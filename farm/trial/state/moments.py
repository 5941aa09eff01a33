"""The board's state over a trial, on the controller's clock. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from ...store.board_facts import AcceleratorFacts, StateFacts
from ..clock import ClockMap
from ..watts import Window
from .lines import Life, Sample, Ticks
from .watch import Watched

Interval = tuple[int, int]
"""Begin and end, ns of the controller's clock."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The board as it was read once; until the next moment of its life it stayed so."""

    at_ns: int
    since_ns: int
    """The reading before: what is new, is so since then."""
    state: StateFacts
    ticks: Ticks | None = None
    until_ns: int = 0
    """Up to which it is known to have stayed so."""


def moments(watched: Watched, times: ClockMap, before: StateFacts, begun_ns: int) -> list[Moment]:
    """Return all of them in order, the look just before the trial (at ``begun_ns``) first."""
    found = [Moment(begun_ns, begun_ns, before, until_ns=begun_ns)]
    for life in watched.lives:
        placed = list(_placed(life, times, before.accelerators))
        if placed:
            found += [_after(placed[0], found[-1].at_ns), *placed[1:]]
    return found


def _after(first: Moment, last_ns: int) -> Moment:
    """Return a life's first moment: what is new in it came after the last of the life before."""
    return Moment(first.at_ns, min(last_ns, first.at_ns), first.state, first.ticks, first.until_ns)


def _placed(life: Life, times: ClockMap, hanging: Sequence[AcceleratorFacts]) -> Iterator[Moment]:
    at = times.to_controller_ns
    ends_ns = dict(life.stretches())
    end_ns = 0
    for sample, following in pairwise([*life.samples, None]):
        if sample is None:
            return
        end_ns = ends_ns.get(sample.t_ns, end_ns)
        until_ns = end_ns if following is None else min(following.t_ns, end_ns)
        yield Moment(at(sample.t_ns), at(sample.before_ns), _state(sample, hanging), sample.ticks, at(until_ns))


def _state(sample: Sample, hanging: Sequence[AcceleratorFacts]) -> StateFacts:
    """Return it as records have it; an accelerator on USB whose link is not told any more is gone."""
    links = sample.link_mbps
    left = [
        one if one.link_mbps is None else one.model_copy(update={"link_mbps": links[one.port]})
        for one in hanging
        if one.link_mbps is None or one.port in links
    ]
    state = StateFacts.model_validate({**asdict(sample.state), "other_load": sample.other_load})
    return state.model_copy(update={"accelerators": left})


def in_force(found: Sequence[Moment], window: Window) -> list[Moment]:
    """Return those that tell of a window: read in it, or before it and so still when it began."""
    inside = [one for one in found if window.start_ns <= one.at_ns <= window.end_ns]
    ahead = [one for one in found if one.at_ns < window.start_ns <= one.until_ns]
    return ahead[-1:] + inside


def holes(found: Sequence[Moment], window: Window, tells: Callable[[StateFacts], bool]) -> list[Interval]:
    """Return what of a window nothing is known of; ``tells`` is whether a moment's state tells what is wanted."""
    edge_ns, left = window.start_ns, list[Interval]()
    for one in found:
        if one.until_ns <= edge_ns or not tells(one.state):
            continue
        if one.at_ns > edge_ns:
            left.append((edge_ns, min(one.at_ns, window.end_ns)))
        edge_ns = one.until_ns
        if edge_ns >= window.end_ns:
            return left
    return [*left, (edge_ns, window.end_ns)]


def share(left: Sequence[Interval], window: Window) -> float:
    """Return the part of a window that holes take."""
    whole_ns = max(1, window.end_ns - window.start_ns)
    return sum(end - begin for begin, end in left) / whole_ns


def other_load(found: Sequence[Moment], window: Window) -> float | None:
    """Return the share of the processors' time that was not the runner's, over a window and what lies nearest to it.

    None where that cannot be told: no two moments around or in it, or nobody knows which process is the runner.
    """
    counted = [(one.at_ns, one.ticks) for one in found if one.ticks is not None]
    first = [one for one in counted if one[0] <= window.start_ns][-1:] or counted[:1]
    last = [one for one in counted if one[0] >= window.end_ns][:1] or counted[-1:]
    if not first or not last:
        return None
    (_, begin), (_, end) = first[0], last[0]
    if begin.own is None or not end.own or end.total <= begin.total:  # no runner ran for less than a tick
        return None
    others = end.busy - begin.busy - (end.own - begin.own)
    return min(1.0, max(0.0, others / (end.total - begin.total)))
