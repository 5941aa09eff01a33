"""Rows of leases, of the line that waits for them, and of what boards are worn.

What is true of them is decided elsewhere; whoever decides does so inside ``Store.transaction(alone=True)``.
All times here are the database's own clock's.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from sqlalchemy import Connection, RowMapping, func, select

from . import schema
from .opening import now_ms

Kind = Literal["use", "look", "reservation"]
How = Literal["returned", "died", "silent", "expired", "stolen"]
"""Its process has ended; it missed its heartbeats; its time was over; somebody took it."""

_leases, _waiters, _wear = schema.leases.c, schema.waiters.c, schema.wear.c


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever holds or waits, as a row names him."""

    owner: str
    reason: str
    host: str
    kernel: str
    """The boot of the kernel on which ``lock`` means something."""
    pid: int | None
    """None: no process, a reservation that stands until it expires."""
    lock: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that somebody has."""

    token: int
    board: str
    kind: Kind
    holder: Holder
    since_utc: datetime
    beat_ms: int
    expires_utc: datetime | None

    @property
    def owner(self) -> str:
        """Who: ``user@host`` or what FARM_OWNER says."""
        return self.holder.owner

    @property
    def reason(self) -> str:
        """What for; empty when nobody said."""
        return self.holder.reason

    @property
    def host(self) -> str:
        """The controller's name."""
        return self.holder.host

    @property
    def pid(self) -> int | None:
        """The process; None for a reservation that needs none."""
        return self.holder.pid


@dataclass(frozen=True, slots=True)
class Waiter:
    """One place in the line."""

    number: int
    """Grows along the line, with gaps."""
    boards: tuple[str, ...]
    """All that would do."""
    wanted: str
    kind: Kind
    holder: Holder
    since_utc: datetime
    turn_ms: int | None
    """Since when a board has been free for it that it has not taken."""
    position: int = 0
    """Among those who wait for a board that would do for it too: 1 is next. 0: not counted."""

    @property
    def owner(self) -> str:
        """Who waits."""
        return self.holder.owner

    @property
    def reason(self) -> str:
        """What for."""
        return self.holder.reason


@dataclass(frozen=True, slots=True)
class Past:
    """A lease that is over, or not yet."""

    held: Held
    ended_utc: datetime | None
    how: How | None
    by: str | None
    """Who ended it, where it was not its holder."""
    why: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """Everything that the next decision depends on, read at one moment."""

    now_ms: int
    held: tuple[Held, ...]
    waiters: tuple[Waiter, ...]
    """First come first."""
    worn: Mapping[str, tuple[int, int]]
    """Board → milliseconds in use, and how often."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stands in the line, at little cost."""

    ahead: int
    """All who came before, whatever they wait for."""
    there: bool
    """False: somebody has taken this one out of the line."""
    called: bool
    """It was this one's turn, and somebody has noted that it did not come."""


def held_now(connection: Connection) -> tuple[int, tuple[Held, ...]]:
    """Return the database's time (ms) and the leases that have not ended, oldest first."""
    now = connection.execute(select(now_ms())).scalar_one()
    held = connection.execute(select(schema.leases).where(_leases.ended_ms.is_(None)).order_by(_leases.token))
    return now, tuple(_held(row) for row in held.mappings())


def place(connection: Connection, number: int | None) -> Place:
    """Return the place of a number; without one it is behind everybody."""
    before = select(func.count()).select_from(schema.waiters)
    if number is None:
        return Place(connection.execute(before).scalar_one(), there=False, called=False)
    ahead = before.where(_waiters.number < number).scalar_subquery()
    own = connection.execute(select(ahead, _waiters.turn_ms).where(_waiters.number == number)).one_or_none()
    return Place(0, there=False, called=False) if own is None else Place(own[0], there=True, called=own[1] is not None)


def read(connection: Connection, *, up_to: int | None = None) -> Line:
    """Read who holds what, and the line, or its part before a number and that number's own place."""
    now, held = held_now(connection)
    line = select(schema.waiters).order_by(_waiters.number)
    if up_to is not None:
        line = line.where(_waiters.number <= up_to)
    worn = connection.execute(select(schema.wear))
    return Line(
        now,
        held,
        tuple(_waiter(row) for row in connection.execute(line).mappings()),
        {row["board"]: (row["used_ms"], row["uses"]) for row in worn.mappings()},
    )


def take(connection: Connection, board: str, kind: Kind, holder: Holder, *, for_s: float | None = None) -> Held:
    """Write a lease; the database refuses a second one of its kind on a board."""
    now = connection.execute(select(now_ms())).scalar_one()
    row = {"board": board, "kind": kind, **_who(holder), "since_ms": now, "beat_ms": now}
    row["expires_ms"] = None if for_s is None else now + int(for_s * 1000)
    token = connection.execute(schema.leases.insert().values(row).returning(_leases.token)).scalar_one()
    return _get(connection, token)


