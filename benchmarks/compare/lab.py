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
        ]
        return "; ".join([self.name, str(self.noise), *filter(None, added)])


def trials(truth: Truth, order: Sequence[int], heat: Floats, rng: np.random.Generator) -> Floats:
    """Return the log figures of one board's trials in that order, shape (figures, trials); more is better."""
    count = len(order)
    rows: list[Floats] = []
    for gains in truth.gains:
        noise = truth.noise.series(rng, count)
        bias = BOARD_SIGMA * rng.standard_normal()
        warm = truth.warm_up * np.exp(-np.arange(count) / (3 * truth.variants))
        before = np.concatenate([[0.0], heat[list(order[:-1])]])
        rows.append(noise + bias + warm + before + np.array(gains)[list(order)])
    return np.array(rows)


def draw(truth: Truth, orders: Sequence[Iterator[int]], count: int, rng: np.random.Generator) -> list[Floats]:
    """Return every board's trials, of so many each."""
    heat = truth.heat * rng.standard_normal(truth.variants)
    return [trials(truth, list(islice(order, count)), heat, rng) for order in orders]
