"""`farm devices`: what can be driven, and nothing that was not done."""

import json

import pytest

from devices.registry import BOARDS, load_board
from devices.twin.model import models
from devices.twin.qemu.machines import MACHINES
from farm.cli.main import main
from power.onboard.reach import on_board
from power.registry import METERS, load_meter
from power.twin.servers import TWINS


def test_everything_that_ships_stands_in_it_with_what_it_was_tried_on(capsys):
    assert main(["devices", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["boards"]) >= set(BOARDS)
    assert set(said["meters"]) >= set(METERS)
    assert said["boards"]["jetson-tx2"]["tried on"][-2:] == ["process twin", "published bytes"]
    assert said["boards"]["jetson-nano"]["what"].startswith("Four A57 cores")
    assert said["accelerators"]["ncs"]["what"] == "USB 03e7:2150, 03e7:2485, 03e7:f63b"


def test_no_twin_is_called_a_board(capsys):
    assert main(["devices"]) == 0
    said = capsys.readouterr().out
    assert "nothing here was tried on a real board or meter unless" in said
    assert "process twin, published bytes" in said


def test_a_plug_in_that_does_not_load_hides_no_other(capsys, monkeypatch):
    monkeypatch.setattr("devices.registry.known_boards", lambda: BOARDS | {"broken": "no_such_module:Board"})
    assert main(["devices", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["boards"]
    assert said["broken"]["what"].startswith("does not load: No module named")
    assert said["coral-dev"]["tried on"]


@pytest.mark.parametrize("model", BOARDS)
def test_a_board_claims_a_process_twin_if_and_only_if_there_is_one(model):
    verified = load_board(model).verified
    assert ("process twin" in verified) == (model in models())
    assert "qemu twin" not in verified or model in MACHINES
    assert set(verified) <= {"board", "qemu twin", "process twin", "published bytes"}
    assert verified


@pytest.mark.parametrize("driver", METERS)
def test_a_meter_claims_a_twin_if_and_only_if_there_is_one(driver):
    verified = load_meter(driver).verified
    assert ("twin" in verified) == (driver in TWINS)
    others = {"sigrok's demo device", "stand-in of the library"} | (
        {"board twin"} if on_board(load_meter(driver)) else set()
    )
    assert set(verified) <= others | {"instrument", "recorded bytes", "twin", "published bytes", "published layout"}
    assert verified
