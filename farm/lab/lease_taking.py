"""From asking for a board to having it: the line, the dead in it, and the wait."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from ..errors import LabFault
from ..store import leases as rows
from ..store.database import Store
from ..store.leases import Held, How, Kind, Line, Waiter
from .lease_held import BEAT_S, MISSED
from .lease_holder import kernel, no_process, this_process
from .lease_line import Answer, Wish, decide
from .lock import LockFile, alive, remove, sweep

LOOK_S = 10.0
"""A look at a board is waited for, whatever the taker's own patience: a look's deadlines sum up to less."""

_POLL_S = 0.05
_PATIENT_AFTER_S = 5.0
_POLL_PATIENT_S = 0.2
"""A waiter at the front looks so often, at first and later."""
_POLL_BEHIND_S = 0.02
"""And one further back so much less often for each that is before it: all together a few hundred looks a second."""
_POLL_LONGEST_S = 1.5

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for."""

    wanted: str
    """As it was asked for: what messages begin with."""
    eligible: Callable[[], Sequence[str]]
    """Boards that would do now; raises when it is hopeless to wait."""
    kind: Kind
    owner: str
    reason: str
    for_s: float | None = None
    """None: no end of its own."""
    by_process: bool = True
    """It ends with this process, at the latest."""
    progress: Progress | None = None
    """Told the place in the line and who has the boards, whenever that changes."""


@dataclass(frozen=True, slots=True)
class Dead:
    """What has ended without saying so."""

    held: tuple[tuple[Held, How], ...]
    waiters: tuple[Waiter, ...]


def find_dead(line: Line, folder: Path) -> Dead:
    """Look at the locks of this machine's holders and waiters, and at the heartbeats of others."""
    held: list[tuple[Held, How]] = [
        (lease, how) for lease in line.held if (how := _how_dead(lease, line.now_ms, folder)) is not None
    ]
    return Dead(tuple(held), tuple(waiter for waiter in line.waiters if _gone(waiter, line.now_ms, folder)))


def reap(connection: Connection, line: Line, folder: Path) -> Line:
    """End what is dead, and return the line without it."""
    dead = find_dead(line, folder)
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


