"""Records of one board against a policy."""

import numpy as np
import pytest

from farm.report.gate_view import interval
from farm.verdict.gate import judge_seat
from farm.verdict.seats import role_of

from .conftest import COMPARES, with_joules

SAME = [0.5, 0.501, 0.499, 0.5005, 0.4995, 0.5, 0.501, 0.4985] * 6
LIMITS = {"limits": {"max_p99_ms": 50, "max_mean_watts": 2}}


def outcomes(verdict):
    return {(c.name, c.against): c.outcome for c in verdict.criteria}


def worse(joules, by):
    return [value * (1 + by * (role_of(nth) == "candidate")) for nth, value in enumerate(joules)]


@pytest.fixture
def compared(a_policy, one_seat, ran):
    """``compared(joules, **fields)``: the verdict on a comparison of J/inference."""

    def make(joules, *, final=False, policy=None, records=None, **changes):
        policy = policy or a_policy(**COMPARES)
        return judge_seat(policy, one_seat(policy), records or ran(joules, **changes), final=final)

    return make


def test_before_the_first_trial_all_is_open_and_the_baseline_begins(compared):
    verdict = compared([])
    assert not verdict.decided
    assert verdict.next == ("baseline", "candidate", "candidate", "baseline")
    assert set(outcomes(verdict).values()) == {"no verdict"}


def test_what_is_left_of_a_quad_is_asked_for_next(compared):
    assert compared(SAME[:4]).next == ("candidate", "baseline", "baseline", "candidate")
    assert compared(SAME[:6]).next == ("baseline", "candidate")


@pytest.mark.parametrize(("by", "outcome"), [(0.0, "pass"), (0.03, "regression"), (-0.1, "pass")])
def test_a_plain_change_is_decided_at_the_first_look(compared, by, outcome):
    verdict = compared(worse(SAME[:12], by))
    assert (verdict.decided, verdict.outcome, verdict.next) == (True, outcome, ())
    (criterion,) = verdict.criteria
    assert criterion.trials == 6
    assert len(criterion.records) == 12
    assert criterion.got / criterion.baseline == pytest.approx(1 + by, abs=0.003)
    assert criterion.wanted == "<= +1.5 %"


def test_an_undecided_comparison_goes_on_to_the_last_look_and_then_says_what_it_lacks(compared):
    at_the_limit = worse(SAME, 0.0163)  # the noise happens to favour the candidate
    assert not compared(at_the_limit[:12]).decided
    verdict = compared(at_the_limit[:48])
    assert (verdict.decided, verdict.outcome) == (True, "no verdict")
    assert "the limit lies between" in verdict.criteria[0].why
    assert "more pairs" in verdict.criteria[0].why


def test_when_time_is_up_only_whole_quads_and_looks_count(compared):
    verdict = compared(worse(SAME[:15], 0.03), final=True)
    assert (verdict.outcome, verdict.criteria[0].trials) == ("regression", 6)
    early = compared(SAME[:10], final=True)
    assert (early.decided, early.outcome, early.criteria[0].why) == (True, "no verdict", "4 pairs of trials so far")


def test_boards_meters_data_sets_and_releases_are_never_mixed(compared, ran):
    records = ran(SAME[:12])
    for path, value, said in (
        ("board", {"serial_number": "2"}, "more than one board are not compared: 1, then 2"),
        ("board", {"kernel": "6.1"}, "more than one system"),
        ("dataset", {"id": "e" * 64}, "more than one data set"),
        ("scenario", {"rate_hz": 10.0}, "more than one scenario"),
        ("artifact", {"id": "b" * 64}, "more than one baseline release"),
    ):
        changed = records[11].model_copy(update={path: getattr(records[11], path).model_copy(update=value)})
        verdict = compared([], records=[*records[:11], changed])
        assert (verdict.decided, verdict.outcome) == (True, "no verdict")
        assert said in verdict.reasons[0]
    other_meter = [record.power[0].model_copy(update={"serial_number": "7"}) for record in records]
    swapped = [*records[:6], *(r.model_copy(update={"power": [p]}) for r, p in zip(records, other_meter, strict=True))]
    assert "more than one meter" in compared([], records=swapped[:6] + swapped[12:18]).reasons[0]


def test_a_board_without_a_serial_number_compares_nothing(compared):
    verdict = compared(SAME[:12], board__serial_number=None)
    assert "tells no serial number" in verdict.reasons[0]
    assert verdict.outcome == "no verdict"


def test_trials_out_of_order_compare_nothing(compared, ran):
    records = ran(SAME[:12])
    verdict = compared([], records=[records[1], records[0], *records[2:]])
    assert "trial 1 ran the candidate, it was the baseline's turn" in verdict.reasons[0]


def test_an_uncertain_meter_compares_as_well_as_a_good_one(compared):
    bad = compared(SAME[:12], power__0__u_joules_per_inference=0.1)
    assert bad.criteria[0].model_copy(update={"u": None}) == compared(SAME[:12]).criteria[0].model_copy(
        update={"u": None}
    )


