"""What docs/power.md shows is what the farm takes."""

import re
from pathlib import Path
from typing import Any

import pytest

from farm.lab.yaml_lines import read
from power.registry import SWITCHES, load_switch
from power.switch import SwitchConfig

PAGE = Path(__file__).parents[3] / "docs" / "power.md"


def examples(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The switches in the page's examples, as an inventory's reader reads them."""
    found: dict[str, dict[str, Any]] = {}
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        path = tmp_path / "page.yaml"
        path.write_text(block if block.startswith("switches:") else f"switches:\n{block}")
        document = read(path)
        assert not document.faults
        found |= document.value["switches"]
    return found


def test_the_pages_examples_are_accepted(tmp_path: Path) -> None:
    shown = examples(tmp_path)
    assert len(shown) == 4
    for entry in shown.values():
        assert load_switch(entry["driver"]).Config.model_validate(entry["options"])


@pytest.mark.parametrize("driver", SWITCHES)
def test_the_pages_table_names_every_driver_and_its_options(driver: str) -> None:
    (row,) = re.findall(rf"^\| `{driver}` \|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", row.rpartition(" | ")[2]))))
    own = load_switch(driver).Config.model_fields.keys() - SwitchConfig.model_fields.keys() - {"timeout_s"}
    assert own <= named
