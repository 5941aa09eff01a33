"""What the boards of one comparison share: its trials so far, whether there is anything left to do, what went wrong.

Every method may be called from any board's thread.
"""

from collections.abc import Callable, Sequence
from threading import Condition

from ...store.comparison_facts import ComparisonFacts, LostFacts
from ...store.record import Record
from .compared import Compared, compared

_POLL_S = 0.1
"""Whoever waits for the others looks so often whether all is to end."""


class Ledger:
    """One a comparison."""

    def __init__(self, facts: ComparisonFacts) -> None:
        """Begin with what is to be compared, and with all boards that may be free."""
        self._facts = facts
        self._records: list[Record] = []
        self._faults: list[LostFacts] = []
        self._awaited = set(facts.boards)
        self._why = ""
        self._over = False
        self._refused: list[str] = []
        self._changed = Condition()

    @property
    def facts(self) -> ComparisonFacts:
        """What was to be compared, on the boards that were free, and how it has ended so far."""
        with self._changed:
            return self._facts.model_copy(update={"ended": self._why or None, "faults": list(self._faults)})

    @property
    def over(self) -> bool:
        """Whether nobody need begin another trial."""
        return self._over

    @property
    def refused(self) -> Sequence[str]:
        """Why a variant cannot run on these boards at all."""
        return self._refused

    def arrived(self, board: str, *, free: bool) -> None:
        """Note that a board is lent, or that it is not to be had."""
        with self._changed:
            self._awaited.discard(board)
            if not free:
                boards = {name: made for name, made in self._facts.boards.items() if name != board}
                self._facts = self._facts.model_copy(update={"boards": boards})
            self._changed.notify_all()

    def wait_for_all(self, heed: Callable[[], object]) -> None:
        """Wait until it is known of every board whether it is free: that is how many trials there may be."""
        with self._changed:
            while self._awaited:
                self._changed.wait(_POLL_S)
                heed()

    def add(self, record: Record) -> None:
        """Note a trial that is kept."""
        with self._changed:
            self._records.append(record)

    def look(self) -> Compared:
        """Look at all that there is, and end when it is enough."""
        with self._changed:
            found = compared(self._facts, self._records)
            if found.decided:
                self._end("every variant's place is certain" if self._facts.until == "front" else "all is decided")
            return found

    def lost(self, board: str, what: str, hint: str = "", *, again: bool) -> None:
        """Note a fault of the lab."""
        with self._changed:
            self._faults.append(LostFacts(board=board, what=what, hint=hint, again=again))

    def refuse(self, faults: Sequence[str]) -> None:
        """End, for a variant cannot run on these boards at all."""
        with self._changed:
            self._refused += [fault for fault in faults if fault not in self._refused]
            self._end("a variant was refused")

    def end(self, why: str) -> None:
        """End all boards' work at their next trial; the first reason stands."""
        with self._changed:
            self._end(why)

    def spent(self, why: str) -> None:
        """Note why one board runs no more; the others go on."""
        with self._changed:
            self._why = self._why or why

    def _end(self, why: str) -> None:
        self._why = why if not self._over else self._why
        self._over = True
