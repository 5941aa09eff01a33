"""What a policy wants of a lab, and in which order a board works."""

import pytest

from farm.errors import UsageFault
from farm.lab.inventory import Lab
from farm.verdict.seats import role_of, seats

from .conftest import COMPARES, POLICY


def test_a_linear_drift_and_a_bend_cancel_in_the_order_of_trials():
    sign = [1 if role_of(nth) == "candidate" else -1 for nth in range(8)]
    assert sum(sign[:4]) == sum(nth * s for nth, s in enumerate(sign[:4])) == 0
    assert sum(nth**2 * s for nth, s in enumerate(sign)) == 0


def test_every_pair_holds_one_trial_of_each_release():
    assert all({role_of(nth), role_of(nth + 1)} == {"candidate", "baseline"} for nth in range(0, 96, 2))


def test_seats_of_one_model_prefer_different_boards_and_have_all_others_as_neighbours(a_policy, the_lab):
    entry = the_lab.boards["zero-01"]
    three = dict.fromkeys(("zero-01", "zero-02", "zero-03"), entry)
    lab = Lab.model_construct(**(dict(the_lab) | {"boards": three}))
    models = {"pi-zero-aiy": POLICY["models"]["pi-zero-aiy"] | {"count": 2}}
    one, two = seats(a_policy(models=models, **COMPARES), lab)
    assert one.boards == ("zero-01", "zero-02", "zero-03")
    assert two.boards == ("zero-02", "zero-03", "zero-01")
    assert one.key != two.key
    assert one.comparisons == two.comparisons == 2


def test_what_the_lab_lacks_is_told_all_at_once(a_policy, the_lab):
    entry = POLICY["models"]["pi-zero-aiy"]
    models = {
        "pi-zero-aiy": entry | {"boards": ["zero-1", "tx2-01"]},
        "jetson-tx2": entry | {"count": 2},
    }
    with pytest.raises(UsageFault) as seen:
        seats(a_policy(models=models, limits={"max_p99_ms": 50}), the_lab)
    first, second, third = seen.value.faults
    assert "models.pi-zero-aiy.boards.0: lab 'demo' has no board 'zero-1'; did you mean \"zero-01\"?" in first
    assert "models.pi-zero-aiy.boards.1: 'tx2-01' is a jetson-tx2, not a pi-zero-aiy" in second
    assert "models.jetson-tx2: wants 2 boards, and lab 'demo' has 1" in third


def test_a_comparison_needs_a_baseline_unless_the_policy_calls_it_optional(a_policy, the_lab):
    with pytest.raises(UsageFault, match="against_baseline: needs a baseline"):
        seats(a_policy(**COMPARES), the_lab, baseline=False)
    (seat,) = seats(a_policy(**COMPARES, baseline="optional", limits={"max_p99_ms": 50}), the_lab, baseline=False)
    assert not seat.compares
    assert seat.least == ("candidate",)


def test_a_baseline_that_nothing_is_compared_with_is_refused(a_policy, the_lab):
    policy = a_policy(limits={"max_p99_ms": 50})
    with pytest.raises(UsageFault, match="leave --baseline out"):
        seats(policy, the_lab, baseline=True)
    assert [seat.least for seat in seats(policy, the_lab, baseline=False)] == [("candidate",)]


def test_a_boot_is_watched_where_the_policy_asks_for_one(a_policy, one_seat):
    assert one_seat(a_policy(limits={"max_boot_s": 30})).boot
    assert one_seat(a_policy(limits={"max_p99_ms": 50}, evidence=["boot"])).boot
    assert not one_seat(a_policy(limits={"max_p99_ms": 50})).boot


@pytest.mark.parametrize(("trials", "pairs"), [(1, 6), (6, 6), (7, 8), (10, 10)])
def test_a_comparison_runs_as_many_pairs_as_its_absolute_limits_want_trials(a_policy, the_lab, trials, pairs):
    policy = a_policy(**COMPARES, statistics={"trials": trials, "min_pairs": 6}, limits={"max_p99_ms": 50})
    (seat,) = seats(policy, the_lab, baseline=True)
    assert seat.least.count("candidate") == seat.least.count("baseline") == pairs
