"""Room in the database: what goes, and what never goes.

Never, whatever its age and the file's size:

- what is pinned, by its own id or its run's;
- the newest passes of a board with an artifact: what the next release is compared with;
- what a run rests on of which any trial is kept: its baseline's records, all that its verdict names, and every
  trial of a comparison, or of an accuracy that several boards count;
- a run that has not ended and began within a day: it is still adding to itself;
- what this farm cannot read: it does not know what that is.

By age the history of leases and health goes too, but for the newest of each kind on a board: what happens next to the
board is judged by that.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, func, select

from ..errors import UsageFault
from . import long_traces, schema
from .opening import exclusive, in_turn, now_ms
from .record import utc
from .spool import sweep

KEEP_PASSES = 5
"""Newest passes kept of each board with each artifact: enough for a gate's usual look back (assumed)."""
_STILL_RUNNING = timedelta(days=1)
_BEAT_MS = 10_000
"""A process that holds a lease has said so within this: it does every 2 s."""
_PIECES = (schema.verdicts, schema.traces, schema.frames, schema.consoles)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is to go. Each limit acts for itself."""

    before: datetime | None = None
    """Records that began earlier go."""
    most_bytes: int | None = None
    """Then the oldest go until the database takes no more than this."""
    keep_passes: int = KEEP_PASSES


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was done, or would be."""

    records: list[str]
    """Ids, oldest first."""
    runs: list[str]
    """Of which nothing is left."""
    pieces: int
    """Traces, frames and console logs that no record sealed."""
    history: int
    """Leases that have ended, and entries of boards' health."""
    kept: dict[str, int]
    """Why a record that a limit met was kept → how many were."""
    bytes_before: int
    bytes_after: int
    fits: bool = True
    """False: larger than the limit all the same, because of what is never pruned."""
    shrunk: bool = True
    """False: boards are in use, so the room is free inside the file and not given back to the file system."""


class _NotReally(Exception):
    """Takes back everything that a rehearsal did."""


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    started_utc: str
    run_id: str | None
    outcome: str | None
    board: str
    artifact: str
    role: str | None
    readable: bool = True


def prune(engine: Engine, traces: Path, rules: Rules, *, now: datetime, dry_run: bool = False) -> Pruned:
    """Delete by age and size; a SQLite file then really shrinks. ``traces`` is the folder of long ones.

    A dry run does the same and takes it back: what it says is exact, and it holds the writers' lock for as long.

    Raises:
        UsageFault: a size was given, and the database is none of which the farm knows the size.
    """
    before = _file_bytes(engine, traces)
    done: list[Pruned] = []
    orphans = sweep_traces(engine, traces, dry_run=dry_run)
    with suppress(_NotReally), exclusive(engine) as connection:
        done.append(_prune(connection, rules, now, before, orphans))
        if dry_run:
            raise _NotReally
    if dry_run:
        return done[0]
    sweep_traces(engine, traces)
    shrunk = _shrink(engine)
    return replace(done[0], bytes_after=_file_bytes(engine, traces), shrunk=shrunk)


def sweep_traces(engine: Engine, traces: Path, *, dry_run: bool = False) -> int:
    """Delete the pieces of long traces that no record names, and return how many files those are."""

    def named(folder: str) -> bool:
        with engine.begin() as connection:
            return long_traces.named(connection, folder)

    return sweep(traces, named, dry_run=dry_run)


