"""What the board said of itself, what was demanded of it, and what changed, as texts."""

from typing import NamedTuple

from farm.store.record import DuringFacts, Record

from . import words
from .trial_facts import state_texts
from .words import ABSENT


class StateRow(NamedTuple):
    """One thing that the board told."""

    name: str
    before: str
    during: str
    """The worst while frames ran: the highest temperature, the lowest clock, the least free memory."""
    after: str


class DemandRow(NamedTuple):
    """One demand of the plan."""

    name: str
    wanted: str
    before: str
    during: str
    outcome: str
    """``held``, or ``void``."""


class ChangeRow(NamedTuple):
    """Something that changed while the trial ran."""

    when: str
    what: str
    was: str
    is_now: str
    outcome: str


def state_rows(record: Record) -> list[StateRow]:
    """Return what the board said before, while frames ran, and after."""
    before, after = state_texts(record.state_before), state_texts(record.state_after)
    during = _during(record.state_during) if record.state_during else {}
    names = dict.fromkeys([*before, *after])
    return [
        StateRow(name, *(texts.get(name, ABSENT) for texts in (before, during, after)))
        for name in [*names, *(name for name in during if name not in names)]
    ]


def demand_rows(record: Record) -> list[DemandRow]:
    """Return what was demanded of the board, and what was found."""
    return [
        DemandRow(one.name, one.wanted, one.before, one.during or ABSENT, "held" if one.held else "void")
        for one in record.demands
    ]


def change_rows(record: Record) -> list[ChangeRow]:
    """Return what changed, in the order of time."""
    if record.state_during is None:
        return []
    return [
        ChangeRow(f"{one.at_s:.1f}", one.what, one.was, one.is_now, "void" if one.voids else "plain")
        for one in record.state_during.changes
    ]


def watched(record: Record) -> str:
    """Return how the board was watched; empty where it was not."""
    if (during := record.state_during) is None:
        return ""
    looked = f"{during.readings} readings, one in {during.period_s:.2g} s, {during.cpu_ms:.2g} ms of a processor each"
    told = f"Watched while the trial ran: {looked}; they cover {during.watched:.0%} of the frames".replace("%", " %")
    return told + (f" ({during.why_unwatched})." if during.why_unwatched else ".")


def _during(during: DuringFacts) -> dict[str, str]:
    texts = {f"{sensor}, °C": f"{celsius:.1f}" for sensor, celsius in during.celsius_max.items()}
    texts |= {f"clock {name}": words.clock(hz) for name, hz in during.clock_min_hz.items()}
    if during.memory_free_min_bytes is not None:
        texts["memory free"] = words.size(during.memory_free_min_bytes)
    if during.other_load is not None:
        texts["other load"] = f"{during.other_load:.1%}".replace("%", " %")
    return texts
