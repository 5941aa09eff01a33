# pyright: standard
"""What the screen asks of a lab: the lab itself in :mod:`.lab_source`, fakes in tests, sockets in the benchmark."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Literal, Protocol

Outcome = Literal["pass", "regression", "no verdict"]
ActionName = Literal["on", "off", "cycle", "take", "return", "health", "provision"]
Tell = Callable[[str], None]
"""Told what an action is at, in a few words."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """One board as the inventory has it."""

    board: str
    model: str
    made: str
    """``board``, ``process twin``, ``qemu twin``: what it is made of."""
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value, in the order to show: serial number, console, SSH, switch, meters, tags."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What one look found. None: not known, or not asked."""

    in_use: str | None = None
    """Who uses the board: it was left alone then, and nothing below is known."""
    powered: bool | None = None
    up: bool | None = None
    stage: str | None = None
    """How far its boot has come."""
    watts: float | None = None
    """Of the meter that stands for the board's supply."""
    celsius: float | None = None
    """The hottest."""
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value, in the order to show."""
    faults: tuple[str, ...] = ()
    """Component first; empty: nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Held:
    """One lease on a board."""

    kind: str
    """``reservation``, ``use`` or ``look``."""
    owner: str
    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One record in a board's history."""

    id: str
    at: datetime
    artifact: str
    outcome: Outcome | None
    """Absent: never judged."""
    figures: str = ""
    why: str = ""
    """The first thing that did not hold."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the lab's database knows, read at once; it touches no board."""

    held: Mapping[str, Sequence[Held]] = field(default_factory=dict)
    quarantined: Mapping[str, str] = field(default_factory=dict)
    last: Mapping[str, Trial] = field(default_factory=dict)
    waiting: Sequence[str] = ()
    """Who waits for a board, first in the queue first, in words."""


@dataclass(frozen=True, slots=True)
class Past:
    """A board's own history, newest first."""

    trials: Sequence[Trial] = ()
    health: Sequence[tuple[datetime, str]] = ()
    leases: Sequence[tuple[datetime, str]] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """What came while a board was watched."""

    text: str = ""
    """Console output, control sequences taken out."""
    watts: float | None = None
    measured: bool = False
    """Whether a meter was asked: ``watts`` of None is a gap then."""
    stage: str | None = None
    note: str = ""
    """Where the console's text comes from now: ``live``, or why it is not; what was shown before goes."""


Show = Callable[[Piece], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """An action that a person has confirmed."""

    name: ActionName
    board: str
    for_s: float = 3600.0
    """How long a lease is taken for."""
    reason: str = ""


class Source(Protocol):
    """A lab to watch and to act on. All calls block and are made from threads; each has a deadline of its own.

    Every call may raise FarmError, DeviceError or PowerError: their words are shown.
    """

    lab: str
    """The lab's name."""

    def boards(self) -> Sequence[Wiring]:
        """Return the boards in the inventory's order; asks nobody."""
        ...

    def look(self, board: str) -> Glance:
        """Look once; a board that somebody uses is left alone."""
        ...

    def known(self) -> Known:
        """Read the database."""
        ...

    def past(self, board: str) -> Past:
        """Read one board's history."""
        ...

    def watch(self, board: str, stop: Event) -> Iterator[Piece]:
        """Follow a board's console and watts until ``stop``, or until somebody wants the board."""
        ...

    def act(self, wish: Wish, tell: Tell, show: Show) -> str:
        """Do it and say in one line what came of it; ``show`` gets what the board prints and draws meanwhile."""
        ...

    def console_command(self, board: str) -> Sequence[str]:
        """Return the command that connects this terminal and the board's console."""
        ...
