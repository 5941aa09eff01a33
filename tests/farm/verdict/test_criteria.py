"""Intervals against limits, and what starvation and voids leave of them."""

import pytest

from farm.errors import UsageFault
from farm.store.record import Verdict
from farm.verdict.criteria import Limits, explain, judge, parse_limits


def outcome(record, **limits):
    return judge(record, Limits(**limits)).outcome


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(1.23, "pass"), (1.22, "pass"), (1.21, "no verdict"), (1.19, "no verdict"), (1.17, "regression")],
)
def test_an_interval_passes_or_misses_only_as_a_whole(a_record, limit, expected):
    assert outcome(a_record(), max_mean_watts=limit) == expected


def test_a_limit_inside_the_uncertainty_asks_for_a_longer_measurement(a_record):
    (criterion,) = judge(a_record(), Limits(max_joules_per_inference=0.06)).criteria
    assert criterion.outcome == "no verdict"
    assert "measure longer" in criterion.why


@pytest.mark.parametrize("limit", ["min_fps", "max_p99_ms", "max_missed_fraction"])
def test_a_limit_missed_only_by_waiting_for_a_busy_processor_is_no_verdict(a_record, limit):
    changes = {
        "deadlines__fps": 12.0,
        "deadlines__missed": 100,
        "deadlines__missed_unstarved": 0,
        "deadlines__fps_unstarved": 20.0,
        "latency__p99_ms": 80.0,
        "latency__p99_unstarved_ms": 9.0,
    }
    limits = {limit: {"min_fps": 19, "max_p99_ms": 50, "max_missed_fraction": 0.01}[limit]}
    (criterion,) = judge(a_record(**changes), Limits(**limits)).criteria
    assert criterion.outcome == "no verdict"
    assert "starved" in criterion.why
    slow_anyway = {
        "deadlines__missed_unstarved": 90,
        "latency__p99_unstarved_ms": 75.0,
        "deadlines__fps_unstarved": 13.0,
    }
    assert outcome(a_record(**changes | slow_anyway), **limits) == "regression"


def test_a_missed_limit_is_a_regression_where_the_board_cannot_tell_waiting(a_record):
    assert outcome(a_record(latency__p99_ms=80.0), max_p99_ms=50) == "regression"


def test_a_host_that_was_stopped_excuses_slowness_that_the_board_cannot_account_for(a_record):
    slow = {"latency__p99_ms": 80.0, "voids": ["host: the controller was stopped for 3.0 s"]}
    (criterion,) = judge(a_record(**slow), Limits(max_p99_ms=50)).criteria
    assert (criterion.outcome, criterion.why) == ("no verdict", "host: the controller was stopped for 3.0 s")
    assert outcome(a_record(**slow, latency__p99_unstarved_ms=75.0), max_p99_ms=50) == "regression"
    assert outcome(a_record(**slow), min_accuracy=0.999) == "regression"


def test_another_meter_never_stands_for_the_supply(a_record):
    other = a_record(supply_meter="wall-1")
    assert outcome(other, max_mean_watts=0.1) == outcome(other, max_mean_watts=1000) == "no verdict"


def test_a_void_decides_nothing_even_when_every_limit_is_kept(a_record):
    verdict = judge(a_record(voids=["clock: ± 9 ms"]), Limits(max_p99_ms=50))
    assert verdict.outcome == "no verdict"
    assert verdict.reasons == ["clock: ± 9 ms"]


@pytest.mark.parametrize(
    ("void", "limits", "expected"),
    [
        ("throttled: soc at 85 °C", {"max_p99_ms": 1}, "no verdict"),
        ("throttled: soc at 85 °C", {"min_accuracy": 0.999}, "regression"),
        ("readings lost: um25c-1", {"max_mean_watts": 0.1}, "no verdict"),
        ("readings lost: um25c-1", {"max_p99_ms": 1}, "regression"),
        ("something else", {"min_accuracy": 0.999}, "no verdict"),
    ],
)
def test_a_regression_stands_unless_the_void_taints_it(a_record, void, limits, expected):
    assert outcome(a_record(voids=[void]), **limits) == expected


def test_a_regression_outweighs_what_is_undecided(a_record):
    assert outcome(a_record(), max_mean_watts=1.2, min_accuracy=0.999) == "regression"


@pytest.mark.parametrize("limit", ["max_mean_watts", "max_peak_watts", "max_joules_per_inference"])
def test_without_a_meter_no_power_limit_is_decided(a_record, limit):
    assert outcome(a_record(power=[]), **{limit: 1000}) == "no verdict"


def test_an_estimate_never_passes_a_power_limit(a_record):
    assert outcome(a_record(power__0__how="estimated"), max_mean_watts=1000) == "no verdict"


def test_accuracy_on_a_part_of_the_data_set_decides_nothing(a_record):
    part = a_record(accuracy={"correct": 100, "total": 100, "fraction": 1.0})
    (criterion,) = judge(part, Limits(min_accuracy=0.9)).criteria
    assert criterion.outcome == "no verdict"
    assert "100 of the data set's 360 images" in criterion.why
    assert outcome(part, max_accuracy_loss=0.02) == "no verdict"


