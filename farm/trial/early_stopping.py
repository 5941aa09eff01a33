"""What a number of queries shows of a latency percentile: MLPerf's early stopping (loadgen, ``early_stopping.cc``).

Were the percentile ``p`` above a bound, each query would be over it with probability ``1 - p`` at least. That as few
of ``n`` are over it as were seen has then the probability of a binomial sum; where it is under 1 %, the percentile is
below the bound with 99 % confidence. Pure.
"""

from math import exp, lgamma, log

CONFIDENCE = 0.99
"""Of MLPerf's rules."""


def at_most(over: int, queries: int, percent: float) -> float:
    """Return the probability that at most ``over`` of ``queries`` are over a percentile."""
    p = percent / 100
    log_miss, log_keep, log_all = log(1 - p), log(p), lgamma(queries + 1)
    terms = (
        exp(log_all - lgamma(k + 1) - lgamma(queries - k + 1) + k * log_miss + (queries - k) * log_keep)
        for k in range(min(over, queries) + 1)
    )
    return min(1.0, sum(terms))


def least(over: int, percent: float) -> int:
    """Return the fewest queries of which ``over`` may be over a bound that the percentile is shown to keep."""
    low, high = over, max(1, 2 * over)
    while not _shown(over, high, percent):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _shown(over, middle, percent) else (middle, high)
    return high


def discarded(queries: int, percent: float) -> int | None:
    """Return how many of the slowest queries may be left out: the slowest but so many bounds the percentile.

    As loadgen does, it is one less than the number that may be over the bound; None: there are too few queries.
    """
    p, over, sum_ = percent / 100, -1, 0.0
    log_miss, log_keep, log_all = log(1 - p), log(p), lgamma(queries + 1)
    while over < queries:
        k = over + 1
        sum_ += exp(log_all - lgamma(k + 1) - lgamma(queries - k + 1) + k * log_miss + (queries - k) * log_keep)
        if not sum_ < 1 - CONFIDENCE:
            break
        over = k
    return over - 1 if over >= 1 else None


def _shown(over: int, queries: int, percent: float) -> bool:
    return queries > over and at_most(over, queries, percent) < 1 - CONFIDENCE
