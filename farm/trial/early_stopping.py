"""What a number of queries shows of a latency percentile: MLPerf's early stopping (loadgen, ``early_stopping.cc``).

Were the percentile ``p`` above a bound, each query would be over it with probability ``1 - p`` at least. That as few
of ``n`` are over it as were seen has then the probability of a binomial sum; where it is under 1 %, the percentile is
below the bound with 99 % confidence. Pure.

A sum is taken from its largest term outwards and ends where nothing is added any more: of 300,000 queries over the
bound that are some thousands of terms. What is looked for is sought around where the normal law has it.
"""

from collections.abc import Callable
from math import exp, lgamma, log, log1p, pi, sqrt

CONFIDENCE = 0.99
"""Of MLPerf's rules."""
_Z = 2.3263
"""The normal law's bound for it: only where a search begins."""
_NOTHING = 1e-18
"""Of a sum: a smaller term ends it."""


def at_most(over: int, queries: int, percent: float) -> float:
    """Return the probability that at most ``over`` of ``queries`` are over a percentile."""
    if over >= queries:
        return 1.0
    keep = percent / 100
    miss = 1 - keep
    begin = min(over, int(queries * miss))
    first = _exactly(begin, queries, miss, keep)
    sum_ = first
    term, k = first, begin
    while k > 0 and term > _NOTHING * sum_:
        term *= k / (queries - k + 1) * (keep / miss)
        k -= 1
        sum_ += term
    term, k = first, begin
    while k < over and term > _NOTHING * sum_:
        term *= (queries - k) / (k + 1) * (miss / keep)
        k += 1
        sum_ += term
    return min(1.0, sum_)


def least(over: int, percent: float) -> int:
    """Return the fewest queries of which ``over`` may be over a bound that the percentile is shown to keep."""
    keep = percent / 100
    root = _Z * sqrt(keep) + sqrt(_Z**2 * keep + 4 * over)
    return _first(lambda queries: _shown(over, queries, percent), over + 1, int(root**2 / 4 / (1 - keep)))


def discarded(queries: int, percent: float) -> int | None:
    """Return how many of the slowest queries may be left out: the slowest but so many bounds the percentile.

    As loadgen does, it is one less than the number that may be over the bound; None: there are too few queries.
    """
    keep = percent / 100
    about = int(queries * (1 - keep) - _Z * sqrt(queries * keep * (1 - keep)))
    too_many = _first(lambda over: not _shown(over, queries, percent), 0, about)
    return too_many - 2 if too_many >= 2 else None


def _shown(over: int, queries: int, percent: float) -> bool:
    return queries > over and at_most(over, queries, percent) < 1 - CONFIDENCE


def _first(true: Callable[[int], bool], low: int, about: int) -> int:
    """Return the first number from ``low`` on of which something is true that is true of all after it."""
    false, high, step = low - 1, max(low, about), 1
    while not true(high):
        false, high, step = high, high + step, 2 * step
    step = 1
    while high - step > false:
        if not true(high - step):
            false = high - step
            break
        high, step = high - step, 2 * step
    while high - false > 1:
        middle = (high + false) // 2
        false, high = (false, middle) if true(middle) else (middle, high)
    return high


def _exactly(over: int, queries: int, miss: float, keep: float) -> float:
    """Return a term of the sum: the saddle-point form (Loader 2000), which loses no digits where counts are large."""
    under = queries - over
    if over == 0:
        return exp(queries * log1p(-miss))
    far = _deviance(over, queries * miss) + _deviance(under, queries * keep)
    rest = _stirling(queries) - _stirling(over) - _stirling(under)
    return exp(rest - far) * sqrt(queries / (2 * pi * over * under))


def _deviance(count: int, mean: float) -> float:
    """Return ``count * log(count / mean) + mean - count``."""
    off = (count - mean) / mean
    return mean * ((1 + off) * log1p(off) - off)


_FEW = 16
"""From here on the series is right to 1e-16."""


def _stirling(count: int) -> float:
    """Return what Stirling's formula lacks of the logarithm of ``count!``, of 1 or more."""
    if count < _FEW:
        return lgamma(count + 1) - (count + 0.5) * log(count) + count - log(2 * pi) / 2
    square = count * count
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / count
