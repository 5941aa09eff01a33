"""Whose turn it is: first come first served, for each board among those whom it would do."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..store.leases import Held, Kind, Line, Waiter

TURN_S = 5.0
"""A waiter for whom a board has been noted as free for so long is passed over until it shows up. Twice the longest
pause between two looks of a waiter; assumed to do on a machine under full load."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one asks for."""

    boards: Sequence[str]
    kind: Kind
    owner: str
    number: int | None = None
    """Its place in the line; None: behind everybody."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one gets, or what stands in the way."""

    board: str | None
    """Take this one now."""
    ahead: int
    """How many wait before this one for a board that would do for it too."""
    due: tuple[Waiter, ...]
    """Those before it for whom a board is free."""
    holders: tuple[Held, ...]
    """Who holds boards that would do."""
    look_ends: bool
    """A board would be free but for a look, which takes seconds."""


def decide(line: Line, wish: Wish) -> Answer:
    """Give everybody in the line before a wish what is free for him, in order; then the wish."""
    claimed: set[str] = set()
    due: list[Waiter] = []
    ahead = 0
    for waiter in line.waiters:
        if wish.number is not None and waiter.number >= wish.number:
            break
        if _passed_over(waiter, line.now_ms):
            continue
        ahead += not set(waiter.boards).isdisjoint(wish.boards)
        board = _first_free(waiter.boards, waiter.kind, waiter.owner, line, claimed)
        if board is not None:
            claimed.add(board)
            due.append(waiter)
    board = _first_free(wish.boards, wish.kind, wish.owner, line, claimed)
    holders = tuple(held for held in line.held if held.board in wish.boards)
    others = [held for held in holders if held.kind != "look"]
    looked_at = {held.board for held in holders if held.kind == "look"}
    look_ends = any(_free(board, wish.kind, wish.owner, others) for board in looked_at - claimed)
    return Answer(board, ahead, tuple(due), holders, look_ends)


def any_free(held: Collection[Held], wish: Wish) -> bool:
    """Tell whether one of the boards is free, for this wish or for one before it."""
    return any(_free(board, wish.kind, wish.owner, held) for board in wish.boards)


def with_positions(line: Line) -> list[Waiter]:
    """Return the line, each with its position among those who wait for a board that would do for it too."""
    wishes = [Wish(waiter.boards, waiter.kind, waiter.owner, waiter.number) for waiter in line.waiters]
    return [
        replace(waiter, position=decide(line, wish).ahead + 1)
        for waiter, wish in zip(line.waiters, wishes, strict=True)
    ]


def least_worn(boards: Collection[str], worn: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return boards, the one with the least time in use first."""
    return sorted(boards, key=lambda board: (*worn.get(board, (0, 0)), board))


def _first_free(boards: Collection[str], kind: Kind, owner: str, line: Line, claimed: Collection[str]) -> str | None:
    ordered = least_worn(boards, line.worn)
    return next((b for b in ordered if b not in claimed and _free(b, kind, owner, line.held)), None)


def _free(board: str, kind: Kind, owner: str, held: Collection[Held]) -> bool:
    """A use keeps other uses out, a reservation all other owners; a reservation does not mind a look."""
    for lease in held:
        if lease.board != board:
            continue
        if kind == "reservation":
            in_the_way = lease.kind == "reservation" or (lease.kind == "use" and lease.owner != owner)
        else:
            in_the_way = lease.kind != "reservation" or lease.owner != owner
        if in_the_way:
            return False
    return True


def _passed_over(waiter: Waiter, now_ms: int) -> bool:
    return waiter.turn_ms is not None and now_ms - waiter.turn_ms > TURN_S * 1000
