"""Leases: who holds which board, who waits for one, and how that is changed.

There are two kinds on a board, each at most once at a time. A **use** belongs to a process and ends with it. A
**reservation** belongs to an owner and ends at its time; it keeps all other owners out. See ``docs/leases.md``.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from ..errors import LabFault, UsageFault
from ..store import leases as rows
from ..store.database import Store
from ..store.health import quarantined
from ..store.leases import Held, Kind, Line, Past, Waiter
from .inventory import Lab
from .lease_dead import find_dead, reap, without
from .lease_held import Lease, LeaseLost
from .lease_holder import no_process, owner
from .lease_line import with_positions
from .lease_taking import NotFree, Progress, Request, Taking
from .lease_wanted import Wanted
from .lease_words import told
from .lock import LockFile, sweep, take_away

__all__ = [
    "Held",
    "Lease",
    "LeaseLost",
    "Leases",
    "NotFree",
    "Past",
    "Stolen",
    "Waiter",
    "Wanted",
    "owner",
    "told",
]

RESERVED_S = 2 * 3600.0
"""How long a reservation stands unless somebody says otherwise: a person who forgets it keeps nobody out overnight."""

_LET_GO_S = 3.0
"""A holder that runs sees within a fraction of this that its lease was taken, and closes what it has open."""


@dataclass(frozen=True, slots=True)
class Stolen:
    """What came of taking a board away."""

    reservation: Held
    """The new one."""
    losers: tuple[Held, ...]
    let_go: bool
    """False: a loser's process has not closed its handles; it is stopped, or on another host."""


