"""Policies and records for the gate's tests."""

import json
from pathlib import Path

import pytest

from farm.lab.inventory import load
from farm.lab.yaml_lines import dump
from farm.verdict.policy_file import load_policy
from farm.verdict.seats import role_of, seats

ROOT = Path(__file__).parent.parent.parent.parent
POLICY = {
    "accept_twins": True,
    "models": {"pi-zero-aiy": {"scenario": {"rate_hz": 20, "duration_s": 8}}},
    "statistics": {"noise_floor": {"joules_per_inference": {"change": "0.2 %", "reason": "assumed"}}},
}
COMPARES = {"against_baseline": {"joules_per_inference": "+1.5 %"}}


@pytest.fixture
def a_policy(tmp_path):
    """``a_policy(limits={"max_p99_ms": 50})``: one board's policy, some keys changed; statistics are added."""

    def make(**changes):
        statistics = POLICY["statistics"] | changes.pop("statistics", {})
        path = tmp_path / "policy.yaml"
        plain = json.loads(json.dumps(POLICY | {"statistics": statistics} | changes))  # parts that are shared, twice
        path.write_text(dump(plain))
        return load_policy(path)

    return make


@pytest.fixture
def the_lab():
    """The shipped inventory: one board of each model."""
    return load(ROOT / "inventory.yaml")


@pytest.fixture
def one_seat(the_lab):
    """``one_seat(policy)``: the policy's only seat."""

    def make(policy):
        (seat,) = seats(policy, the_lab)
        return seat

    return make


@pytest.fixture
def ran(a_record):
    """``ran([0.5, 0.51, …])``: records in the gate's order, each with its joules per inference, and other fields."""

    def make(joules, **changes):
        fixed = {"board__serial_number": "1", "state_after": {"throttled": False, "governor": "performance"}} | changes
        records = [a_record(**fixed, role=role_of(nth), id=f"{nth:016x}") for nth in range(len(joules))]
        return [with_joules(record, value) for record, value in zip(records, joules, strict=True)]

    return make


def with_joules(record, joules):
    power = record.power[0].model_copy(update={"joules_per_inference": joules})
    return record.model_copy(update={"power": [power]})
