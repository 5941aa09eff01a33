"""Holders and waiters that have ended without saying so.

On this machine that is the kernel's word, by their locks; no clock has a say. Of other hosts' holders it is known by
their heartbeats, and of their waiters by the turns that they let pass, both by the database's clock.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from ..store import leases as rows
from ..store.leases import Held, How, Line, Waiter
from .lease_held import BEAT_S, MISSED
from .lease_holder import kernel
from .lock import alive, remove


@dataclass(frozen=True, slots=True)
class Dead:
    """What has ended without saying so."""

    held: tuple[tuple[Held, How], ...]
    waiters: tuple[Waiter, ...]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.held or self.waiters)


def find_dead(line: Line, folder: Path) -> Dead:
    """Look at the locks of this machine's holders and waiters, and at the heartbeats of others."""
    held: list[tuple[Held, How]] = [
        (lease, how) for lease in line.held if (how := _how_dead(lease, line.now_ms, folder)) is not None
    ]
    return Dead(tuple(held), tuple(waiter for waiter in line.waiters if _gone(waiter, line.now_ms, folder)))


def reap(connection: Connection, line: Line, dead: Dead, folder: Path) -> Line:
    """End what is dead, and return the line without it."""
    for lease, how in dead.held:
        rows.end(connection, lease, how)
    for waiter in dead.waiters:
        rows.leave(connection, waiter.number)
    for row in (*(lease for lease, _ in dead.held), *dead.waiters):
        if row.holder.lock is not None:
            remove(folder, row.holder.lock)
    return without(line, dead)


def without(line: Line, dead: Dead) -> Line:
    """Return the line without what is dead in it."""
    ended = {lease.token for lease, _ in dead.held}
    gone = {waiter.number for waiter in dead.waiters}
    return replace(
        line,
        held=tuple(lease for lease in line.held if lease.token not in ended),
        waiters=tuple(waiter for waiter in line.waiters if waiter.number not in gone),
    )


def _how_dead(lease: Held, now_ms: int, folder: Path) -> How | None:
    if lease.expires_utc is not None and lease.expires_utc.timestamp() * 1000 <= now_ms:
        return "expired"
    if lease.holder.lock is None:
        return None
    if lease.holder.kernel == kernel():
        return None if alive(folder, lease.holder.lock) else "died"
    return "silent" if now_ms - lease.beat_ms > MISSED * BEAT_S * 1000 else None


def _gone(waiter: Waiter, now_ms: int, folder: Path) -> bool:
    if waiter.holder.lock is not None and waiter.holder.kernel == kernel():
        return not alive(folder, waiter.holder.lock)
    # elsewhere: it did not come when it was its turn, for as long as a holder would be waited for
    return waiter.turn_ms is not None and now_ms - waiter.turn_ms > MISSED * BEAT_S * 1000