class Taking:
    """One wish on its way to a board."""

    def __init__(self, store: Store, folder: Path, request: Request, lock: LockFile) -> None:
        """Take what to ask for; the lock says that this process waits."""
        self._store, self._folder, self._request = store, folder, request
        self._waits = this_process(request.owner, request.reason, lock.name)
        self._wish = Wish((), request.kind, request.owner)
        self._told = ""

    def wait(self, wait_s: float) -> tuple[Held, int]:
        """Return a board once one is there, and a monotonic time (ns) just before it was written.

        ``wait_s`` is how long to stand in the line; for a look's end it is waited anyway.

        Raises:
            LabFault: none was free in time, and who has them; or what the request's ``eligible`` raises.
        """
        asked_ns = time.monotonic_ns()
        try:
            while True:
                self._wish = replace(self._wish, boards=self._request.eligible())
                now_ns = time.monotonic_ns()
                got = self._try(join=wait_s > 0)
                if isinstance(got, Held):
                    return got, now_ns
                patience_s = max(wait_s, LOOK_S if got.look_ends and not got.due else 0.0)
                left_s = patience_s - (time.monotonic_ns() - asked_ns) / 1e9
                if left_s <= 0:
                    raise self._in_use(got, wait_s)
                self._tell(got)
                self._sleep_until_changed(got.ahead, asked_ns, left_s)
        finally:
            self._leave()

    def _try(self, *, join: bool) -> Held | Answer:
        """Take a board if it is this one's turn, after ending what is dead; else join the line."""
        with self._store.transaction(alone=True) as connection:
            line = reap(connection, rows.read(connection), self._folder)
            if self._wish.number not in {waiter.number for waiter in line.waiters}:
                self._wish = replace(self._wish, number=None)  # or another host took us for dead: to the end again
            answer = decide(line, self._wish)
            got: Held | Answer = answer
            if answer.board is not None:
                got = self._take(connection, answer.board)
                self._sweep(line)
            else:
                self._mark_turns(connection, line, answer)
                if join and self._wish.number is None:
                    number = rows.line_up(
                        connection, self._wish.boards, self._request.wanted, self._wish.kind, self._waits
                    )
                    self._wish = replace(self._wish, number=number)
        return got

    def _take(self, connection: Connection, board: str) -> Held:
        request = self._request
        holder = self._waits if request.by_process else no_process(request.owner, request.reason)
        if self._wish.number is not None:
            rows.leave(connection, self._wish.number)
        return rows.take(connection, board, request.kind, holder, for_s=request.for_s)

    def _mark_turns(self, connection: Connection, line: Line, answer: Answer) -> None:
        for waiter in answer.due:
            if waiter.turn_ms is None:
                rows.mark_turn(connection, waiter.number, line.now_ms)
        own = next((waiter for waiter in line.waiters if waiter.number == self._wish.number), None)
        if own is not None and own.turn_ms is not None:
            rows.mark_turn(connection, own.number, None)

    def _sweep(self, line: Line) -> None:
        known = {lease.holder.lock for lease in line.held} | {waiter.holder.lock for waiter in line.waiters}
        sweep(self._folder, {lock for lock in (*known, self._waits.lock) if lock is not None})

    def _sleep_until_changed(self, ahead: int, asked_ns: int, left_s: float) -> None:
        """Look, without keeping anybody from writing, until there is something to write, or time is up."""
        end_ns = time.monotonic_ns() + int(left_s * 1e9)
        while (now_ns := time.monotonic_ns()) < end_ns:
            patient = now_ns - asked_ns > _PATIENT_AFTER_S * 1e9
            pause_s = max(_POLL_PATIENT_S if patient else _POLL_S, ahead * _POLL_BEHIND_S)
            time.sleep(min(pause_s, _POLL_LONGEST_S, (end_ns - now_ns) / 1e9))
            with self._store.transaction() as connection:
                line = rows.read(connection, up_to=self._wish.number)
            seen = decide(line, self._wish)
            if seen.board is not None or self._to_write(line, seen):
                return
            ahead = seen.ahead
            self._tell(seen)

    def _to_write(self, line: Line, seen: Answer) -> bool:
        mine = replace(line, held=seen.holders, waiters=seen.due)
        dead = find_dead(mine, self._folder)
        own_turn = any(w.number == self._wish.number and w.turn_ms is not None for w in line.waiters)
        return bool(dead.held or dead.waiters or own_turn or any(w.turn_ms is None for w in seen.due))

    def _leave(self) -> None:
        if self._wish.number is not None:
            with self._store.transaction(alone=True) as connection:
                rows.leave(connection, self._wish.number)

    def _tell(self, answer: Answer) -> None:
        now = f"{self._request.wanted}: place {answer.ahead + 1} in the line; {in_use(answer)}"
        if self._request.progress is not None and now != self._told:
            self._told = now
            self._request.progress(now)

    def _in_use(self, answer: Answer, wait_s: float) -> LabFault:
        waited = f"; waited {wait_s:g} s" if wait_s else ""
        hint = "wait until it is done, or end it; farm lease list shows who has what and who waits"
        return LabFault(self._request.wanted, f"{in_use(answer)}{waited}", hint=hint)


def in_use(answer: Answer) -> str:
    """Say who has the boards, the last one to take one first."""
    if not answer.holders:
        return f"in the line are {answer.ahead} before it"
    last = max(answer.holders, key=lambda held: held.token)
    others = len({held.board for held in answer.holders}) - 1
    more = f", and {others} more like it by others" if others else ""
    return f"in use by {told(last)}{more}"


def told(held: Held) -> str:
    """Say who has a board, since when, and what for."""
    since = held.since_utc.astimezone().strftime("%H:%M:%S")
    reason = f" ({held.reason})" if held.reason else ""
    if held.kind == "reservation":
        until = "" if held.expires_utc is None else f" until {held.expires_utc.astimezone():%H:%M}"
        return f"{held.owner}, who has reserved it{until}{reason}"
    where = "" if held.owner.endswith(f"@{held.host}") else f" on {held.host}"
    return f"process {held.pid} of {held.owner}{where} since {since}{reason}"