def _prune(connection: Connection, rules: Rules, now: datetime, bytes_before: int, orphans: int) -> Pruned:
    pieces, history = orphans + _orphans(connection), _history(connection, rules.before)
    entries, lasting = list(_entries(connection)), _lasting(connection, rules, now)
    gone: set[str] = set()
    met: set[str] = set()
    why: dict[str, str] = {}
    if rules.before is not None:
        old = [one for one in entries if one.started_utc < utc(rules.before)]
        young = {one.run_id for one in entries if one.started_utc >= utc(rules.before)}
        why = _why(connection, entries, lasting, young)
        met = {one.id for one in old}
        gone = met - why.keys()
        _delete(connection, gone)
    if rules.most_bytes is not None and _used_bytes(connection) > rules.most_bytes:
        why = _why(connection, entries, lasting, set())
        met = {one.id for one in entries}
        for some in _oldest_first([one for one in entries if one.id not in gone and one.id not in why]):
            if _used_bytes(connection) <= rules.most_bytes:
                break
            _delete(connection, some)
            gone |= some
    runs = _empty_runs(connection, rules, {one.run_id for one in entries if one.id in gone})
    after = _used_bytes(connection) if connection.dialect.name == "sqlite" else bytes_before
    kept = Counter(why[one] for one in met if one in why)
    fits = rules.most_bytes is None or after <= rules.most_bytes
    ids = [one.id for one in entries if one.id in gone]
    return Pruned(ids, runs, pieces, history, dict(kept), bytes_before, after, fits)


Keep = Callable[[Sequence[_Entry]], Iterator[tuple[str, str]]]
"""Takes all records, and yields (id, why) of those that stay."""


def _lasting(connection: Connection, rules: Rules, now: datetime) -> Keep:
    """Return what keeps a record for its own sake."""
    pins = set(connection.execute(select(schema.pins.c.id)).scalars())
    recent = utc(now - _STILL_RUNNING)
    begun = connection.execute(select(schema.runs).where(schema.runs.c.started_utc >= recent))
    running = {row.id for row in begun if "ended_utc" not in _object(row.json)}

    def keep(entries: Sequence[_Entry]) -> Iterator[tuple[str, str]]:
        passes = _newest_passes(entries, rules.keep_passes)
        for one in entries:
            if not one.readable:
                yield one.id, "cannot be read"
            elif one.id in pins or one.run_id in pins:
                yield one.id, "pinned"
            elif one.run_id in running:
                yield one.id, "its run has not ended"
            elif one.id in passes:
                yield one.id, f"among the newest {rules.keep_passes} passes"

    return keep


def _why(connection: Connection, entries: Sequence[_Entry], lasting: Keep, young: set[str | None]) -> dict[str, str]:
    """Return id → why it stays: for its own sake, or because a run that is kept needs it."""
    why = dict(lasting(entries))
    kept = (young | {one.run_id for one in entries if one.id in why and one.role != "baseline"}) - {None}
    for one in entries:
        if one.role == "baseline" and one.run_id in kept:
            why.setdefault(one.id, "baseline of a kept run")
    for row in connection.execute(select(schema.runs.c.id, schema.runs.c.verdict, schema.runs.c.json)):
        for one in _named(row.verdict) if row.id in kept else ():
            why.setdefault(one, "a kept run's verdict rests on it")
        if row.id in kept and _object(row.json).keys() & {"comparison", "accuracy"}:
            why = dict.fromkeys((one.id for one in entries if one.run_id == row.id), "a part of a kept whole") | why
    return why


def _oldest_first(entries: Sequence[_Entry]) -> list[set[str]]:
    """Return what goes together: a run with its baseline, or a record alone; the one that ended first, first."""
    units: dict[str, list[_Entry]] = {}
    for one in entries:
        units.setdefault(one.run_id or one.id, []).append(one)
    ordered = sorted(units.values(), key=lambda unit: unit[-1].started_utc)
    return [{one.id for one in unit} for unit in ordered]


def _entries(connection: Connection) -> Iterator[_Entry]:
    table, verdicts = schema.records, schema.verdicts
    query = select(table, verdicts.c.outcome).join_from(table, verdicts, isouter=True).order_by(table.c.number)
    for row in connection.execute(query):
        record = _object(row.json)
        artifact: Any = record.get("artifact")
        readable = record.get("version") == 1 and isinstance(artifact, dict)
        artifact_id = str(cast("dict[str, Any]", artifact).get("id")) if readable else ""
        yield _Entry(
            row.id, row.started_utc, row.run_id, row.outcome, row.board, artifact_id, record.get("role"), readable
        )