def test_a_void_trial_is_run_again_in_its_place(compared, ran):
    records = ran(SAME[:12])
    void = records[3].model_copy(update={"voids": ["host: stopped"], "id": "f" * 16})
    verdict = compared([], records=[*records[:3], void])
    assert verdict.next == ("baseline",)
    assert verdict.voids == ["ffffffff: host: stopped"]
    whole = compared([], records=[*records[:3], with_joules(void, 9.0), *records[3:]])
    assert whole.criteria == compared(SAME[:12]).criteria


def test_too_many_voids_are_no_verdict_with_the_reason(compared, ran):
    records = ran(SAME[:12], voids=["clock: known to 9 ms only"])
    assert not compared([], records=records[:4]).decided
    verdict = compared([], records=records[:5])
    assert (verdict.decided, verdict.outcome) == (True, "no verdict")
    assert verdict.reasons == ("5 trials were void, more than the policy's 4: clock: known to 9 ms only",)


def test_a_release_that_is_too_slow_in_trials_void_for_another_reason_is_a_regression_all_the_same(
    a_policy, compared, ran
):
    policy = a_policy(**COMPARES, **LIMITS)
    void = ran(SAME[:2] * 3, voids=["clock: known to 9 ms only"], latency__p99_ms=80.0)
    verdict = compared([], policy=policy, records=void)
    assert (verdict.decided, verdict.outcome) == (True, "regression")


def test_a_neighbour_begins_anew(compared, ran):
    left, here = ran(SAME[:12], board__name="zero-09"), ran(SAME[:4])
    verdict = compared([], records=[*left, *here])
    assert (verdict.board, verdict.decided, len(verdict.next)) == ("zero-01", False, 4)
    assert compared([], records=left).board == "zero-09"


def test_a_twin_passes_no_gate_and_refuses_none_unless_the_policy_lets_it(a_policy, compared, one_seat, ran):
    verdict = compared([], policy=a_policy(**COMPARES, accept_twins=False), records=ran(SAME[:12]))
    assert verdict.outcome == "no verdict"
    (check,) = verdict.evidence
    assert (check.what, check.held) == ("real board", False)
    assert "a process twin's record passes no gate" in check.detail
    worst = compared([], policy=a_policy(**COMPARES, accept_twins=False), records=ran(worse(SAME[:12], 0.03)))
    assert (worst.outcome, worst.decided) == ("no verdict", True)
    assert "a twin's record refuses no release" in worst.criteria[0].why
    real = ran(worse(SAME[:12], 0.03), board__made="board", power__0__made="board")
    assert compared([], policy=a_policy(**COMPARES, accept_twins=False), records=real).outcome == "regression"


def test_a_prediction_passes_no_gate_and_refuses_none_whatever_the_policy_says(a_policy, compared, ran):
    for policy in (a_policy(**COMPARES, accept_twins=True), a_policy(**COMPARES, accept_twins=False)):
        predicted = ran(SAME[:12], board__made="prediction")
        verdict = compared([], policy=policy, records=predicted)
        assert (verdict.outcome, verdict.decided) == ("no verdict", True)
        (check,) = (one for one in verdict.evidence if one.what == "a measurement")
        assert not check.held
        assert "a prediction is no evidence" in check.detail
        slower = compared([], policy=policy, records=ran(worse(SAME[:12], 0.03), board__made="prediction"))
        assert slower.outcome == "no verdict"
        assert "a prediction refuses no release" in slower.criteria[0].why


@pytest.mark.parametrize(
    ("wanted", "changes", "said"),
    [
        ("measured watts", {"power": []}, "um25c-1 measured the supply too little"),
        ("measured watts", {"power__0__how": "estimated"}, "um25c-1 estimates"),
        ("idle", {}, "um25c-1 read no idle watts after"),
        ("watched", {"state_during": None}, "was not watched while frames ran"),
        (
            "watched",
            {"state_during": {"period_s": 1, "readings": 2, "cpu_ms": 1, "watched": 0.5}},
            "watched for 50 % of the frames only",
        ),
        ("not throttled", {"state_after": {}}, "did not tell whether it throttled, after"),
        ("settings", {"state_after": {}}, "neither governor nor power mode"),
        ("temperature", {"state_after": {}}, "no temperature"),
        ("boot", {}, "no boot was watched"),
        ("accuracy", {"accuracy": None}, "no prediction was compared"),
        ("meter serial number", {}, "um25c-1 tells no serial number"),
    ],
)
def test_evidence_that_is_not_recorded_is_no_verdict(a_policy, one_seat, a_record, wanted, changes, said):
    policy = a_policy(limits={"max_p99_ms": 50}, evidence=[wanted])
    record = a_record(role="candidate", **changes)
    verdict = judge_seat(policy, one_seat(policy), [record], final=False)
    assert outcomes(verdict) == {("p99_ms", "limit"): "pass"}
    assert (verdict.outcome, verdict.decided) == ("no verdict", True)
    (check,) = verdict.evidence
    assert said in check.detail


