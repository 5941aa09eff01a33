"""When a check is due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from farm.health.due import why_due
from farm.health.policy import HealthPolicy
from farm.store.health import Entry
from farm.store.record import utc

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
POLICY = HealthPolicy.model_validate({"every_h": 24, "retry_h": 2, "models": {"atom-e3930": {"provisioned": True}}})


def entry(what, hours_ago, good, why=""):
    return Entry("a", utc(NOW - timedelta(hours=hours_ago)), what, good, why, "")


@pytest.mark.parametrize(
    ("newest_first", "why"),
    [
        ([], "it was never checked"),
        ([entry("fault", 1, False, "a: x")], "it was never checked"),
        ([entry("check", 23, True)], ""),
        ([entry("check", 25, True)], "its last check is 25 h old"),
        ([entry("fault", 1, False, "a: no login"), entry("check", 2, True)], "a lab fault: a: no login"),
        ([entry("look", 1, False, "m: silent"), entry("check", 2, True)], "a look found: m: silent"),
        ([entry("look", 1, True), entry("check", 2, True)], ""),
        ([entry("check", 1, True), entry("fault", 2, False, "a: x")], ""),
        ([entry("check", 1, False, "a: x")], ""),
        ([entry("check", 3, False, "a: x")], "its last check failed: a: x"),
        ([entry("release", 1, True), entry("check", 1, True)], ""),
    ],
)
def test_a_check_is_due(newest_first, why):
    assert why_due(POLICY, newest_first, NOW) == why


def test_the_policy_of_the_house_is_right_and_holds_every_model_that_has_a_playbook():
    from farm.health.policy import load_policy

    folder = Path(__file__).parents[3] / "playbooks"
    policy = load_policy(folder / "health.yaml")
    assert set(policy.models) == {path.stem for path in folder.glob("*.yaml")} - {"health", "release"}
