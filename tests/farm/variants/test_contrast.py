"""Ratios of two variants: what cancels, how sure one may be, and what is open."""

from math import log, sqrt

import numpy as np
import pytest

from farm.verdict.sequential import multiplier
from farm.verdict.variants.contrast import FLOOR, Sure, Twice, contrast, scatter

SURE = Sure(alpha=0.05, most=10, resolution=0.01)


def drawn(change, pairs, *, sigma=0.01, drift=0.0, seed=1, variants=4):
    """Pairs of rounds whose trials scatter by ``sigma`` and drift by so much a place."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(pairs):
        apart = int(rng.integers(1, variants)) * int(rng.choice([-1, 1]))
        noise = sigma * (rng.standard_normal(4))
        there, back = noise[0] - noise[1] + drift * apart, noise[2] - noise[3] - drift * apart
        found.append(Twice(log(1 + change) + there, log(1 + change) + back, apart))
    return found


def test_a_drift_is_no_difference_and_no_scatter():
    still, drifting = drawn(0.03, 6), drawn(0.03, 6, drift=0.05)
    assert scatter(drifting) == pytest.approx(scatter(still), rel=0.5)
    one, other = (contrast(seen, SURE, at_most=True) for seen in (still, drifting))
    assert other.change == pytest.approx(one.change, abs=1e-12)


def test_of_two_variants_it_is_the_gates_scatter():
    from farm.verdict.compare import scatter as of_the_gate

    seen = [Twice(0.01, 0.03, 1), Twice(0.02, -0.01, -1), Twice(0.00, 0.04, 1), Twice(0.015, 0.01, -1)]
    flat = [value for one in seen for value in (one.there, one.back)]
    assert sqrt(2) * scatter(seen) == pytest.approx(of_the_gate(flat))


def test_the_interval_is_students_at_the_level_of_its_look():
    seen = drawn(0.05, 4)
    told = contrast(seen, SURE, at_most=True)
    times = multiplier(0.025, tuple(range(2, 11)), 2, 6)
    half = times * scatter(seen) / 2
    assert log(1 + told.high) - log(1 + told.low) == pytest.approx(2 * half)


def test_less_joules_are_better_and_fewer_frames_are_worse():
    seen = drawn(-0.2, 4)
    assert contrast(seen, SURE, at_most=True).state == "better"
    assert contrast(seen, SURE, at_most=False).state == "worse"


def test_a_difference_that_is_certainly_too_small_to_matter_is_none():
    told = contrast(drawn(0.002, 8, sigma=0.001), SURE, at_most=True)
    assert told.state == "equal"
    assert told.low > 0  # and yet it is there


def test_what_the_interval_leaves_open_says_how_much_more_would_do():
    told = contrast(drawn(0.02, 3, sigma=0.02), SURE, at_most=True)
    assert (told.state, told.pairs) == ("open", 3)
    assert told.more > 3


def test_one_pair_of_rounds_has_no_interval_and_none_says_nothing():
    assert contrast([], SURE, at_most=True) == contrast([], SURE, at_most=False)
    alone = contrast(drawn(0.5, 1), SURE, at_most=True)
    assert (alone.state, alone.low) == ("open", None)


def test_numbers_that_a_meter_rounds_to_the_same_are_no_certainty():
    told = contrast([Twice(0.001, 0.001, 1)] * 3, SURE, at_most=True)
    assert told.state != "better"
    assert told.high - told.low > FLOOR


def test_equal_variants_are_told_apart_no_more_often_than_promised():
    """Over all looks; the whole of it is ``python -m benchmarks.compare``."""
    wrong = 0
    for seed in range(400):
        seen = drawn(0.0, 10, seed=seed, drift=0.01)
        looks = [contrast(seen[:pairs], SURE, at_most=True).state for pairs in range(2, 11)]
        wrong += any(state in ("better", "worse") for state in looks)
    assert wrong / 400 < 0.05 + 4 * sqrt(0.05 * 0.95 / 400)