def test_absolute_limits_wait_for_as_many_trials_as_the_policy_wants(a_policy, one_seat, a_record):
    policy = a_policy(**LIMITS, statistics={"trials": 3})
    seat, record = one_seat(policy), a_record(role="candidate")
    assert judge_seat(policy, seat, [record], final=False).next == ("candidate", "candidate")
    late = judge_seat(policy, seat, [record], final=True)
    assert late.outcome == "no verdict"
    assert {c.why for c in late.criteria} == {"1 of 3 trials could tell so far"}
    assert judge_seat(policy, seat, [record] * 3, final=False).outcome == "pass"


def test_for_a_trial_that_could_not_tell_another_is_run_up_to_as_many_as_may_be_void(a_policy, one_seat, a_record):
    policy = a_policy(limits={"max_p99_ms": 50})
    seat, calm = one_seat(policy), a_record(role="candidate")
    starved = a_record(role="candidate", latency__p99_ms=80.0, latency__p99_unstarved_ms=9.0)
    again = judge_seat(policy, seat, [starved], final=False)
    assert (again.decided, again.next) == (False, ("candidate",))
    assert judge_seat(policy, seat, [starved, calm], final=False).outcome == "pass"
    never = judge_seat(policy, seat, [starved] * 5, final=False)
    assert (never.decided, never.outcome) == (True, "no verdict")
    slow = a_record(role="candidate", latency__p99_ms=80.0, latency__p99_unstarved_ms=75.0)
    assert judge_seat(policy, seat, [starved, slow], final=False).outcome == "regression"


def test_a_plain_regression_of_an_absolute_limit_ends_a_comparison_after_its_first_quad(compared, a_policy):
    policy = a_policy(**COMPARES, **LIMITS)
    slow = compared(SAME[:4], policy=policy, latency__p99_ms=80.0)
    assert (slow.decided, slow.outcome) == (True, "regression")
    assert not compared(SAME[:3], policy=policy, latency__p99_ms=80.0).decided


def test_an_exact_figure_is_compared_without_an_interval(a_policy, one_seat, ran):
    policy = a_policy(against_baseline={"accuracy": "-1 %", "size_bytes": "+5 %"})
    verdict = judge_seat(policy, one_seat(policy), ran(SAME[:4]), final=False)
    assert (verdict.decided, verdict.outcome) == (True, "pass")
    assert all((c.low, c.high) == (0.0, 0.0) for c in verdict.criteria)
    bigger = [
        r.model_copy(update={"artifact": r.artifact.model_copy(update={"size_bytes": 70_000, "id": "c" * 64})})
        if r.role == "candidate"
        else r
        for r in ran(SAME[:4])
    ]
    assert outcomes(judge_seat(policy, one_seat(policy), bigger, final=False)) == {
        ("accuracy", "baseline"): "pass",
        ("size_bytes", "baseline"): "regression",
    }


def test_an_estimate_is_compared_with_nothing(compared):
    verdict = compared(SAME[:12], power__0__how="estimated")
    assert verdict.criteria[0].outcome == "no verdict"
    assert "only a measurement decides" in verdict.criteria[0].why


@pytest.mark.parametrize(("by", "wrong", "right"), [(0.0, "regression", "pass"), (0.03, "pass", "regression")])
def test_of_two_hundred_noisy_gates_hardly_any_is_wrong(a_policy, one_seat, ran, by, wrong, right):
    policy = a_policy(**COMPARES)
    seat, template = one_seat(policy), ran([0.5] * 48)
    rng = np.random.default_rng(11)
    found = []
    for _ in range(200):
        noise = np.empty(48)
        noise[0] = rng.standard_normal()
        for n in range(1, 48):
            noise[n] = 0.5 * noise[n - 1] + np.sqrt(0.75) * rng.standard_normal()
        joules = worse((0.5 * np.exp(0.01 * noise)).tolist(), by)
        records = [with_joules(record, value) for record, value in zip(template, joules, strict=True)]
        ran_so_far = 0
        while not (verdict := judge_seat(policy, seat, records[:ran_so_far], final=False)).decided:
            ran_so_far += len(verdict.next)
        found.append(verdict)
    assert [v.outcome for v in found].count(wrong) == 0
    assert [v.outcome for v in found].count(right) >= 195
    assert 6 <= np.mean([v.criteria[0].trials for v in found]) <= 13


def test_an_interval_without_an_upper_bound_is_told_as_such(a_policy, one_seat, ran):
    alpha = {"false_regression": 1e-9, "false_pass": 1e-9}
    policy = a_policy(**COMPARES, statistics={"min_pairs": 4, "max_pairs": 200, "alpha": alpha})
    (criterion,) = judge_seat(
        policy, one_seat(policy), ran([0.5, 0.7, 0.4, 0.5, 0.6, 0.5, 0.5, 0.9]), final=True
    ).criteria
    assert criterion.why.startswith("the limit lies between -100.00 % and any change")
    assert interval(criterion) == "-100.00 … ∞ %"
