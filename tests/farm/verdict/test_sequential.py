"""The bounds of repeated looks, against Student's t where there is one look and against plain chance where more."""

from math import sqrt

import numpy as np
import pytest

from farm.verdict.policy import LEAST_RISK
from farm.verdict.sequential import RHO, levels, more, multiplier

LOOKS = (3, 4, 6, 8)
WALKS = 50_000


@pytest.fixture(scope="module")
def stats():
    """Its import takes a second: only who runs these tests pays."""
    from scipy import stats

    return stats


@pytest.mark.parametrize("looks", [(2, 3, 4), LOOKS, (2, 20)])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_means_cross_the_bounds_as_often_as_allowed_by_each_look(looks, alpha):
    drawn = np.random.default_rng(7).standard_normal((WALKS, looks[-1]))
    crossed = np.zeros(WALKS, bool)
    for nth, units in enumerate(looks):
        seen = drawn[:, :units]
        far = np.abs(seen.mean(1)) / (seen.std(1, ddof=1) / sqrt(units))  # both sides at once: twice as many
        crossed |= far > multiplier(alpha, looks, nth)
        due = 2 * alpha * (units / looks[-1]) ** RHO
        assert crossed.mean() == pytest.approx(due, abs=4 * sqrt(due / WALKS))


def test_a_single_look_is_students_t(stats):
    assert multiplier(0.025, (5,), 0) == pytest.approx(stats.t.isf(0.025, 4), rel=1e-6)


def test_more_looks_cost_more_and_so_does_less_risk(stats):
    assert multiplier(0.025, LOOKS, 3) > stats.t.isf(0.025, LOOKS[3] - 1)
    assert multiplier(0.025 / 16, LOOKS, 2) > multiplier(0.025, LOOKS, 2)


def test_of_many_units_it_is_what_the_normal_law_says(stats):
    looks, alpha = (60, 120), 0.025
    one, both = -stats.norm.ppf(levels(alpha, looks))
    together = stats.multivariate_normal.cdf([one, both], np.zeros(2), [[1, sqrt(0.5)], [sqrt(0.5), 1]])
    assert 1 - together == pytest.approx(alpha, rel=0.01)


def test_as_many_more_as_it_says_are_enough_and_one_less_is_not():
    looks, distance, deviation = tuple(range(4, 41)), 0.01, 0.012
    missing = more(0.025, looks, 4, deviation, distance)

    def half(units):
        return multiplier(0.025, looks, units - 4) * deviation / sqrt(units)

    assert half(4 + missing) < distance <= half(4 + missing - 1)
    assert more(0.025, looks, 4, 1.0, distance) > 40_000 - 4  # beyond the last look


@pytest.mark.parametrize("most", [2, 3])
def test_beyond_a_plan_of_few_it_says_what_a_longer_one_would_need(most):
    alpha, distance, deviation = 0.0005, 0.03, 0.01
    needed = most + more(alpha, tuple(range(most, most + 1)), most, deviation, distance)
    longer = multiplier(alpha, (needed,), 0) * deviation / sqrt(needed)
    assert longer < distance <= multiplier(alpha, (needed - 1,), 0) * deviation / sqrt(needed - 1)
    assert needed < 12


@pytest.mark.parametrize("looks", [(2,), (2, 100), (3, 7), tuple(range(2, 101))])
def test_the_least_risk_shared_by_many_is_spent_too(looks):
    alpha = LEAST_RISK / 60
    found = levels(alpha, looks)
    spent = np.diff([alpha * (units / looks[-1]) ** RHO for units in looks], prepend=0.0)
    assert all(found >= spent * (1 - 1e-6))
    assert found[-1] <= alpha


def test_without_scipy_one_is_told_what_to_install(monkeypatch):
    from farm.errors import UsageFault

    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    with pytest.raises(UsageFault, match=r"pip install 'edge-test-farm\[gate\]'"):
        levels.__wrapped__(0.01, (4, 8))
