"""The bounds of repeated looks, against the normal law itself and against plain chance."""

from math import sqrt

import numpy as np
import pytest

from farm.verdict.sequential import RHO, levels, multiplier

LOOKS = (6, 8, 10, 12)


@pytest.fixture(scope="module")
def stats():
    """Its import takes a second: only who runs these tests pays."""
    from scipy import stats

    return stats


def test_two_and_three_looks_spend_what_the_joint_normal_law_says(stats):
    looks, alpha = (4, 8, 12), 0.025
    bounds = -stats.norm.ppf(levels(alpha, looks))
    times = np.array(looks) / looks[-1]
    joint = np.array([[sqrt(min(s, t) / max(s, t)) for s in times] for t in times])
    for n in (1, 2, 3):
        crossed = 1 - stats.multivariate_normal.cdf(bounds[:n], np.zeros(n), joint[:n, :n], abseps=1e-8, releps=1e-8)
        assert crossed == pytest.approx(alpha * times[n - 1] ** RHO, rel=1e-3)


def test_random_walks_cross_the_bounds_as_often_as_allowed(stats):
    rng = np.random.default_rng(7)
    steps = rng.standard_normal((200_000, LOOKS[-1]))
    walks = np.cumsum(steps, axis=1)[:, [n - 1 for n in LOOKS]] / np.sqrt(LOOKS)
    crossed = (walks > -stats.norm.ppf(levels(0.05, LOOKS))).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=4 * sqrt(0.05 * 0.95 / 200_000))


def test_a_single_look_is_students_t(stats):
    assert multiplier(0.025, (10,), 0, 8) == pytest.approx(stats.t.isf(0.025, 8), rel=1e-6)


def test_more_looks_cost_more_and_more_freedom_costs_less(stats):
    assert multiplier(0.025, LOOKS, 3, 10) > stats.t.isf(0.025, 10)
    assert multiplier(0.025, LOOKS, 0, 4) > multiplier(0.025, LOOKS, 0, 40)
    assert multiplier(0.025 / 16, LOOKS, 2, 8) > multiplier(0.025, LOOKS, 2, 8)


def test_without_scipy_one_is_told_what_to_install(monkeypatch):
    from farm.errors import UsageFault

    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    with pytest.raises(UsageFault, match=r"pip install 'edge-test-farm\[gate\]'"):
        levels.__wrapped__(0.01, (4, 8))
