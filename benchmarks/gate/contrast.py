"""What one would do without a plan: look after every pair, with an interval for a single look, until it speaks."""

import numpy as np
from scipy import stats

from .noise import Noise

_FIRST, _LAST = 3, 24


def peeking(change: float, noise: Noise, number: int, seed: int, *, limit: float, alpha: float) -> dict[str, int]:
    """Return the outcomes of so many gates that run baseline, candidate, baseline … and look after every pair.

    Each look asks Student's t at the level ``alpha`` on either side, as if it were the only one.
    """
    rng = np.random.default_rng(seed)
    level = {pairs: float(stats.t.isf(alpha, pairs - 1)) for pairs in range(_FIRST, _LAST + 1)}
    outcomes = {"pass": 0, "regression": 0, "no verdict": 0}
    for _ in range(number):
        series = noise.series(rng, 2 * _LAST)
        worse = np.log1p(change) + series[1::2] - series[::2] - np.log1p(limit)
        outcomes[_first_answer(worse, level)] += 1
    return outcomes


def _first_answer(worse: "np.ndarray[tuple[int], np.dtype[np.float64]]", level: dict[int, float]) -> str:
    for pairs, times in level.items():
        half = times * worse[:pairs].std(ddof=1) / np.sqrt(pairs)
        mean = worse[:pairs].mean()
        if abs(mean) > half:
            return "regression" if mean > 0 else "pass"
    return "no verdict"