def test_a_rate_that_is_kept_to_the_clocks_tolerance_is_kept(a_record):
    assert outcome(a_record(deadlines__fps=14.9999), min_fps=15) == "pass"
    assert outcome(a_record(deadlines__fps=14.9), min_fps=15) == "regression"


def test_no_limit_at_all_is_no_verdict(a_record):
    assert judge(a_record(), Limits()).reasons == ["no limit was given"]


def test_words_name_every_criterion_and_by_how_much_it_was_missed(a_record):
    record = a_record(latency__p99_ms=165.0)
    text = explain(judge(record, Limits(max_p99_ms=50, max_mean_watts=2, max_joules_per_inference=0.03, min_fps=5)))
    *said, whose = text.splitlines()[1:]
    assert whose == "  watts: of um25c-1, USB 5 V"
    lines = {line.split()[1]: line for line in said}
    assert set(lines) == {"p99_ms", "mean_watts", "joules_per_inference", "fps"}
    assert "wanted <= 50 ms" in lines["p99_ms"]
    assert "got 165 ms" in lines["p99_ms"]
    assert "missed by 230.0 %" in lines["p99_ms"]
    assert "got 1.2 ± 0.02 W" in lines["mean_watts"]
    assert "missed by 100.0 %" in lines["joules_per_inference"]
    assert "missed" not in lines["fps"]


def test_large_misses_are_written_out(a_record):
    text = explain(judge(a_record(latency__p99_ms=12884.51), Limits(max_p99_ms=50)))
    assert "got 12885 ms" in text


def test_limits_come_from_a_command_line_and_all_faults_are_told_at_once():
    assert parse_limits(["max_p99_ms=50", "min_fps=19.5"]) == Limits(max_p99_ms=50, min_fps=19.5)
    with pytest.raises(UsageFault) as seen:
        parse_limits(["max_p99=50", "min_fps=fast", "max_mean_watts=nan", "min_accuracy=97", "min_fps=3"])
    assert len(seen.value.faults) == 5
    assert seen.value.faults[0] == "--limit min_fps: fast and 3 contradict each other; give one"
    assert "did you mean max_p99_ms?" in seen.value.faults[1]


def test_a_verdict_with_a_figure_that_is_absent_survives_being_kept(a_record):
    verdict = judge(a_record().model_copy(update={"accuracy": None}), Limits(max_accuracy_loss=0.02))
    assert verdict.criteria[0].got is None
    assert Verdict.model_validate_json(verdict.model_dump_json(exclude_none=True)) == verdict


def slow(a_record, **changes):
    told = {"peak_watts": "it tells nothing shorter than 100 ms", "p99_watts": "too slow", "short_term_watts": "slow"}
    return a_record(power__0__too_slow_for=told, power__0__peak_watts=3.0, power__0__u_peak_watts=0.1, **changes)


def test_the_peak_of_a_slow_meter_can_miss_a_limit_and_keeps_none(a_record):
    assert outcome(slow(a_record), max_peak_watts=2) == "regression"
    verdict = judge(slow(a_record), Limits(max_peak_watts=4))
    assert verdict.outcome == "no verdict"
    assert verdict.criteria[0].why == "um25c-1: it tells nothing shorter than 100 ms"
    quick = slow(a_record, power__0__p99={"watts": 2.5, "u_watts": 0.1}).model_copy()
    assert outcome(a_record(power__0__peak_watts=3.0), max_peak_watts=4) == "pass"
    assert outcome(quick, max_p99_watts=2.7) == "pass"


@pytest.mark.parametrize("name", ["max_p99_watts", "max_short_term_watts"])
def test_watts_that_a_meter_is_too_slow_for_are_no_verdict_and_no_small_number(a_record, name):
    verdict = judge(slow(a_record), Limits.model_validate({name: 100}))
    assert verdict.outcome == "no verdict"
    assert verdict.criteria[0].got is None
    assert "slow" in verdict.criteria[0].why
    assert outcome(a_record(), **{name: 100}) == "no verdict"  # of a record from before there were any


def test_high_watts_are_judged_with_their_uncertainty(a_record):
    told = {"power__0__short_term": {"watts": 3.0, "u_watts": 0.1, "over_s": 1.0}}
    assert outcome(a_record(**told), max_short_term_watts=3.2) == "pass"
    assert outcome(a_record(**told), max_short_term_watts=3.05) == "no verdict"
    assert outcome(a_record(**told), max_short_term_watts=2.8) == "regression"


def test_an_estimate_decides_nothing_and_says_what_was_not_measured(a_record):
    record = a_record(power__0__how="estimated", power__0__estimated_why="5 volts were assumed, not measured")
    verdict = judge(record, Limits(max_mean_watts=2))
    assert verdict.outcome == "no verdict"
    assert verdict.criteria[0].why.endswith("only a measurement decides (5 volts were assumed, not measured)")


def test_a_verdict_says_whose_watts_it_judged(a_record):
    verdict = judge(a_record(power__0__kind="wall"), Limits(max_mean_watts=2, min_fps=5))
    assert [criterion.of for criterion in verdict.criteria] == ["", "um25c-1, USB 5 V, at the wall"]
    assert "watts: of um25c-1, USB 5 V, at the wall" in explain(verdict)
