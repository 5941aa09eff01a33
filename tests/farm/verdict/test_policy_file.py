"""A policy as people write it, and everything that can be wrong with one."""

from pathlib import Path

import pytest
import yaml

from farm.errors import UsageFault
from farm.lab.yaml_lines import dump
from farm.trial.scenario import Comparison250, Server
from farm.trial.state.demands import Demands
from farm.verdict.criteria import Limits
from farm.verdict.policy_file import load_policy
from farm.verdict.seats import seats

from .conftest import COMPARES, POLICY, ROOT

WRONG = """\
acept_twins: true
models:
  jetson-tx3:
    scenario: {rate_hz: 20}
  jetson-tx2:
    count: 0
    scenario: {rate_hz: 20, duration_s: -8}
    limits: {max_p99: 3}
    against_baseline: {joule_per_inference: "+1 %", fps: 1.5, missed_fraction: "+1 %"}
statistics:
  min_pairs: 5
  noise_floor: {p99_ms: {change: 3, reason: noise}}
evidence: [measured wats]
"""


def faults(path):
    with pytest.raises(UsageFault) as seen:
        load_policy(path)
    return seen.value.faults


def test_every_fault_is_named_at_once_with_its_line_and_a_remedy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(WRONG)
    told = {fault.removeprefix(f"{path}:").split(": ")[1]: fault for fault in faults(path)}
    assert set(told) == {
        "acept_twins",
        "models.jetson-tx3",
        "models.jetson-tx3.scenario",
        "models.jetson-tx2.count",
        "models.jetson-tx2.scenario.duration_s",
        "models.jetson-tx2.limits.max_p99",
        "models.jetson-tx2.against_baseline.joule_per_inference",
        "models.jetson-tx2.against_baseline.fps",
        "models.jetson-tx2.against_baseline.missed_fraction",
        "statistics.noise_floor.p99_ms.change",
        "evidence.0",
    }
    assert told["acept_twins"] == f'{path}:1: acept_twins: unknown key; did you mean "accept_twins"?'
    assert 'did you mean "max_p99_ms"?' in told["models.jetson-tx2.limits.max_p99"]
    assert told["models.jetson-tx2.limits.max_p99"].startswith(f"{path}:8:")
    assert 'did you mean "joules_per_inference"?' in told["models.jetson-tx2.against_baseline.joule_per_inference"]


@pytest.mark.parametrize("change", [1.5, "1.5 %", "+1.5", "+1.5 percent", True, "+-1 %"])
def test_a_change_without_sign_or_unit_is_refused(tmp_path, change):
    path = tmp_path / "policy.yaml"
    path.write_text(dump(POLICY | {"against_baseline": {"joules_per_inference": change}}))
    (fault,) = faults(path)
    assert "against_baseline.joules_per_inference: wants a change with its sign and unit" in fault


def test_uneven_looks_are_refused(a_policy):
    with pytest.raises(UsageFault, match="orders AB and BA"):
        a_policy(**COMPARES, statistics={"min_pairs": 7})


def test_a_risk_that_is_lost_in_the_digits_is_refused(a_policy):
    assert a_policy(**COMPARES, statistics={"alpha": {"false_pass": 1e-9}}).statistics.alpha.false_pass == 1e-9
    with pytest.raises(UsageFault, match=r"false_pass"):
        a_policy(**COMPARES, statistics={"alpha": {"false_pass": 1e-12}})


def test_a_figure_is_compared_only_above_a_named_noise_floor(a_policy):
    with pytest.raises(UsageFault, match=r"against_baseline\.p99_ms: has no noise floor; add"):
        a_policy(against_baseline={"p99_ms": "+5 %"})
    with pytest.raises(UsageFault, match=r"\+0\.1 % lies within the noise floor of 0\.2 % \(assumed\)"):
        a_policy(against_baseline={"joules_per_inference": "+0.1 %"})
    a_policy(against_baseline={"accuracy": "-0.1 %"})  # a count has no noise


def test_a_policy_that_asks_nothing_is_refused(a_policy):
    with pytest.raises(UsageFault, match=r"models\.pi-zero-aiy: is held to nothing"):
        a_policy()


def test_a_missing_file_and_an_empty_one_are_policies_not_inventories(tmp_path):
    (fault,) = faults(tmp_path / "none.yaml")
    assert fault.endswith(":1: policy: cannot be read: No such file or directory; look for a typing error in its name")
    (tmp_path / "empty.yaml").write_text("")
    (fault,) = faults(tmp_path / "empty.yaml")
    assert "policy: wants `models:` and limits at the top, not nothing" in fault


def test_limits_of_a_model_are_added_to_the_policys_and_stronger(a_policy):
    own = {"pi-zero-aiy": POLICY["models"]["pi-zero-aiy"] | {"limits": {"max_p99_ms": 90, "min_fps": 9}}}
    policy = a_policy(models=own, limits={"max_p99_ms": 50, "max_mean_watts": 2})
    assert policy.absolute("pi-zero-aiy") == Limits(max_p99_ms=90, min_fps=9, max_mean_watts=2)


def test_the_shipped_policy_holds_every_board_of_the_shipped_inventory_to_the_products_limits(the_lab):
    policy = load_policy(ROOT / "playbooks" / "release.yaml")
    product = yaml.safe_load((ROOT / "tests" / "lab" / "product.yaml").read_text())["boards"]
    assert {name for seat in seats(policy, the_lab) for name in seat.boards} == set(the_lab.boards)
    for model, asked in product.items():
        assert policy.models[model].scenario.rate_hz == asked["rate_hz"]
        held = policy.absolute(model).model_dump(exclude_none=True)
        assert asked["limits"].items() <= held.items()


