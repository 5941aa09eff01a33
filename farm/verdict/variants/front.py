"""Which variants are worth having: those that no other beats in something and equals in all else.

B dominates A where it is certain, in every figure, that B is better or equal, and better in one. *Equal* is a
difference that is certainly below what matters; of exact figures it is the same number. What an interval leaves open
dominates nobody, and keeps nobody from the front: then a place is *maybe*.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .contrast import State

Verdict = Literal["front", "maybe", "dominated"]
Beside = Callable[[int, int], Sequence[State]]
"""``beside(b, a)``: of b beside a, in each figure."""


@dataclass(frozen=True, slots=True)
class Place:
    """One variant's place."""

    verdict: Verdict
    by: tuple[int, ...] = ()
    """Who dominates it; of one that may be on the front who yet may."""


def places(variants: int, beside: Beside) -> list[Place]:
    """Return every variant's place."""
    beats = [[a != b and dominates(beside(b, a)) for a in range(variants)] for b in range(variants)]
    reaches = _closed(beats)
    # small losses that do not matter may go round in a circle; nobody in one dominates another of it
    sure = [[beats[b][a] and not reaches[a][b] for a in range(variants)] for b in range(variants)]
    found: list[Place] = []
    for a in range(variants):
        by = tuple(b for b in range(variants) if sure[b][a])
        may = tuple(b for b in range(variants) if b != a and not sure[b][a] and may_dominate(beside(b, a)))
        found.append(Place("dominated", by) if by else Place("maybe", may) if may else Place("front"))
    return found


def dominates(states: Sequence[State]) -> bool:
    """Tell whether one that is so beside another certainly dominates it."""
    return "better" in states and not {"worse", "open"} & set(states)


def may_dominate(states: Sequence[State]) -> bool:
    """Tell whether one that is so beside another may turn out to dominate it: something is open, nothing lost."""
    return "open" in states and "worse" not in states


def _closed(beats: Sequence[Sequence[bool]]) -> list[list[bool]]:
    """Return who beats whom through others too (Warshall)."""
    reaches = [list(row) for row in beats]
    for middle in range(len(reaches)):
        for row in reaches:
            if row[middle]:
                row[:] = [was or via for was, via in zip(row, reaches[middle], strict=True)]
    return reaches
