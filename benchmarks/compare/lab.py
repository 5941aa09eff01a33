"""Boards that only make numbers: log figures of every trial, with all that a real lab adds to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from benchmarks.gate.noise import Noise

Floats = NDArray[np.float64]
BOARD_SIGMA = 0.03
"""Boards of one model differ by so much, one standard deviation (assumed; two meters of 1 % alone make half of it)."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of the variants, and what a lab does to their trials."""

    name: str
    gains: tuple[tuple[float, ...], ...]
    """Of each figure that scatters: how much better each variant is than the first, log."""
    exact: tuple[tuple[float, ...], ...] = ()
    """Of each exact figure: more is better."""
    noise: Noise = field(default_factory=lambda: Noise(0.5))
    boards: int = 2
    heat: float = 0.0
    """What a variant leaves to its successor, one standard deviation over the variants."""
    warm_up: float = 0.0
    """What the first trials gain over the later ones; it fades with a time of three rounds."""
    lasting: float = 0.0
    """What each variant gains in both rounds of a pair, and anew in the next, one standard deviation."""

    @property
    def variants(self) -> int:
        """How many."""
        return len(self.gains[0])

    def __str__(self) -> str:
        """Return it in a few words."""
        added = [
            f"{self.boards} boards" * (self.boards > 1),
            f"heat {100 * self.heat:g} %" * bool(self.heat),
            f"warm-up {100 * self.warm_up:g} %" * bool(self.warm_up),
            f"the same within a pair of rounds {100 * self.lasting:g} %" * bool(self.lasting),
        ]
        return "; ".join([self.name, str(self.noise), *filter(None, added)])


Turn = tuple[int, int]
"""A variant, and in which pair of rounds it runs."""


def trials(truth: Truth, turns: Sequence[Turn], heat: Floats, rng: np.random.Generator) -> Floats:
    """Return the log figures of one board's trials in that order, shape (figures, trials); more is better."""
    count = len(turns)
    order, pairs = (list(column) for column in zip(*turns, strict=True))
    rows: list[Floats] = []
    for gains in truth.gains:
        noise = truth.noise.series(rng, count)
        bias = BOARD_SIGMA * rng.standard_normal()
        warm = truth.warm_up * np.exp(-np.arange(count) / (3 * truth.variants))
        before = np.concatenate([[0.0], heat[order[:-1]]])
        rows.append(noise + bias + warm + before + np.array(gains)[order])
        if truth.lasting:
            rows[-1] += truth.lasting * rng.standard_normal((max(pairs) + 1, truth.variants))[pairs, order]
    return np.array(rows)


def draw(truth: Truth, turns: Sequence[Iterator[Turn]], count: int, rng: np.random.Generator) -> list[Floats]:
    """Return every board's trials, of so many each."""
    heat = truth.heat * rng.standard_normal(truth.variants)
    return [trials(truth, list(islice(board, count)), heat, rng) for board in turns]