def _object(text: str) -> dict[str, Any]:
    """Return JSON as it is: a model would refuse what a newer farm wrote."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _newest_passes(entries: Sequence[_Entry], most: int) -> set[str]:
    seen = Counter[tuple[str, str]]()
    found: set[str] = set()
    for one in reversed(entries):
        if one.outcome == "pass" and seen[key := (one.board, one.artifact)] < most:
            seen[key] += 1
            found.add(one.id)
    return found


def _named(verdict: str | None) -> set[str]:
    """Return the records that a gate's verdict rests on."""
    criteria: list[dict[str, Any]] = _object(verdict).get("criteria", []) if verdict else []
    return {str(one) for criterion in criteria for one in criterion.get("records", [])}


def _delete(connection: Connection, ids: Iterable[str]) -> None:
    for one in ids:
        for table in _PIECES:
            connection.execute(table.delete().where(table.c.record_id == one))
        connection.execute(schema.records.delete().where(schema.records.c.id == one))


def _orphans(connection: Connection) -> int:
    sealed = select(schema.records.c.id)
    gone = [connection.execute(table.delete().where(table.c.record_id.not_in(sealed))).rowcount for table in _PIECES]
    return sum(gone)


def _history(connection: Connection, before: datetime | None) -> int:
    if before is None:
        return 0
    lease, entry = schema.leases.c, schema.health.c
    last_leases = select(func.max(lease.token)).group_by(lease.board, lease.kind)
    ended = (lease.ended_ms < int(before.timestamp() * 1000)) & lease.token.not_in(last_leases)
    last_entries = select(func.max(entry.number)).group_by(entry.board, entry.what)
    old = (entry.at_utc < utc(before)) & entry.number.not_in(last_entries)
    return sum(
        connection.execute(table.delete().where(which)).rowcount
        for table, which in ((schema.leases, ended), (schema.health, old))
    )


def _empty_runs(connection: Connection, rules: Rules, touched: set[str | None]) -> list[str]:
    """Delete runs whose last record has just gone, and old ones that never had one."""
    table = schema.runs
    used = select(schema.records.c.run_id).where(schema.records.c.run_id.is_not(None))
    empty = table.c.id.not_in(used) & table.c.id.not_in(select(schema.pins.c.id))
    old = table.c.started_utc < utc(rules.before or datetime.min.replace(tzinfo=UTC))
    found = empty & (table.c.id.in_([one for one in touched if one]) | old)
    ids = list(connection.execute(select(table.c.id).where(found)).scalars())
    connection.execute(table.delete().where(table.c.id.in_(ids)))
    return ids


def _used_bytes(connection: Connection) -> int:
    """Return what a SQLite file takes once it is shrunk, and the long traces; in a transaction, what they would."""
    if connection.dialect.name != "sqlite":
        raise UsageFault("prune by size: only for a SQLite file; prune by age instead")
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size + long_traces.folder_bytes(connection)


def _shrink(engine: Engine) -> bool:
    """Give the room back to the file system: SQLite keeps it in the file otherwise.

    Never while a process holds a lease: nobody can write for as long as it takes (500 MB: 6 s), and whoever cannot
    renew a lease for 4 s loses it.
    """
    if engine.dialect.name != "sqlite":
        return True
    lease = schema.leases.c
    lives = lease.ended_ms.is_(None) & lease.pid.is_not(None) & (lease.beat_ms > now_ms() - _BEAT_MS)
    with (
        in_turn(engine),
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        if connection.execute(select(lease.token).where(lives).limit(1)).first() is not None:
            return False
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return True


def _file_bytes(engine: Engine, traces: Path) -> int:
    """Return what lies on the disk, write-ahead log and long traces included; 0 where that is not known."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return 0
    path = Path(engine.url.database)
    files = [path, path.with_name(f"{path.name}-wal"), *traces.glob("*/*")]
    return sum(file.stat().st_size for file in files if file.exists())
