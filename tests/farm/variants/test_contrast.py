"""Ratios of two variants: what cancels, how sure one may be, and what is open."""

from math import log, sqrt
from statistics import stdev

import numpy as np
import pytest

from farm.verdict.sequential import multiplier
from farm.verdict.variants.contrast import FLOOR, Sure, contrast

SURE = Sure(alpha=0.05, most=10, resolution=0.01)


def drawn(change, pairs, *, sigma=0.01, shared=0.0, drift=0.0, seed=1, variants=4):
    """Return what pairs of rounds say whose trials scatter by ``sigma`` and drift by so much a place.

    ``shared`` is a variant's noise that is the same in both rounds of a pair and new in the next.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(pairs):
        apart = int(rng.integers(1, variants)) * int(rng.choice([-1, 1]))
        noise, lasting = sigma * rng.standard_normal(4), shared * rng.standard_normal(2)
        there, back = noise[0] - noise[1] + drift * apart, noise[2] - noise[3] - drift * apart
        found.append(log(1 + change) + lasting[0] - lasting[1] + (there + back) / 2)
    return found


def test_a_drift_is_no_difference_and_no_scatter():
    still, drifting = (contrast(drawn(0.03, 6, drift=drift), SURE, at_most=True) for drift in (0.0, 0.05))
    assert (drifting.change, drifting.low) == pytest.approx((still.change, still.low), abs=1e-12)


def test_the_interval_is_students_at_the_level_of_its_look():
    seen = drawn(0.05, 6)
    told = contrast(seen, SURE, at_most=True)
    half = multiplier(0.025, tuple(range(4, 11)), 2) * stdev(seen) / sqrt(6)
    assert log(1 + told.high) - log(1 + told.low) == pytest.approx(2 * half)


def test_less_joules_are_better_and_fewer_frames_are_worse():
    seen = drawn(-0.2, 4)
    assert contrast(seen, SURE, at_most=True).state == "better"
    assert contrast(seen, SURE, at_most=False).state == "worse"


def test_a_difference_that_is_certainly_too_small_to_matter_is_none():
    told = contrast(drawn(0.004, 10, sigma=0.001), SURE, at_most=True)
    assert told.state == "equal"
    assert told.low > 0  # and yet it is there


def test_what_the_interval_leaves_open_says_how_much_more_would_do():
    told = contrast(drawn(0.02, 4, sigma=0.03), SURE, at_most=True)
    assert (told.state, told.pairs) == ("open", 4)
    assert told.more > 3


def test_before_the_first_look_there_is_no_interval_and_without_rounds_nothing():
    assert contrast([], SURE, at_most=True) == contrast([], SURE, at_most=False)
    for pairs in (1, 3):
        early = contrast(drawn(0.5, pairs), SURE, at_most=True)
        assert (early.state, early.low) == ("open", None)
        assert (early.more is None) == (pairs == 1)  # of one nobody knows how it scatters


@pytest.mark.parametrize("most", [2, 3])
def test_where_there_may_be_few_pairs_of_rounds_the_only_look_is_at_the_last(most):
    few = Sure(alpha=0.05, most=most, resolution=0.01)
    assert contrast(drawn(0.5, most - 1), few, at_most=True).low is None
    assert contrast(drawn(0.5, most), few, at_most=True).state == "worse"


def test_numbers_that_a_meter_rounds_to_the_same_are_no_certainty():
    told = contrast([0.001] * 4, SURE, at_most=True)
    assert told.state != "better"
    assert told.high - told.low > FLOOR


@pytest.mark.parametrize("noise", [{}, {"sigma": 0.0, "shared": 0.01}], ids=str)
@pytest.mark.parametrize(("most", "alpha"), [(4, 0.05), (10, 0.05), (4, 0.05 / 12)])
def test_equal_variants_are_told_apart_no_more_often_than_promised(noise, most, alpha):
    """Over all looks, and whatever of the noise outlasts a round; the whole is ``python -m benchmarks.compare``."""
    count, sure = 400, Sure(alpha, most, resolution=0.01)
    wrong = 0
    for seed in range(count):
        seen = drawn(0.0, most, seed=seed, drift=0.01, **noise)
        looks = [contrast(seen[:pairs], sure, at_most=True).state for pairs in range(2, most + 1)]
        wrong += any(state in ("better", "worse") for state in looks)
    assert wrong / count < alpha + 3 * sqrt(alpha / count)
