"""A lease that this process has: kept alive by a thread, and told at once when it is lost."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import FarmError, LabFault
from ..store import leases as rows
from ..store.database import Store
from ..store.leases import Held
from .lock import LockFile, hold

BEAT_S = 2.0
"""Between two heartbeats."""
MISSED = 3
"""So many are missed before a holder on another host counts as dead."""
RENEWED_S = 4.0
"""A holder that has not renewed for so long does nothing more before it has: two thirds of what others wait."""

_GLANCE_S = 0.2
"""How soon a holder sees that its lock file has been removed; one system call."""
_BUSY_S = 1.0
"""A heartbeat waits for another writer no longer."""
_SWITCHING_S = 15.0
"""How long a switch waits until a holder before has finished switching; the slowest driver's own deadlines, assumed."""


class LeaseLost(LabFault):
    """The board has been taken away, or may have been."""

    def __init__(self, board: str, why: str, *, by: str | None = None, hint: str = "") -> None:
        """Say why; ``by`` is who took it."""
        self.by = by
        super().__init__(board, why, hint=hint or f"nothing more was done with it; farm lease history {board}")


class Lease:
    """One board, for as long as :attr:`held` is true. Safe to use from several threads."""

    def __init__(self, store: Store, where: Path, held: Held, lock: LockFile, asked_ns: int) -> None:
        """Keep what was taken; ``asked_ns``, monotonic, is before the database wrote it."""
        self.token, self.board, self.as_taken = held.token, held.board, held
        self._store, self._where, self._lock = store, where, lock
        self._renewed_ns = asked_ns
        self._lost: LeaseLost | None = None
        self._ended = False
        self._callbacks: list[Callable[[], None]] = []
        self._wake = threading.Event()
        self._latch = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name=f"lease {self.token} of {self.board}", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether the board is this process's, as far as can be told without asking anybody: two system calls."""
        return self._lost is None and not self._ended and self._lock.there and not self._overdue()

    @property
    def lost(self) -> LeaseLost | None:
        """Why the board is this process's no more; None while it is, and after it was returned.

        A process that stood still, on a busy host or stopped, asks the database: where nobody has ended the lease
        meanwhile, nobody else was at the board, and it is renewed.
        """
        if self._lost is None and not self._ended and not self.held and (lost := self._find_out()) is not None:
            self._lose(lost)
        return self._lost

    def require(self) -> None:
        """Go on only while the lease is held, by :attr:`held`; raises LeaseLost."""
        if (lost := self.lost) is not None:
            raise lost
        if self._ended:
            raise LeaseLost(self.board, f"lease {self.token} has been returned")

    def check(self) -> None:
        """Go on only if the database says that the lease is held: before whatever cannot be undone.

        Raises:
            LeaseLost: it has ended, or could not be renewed; who took it and why is told.
            LabFault: the database cannot be asked.
        """
        self.require()
        with self._store.transaction() as connection:
            past = rows.past(connection, self.token)
        if past is None or past.ended_utc is not None:
            self._lose(_ended(self.board, self.token, past))
        self.require()

    @contextmanager
    def acting(self) -> Generator[None]:
        """Do inside what only the holder may, such as switching power: checked, and never two at a time.

        A process that is stopped (SIGSTOP) in the middle of it keeps the next holder waiting, instead of going on
        under his hands when it is resumed.
        """
        self.require()
        path = self._where.parent / "locks" / f"{self.board}.acting"
        hint = "that process is stopped in the middle of it, or its switch is stuck: end it"
        with hold(path, f"{self.board}: its switch", wait_s=_SWITCHING_S, hint=hint):
            self.check()
            yield

    def when_lost(self, call: Callable[[], None]) -> None:
        """Call this, from another thread, as soon as the lease is lost: it closes what is open on the board."""
        self._callbacks.append(call)

    def database_id(self) -> str:
        """Return what tells tokens of this database from another's."""
        with self._store.transaction(alone=True) as connection:
            return rows.database_id(connection)

    def end(self) -> None:
        """Return the board. May be called twice; what was lost before stays lost."""
        lost = self.lost  # what it is now: after the end nobody can tell
        with self._latch:
            if self._ended:
                return
            self._ended = True
        self._wake.set()
        self._thread.join()
        try:
            with self._store.transaction(alone=True) as connection:
                rows.end(connection, self.as_taken, "returned" if lost is None else "silent")
        finally:
            self._lock.release()

    def _overdue(self) -> bool:
        return time.monotonic_ns() - self._renewed_ns > RENEWED_S * 1e9

    def _keep(self) -> None:
        """Renew, and look whether the lease is still there, until it is returned or lost."""
        with ExitStack() as stack:
            store: Store | None = None
            beat_ns = time.monotonic_ns() + int(BEAT_S * 1e9)
            while not self._wake.wait(_GLANCE_S):
                if not self._lock.there:
                    break
                if time.monotonic_ns() < beat_ns:
                    continue
                try:
                    store = store or stack.enter_context(Store.open(self._where, busy_s=_BUSY_S))
                    if not self._renew(store):
                        break
                    beat_ns = time.monotonic_ns() + int(BEAT_S * 1e9)
                except FarmError as fault:  # tried again at the next glance, until it is overdue
                    if self._overdue():
                        self._lose(_not_renewed(self.board, self.token, fault))
                        break
        if not self._ended and (lost := self._find_out()) is not None:
            self._lose(lost)
            with ExitStack() as closing:  # all of it, whatever one of them raises; the lock last
                closing.callback(self._lock.release)
                for call in self._callbacks:
                    closing.callback(call)

    def _renew(self, store: Store) -> bool:
        asked_ns = time.monotonic_ns()
        with store.transaction(alone=True) as connection:  # never while somebody else decides that it is dead
            renewed = rows.renew(connection, self.token)
        if renewed:
            self._renewed_ns = asked_ns
        return renewed

    def _lose(self, lost: LeaseLost) -> None:
        with self._latch:
            self._lost = self._lost or lost
        self._wake.set()

    def _find_out(self) -> LeaseLost | None:
        """Return why the lease is lost; None where it could be renewed."""
        if self._lost is not None:
            return self._lost
        try:
            if self._lock.there and self._renew(self._store):
                return None
            with self._store.transaction() as connection:
                past = rows.past(connection, self.token)
        except LabFault as fault:
            return _not_renewed(self.board, self.token, fault)
        if past is not None and past.ended_utc is None:
            return LeaseLost(self.board, f"lease {self.token}: its lock file has been removed")
        return _ended(self.board, self.token, past)


def _ended(board: str, token: int, past: rows.Past | None) -> LeaseLost:
    how = None if past is None else past.how
    if past is not None and how == "stolen":
        return LeaseLost(board, f"lease {token} was taken by {past.by}: {past.why}", by=past.by)
    words = {
        "died": "was ended: its process did not hold its lock any more",
        "silent": f"was ended: it missed {MISSED} heartbeats of {BEAT_S:g} s",
        "expired": "has expired",
        "returned": "has been returned",
    }
    return LeaseLost(board, f"lease {token} {words.get(how or '', 'has been ended by another process')}")


def _not_renewed(board: str, token: int, said: Exception) -> LeaseLost:
    why = str(said).partition("\n")[0]
    hint = (
        "what the board does now is not known to be ours; is the disk full, the database locked, the host overloaded?"
    )
    return LeaseLost(board, f"lease {token} could not be renewed for {RENEWED_S:g} s: {why}", hint=hint)
