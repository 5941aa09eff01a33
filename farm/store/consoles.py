"""A console's log as a record keeps it: the board's own bytes, and when each line of them ended."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Self

import zstandard
from sqlalchemy import Connection, select

from . import schema


@dataclass(frozen=True, slots=True)
class StampedLine:
    """One line of a log."""

    t_ns: int
    """Controller monotonic clock when its last byte was read."""
    utc: datetime
    data: bytes
    """As it came, without the line feed."""


@dataclass(frozen=True, slots=True)
class ConsoleLog:
    """What a console said from a lease's beginning on."""

    data: bytes = b""
    line_t_ns: Sequence[int] = ()
    """Of each line that has ended, on the controller's monotonic clock; empty where nobody noted it."""
    first_utc: datetime | None = None
    """When the first of them ended."""

    def lines(self) -> Iterator[StampedLine]:
        """Yield the lines that have ended and have a time."""
        if self.first_utc is None:
            return
        for t_ns, line in zip(self.line_t_ns, self.data.split(b"\n"), strict=False):
            after = timedelta(microseconds=(t_ns - self.line_t_ns[0]) / 1000)
            yield StampedLine(t_ns, self.first_utc + after, line)

    def times(self) -> bytes | None:
        """Return the times as they are stored."""
        if self.first_utc is None:
            return None
        gaps_ns = [later - earlier for earlier, later in pairwise(self.line_t_ns)]
        value = {"first_utc": self.first_utc.isoformat(), "first_t_ns": self.line_t_ns[0], "gaps_ns": gaps_ns}
        return zstandard.compress(json.dumps(value).encode())

    @classmethod
    def stored(cls, log: bytes, times: bytes | None) -> Self:
        """Return what was stored.

        Raises:
            ValueError, zstandard.ZstdError: it is damaged.
        """
        data = zstandard.decompress(log)
        if times is None:
            return cls(data)
        value = json.loads(zstandard.decompress(times))
        gaps_ns: list[int] = value["gaps_ns"]
        first_t_ns: int = value["first_t_ns"]
        return cls(
            data,
            tuple(accumulate(gaps_ns, initial=first_t_ns)),
            datetime.fromisoformat(value["first_utc"]).astimezone(UTC),
        )


def keep(connection: Connection, record_id: str, log: ConsoleLog) -> None:
    """Keep a record's log."""
    row = {"record_id": record_id, "log": zstandard.compress(log.data), "times": log.times()}
    connection.execute(schema.consoles.insert().values(row))


def drop(connection: Connection, record_id: str) -> None:
    """Forget a record's log."""
    connection.execute(schema.consoles.delete().where(schema.consoles.c.record_id == record_id))


def read(connection: Connection, record_id: str) -> ConsoleLog:
    """Return a record's log, empty when it has none; raises as :meth:`ConsoleLog.stored`."""
    columns = schema.consoles.c
    row = connection.execute(select(columns.log, columns.times).where(columns.record_id == record_id)).one_or_none()
    return ConsoleLog() if row is None else ConsoleLog.stored(row.log, row.times)
