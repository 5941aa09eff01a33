"""Candidate against baseline: what moves the answer, and what does not."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from farm.verdict.compare import Answer, Question, answer, scatter

QUESTION = Question(
    limit=0.015,
    at_most=True,
    looks=tuple(range(6, 25, 2)),
    false_regression=0.05,
    false_pass=0.025,
    floor=0.002,
)
WIGGLE = [n / 2000 for n in (4, -3, 2, -4, 3, -2, 1, -1, 2, -3, 4, -3)] * 2


def pairs(change, number, noise=WIGGLE):
    return [(1 + change) * exp(noise[nth]) for nth in range(number)]


def test_nothing_is_said_before_the_first_look():
    assert answer(QUESTION, pairs(0.5, 5)) == Answer("no verdict", 5)


@pytest.mark.parametrize(("change", "outcome"), [(0.0, "pass"), (0.03, "regression"), (0.5, "regression")])
def test_a_plain_change_is_called_at_the_first_look(change, outcome):
    said = answer(QUESTION, pairs(change, 6))
    assert (said.outcome, said.pairs) == (outcome, 6)
    assert said.low < said.change < said.high
    assert said.change == pytest.approx(change, abs=0.002)


def test_an_answer_once_given_is_not_taken_back_by_later_pairs():
    first = answer(QUESTION, pairs(0.0, 6))
    assert answer(QUESTION, [*pairs(0.0, 6), *pairs(0.5, 6)]) == first


def test_a_limit_inside_the_interval_says_how_many_more_pairs():
    said = answer(QUESTION, pairs(0.012, 6))
    assert said.outcome == "no verdict"
    assert said.low < 0.015 < said.high
    assert 1 <= said.more < 100
    enough = [exp(log(1.012) + n) for n in np.resize(WIGGLE[:6], 6 + 2 * said.more)]
    looks = (6, 6 + 2 * said.more + said.more % 2)
    assert answer(replace(QUESTION, looks=looks), np.resize(enough, looks[1])).outcome == "pass"


def test_of_a_figure_where_less_is_worse_a_loss_is_the_regression():
    fps = replace(QUESTION, limit=-0.01, at_most=False)
    assert answer(fps, pairs(-0.03, 8)).outcome == "regression"
    same = answer(fps, pairs(0.0, 8))
    assert same.outcome == "pass"
    assert same.low < same.change < same.high
    assert answer(fps, pairs(+0.2, 6)).outcome == "pass"


def test_the_second_trial_of_a_pair_may_be_warmer_or_the_room_may_drift_and_nothing_moves():
    plain = pairs(0.0, 8)
    order = [-1, 1, 1, -1] * 2
    warmer = [ratio * exp(0.05 * first) for ratio, first in zip(plain, order, strict=True)]
    one, other = answer(QUESTION, plain), answer(QUESTION, warmer)
    assert other.outcome == one.outcome == "pass"
    assert (other.change, other.low, other.high) == pytest.approx((one.change, one.low, one.high))


def test_a_meter_that_rounds_does_not_make_equal_numbers_a_certainty():
    said = answer(replace(QUESTION, limit=0.0025), [1.0] * 6)
    assert said.high > 0.0025
    assert said.outcome == "no verdict"


def test_two_quads_of_a_long_plan_bound_nothing_and_break_nothing():
    few = replace(QUESTION, looks=tuple(range(4, 201, 2)), false_regression=1e-6, false_pass=1e-6)
    for at_most in (True, False):
        said = answer(replace(few, at_most=at_most), [1.3, 0.9, 1.2, 1.1])
        assert (said.outcome, said.low, said.high) == ("no verdict", -1.0, None)


def test_noise_that_lasts_is_seen_in_the_quads_and_widens_the_interval():
    by_pair = [0.01, -0.01, -0.01, 0.01] * 3  # quads agree: their pairs do not
    lasting = [0.01, 0.01, -0.01, -0.01] * 3  # each quad has a bias of its own
    assert scatter(lasting) > scatter(by_pair)
    white = np.random.default_rng(3).standard_normal((2000, 12))
    assert np.mean([scatter(row.tolist()) ** 2 for row in white]) == pytest.approx(1.25, abs=0.15)


def test_a_release_at_its_limit_is_called_no_more_often_than_promised_where_noise_lasts_a_quad():
    count, rng = 1000, np.random.default_rng(5)
    noise = np.repeat(0.01 * rng.standard_normal((count, 12)), 2, axis=1)
    outcomes = [answer(QUESTION, np.exp(log(1.015) + row).tolist()).outcome for row in noise]
    for outcome, risk in (("regression", 0.05), ("pass", 0.025)):
        assert outcomes.count(outcome) / count < risk + 3 * (risk / count) ** 0.5


def test_nor_where_noise_swings_back_from_trial_to_trial():
    count, rng = 1000, np.random.default_rng(6)
    shocks = rng.standard_normal((count, 48))
    noise = shocks.copy()
    for trial in range(1, 48):
        noise[:, trial] = -0.5 * noise[:, trial - 1] + 0.75**0.5 * shocks[:, trial]
    roles = np.array([-1, 1, 1, -1, 1, -1, -1, 1] * 6)
    pairs_ = 0.01 * (noise * roles).reshape(count, 24, 2).sum(2)
    outcomes = [answer(QUESTION, np.exp(log(1.015) + row).tolist()).outcome for row in pairs_]
    for outcome, risk in (("regression", 0.05), ("pass", 0.025)):
        assert outcomes.count(outcome) / count < risk + 3 * (risk / count) ** 0.5
