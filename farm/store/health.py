"""What happened to the boards' health, and which of them are in quarantine.

Kept are faults, checks, quarantines, releases, and looks that found something else than the look before. What
passes by itself (a board is off, in use, booting) is never kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, RowMapping, func, select

from . import schema
from .database import Store
from .record import utc

QUARANTINE_AFTER = 3
"""Faults in a row that no completed trial and no passed check breaks; unless the lab's health.yaml says otherwise."""

What = Literal["look", "fault", "check", "quarantine", "release"]
_COUNTED = ("fault", "check")
Kept = Literal["ok", "faulty", "quarantined"]
"""How a board is, other than for the moment."""
_HELD = "in quarantine: "
"""Begins the words of a look that found a board there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a board's history."""

    board: str
    at_utc: str
    what: What
    good: bool
    """A look without a fault, a passed check, a release."""
    why: str
    """The fault; of what was good, a word or nothing."""
    by: str
    """Who: ``user@host``, or what FARM_OWNER says. Empty where the caller did not tell."""
    json: str | None = None
    """A check's steps."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A board's state has changed between two looks."""

    board: str
    was: Kept
    state: Kept
    why: str
    """Empty when it is well."""


def history(store: Store, board: str | None = None, *, limit: int = 50) -> list[Entry]:
    """Return the newest entries, newest first."""
    query = select(schema.health).order_by(schema.health.c.number.desc()).limit(limit)
    if board is not None:
        query = query.where(schema.health.c.board == board)
    with store.transaction() as connection:
        return [_entry(row) for row in connection.execute(query).mappings()]


def quarantined(store: Store) -> dict[str, str]:
    """Return the boards in quarantine, each with the reason and since when."""
    table = schema.quarantine.c
    with store.transaction() as connection:
        rows = connection.execute(select(table.board, table.why, table.since_utc).order_by(table.board)).all()
    return {board: f"{why} (since {_local(since_utc)})" for board, why, since_utc in rows}


def _local(utc_text: str) -> str:
    """Return a kept time as people here read it."""
    return f"{datetime.fromisoformat(utc_text).astimezone():%Y-%m-%d %H:%M}"


def note_looks(store: Store, found: Mapping[str, tuple[Kept, str]]) -> list[Turn]:
    """Keep what looks found where it differs from what the look before found; return whose state has changed.

    Two faults of one component are the same: figures in their words change with every look. Each change is returned
    once, whoever else looks at the same time.

    Args:
        store: the lab's.
        found: by board, the state and the reason. Whoever is off, in use or booting is left out.
    """
    turns: list[Turn] = []
    with store.transaction(alone=True) as connection:
        before = _last_looks(connection)
        for board, (state, why) in found.items():
            was, because = before.get(board, ("ok", ""))  # that a board was always well is no news
            if was != state or _component(because) != _component(why):
                words = _HELD + why if state == "quarantined" else why
                _add(connection, board, "look", words, good=state == "ok")
            if was != state:
                turns.append(Turn(board, was, state, why))
    return turns


def note_fault(
    store: Store, board: str, why: str, *, quarantine_after: int = QUARANTINE_AFTER, by: str = ""
) -> str | None:
    """Keep a lab fault that somebody met on a board; return why it is in quarantine if it is now."""
    with store.transaction(alone=True) as connection:
        _add(connection, board, "fault", why, good=False, by=by)
        return _judge_row(connection, board, quarantine_after)


def note_check(
    store: Store, board: str, fault: str, *, json: str, quarantine_after: int = QUARANTINE_AFTER, by: str = ""
) -> str | None:
    """Keep a health check: its first fault, or nothing when it passed, which ends a quarantine.

    Returns:
        Why the board is in quarantine, if it is now.
    """
    with store.transaction(alone=True) as connection:
        _add(connection, board, "check", fault or "passed", good=not fault, by=by, json=json)
        if fault:
            return _judge_row(connection, board, quarantine_after)
        if _lift(connection, board):
            _add(connection, board, "release", "its health check passed", good=True, by=by)
        return None


def release(store: Store, board: str, why: str, *, by: str) -> bool:
    """End a quarantine by hand; False when there was none."""
    with store.transaction(alone=True) as connection:
        was = _lift(connection, board)
        if was:
            _add(connection, board, "release", why, good=True, by=by)
        return was


def faults_in_a_row(store: Store, board: str) -> int:
    """Count the faults since the last passed check, release or completed trial."""
    with store.transaction() as connection:
        return len(_row(connection, board))


def _judge_row(connection: Connection, board: str, quarantine_after: int) -> str | None:
    table = schema.quarantine
    held = connection.execute(select(table.c.why).where(table.c.board == board)).scalar_one_or_none()
    if held is not None:
        return held
    row = _row(connection, board)
    if len(row) < quarantine_after:
        return None
    count = f"{len(row)} faults in a row" if len(row) > 1 else "a fault"
    why = f"{count}, the last: {row[0]}"
    connection.execute(table.insert().values(board=board, since_utc=_now(), why=why))
    _add(connection, board, "quarantine", why, good=False)
    return why


def _row(connection: Connection, board: str) -> list[str]:
    """Return the faults, newest first, that nothing good has come after."""
    table = schema.health.c
    query = select(table.good, table.why, table.after_record).where(table.board == board)
    query = query.where(table.what.in_((*_COUNTED, "release"))).order_by(table.number.desc())
    trial = _newest_trial(connection, board)
    faults: list[str] = []
    for good, why, after_record in connection.execute(query):
        if good or after_record < trial:
            break
        faults.append(why)
    return faults


def _lift(connection: Connection, board: str) -> bool:
    table = schema.quarantine
    return connection.execute(table.delete().where(table.c.board == board)).rowcount > 0


def _add(
    connection: Connection, board: str, what: What, why: str, *, good: bool, by: str = "", json: str | None = None
) -> None:
    first = why.partition("\n")[0]
    row = {"board": board, "at_utc": _now(), "what": what, "good": good, "why": first, "by": by, "json": json}
    connection.execute(schema.health.insert().values(after_record=_newest_trial(connection, board), **row))


def _newest_trial(connection: Connection, board: str) -> int:
    """Return the number of the board's newest record; 0 when it has none. Trials that broke leave none."""
    table = schema.records.c
    return connection.execute(select(func.max(table.number)).where(table.board == board)).scalar() or 0


def _last_looks(connection: Connection) -> dict[str, tuple[Kept, str]]:
    """Return what the last look that was kept found, by board."""
    table = schema.health.c
    newest = select(func.max(table.number)).where(table.what == "look").group_by(table.board)
    rows = connection.execute(select(table.board, table.good, table.why).where(table.number.in_(newest)))
    return {board: _read_look(good, why) for board, good, why in rows}


def _read_look(good: bool, why: str) -> tuple[Kept, str]:
    if good:
        return "ok", ""
    return ("quarantined", why.removeprefix(_HELD)) if why.startswith(_HELD) else ("faulty", why)


def _component(why: str) -> str:
    return why.partition(":")[0]


def _entry(row: RowMapping) -> Entry:
    fields = {name: row[name] for name in ("board", "at_utc", "what", "good", "why", "by", "json")}
    return Entry(**fields)


def _now() -> str:
    return utc(datetime.now(UTC))
