import json

import pytest

from farm.cli.check import names_taken
from farm.cli.main import main

TWO_FAULTS = """\
lab: shelf
boards:
  tx2-01:
    model: jetson-tx
    console:
      port: /dev/ttyUSB0
    ssh:
      host: 192.0.2.11
      user: nvidia
    switch: relay-1
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_faults_are_lines_that_an_editor_can_jump_to(here, capsys):
    (here / "lab.yaml").write_text(TWO_FAULTS)
    assert main(["check", "--inventory", "lab.yaml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "lab.yaml:4: boards.tx2-01.model: no board model 'jetson-tx'; did you mean \"jetson-tx2\"?",
        "lab.yaml:10: boards.tx2-01.switch: no switch 'relay-1'; there are none here",
    ]


def test_a_right_inventory_is_said_to_be_right(here, capsys):
    (here / "inventory.yaml").write_text(
        TWO_FAULTS.replace("jetson-tx", "jetson-tx2").replace("    switch: relay-1\n", "")
    )
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "inventory.yaml: 1 board, 0 meters, 0 switches: no fault found\n"


def test_no_inventory_is_a_usage_fault(capsys):
    assert main(["check"]) == 2
    assert capsys.readouterr().err.startswith("inventory.yaml:1: inventory: cannot be read: ")


def test_the_schema_is_json(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["lab", "boards"]


@pytest.mark.parametrize("owners", [{}, {"power": ["edge-test-farm"], "yaml": ["PyYAML"]}])
def test_import_names_that_are_ours_alone_are_no_fault(owners):
    assert names_taken(owners) == []


def test_an_import_name_that_another_distribution_writes_into_is_told(here, capsys, monkeypatch):
    owners = {"power": ["edge-test-farm", "power"], "farm": ["farm"], "devices": ["edge-test-farm"]}
    (farm, power) = names_taken(owners)
    assert "'farm' is taken by farm too" in farm
    assert "'power' is taken by power too" in power
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: owners)
    (here / "inventory.yaml").write_text(
        TWO_FAULTS.replace("jetson-tx", "jetson-tx2").replace("    switch: relay-1\n", "")
    )
    assert main(["check"]) == 2
    assert "'power' is taken by power too" in capsys.readouterr().err
