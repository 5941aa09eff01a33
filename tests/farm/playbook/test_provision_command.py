from pathlib import Path

import pytest

from farm.cli.main import main

INVENTORY = """\
lab: shelf
boards:
  c1:
    model: coral-dev
    console:
      port: {folder}/no-such-port-1
    ssh:
      host: 127.0.0.1
      port: 1
      user: mendel
  c2:
    model: coral-dev
    console:
      port: {folder}/no-such-port-2
    ssh:
      host: 127.0.0.1
      port: 2
      user: mendel
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY.format(folder=tmp_path), encoding="utf-8")
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/coral-dev.yaml").write_text(
        "model: coral-dev\nsteps:\n  - directory:\n      path: workdir\n", encoding="utf-8"
    )
    return str(path)


def test_boards_that_the_inventory_lacks_are_all_named_and_nothing_is_touched(inventory, capsys) -> None:
    assert main(["provision", "c3", "c1", "x9", "--inventory", inventory]) == 2
    assert [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines()] == [
        "no board 'c3'; there are c1, c2",
        "no board 'x9'; there are c1, c2",
    ]


def test_the_playbook_is_read_before_any_board_is_touched(inventory, tmp_path, capsys) -> None:
    (tmp_path / "playbooks/coral-dev.yaml").write_text("model: coral-dev\nstep: []\n", encoding="utf-8")
    assert main(["provision", "c1", "--inventory", inventory]) == 2
    told = capsys.readouterr().err
    assert 'coral-dev.yaml:2: step: unknown key; did you mean "steps"?' in told
    assert "no-such-port" not in told


def test_a_model_without_a_playbook_is_told_how_to_name_one(inventory, tmp_path, capsys) -> None:
    (tmp_path / "playbooks/coral-dev.yaml").unlink()
    assert main(["provision", "c1", "--inventory", inventory]) == 2
    told = capsys.readouterr().err
    assert "coral-dev.yaml: is not there; write a playbook for the model, or name one: --playbook FILE" in told


def test_a_playbook_for_another_model_is_refused(inventory, tmp_path, capsys) -> None:
    other = tmp_path / "tx2.yaml"
    other.write_text("model: jetson-tx2\nsteps:\n  - directory:\n      path: workdir\n", encoding="utf-8")
    assert main(["provision", "c1", "--inventory", inventory, "--playbook", str(other)]) == 2
    assert capsys.readouterr().err == f"{other}: is for jetson-tx2, but c1 is a coral-dev\n"


def test_a_board_that_cannot_be_reached_is_a_lab_fault_and_keeps_no_other_from_its_turn(inventory, capsys) -> None:
    assert main(["provision", "c1", "c2", "--inventory", inventory]) == 3
    told = capsys.readouterr().err
    assert "no-such-port-1" in told
    assert "no-such-port-2" in told