def extend(connection: Connection, token: int, *, for_s: float | None, reason: str) -> Held:
    """Give a live reservation a new end and reason."""
    expires = None if for_s is None else now_ms() + int(for_s * 1000)
    new = {"expires_ms": expires, "reason": reason}
    connection.execute(schema.leases.update().where(_leases.token == token).values(new))
    return _get(connection, token)


def renew(connection: Connection, token: int) -> bool:
    """Note that the holder is there; False when the lease has ended."""
    update = schema.leases.update().where(_leases.token == token, _leases.ended_ms.is_(None))
    return connection.execute(update.values(beat_ms=now_ms())).rowcount > 0


def end(connection: Connection, held: Held, how: How, *, by: str | None = None, why: str | None = None) -> bool:
    """End a lease, unless it has ended before; of a look nothing remains."""
    row = (_leases.token == held.token, _leases.ended_ms.is_(None))
    if held.kind == "look":
        return connection.execute(schema.leases.delete().where(*row)).rowcount > 0
    ended = {"ended_ms": now_ms(), "ended": how, "ended_by": by, "ended_why": why}
    was = connection.execute(schema.leases.update().where(*row).values(ended)).rowcount > 0
    if was and held.kind == "use":
        _wear_out(connection, held)
    return was


def past(connection: Connection, token: int) -> Past | None:
    """Return what became of a lease; None where nothing is known of it, as of a look that is over."""
    row = connection.execute(select(schema.leases).where(_leases.token == token)).mappings().one_or_none()
    return None if row is None else _past(row)


def history(connection: Connection, board: str, limit: int) -> list[Past]:
    """Return a board's newest leases, newest first."""
    query = select(schema.leases).where(_leases.board == board).order_by(_leases.token.desc()).limit(limit)
    return [_past(row) for row in connection.execute(query).mappings()]


def line_up(connection: Connection, boards: Sequence[str], wanted: str, kind: Kind, holder: Holder) -> int:
    """Join the line at its end; return the number."""
    row = {"boards": json.dumps(list(boards)), "wanted": wanted, "kind": kind, **_who(holder), "since_ms": now_ms()}
    return connection.execute(schema.waiters.insert().values(row).returning(_waiters.number)).scalar_one()


def leave(connection: Connection, number: int) -> None:
    """Leave the line."""
    connection.execute(schema.waiters.delete().where(_waiters.number == number))


def mark_turn(connection: Connection, number: int, since_ms: int | None) -> None:
    """Note since when it is a waiter's turn; None: it has shown up."""
    connection.execute(schema.waiters.update().where(_waiters.number == number).values(turn_ms=since_ms))


def database_id(connection: Connection) -> str:
    """Return what tells this database from every other; call it in a transaction of its own kind (``alone``)."""
    found = connection.execute(select(schema.database.c.id)).scalar_one_or_none()
    if found is None:
        found = secrets.token_hex(8)
        connection.execute(schema.database.insert().values(id=found))
    return found


def _wear_out(connection: Connection, held: Held) -> None:
    used = select(_leases.ended_ms - _leases.since_ms).where(_leases.token == held.token)
    used_ms = max(0, connection.execute(used).scalar_one())  # a clock may have been set back
    worn = {"uses": _wear.uses + 1, "used_ms": _wear.used_ms + used_ms}
    update = schema.wear.update().where(_wear.board == held.board).values(worn)
    if connection.execute(update).rowcount == 0:
        connection.execute(schema.wear.insert().values(board=held.board, uses=1, used_ms=used_ms))


def _get(connection: Connection, token: int) -> Held:
    return _held(connection.execute(select(schema.leases).where(_leases.token == token)).mappings().one())


def _who(holder: Holder) -> dict[str, str | int | None]:
    return {name: getattr(holder, name) for name in ("owner", "reason", "host", "kernel", "pid", "lock")}


def _holder(row: RowMapping) -> Holder:
    return Holder(row["owner"], row["reason"], row["host"], row["kernel"], row["pid"], row["lock"])


def _held(row: RowMapping) -> Held:
    since, expires = _utc(row["since_ms"]), row["expires_ms"]
    return Held(
        row["token"],
        row["board"],
        row["kind"],
        _holder(row),
        since,
        row["beat_ms"],
        None if expires is None else _utc(expires),
    )


def _waiter(row: RowMapping) -> Waiter:
    since = _utc(row["since_ms"])
    return Waiter(
        row["number"], _boards(row["boards"]), row["wanted"], row["kind"], _holder(row), since, row["turn_ms"]
    )


@lru_cache(maxsize=256)
def _boards(written: str) -> tuple[str, ...]:
    """Read a list of boards; a long line waits for few different ones."""
    return tuple(json.loads(written))


def _past(row: RowMapping) -> Past:
    ended = row["ended_ms"]
    return Past(_held(row), None if ended is None else _utc(ended), row["ended"], row["ended_by"], row["ended_why"])


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
