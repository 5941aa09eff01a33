from pathlib import Path

import pytest

from farm.lab.inventory import load
from farm.lab.schema import schema

SOURCE = Path(__file__).parents[3] / "inventory.yaml"


def options_of(entry, driver):
    choices = schema()["$defs"][entry]["allOf"]
    return next(
        c["then"]["properties"]["options"] for c in choices if c["if"]["properties"]["driver"]["const"] == driver
    )


def test_an_editor_learns_every_key_of_a_board():
    board = schema()["$defs"]["BoardEntry"]
    assert {"model", "twin", "console", "ssh", "switch", "meters", "root"} <= set(board["properties"])
    assert board["additionalProperties"] is False
    assert "jetson-tx2" in board["properties"]["model"]["enum"]


@pytest.mark.parametrize(
    ("entry", "driver", "option"),
    [("MeterEntry", "wt310e", "volts_range"), ("MeterEntry", "tc66c", "port"), ("SwitchEntry", "shelly", "relay")],
)
def test_a_driver_s_own_options_stand_in_the_schema(entry, driver, option):
    assert option in options_of(entry, driver)["properties"]


def test_what_only_the_farm_writes_is_not_offered():
    assert "resolved" not in schema()["properties"]
    assert "Resolved" not in schema()["$defs"]


def test_all_references_lead_somewhere():
    whole = schema()

    def references(value):
        if isinstance(value, dict):
            yield from ([value["$ref"]] if "$ref" in value else [])
            value = list(value.values())
        if isinstance(value, list):
            for inner in value:
                yield from references(inner)

    assert {ref.removeprefix("#/$defs/") for ref in references(whole)} <= set(whole["$defs"])


def test_the_inventory_that_ships_is_right_and_holds_four_boards():
    lab = load(SOURCE)
    assert sorted(board.model for board in lab.boards.values()) == [
        "atom-e3930",
        "coral-dev",
        "jetson-tx2",
        "pi-zero-aiy",
    ]
    assert all(board.switch and board.meters for board in lab.boards.values())


def test_models_and_drivers_of_the_inventory_that_ships_stand_on_lines_of_their_own():
    lines = [line.strip() for line in SOURCE.read_text().splitlines()]
    assert sum(line.startswith("model: ") for line in lines) == 4
    assert sum(line.startswith("driver: ") for line in lines) == 8
