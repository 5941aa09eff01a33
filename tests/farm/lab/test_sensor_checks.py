"""A board's own sensors are read on it, wherever it is, and do not prove it off."""

from typing import Any

import pytest

from farm.lab.checks import check
from farm.lab.yaml_lines import Fault

ELSEWHERE = {"ssh": {"host": "192.0.2.13", "user": "farm"}}
OWN = [("rapl", {}), ("ina3221", {"rail": "VDD_IN"}), ("tegrastats", {"rail": "VDD_IN"}), ("nvml", {})]


def lab(driver: str, options: dict[str, Any], board: dict[str, Any] = ELSEWHERE, **more: Any) -> dict[str, Any]:
    return {
        "lab": "demo",
        "meters": {"m1": {"driver": driver, "rail": "5 V", "options": options}},
        "boards": {"atom-01": {"model": "atom-e3930", "meters": ["m1"], **board}},
        **more,
    }


def faults(tree: dict[str, Any]) -> list[Fault]:
    return list(check(tree))


@pytest.mark.parametrize(("driver", "options"), OWN)
def test_a_board_elsewhere_is_read_on_it(driver, options) -> None:
    assert faults(lab(driver, options)) == []


def test_a_meter_on_the_supply_is_no_such_one() -> None:
    assert faults(lab("um25c", {"port": "/dev/x"})) == []


TWIN = {"twin": "process", "console": {"port": "twin"}, "ssh": {"host": "twin", "user": "farm"}}


@pytest.mark.parametrize(("driver", "options"), OWN)
def test_a_twins_own_sensors_are_no_instrument_that_could_be_a_twin(driver, options) -> None:
    tree = lab(driver, options, TWIN)
    assert faults(tree) == []
    tree["meters"]["m1"]["twin"] = "process"
    assert any("is a sensor of its board" in fault.text for fault in faults(tree))


def test_two_boards_have_a_rail_of_the_same_name_and_one_board_has_it_once() -> None:
    tree = lab("ina3221", {"rail": "VDD_IN"})
    tree["meters"]["m2"] = tree["meters"]["m1"]
    other = {"model": "atom-e3930", "ssh": {"host": "192.0.2.14", "user": "farm"}}
    tree["boards"]["atom-02"] = {**other, "meters": ["m2"]}
    assert faults(tree) == []
    tree["boards"]["atom-01"]["meters"] = ["m1", "m2"]
    tree["boards"]["atom-02"] = other
    assert ["m2" in fault.where for fault in faults(tree)] == [True]


@pytest.mark.parametrize(("driver", "options"), OWN)
def test_a_board_is_not_proven_off_by_its_own_sensors(driver, options) -> None:
    tree = lab(driver, options, ELSEWHERE | {"switch": "s1"})
    proof = {"meter": "m1"}
    tree["switches"] = {"s1": {"driver": "serial-relay", "options": {"port": "/dev/x"}, "proof": proof}}
    (fault,) = [fault for fault in faults(tree) if "proof" in fault.where]
    assert fault.where == ("switches", "s1", "proof", "meter")
    assert "silent whether that is off or hangs" in fault.text
