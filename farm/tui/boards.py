# pyright: standard
"""What the screen knows of each board, and the words it has for it. Pure: no thread, no widget, no clock of its own."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from .source import Glance, Held, Known, Trial, Wiring

Tone = Literal["", "fault", "warn", "good", "busy", "quiet"]
"""What a colour means; the word beside it says the same."""

READINGS = 240
"""Kept a board for its plot: an hour of looks every 15 s."""


@dataclass(frozen=True, slots=True)
class State:
    """A board in one word."""

    word: str
    symbol: str
    tone: Tone
    rank: int
    """Where it stands when sorted by state: what needs somebody comes first."""

    def __str__(self) -> str:
        """Return symbol and word."""
        return f"{self.symbol} {self.word}"


FAULT = State("fault", "✖", "fault", 0)
QUARANTINE = State("quarantine", "⊘", "fault", 1)
BOOTING = State("booting", "◐", "busy", 2)
WORKING = State("working", "◐", "busy", 3)
IN_USE = State("in use", "▶", "busy", 4)
UP = State("up", "●", "good", 5)
ON = State("on", "◒", "warn", 6)
OFF = State("off", "○", "quiet", 7)
UNSEEN = State("not seen", "·", "quiet", 8)
STATES = (FAULT, QUARANTINE, BOOTING, WORKING, IN_USE, UP, ON, OFF, UNSEEN)


@dataclass(slots=True)
class BoardState:
    """One board, as far as it is known."""

    wiring: Wiring
    glance: Glance | None = None
    looked: datetime | None = None
    """When the newest look ended."""
    late: str = ""
    """Why the look that runs now is overdue."""
    held: tuple[Held, ...] = ()
    quarantine: str = ""
    last: Trial | None = None
    doing: str = ""
    """The action that runs on it from this screen, and what it is at."""
    stage: str | None = None
    """Boot stage seen by the watch or the action that runs here; newer than the look's."""
    watts: deque[float | None] = field(default_factory=lambda: deque(maxlen=READINGS))
    """One a look, None where it read nothing."""

    @property
    def name(self) -> str:
        """The board's name."""
        return self.wiring.board

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, the newest word first."""
        known = self.glance.faults if self.glance else ()
        return tuple(filter(None, (self.late, *known, self.quarantine and f"in quarantine: {self.quarantine}")))

    @property
    def state(self) -> State:
        """How it is, in one word."""
        glance = self.glance
        if self.doing:
            return BOOTING if self.stage else WORKING
        if self.quarantine:
            return QUARANTINE
        if self.late or (glance and glance.faults):
            return FAULT
        if glance is None:
            return UNSEEN
        if glance.in_use is not None:
            return IN_USE
        if glance.up is not None:
            return UP if glance.up else BOOTING
        return {True: ON, False: OFF, None: UNSEEN}[glance.powered]

    @property
    def holder(self) -> Held | None:
        """Who has it: a use before a reservation; a look of another screen holds nobody up and is not told."""
        order = {"use": 0, "reservation": 1}
        return min((held for held in self.held if held.kind in order), key=lambda held: order[held.kind], default=None)

    @property
    def boot(self) -> str | None:
        """How far its boot has come."""
        return self.stage or (self.glance.stage if self.glance else None)

    def text(self) -> str:
        """Return all that a search looks at, in small letters."""
        words: Iterable[str] = (
            self.name,
            self.wiring.model,
            self.wiring.made,
            self.state.word,
            self.holder.owner if self.holder else "",
            self.boot or "",
            (self.last.outcome or "") if self.last else "",
            *(value for _, value in self.wiring.facts),
            *self.faults,
        )
        return " ".join(words).lower()


class Boards:
    """All boards of a lab, in the inventory's order."""

    def __init__(self, wirings: Iterable[Wiring]) -> None:
        """Take what is wired; nothing is known yet."""
        self.by_name = {wiring.board: BoardState(wiring) for wiring in wirings}

    def __getitem__(self, name: str) -> BoardState:
        """Return one board."""
        return self.by_name[name]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.by_name)

    def looked(self, name: str, glance: Glance, at: datetime) -> str:
        """Take in a look; return what is new about the board's state, empty when nothing is."""
        board = self[name]
        before = board.state
        board.glance, board.looked, board.late, board.stage = glance, at, "", None
        board.watts.append(glance.watts)
        return _change(board, before)

    def is_late(self, name: str, deadline_s: float) -> str:
        """Note that a look has not ended in time; what it said before is not known any more."""
        board = self[name]
        before = board.state
        board.late = f"{name}: no answer to a look within {deadline_s:g} s"
        board.glance, board.stage = None, None
        board.watts.append(None)
        return _change(board, before)

    def know(self, known: Known) -> list[str]:
        """Take in what the database knows; return the boards of which something changed."""
        changed: list[str] = []
        for name, board in self.by_name.items():
            new = (tuple(known.held.get(name, ())), known.quarantined.get(name, ""), known.last.get(name))
            if new != (board.held, board.quarantine, board.last):
                board.held, board.quarantine, board.last = new
                changed.append(name)
        return changed

    def counted(self) -> Mapping[State, int]:
        """Return how many boards are in each state, those that need somebody first; none that no board is in."""
        states = [board.state for board in self.by_name.values()]
        return {state: count for state in STATES if (count := states.count(state))}

    def matching(self, wanted: str) -> list[str]:
        """Return the boards in whose text every word stands; a word after ``!`` must not."""
        words = wanted.lower().split()
        return [name for name, board in self.by_name.items() if not words or _matches(board.text(), words)]


def _matches(text: str, words: list[str]) -> bool:
    return all((word[1:] not in text if word.startswith("!") else word in text) for word in words if word != "!")


def _change(board: BoardState, before: State) -> str:
    """Return a line for the log; first sightings and comings and goings of users are none."""
    after = board.state
    if after in (before, IN_USE):
        return ""
    if after.tone != "fault" and before in (UNSEEN, IN_USE):
        return ""
    return board.faults[0] if after.tone == "fault" and board.faults else f"{board.name}: {after.word}"
