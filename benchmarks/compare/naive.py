"""What one would do without a plan: a fixed order on each board, and an ordinary t-test of all trials of two variants.

``honest`` gives it the farm's own risk for each look and pair, so that only order and estimate differ; ``peeking``
tests each pair at 5 % after each round, as one does who looks until something shows.
"""

from itertools import combinations
from typing import Literal

import numpy as np
from scipy import special

from farm.verdict.sequential import levels
from farm.verdict.variants.contrast import Contrast, State

from .lab import Floats, Truth, draw
from .ours import endless
from .said import ALPHA, MOST_ROUNDS, Said

_FIRST = 4
"""Rounds before the first look, as many as the farm needs on one board."""
Kind = Literal["honest", "peeking"]


def compare(truth: Truth, seed: int, kind: Kind) -> Said:
    """Run one comparison, looking after each round of all boards from the fourth on."""
    rng = np.random.default_rng(seed)
    order = list(range(truth.variants))
    boards = draw(truth, [endless(order) for _ in range(truth.boards)], MOST_ROUNDS * truth.variants, rng)
    numbers = list(combinations(order, 2))
    share = ALPHA / (len(numbers) * len(truth.gains))
    spent = levels(share / 2, tuple(range(_FIRST, MOST_ROUNDS + 1)))
    said = Said(truth)
    for rounds in range(_FIRST, MOST_ROUNDS + 1):
        level = spent[rounds - _FIRST] if kind == "honest" else ALPHA / 2
        told = {
            (a, b): [
                _tested(_trials(boards, figure, rounds, truth, (a, b)), level) for figure in range(len(truth.gains))
            ]
            for a, b in numbers
        }
        if said.look(rounds, told, []):
            break
    return said


def _trials(boards: list[Floats], figure: int, rounds: int, truth: Truth, pair: tuple[int, int]) -> list[Floats]:
    """Return all trials of either variant, of all boards together."""
    step, end = truth.variants, rounds * truth.variants
    return [np.concatenate([board[figure, which:end:step] for board in boards]) for which in pair]


def _tested(trials: list[Floats], level: float) -> Contrast:
    a, b = trials
    count = len(a)
    deviation = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / count)
    half = float(-special.stdtrit(2 * count - 2, level)) * float(deviation)
    mean = float(b.mean() - a.mean())
    state: State = "open" if abs(mean) <= half else "better" if mean > 0 else "worse"
    return Contrast(count, mean, mean - half, mean + half, state)