def test_a_policy_goes_into_a_run_and_comes_back_the_same(a_policy):
    policy = a_policy(**COMPARES)
    again = type(policy).model_validate(policy.model_dump(mode="json"))
    assert again.model_dump() == policy.model_dump()
    assert again.against_baseline == {"joules_per_inference": 0.015}
    assert Path(policy.path).read_bytes()
    assert len(policy.sha256) == 64


SCENARIO = """\
models:
  jetson-tx2:
    scenario: {rate_hz: 20, duration_s: 8, START}
    limits: {max_short_term_watts: 12, max_p99_watts: 14}
"""


def test_a_policy_says_how_warm_a_trial_begins_as_it_says_whether_there_are_bursts(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(
        SCENARIO.replace("START", "soak_s: 60, start_celsius: [35, 45], start_zone: cpu, short_term_s: 0.5")
    )
    plan = load_policy(path).models["jetson-tx2"].scenario.plan()
    assert (plan.soak_s, plan.start_celsius, plan.start_zone, plan.short_term_s) == (60, (35, 45), "cpu", 0.5)
    assert load_policy(path).absolute("jetson-tx2").max_short_term_watts == 12


def test_a_policy_names_any_of_the_fields_scenarios(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(SCENARIO.replace("rate_hz: 20, duration_s: 8, START", "name: server, rate_hz: 50, deadline_ms: 15"))
    assert load_policy(path).models["jetson-tx2"].scenario.plan() == Server(50, deadline_ms=15)
    path.write_text(SCENARIO.replace("rate_hz: 20, duration_s: 8, START", "name: comparison250"))
    assert load_policy(path).models["jetson-tx2"].scenario.plan() == Comparison250()


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("name: sever", 'did you mean "server"?'),
        ("name: offline", "rate_hz"),
        ("min_queries: 5", "min_queries"),
        ("start_celsius: [45, 35]", "wants two temperatures, the lower one first"),
        ("start_celsius: [45]", "wants two temperatures, the lower one first"),
        ("start_zone: cpu", "has no start_celsius to be held to"),
        ("soak_s: -1", "greater than or equal to 0"),
    ],
)
def test_a_start_that_cannot_be_is_refused_by_line(tmp_path, start, said):
    path = tmp_path / "policy.yaml"
    path.write_text(SCENARIO.replace("START", start))
    (fault,) = faults(path)
    assert said in fault
    assert fault.startswith(f"{path}:3: models.jetson-tx2.scenario")


def test_a_quick_try_has_other_settings_than_the_file_and_says_so(a_policy):
    read = a_policy(**COMPARES)
    tried = read.under({"duration_s": "2.5", "bursts": "false"})
    for model, entry in tried.models.items():
        before = read.models[model].scenario
        assert entry.scenario == before.model_copy(update={"duration_s": 2.5, "bursts": False})
        assert tried.absolute(model) == read.absolute(model)
    assert tried.overridden == {"duration_s": "2.5", "bursts": "false"}
    assert (tried.path, tried.sha256) == (read.path, read.sha256)
    assert read.under({}).overridden == {}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"duration": "2"}, "no setting 'duration'; did you mean \"duration_s\""),
        ({"duration_s": "soon"}, "duration_s: Input should be a valid number"),
        ({"duration_s": "-1"}, "duration_s: Input should be greater than 0"),
        ({"samples_per_query": "4"}, "no setting 'samples_per_query'"),
        ({"name": "sometimes"}, "no scenario 'sometimes'"),
    ],
)
def test_a_quick_try_with_what_there_is_not_is_refused(a_policy, settings, says):
    read = a_policy(**COMPARES)
    with pytest.raises(UsageFault, match=says):
        read.under(settings)


STATE = """\
demands: {governor: performance, max_celsius: 60}
models:
  jetson-tx2:
    scenario: {rate_hz: 20, duration_s: 8}
    limits: {max_p99_ms: 30}
    demands: {max_celsius: 50, usb_link: usb3}
    settings: {max_clocks: max, power_mode: MAXN}
  pi-zero-aiy:
    scenario: {rate_hz: 5, duration_s: 8}
    limits: {max_p99_ms: 300}
"""


def test_a_model_s_own_demands_are_added_to_the_policy_s_and_what_is_set_is_demanded(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(STATE)
    policy = load_policy(path)
    tx2 = policy.conditions("jetson-tx2")
    assert tx2.demands == Demands(governor="performance", power_mode="MAXN", max_celsius=50, usb_link="usb3")
    assert list(tx2.settings.items()) == [("power_mode", "MAXN"), ("max_clocks", "max")]
    assert policy.conditions("pi-zero-aiy").demands == Demands(governor="performance", max_celsius=60)
    assert not policy.conditions("pi-zero-aiy").settings


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("max_celsius: 60", "max_celsuis: 60", ':1: demands.max_celsuis: unknown key; did you mean "max_celsius"?'),
        ("usb_link: usb3", "usb_link: usb4", ":6: models.jetson-tx2.demands.usb_link: should be 'usb2' or 'usb3'"),
        ("max_clocks: max", "fans: '3'", ":7: models.jetson-tx2.settings.fans: a jetson-tx2 has no such setting; did"),
    ],
)
def test_a_demand_or_setting_that_there_is_not_is_named_by_its_line(tmp_path, right, wrong, told):
    path = tmp_path / "policy.yaml"
    path.write_text(STATE.replace(right, wrong))
    (fault,) = faults(path)
    assert fault.startswith(f"{path}{told}")
