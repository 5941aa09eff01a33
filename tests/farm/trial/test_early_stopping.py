"""MLPerf's early stopping, against a binomial sum in whole numbers."""

import time
from fractions import Fraction
from math import comb

import pytest

from farm.trial import early_stopping


def at_most(over, queries, miss):
    """Return the binomial sum as SciPy reckons it, whose import takes a second: only who runs these tests pays."""
    from scipy.stats import binom

    return binom.cdf(over, queries, miss)


def exactly(over, queries, percent):
    """Return the binomial sum as a fraction; ``percent`` in tenths is exact."""
    miss = 1 - Fraction(round(10 * percent), 1000)
    return sum(comb(queries, k) * miss**k * (1 - miss) ** (queries - k) for k in range(over + 1))


@pytest.mark.parametrize("percent", [50, 90, 97, 99, 99.9])
@pytest.mark.parametrize("over", [0, 1, 2, 7])
def test_the_fewest_queries_are_those_of_the_exact_sum(percent, over):
    least = early_stopping.least(over, percent)
    assert exactly(over, least, percent) < Fraction(1, 100) <= exactly(over, least - 1, percent)


@pytest.mark.parametrize(("percent", "over", "least"), [(90, 1, 64), (99, 1, 662), (99, 0, 459)])
def test_the_fewest_queries_of_the_fields_rules(percent, over, least):
    assert early_stopping.least(over, percent) == least


@pytest.mark.parametrize("percent", [90, 97, 99])
@pytest.mark.parametrize("queries", [64, 65, 300, 662, 1000, 24_576])
def test_as_many_slow_ones_are_left_out_as_the_rules_allow(percent, queries):
    discarded = early_stopping.discarded(queries, percent)
    if discarded is None:
        assert at_most(1, queries, 1 - percent / 100) >= 0.01
        return
    over = discarded + 1  # loadgen takes the slowest but as many less one as may be over the bound
    assert at_most(over, queries, 1 - percent / 100) < 0.01 <= at_most(over + 1, queries, 1 - percent / 100)


def test_the_sum_is_the_binomial_one_far_out_too():
    for over, queries in ((0, 10), (5, 3), (120, 2000), (2300, 24_576)):
        assert early_stopping.at_most(over, queries, 90) == pytest.approx(at_most(over, queries, 0.1), rel=1e-9)
    assert float(exactly(120, 2000, 90)) == pytest.approx(early_stopping.at_most(120, 2000, 90), rel=1e-9)


def test_each_late_query_asks_for_more_that_are_not():
    assert [early_stopping.least(over, 99) for over in range(3)] == [459, 662, 838]


@pytest.mark.parametrize("percent", [50, 90, 97, 99, 99.9])
@pytest.mark.parametrize("over", [15, 16, 1234, 300_000, 1_000_000])
def test_of_many_late_queries_they_are_those_of_the_sum_too_and_nobody_waits_for_it(percent, over):
    begin_s = time.process_time()
    least = early_stopping.least(over, percent)
    discarded = early_stopping.discarded(least, percent)
    assert time.process_time() - begin_s < 1  # it takes 20 ms; term by term it was minutes
    miss = 1 - percent / 100
    assert at_most(over, least, miss) < 0.01 <= at_most(over, least - 1, miss)
    assert discarded == over - 1
    assert early_stopping.at_most(over, least, percent) == pytest.approx(at_most(over, least, miss), rel=1e-10)


def test_sums_that_are_nothing_or_all_are_so():
    assert early_stopping.at_most(10, 100_000, 90) == 0
    assert early_stopping.at_most(900, 1000, 90) == pytest.approx(1)
    assert early_stopping.at_most(3, 3, 90) == 1
    assert early_stopping.discarded(64, 90) == 0
    assert early_stopping.discarded(63, 90) is None
