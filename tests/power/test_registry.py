"""Every driver that the farm names is held to its conformance class."""

import ast
from pathlib import Path

import pytest

from power.registry import METERS, SWITCHES, load_meter, load_switch


def drivers_under_test(base: str) -> set[str]:
    """Read from the source, so that the answer does not depend on which tests were collected."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        bases = {base}
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id in bases for b in node.bases):
                bases.add(node.name)  # a family's other members inherit from its first
                for line in node.body:
                    if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "driver":
                        found.add(ast.literal_eval(line.value))
    return found


def test_every_meter_passes_the_conformance_tests() -> None:
    assert drivers_under_test("MeterConformance") | drivers_under_test("ScpiConformance") == set(METERS)


def test_every_switch_passes_the_conformance_tests() -> None:
    assert drivers_under_test("SwitchConformance") | drivers_under_test("BlindSwitchConformance") == set(SWITCHES)


@pytest.mark.parametrize("driver", METERS)
def test_every_meter_loads(driver: str) -> None:
    assert load_meter(driver).Config.model_json_schema()["additionalProperties"] is False


@pytest.mark.parametrize("driver", SWITCHES)
def test_every_switch_loads(driver: str) -> None:
    assert load_switch(driver).Config.model_json_schema()["additionalProperties"] is False


def test_an_unknown_driver_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_meter("no-such-meter")
