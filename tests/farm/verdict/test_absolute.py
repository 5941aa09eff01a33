"""Absolute limits over several trials."""

import pytest

from farm.verdict.absolute import hold
from farm.verdict.criteria import Limits


@pytest.fixture
def held(a_record):
    """``held(p99s, voids)``: a limit of 50 ms on the p99 of trials, and of void ones."""

    def make(valid, void=(), why="clock: known to 9 ms only", keep=0.9):
        trials = [a_record(latency__p99_ms=value) for value in valid]
        voids = [a_record(latency__p99_ms=value, voids=[why]) for value in void]
        (one,) = hold(Limits(max_p99_ms=50), trials, void=voids, keep=keep)
        return one

    return make


@pytest.mark.parametrize(
    ("valid", "outcome"),
    [
        ([49.0], "pass"),
        ([51.0], "regression"),
        ([49, 49, 51], "no verdict"),
        ([49, 51, 51], "regression"),
        ([49, 51], "no verdict"),
        ([49] * 9 + [51], "pass"),
        ([49] * 8 + [51] * 2, "no verdict"),
        ([49] * 4 + [51] * 5, "regression"),
    ],
)
def test_most_trials_must_miss_for_a_regression_and_nine_of_ten_keep_for_a_pass(held, valid, outcome):
    assert held(valid).criterion.outcome == outcome


def test_every_trial_must_keep_where_the_policy_says_so(held):
    assert held([49] * 19 + [51], keep=1.0).criterion.outcome == "no verdict"


def test_the_worst_trial_is_shown_for_a_pass_and_the_middle_one_for_a_regression(held):
    assert held([40, 42, 49]).criterion.got == 49
    assert held([90, 60, 70]).criterion.got == 70
    one = held([90, 60, 70])
    assert (one.low, one.high) == (60, 90)


def test_undecided_trials_are_counted_out_in_words(held):
    why = held([49, 49, 51]).criterion.why
    assert why == "of 3 trials 2 keep it and 1 miss it, from 49 to 51"


def test_a_void_trial_never_helps_to_a_pass(held):
    assert held([], void=[40, 40]).criterion.outcome == "no verdict"
    assert held([49, 51], void=[40] * 20).criterion.outcome == "no verdict"


def test_what_a_void_does_not_touch_still_counts_as_missed(held):
    assert held([], void=[90, 90, 90]).criterion.outcome == "regression"
    assert held([49], void=[90]).criterion.outcome == "no verdict"
    assert held([], void=[90, 90, 90], why="throttled: soc at 95 °C").criterion.outcome == "no verdict"


def test_a_meters_uncertainty_is_not_averaged_away(a_record):
    trials = [a_record(power__0__mean__watts=1.2)] * 20
    (one,) = hold(Limits(max_mean_watts=1.21), trials, keep=0.9)
    assert one.criterion.outcome == "no verdict"
    assert (one.low, one.high) == pytest.approx((1.18, 1.22))
    assert "the limit lies inside ± 0.02 W" in one.criterion.why


def test_a_trial_that_was_starved_of_its_processor_is_not_counted(a_record):
    starved = a_record(latency__p99_ms=80.0, latency__p99_unstarved_ms=9.0)
    (one,) = hold(Limits(max_p99_ms=50), [starved, a_record(), a_record()], keep=0.9)
    assert (one.criterion.outcome, one.valid) == ("pass", 2)
    (alone,) = hold(Limits(max_p99_ms=50), [starved], keep=0.9)
    assert (alone.criterion.outcome, alone.valid) == ("no verdict", 0)
    assert alone.criterion.why == "starved: 9 ms without waiting for a busy processor"


def test_a_count_that_does_not_repeat_itself_decides_nothing(a_record):
    def accuracy(correct):
        return {"correct": correct, "total": 360, "fraction": correct / 360}

    def outcome(*counts):
        trials = [a_record(accuracy=accuracy(count)) for count in counts]
        (one,) = hold(Limits(min_accuracy=0.95), trials, keep=0.6)
        return one.criterion.outcome

    assert outcome(350, 350) == "pass"
    assert outcome(330, 330) == "regression"
    assert outcome(350, 330, 350) == "no verdict"


def test_what_has_no_uncertainty_and_no_scatter_has_no_interval(held, a_record):
    assert (held([49.0]).low, held([49.0]).high) == (None, None)
    assert (held([48.0, 49.0]).low, held([48.0, 49.0]).high) == (48.0, 49.0)
    (watts,) = hold(Limits(max_mean_watts=2), [a_record()], keep=0.9)
    assert (watts.low, watts.high) == (pytest.approx(1.18), pytest.approx(1.22))


def test_size_boot_and_idle_have_limits_too(a_record):
    boot = {"start_ns": 0, "reached_s": {"kernel": 1.0}, "up_s": 12.0}
    record = a_record(boot=boot)
    limits = Limits(max_size_bytes=59_999, max_boot_s=12.5, max_idle_watts=0.9)
    outcomes = {one.criterion.name: one.criterion.outcome for one in hold(limits, [record], keep=0.9)}
    assert outcomes == {"size_bytes": "regression", "boot_s": "pass", "idle_watts": "pass"}
    (one,) = hold(Limits(max_boot_s=12.5), [a_record()], keep=0.9)
    assert (one.criterion.outcome, one.criterion.why) == (
        "no verdict",
        "no boot was watched: the board was up already",
    )
