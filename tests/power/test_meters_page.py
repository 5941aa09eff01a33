"""docs/meters.md names every meter driver, and claims no more than the driver does."""

import re
from pathlib import Path

from power.registry import METERS, load_meter

PAGE = Path(__file__).parents[2] / "docs" / "meters.md"


def rows() -> dict[str, list[str]]:
    lines = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_every_driver_has_a_row_and_every_row_a_driver() -> None:
    assert rows().keys() == METERS.keys()


def test_the_page_says_what_each_was_tried_on() -> None:
    said = {driver: cells[-1] for driver, cells in rows().items()}
    assert said == {driver: ", ".join(load_meter(driver).verified) for driver in METERS}


def test_limits_that_count_as_assumed_are_marked_so() -> None:
    for driver, cells in rows().items():
        accuracy = getattr(load_meter(driver), "limits", None) or getattr(load_meter(driver), "accuracy", None)
        if accuracy is not None and accuracy.source.startswith("assumed"):
            assert "assumed" in cells[-2], driver


def test_the_options_that_it_shows_are_the_drivers_own() -> None:
    text = PAGE.read_text()
    for driver, options in re.findall(r"--driver (\S+) --resource \S+((?: -o \S+)*)", text):
        known = load_meter(driver).Config.model_fields
        assert {pair.partition("=")[0] for pair in re.findall(r"-o (\S+)", options)} <= known.keys()
    shown = re.search(r"```yaml\n([^`]*driver: scpi\n.*?)```", text, re.DOTALL)
    assert shown is not None
    options = dict(re.findall(r"^ {6}(\w+): +(.*?)(?: +#.*)?$", shown[1], re.MULTILINE))
    assert len(options) > 8
    load_meter("scpi").Config.model_validate({name: value.strip('"') for name, value in options.items()})
