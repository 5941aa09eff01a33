"""What one comparison said, and what of it was wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from farm.verdict.variants.contrast import Contrast
from farm.verdict.variants.front import Place

from .lab import Truth

ALPHA = 0.05
RESOLUTION = 0.01
MOST_ROUNDS = 24
"""Of each board."""
_PLAIN = 0.02
"""Variants that differ by more must come to be separated for a comparison to count as one that has seen them."""


@dataclass(slots=True)
class Said:
    """One comparison."""

    truth: Truth
    false_separated: bool = False
    """Two variants that do not differ were told apart, or two that do the wrong way round, at any look."""
    false_equal: bool = False
    """Two variants that differ by more than matters were called equal."""
    false_dominated: bool = False
    """A variant was called dominated by one that is no better in anything, or worse in something that matters."""
    rounds: float = MOST_ROUNDS
    """Of each board, until all pairs that plainly differ were told apart."""
    separated: bool = False
    _apart: set[tuple[int, int, int]] = field(default_factory=set)

    def look(self, rounds: float, told: Mapping[tuple[int, int], Sequence[Contrast]], found: Sequence[Place]) -> bool:
        """Take one look; return whether there is nothing left to decide."""
        for (a, b), contrasts in told.items():
            for figure, one in enumerate(contrasts):
                self._hold((a, b), figure, one)
        for a, place in enumerate(found):
            if place.verdict == "dominated":
                self.false_dominated |= any(not self._dominates(b, a) for b in place.by)
        if not self.separated and self._plain <= self._apart:
            self.separated, self.rounds = True, rounds
        return all(one.state != "open" for contrasts in told.values() for one in contrasts)

    @property
    def _plain(self) -> set[tuple[int, int, int]]:
        count = self.truth.variants
        pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
        return {
            (a, b, figure)
            for a, b in pairs
            for figure, gains in enumerate(self.truth.gains)
            if abs(gains[b] - gains[a]) > _PLAIN
        }

    def _hold(self, pair: tuple[int, int], figure: int, one: Contrast) -> None:
        gains = self.truth.gains[figure]
        gain = gains[pair[1]] - gains[pair[0]]
        self.false_equal |= one.state == "equal" and abs(gain) >= RESOLUTION
        if one.state in ("better", "worse"):
            right = gain > 0 if one.state == "better" else gain < 0
            self.false_separated |= not right
            if right:
                self._apart.add((*pair, figure))

    def _dominates(self, b: int, a: int) -> bool:
        scattering = [gains[b] - gains[a] for gains in self.truth.gains]
        exact = [row[b] - row[a] for row in self.truth.exact]
        no_worse = all(gain > -RESOLUTION for gain in scattering) and all(gain >= 0 for gain in exact)
        return no_worse and any(gain > 0 for gain in [*scattering, *exact])
