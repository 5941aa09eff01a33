"""From asking for a board to having it: the line, the dead in it, and the wait."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from ..errors import LabFault
from ..store import leases as rows
from ..store.database import Store
from ..store.leases import Held, Kind, Line, Waiter
from .lease_dead import find_dead, reap
from .lease_holder import no_process, this_process
from .lease_line import Answer, Wish, any_free, decide
from .lease_words import in_use
from .lock import LockFile

LOOK_S = 10.0
"""A look at a board is waited for, whatever the taker's own patience: a look's deadlines sum up to less."""

_POLL_S = 0.05
_PATIENT_AFTER_S = 5.0
_POLL_PATIENT_S = 0.2
"""A waiter at the front looks so often, at first and later."""
_POLL_BEHIND_S = 0.03
"""And one further back so much less often for each before it: some 150 looks a second in all when 200 wait."""
_POLL_LONGEST_S = 2.5
_LATE_S = 0.5
"""One who lets a free board stand for so long is late, and those behind note it."""

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
    heed: Callable[[], object] | None = None
    """Called again and again while waiting; what it raises ends the wait."""


class NotFree(LabFault):
    """Others have every board that would do, or come first: no board is at fault."""


class Taking:
    """One wish on its way to a board."""

    def __init__(self, store: Store, folder: Path, request: Request, lock: LockFile) -> None:
        """Take what to ask for; the lock says that this process waits."""
        self._store, self._folder, self._request = store, folder, request
        self._waits = this_process(request.owner, request.reason, lock.name)
        self._wish = Wish((), request.kind, request.owner)
        self._told = ""
        self._due_since_ns: dict[int, int] = {}

    def wait(self, wait_s: float) -> tuple[Held, int]:
        """Return a board once one is there, and a monotonic time (ns) just before it was written.

        ``wait_s`` is how long to stand in the line; for a look's end it is waited anyway.

        Raises:
            NotFree: none was free in time, and who has them; or what the request's ``eligible`` raises.
        """
        asked_ns = time.monotonic_ns()
        try:
            while True:
                self._wish = replace(self._wish, boards=self._request.eligible())
                got = self._try(join=wait_s > 0)
                if not isinstance(got, Answer):
                    return got
                patience_s = max(wait_s, LOOK_S if got.look_ends and not got.due else 0.0)
                left_s = patience_s - (time.monotonic_ns() - asked_ns) / 1e9
                if left_s <= 0:
                    raise self._in_use(got, wait_s)
                self._tell(got)
                self._sleep_until_changed(asked_ns, left_s)
        finally:
            self._leave()

    def _try(self, *, join: bool) -> tuple[Held, int] | Answer:
        """Take a board if it is this one's turn, after ending what is dead; else join the line."""
        with self._store.transaction(alone=True) as connection:
            line = rows.read(connection)
            if self._wish.number not in {waiter.number for waiter in line.waiters}:
                self._wish = replace(self._wish, number=None)  # another host took us for dead: to the end again
            answer = decide(line, self._wish)
            while dead := find_dead(_concerning(line, answer), self._folder):
                line = reap(connection, line, dead, self._folder)
                answer = decide(line, self._wish)
            if answer.board is not None:
                taken_ns = time.monotonic_ns()
                return self._take(connection, answer.board), taken_ns
            self._mark_turns(connection, line, answer)
            # for a look's end too, or whoever looks would not see that somebody waits
            if (join or (answer.look_ends and not answer.due)) and self._wish.number is None:
                wanted = self._request.wanted
                number = rows.line_up(connection, self._wish.boards, wanted, self._wish.kind, self._waits)
                self._wish = replace(self._wish, number=number)
            return answer

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

    def _sleep_until_changed(self, asked_ns: int, left_s: float) -> None:
        """Look, without keeping anybody from writing, until there is something to write, or time is up."""
        end_ns = time.monotonic_ns() + int(left_s * 1e9)
        seen: tuple[int, tuple[int, ...]] = (0, ())
        while (now_ns := time.monotonic_ns()) < end_ns:
            patient = now_ns - asked_ns > _PATIENT_AFTER_S * 1e9
            pause_s = max(_POLL_PATIENT_S if patient else _POLL_S, seen[0] * _POLL_BEHIND_S)
            time.sleep(min(pause_s, _POLL_LONGEST_S, (end_ns - now_ns) / 1e9))
            if self._request.heed is not None:
                self._request.heed()
            with self._store.transaction() as connection:
                now, held = rows.held_now(connection)
                place = rows.place(connection, self._wish.number)
                last, seen = seen, (place.ahead, tuple(lease.token for lease in held))
                free = any_free(held, self._wish) or find_dead(Line(now, held, (), {}), self._folder)
                if self._wish.number is not None and (not place.there or place.called):
                    return
                if not free and (last == seen or self._request.progress is None):
                    continue
                line = rows.read(connection, up_to=self._wish.number)
            answer = decide(line, self._wish)
            self._tell(answer)
            if answer.board is not None or find_dead(_concerning(line, answer), self._folder) or self._late(answer.due):
                return

    def _late(self, due: Sequence[Waiter]) -> bool:
        """Tell whether somebody whose turn nobody has noted yet lets a board stand free."""
        now_ns = time.monotonic_ns()
        self._due_since_ns = {waiter.number: self._due_since_ns.get(waiter.number, now_ns) for waiter in due}
        return any(
            waiter.turn_ms is None and now_ns - self._due_since_ns[waiter.number] > _LATE_S * 1e9 for waiter in due
        )

    def _leave(self) -> None:
        if self._wish.number is not None:
            with self._store.transaction(alone=True) as connection:
                rows.leave(connection, self._wish.number)

    def _tell(self, answer: Answer) -> None:
        now = f"{self._request.wanted}: place {answer.ahead + 1} in the line; {in_use(answer)}"
        if self._request.progress is not None and now != self._told:
            self._told = now
            self._request.progress(now)

    def _in_use(self, answer: Answer, wait_s: float) -> NotFree:
        waited = f"; waited {wait_s:g} s" if wait_s else ""
        hint = "wait until it is done, or end it; farm lease list shows who has what and who waits"
        return NotFree(self._request.wanted, f"{in_use(answer)}{waited}", hint=hint)


def _concerning(line: Line, answer: Answer) -> Line:
    """Return the part of a line that an answer depends on: who holds the boards, and whose turn it is or was."""
    called = (waiter for waiter in line.waiters if waiter.turn_ms is not None and waiter not in answer.due)
    return replace(line, held=answer.holders, waiters=(*answer.due, *called))