class Leases:
    """The leases of one lab. Closing it ends none of them."""

    def __init__(self, lab: Lab, where: Path, store: Store, owner: str) -> None:
        """Take an open database; use :meth:`open`."""
        self.owner = owner
        """In whose name boards are taken."""
        self._lab, self._where, self._store = lab, where, store
        self._locks = where.parent / "locks"

    @classmethod
    def open(cls, lab: Lab, state: Path = Path(".farm"), *, in_name_of: str | None = None) -> Self:
        """Open the lab's database, in the name of this process's :func:`owner` unless another is given.

        Raises as :meth:`Store.open`.
        """
        where = lab.database(state)
        return cls(lab, where, Store.open(where), in_name_of or owner())

    # who has what

    def held(self) -> list[Held]:
        """Return the leases that stand now, in the order in which they were taken."""
        return list(self._alive().held)

    def waiting(self) -> list[Waiter]:
        """Return the line, first come first, with everybody's position."""
        return with_positions(self._alive())

    def history(self, board: str, limit: int = 20) -> list[Past]:
        """Return a board's newest leases, newest first; UsageFault when the lab has no such board."""
        self._lab.require([board])
        with self._store.transaction() as connection:
            return rows.history(connection, board, limit)

    # a use: while this process needs it

    @contextmanager
    def use(
        self,
        wanted: Wanted,
        *,
        wait_s: float = 0.0,
        reason: str = "",
        kind: Kind = "use",
        even_quarantined: bool = False,
        progress: Progress | None = None,
        heed: Callable[[], object] | None = None,
    ) -> Generator[Lease]:
        """Hold a board while inside; when it is lost meanwhile, that is what is raised, whatever it broke.

        ``heed`` is called again and again while waiting; what it raises ends the wait.

        Raises:
            UsageFault: no board of the lab could ever be it.
            LabFault: none was free in time, or all are in quarantine.
            LeaseLost: it was taken away.
        """
        request = self._request(wanted, kind, reason, even_quarantined, progress=progress, heed=heed)
        lease = self._take(request, wait_s)
        try:
            yield lease
            lease.require()
        except Exception as error:
            lost = lease.lost
            if lost is None or lost is error:
                raise
            raise lost from error
        finally:
            lease.end()

    @contextmanager
    def reserved(
        self, wanted: Wanted, *, wait_s: float = 0.0, reason: str = "", progress: Progress | None = None
    ) -> Generator[Lease]:
        """Reserve a board while inside, for this owner's other processes; raises as :meth:`use`."""
        with self.use(
            wanted,
            wait_s=wait_s,
            reason=reason,
            kind="reservation",
            even_quarantined=_by_name(wanted),
            progress=progress,
        ) as lease:
            yield lease

    # a reservation: until a time

    def reserve(
        self,
        wanted: Wanted,
        for_s: float = RESERVED_S,
        reason: str = "",
        wait_s: float = 0.0,
        progress: Progress | None = None,
    ) -> Held:
        """Reserve a board for this owner; one asked for by name that is his already gets the new end and reason.

        Raises:
            UsageFault: no board of the lab could ever be it.
            LabFault: none was free in time, or all are in quarantine; one asked for by name may be.
        """
        boards = wanted.among(self._lab)
        with self._store.transaction(alone=True) as connection:
            line = self._read(connection)
            for held in line.held:
                mine = held.kind == "reservation" and held.owner == self.owner and held.pid is None
                if mine and held.board in boards and _by_name(wanted):
                    return rows.extend(connection, held.token, for_s=for_s, reason=reason or held.reason)
        request = self._request(
            wanted, "reservation", reason, _by_name(wanted), for_s=for_s, by_process=False, progress=progress
        )
        lock = LockFile.make(self._locks)
        try:
            return Taking(self._store, self._locks, request, lock).wait(wait_s)[0]
        finally:
            lock.release()

    def give_back(self, board: str) -> Held:
        """End this owner's reservation of a board.

        Raises:
            UsageFault: he has none; who has is told.
        """
        self._lab.require([board])
        with self._store.transaction(alone=True) as connection:
            line = self._read(connection)
            here = [held for held in line.held if held.board == board]
            mine = [held for held in here if held.kind == "reservation" and held.owner == self.owner]
            if not mine or mine[0].pid is not None:
                raise UsageFault(_not_yours(board, here, self.owner))
            rows.end(connection, mine[0], "returned")
            return mine[0]

    def steal(self, board: str, reason: str, for_s: float = RESERVED_S) -> Stolen:
        """Take a board from whoever has it, and reserve it for this owner; the history keeps who did it and why.

        Raises:
            UsageFault: no reason is given, or nobody has it.
        """
        self._lab.require([board])
        if not reason.strip():
            raise UsageFault(f"{board}: say why it is taken from its holder: --reason")
        with self._store.transaction(alone=True) as connection:
            losers = tuple(held for held in self._read(connection).held if held.board == board)
            if not losers:
                raise UsageFault(f"{board}: nobody has it; farm lease take {board}")
            for loser in losers:
                rows.end(connection, loser, "stolen", by=self.owner, why=reason)
            new = rows.take(connection, board, "reservation", no_process(self.owner, reason), for_s=for_s)
        locks = [loser.holder.lock for loser in losers if loser.holder.lock is not None]
        let_go = [take_away(self._locks, lock, wait_s=_LET_GO_S) for lock in locks]
        return Stolen(new, losers, all(let_go))

    def close(self) -> None:
        """Close the database. May be called twice."""
        self._store.close()

    def __enter__(self) -> Self:
        """Return the leases themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        self.close()

    # steps

    def _take(self, request: Request, wait_s: float) -> Lease:
        lock = LockFile.make(self._locks)
        try:
            sweep(self._locks)
            held, asked_ns = Taking(self._store, self._locks, request, lock).wait(wait_s)
            return Lease(self._store, self._where, held, lock, asked_ns)
        except BaseException:
            lock.release()  # a lease that was written just before is dead without its lock
            raise

    def _request(
        self,
        wanted: Wanted,
        kind: Kind,
        reason: str,
        even_quarantined: bool,
        *,
        for_s: float | None = None,
        by_process: bool = True,
        progress: Progress | None = None,
        heed: Callable[[], object] | None = None,
    ) -> Request:
        boards = wanted.among(self._lab)

        def eligible() -> list[str]:
            return boards if even_quarantined else _healthy(str(wanted), boards, quarantined(self._store))

        return Request(str(wanted), eligible, kind, self.owner, reason, for_s, by_process, progress, heed)

    def _read(self, connection: Connection) -> Line:
        """Read the line after ending what is dead in it."""
        line = rows.read(connection)
        return reap(connection, line, find_dead(line, self._locks), self._locks)

    def _alive(self) -> Line:
        """Read the line without what is dead in it; nothing is written."""
        with self._store.transaction() as connection:
            line = rows.read(connection)
        return without(line, find_dead(line, self._locks))


def _healthy(wanted: str, boards: list[str], why: Mapping[str, str]) -> list[str]:
    healthy = [board for board in boards if board not in why]
    if not healthy:
        said = why[wanted] if boards == [wanted] else "; ".join(f"{board}: {why[board]}" for board in boards)
        hint = f"look at the board; a passed `farm health --check {boards[0]}` brings it back"
        raise LabFault(wanted, f"in quarantine: {said}", hint=hint)
    return healthy


def _by_name(wanted: Wanted) -> bool:
    """Whoever names one board means it: to repair it, say."""
    return len(wanted.boards) == 1


def _not_yours(board: str, here: list[Held], owner: str) -> str:
    if not here:
        return f"{board}: nobody has it"
    process = next((held for held in here if held.pid is not None and held.owner == owner), None)
    steal = f"farm lease steal {board} --reason WHY"
    if process is not None:
        return f"{board}: is used by your process {process.pid}, which returns it when it ends; or: {steal}"
    return f"{board}: is not yours but that of {told(here[0])}; {steal}"
