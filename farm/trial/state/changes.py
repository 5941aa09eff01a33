"""What changed on a board while a trial ran, and which of it makes the trial void. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...store.record import ChangeFacts, Event, StateFacts, VoidKind
from .asked import Asked
from .moments import Moment, holes
from .rules import percent

MUCH_LOAD = 0.25
"""Assumed: that much of the processors' time taken by others shows in the watts."""
_LITTLE = "little"
_KINDS: dict[str, VoidKind] = {
    "throttled": "throttled",
    "governor": "settings",
    "power mode": "settings",
    "cores": "settings",
}
"""Anything else is an accelerator's link."""
_FIELDS = {"throttled": "throttled", "governor": "governor", "power mode": "power_mode"}
"""What is compared before and after too, by the field of the state."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing, from one moment to the next."""

    what: str
    was: str
    is_now: str
    at_ns: int
    since_ns: int
    voids: bool

    def facts(self, asked: Asked) -> ChangeFacts:
        """Return it as records have it."""
        return ChangeFacts(
            what=self.what,
            was=self.was,
            is_now=self.is_now,
            at_s=asked.seconds(self.at_ns),
            since_s=asked.seconds(self.since_ns),
            voids=self.voids,
        )

    def event(self) -> Event:
        """Return it as the time axis has it."""
        kind = "fault" if self.voids else "state"
        return Event(kind=kind, what=f"{self.what}: {self.was} → {self.is_now}", t_ns=self.at_ns)


def changes(found: Sequence[Moment], asked: Asked) -> Iterator[Change]:
    """Yield what changed from each moment to the next; what is not told for a while is held against what was told last.

    What came when the last frame was done makes nothing void, nor does other load by itself.
    """
    known: dict[str, str] = {}
    for earlier, later in pairwise(found):
        known |= _aspects(earlier.state)
        matters = later.since_ns < asked.frames.end_ns and later.at_ns >= asked.begun_ns
        moved = [
            (what, known[what], text) for what, text in _aspects(later.state).items() if known.get(what, text) != text
        ]
        for what, before, after in [*moved, *_links(earlier.state, later.state)]:
            load = what == "other load"
            if load and _LITTLE not in (before, after):
                continue  # much, and then another much
            yield Change(what, before, after, later.at_ns, later.since_ns, matters and not load)


def reasons(seen: Sequence[Change], asked: Asked) -> Iterator[str]:
    """Yield why the trial is void: a reason for each thing that changed, by its first change."""
    counted: dict[str, list[Change]] = {}
    for change in seen:
        if change.voids:
            counted.setdefault(change.what, []).append(change)
    for what, all_of_it in counted.items():
        first, when = all_of_it[0], asked.when(all_of_it[0].at_ns)
        more = f", and {len(all_of_it) - 1} more" if len(all_of_it) > 1 else ""
        if what == "throttled":
            yield f"throttled: {when}: {first.was} → {first.is_now}{more}"
        else:
            yield f"{_KINDS.get(what, 'link')}: {what} {first.was} → {first.is_now} {when}{more}"


def throughout(found: Sequence[Moment], asked: Asked) -> frozenset[str]:
    """Return the fields of the state that were told all the frames' time."""
    fields = [
        field
        for what, field in _FIELDS.items()
        if not holes(found, asked.frames, lambda state, what=what: what in _aspects(state))
    ]
    whole = not holes(found, asked.frames, lambda _: True)
    return frozenset([*fields, *(["accelerators"] if whole else [])])


def _aspects(state: StateFacts) -> dict[str, str]:
    """Return what is looked at, in words; what the board does not tell is left out."""
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
        told["other load"] = percent(state.other_load) if state.other_load > MUCH_LOAD else _LITTLE
    return told


def _links(was: StateFacts, is_now: StateFacts) -> Iterator[tuple[str, str, str]]:
    now = {one.port: f"{one.link_mbps} Mbit/s" for one in is_now.accelerators}
    for one in was.accelerators:
        if one.link_mbps is not None and now.get(one.port) != (text := f"{one.link_mbps} Mbit/s"):
            yield f"{one.kind} on port {one.port}", text, now.get(one.port, "gone")
