"""Looks again and again: what has changed since, whom it concerns, and the checks that have come due meanwhile."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from ..lab.inventory import Lab
from ..store.database import Store
from ..store.health import Kept, Turn, note_looks
from .board_health import TRANSIENT, BoardHealth, State
from .check import CheckResult


def keep(lab: Lab, found: Iterable[BoardHealth], state: Path = Path(".farm")) -> list[Turn]:
    """Keep what looks found, but for what passes by itself; return whose state has changed since the look before.

    Raises:
        LabFault: the database refuses.
    """
    lasting: dict[str, tuple[Kept, str]] = {
        one.board: (cast("Kept", one.state), one.reason) for one in found if one.state not in TRANSIENT
    }
    with Store.open(lab.database(state)) as store:
        return note_looks(store, lasting)


def keep_checks(lab: Lab, done: Iterable[CheckResult], state: Path = Path(".farm")) -> list[Turn]:
    """Return whose state a check has changed since the last look; one that could not decide has changed none."""
    found: dict[str, tuple[Kept, str]] = {}
    for one in done:
        if one.quarantine is not None:
            found[one.board] = "quarantined", one.quarantine
        elif one.outcome != "undecided":
            found[one.board] = "faulty" if one.fault else "ok", one.fault
    with Store.open(lab.database(state)) as store:
        return note_looks(store, found)


class Shown:
    """What was last shown of each board, so that only what is new is said."""

    def __init__(self) -> None:
        """Nothing was shown yet."""
        self._states: dict[str, tuple[State, str]] = {}

    def news(self, found: Iterable[BoardHealth]) -> list[BoardHealth]:
        """Return those whose state, or the component at fault, is another than before; at first all."""
        new: list[BoardHealth] = []
        for one in found:
            now = one.state, one.reason.partition(":")[0]
            if self._states.get(one.board) != now:
                new.append(one)
            self._states[one.board] = now
        return new
