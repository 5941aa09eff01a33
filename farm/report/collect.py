"""What a report is about: a run and its trials, or one trial alone."""

from dataclasses import dataclass

from farm.store.database import Store, Stored, Unreadable
from farm.store.record import PowerFacts
from farm.store.run import GateVerdict, Run
from power.block import Block

from ..errors import LabFault, UsageFault
from .html.datasets import Evidence
from .prediction.beside import Lookup

_MOST_TRIALS = 100_000


@dataclass(frozen=True, slots=True)
class Subject:
    """Trials in the order in which they were kept."""

    run: Run | None
    """Absent: one record, asked for by its own id."""
    verdict: GateVerdict | None
    trials: list[Stored]
    unreadable: list[Unreadable]


def collect(store: Store, name: str) -> Subject:
    """Return the run whose id begins so, ``last`` the newest; else the record whose id begins so.

    Raises:
        UsageFault: neither, or it is not clear which.
    """
    try:
        found = store.run(name)
    except UsageFault as no_run:
        return _record(store, name, no_run)
    if name != "last" and found.run.id != name and _is_record(store, name):
        raise UsageFault(f"{name!r} begins a run and a record; give more of the id")
    listed = store.records(run_id=found.run.id, limit=_MOST_TRIALS)[::-1]
    return Subject(
        found.run,
        found.verdict,
        [one for one in listed if isinstance(one, Stored)],
        [one for one in listed if isinstance(one, Unreadable)],
    )


def _record(store: Store, name: str, no_run: UsageFault) -> Subject:
    if name == "last":
        newest = store.records(limit=1)
        if not newest:
            raise UsageFault("no runs and no records yet; `farm run` leaves one") from None
        name = newest[0].record.id if isinstance(newest[0], Stored) else newest[0].id
    try:
        return Subject(None, None, [store.load(name)], [])
    except UsageFault as no_record:
        raise UsageFault([*no_run.faults, *no_record.faults]) from None


def _is_record(store: Store, name: str) -> bool:
    try:
        store.load(name)
    except UsageFault:
        return False
    return True


def evidence(store: Store, stored: Stored, lookup: Lookup | None = None) -> Evidence:
    """Return all that a record seals; what is damaged is named, and hides nothing else.

    ``lookup``: adds what was predicted, or measured, of the like.
    """
    record, damaged = stored.record, list[str]()
    traces: dict[str, Block] = {}
    for power in record.power:
        try:
            traces[power.meter] = store.overview(record.id, power.meter)
        except (UsageFault, LabFault) as fault:
            damaged.append(_line(power, fault))
    frames, console = None, b""
    try:
        frames = store.frames(record.id)
    except LabFault as fault:
        damaged.append(f"frames: {_first(fault)}")
    try:
        console = store.console(record.id)
    except LabFault as fault:
        damaged.append(f"console log: {_first(fault)}")
    return Evidence(record, traces, frames, console, tuple(damaged), lookup.text(record) if lookup else None)


def _line(power: PowerFacts, fault: Exception) -> str:
    return f"trace of {power.meter}: {_first(fault)}"


def _first(fault: Exception) -> str:
    return str(fault).partition("\n")[0]
