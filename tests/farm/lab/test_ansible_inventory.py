"""What `farm inventory --ansible` serves."""

import json
from pathlib import Path

import pytest

from farm.cli.main import main

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGrTVf3i2NfD6Q8ZZOBh9yY2Gl45jbaHTyoSX3BofOR"
INVENTORY = f"""\
lab: shelf
boards:
  tx2-01:
    model: jetson-tx2
    tags: [rack-1, fast]
    ssh:
      host: 192.0.2.11
      port: 2222
      user: nvidia
      key: "file:keys/lab"
      gateway: lab@192.0.2.1
      host_key: {KEY}
  coral-01:
    model: coral-dev
    ssh: {{host: 192.0.2.12, user: mendel, password: "file:secrets/coral"}}
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    return tmp_path


def served(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["inventory", "--ansible", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_list_has_groups_by_model_and_tag_and_every_boards_variables(shelf, capsys) -> None:
    listed = served(capsys, "--list")
    assert listed["model_jetson_tx2"] == {"hosts": ["tx2-01"]}
    assert listed["tag_rack_1"] == {"hosts": ["tx2-01"]}
    assert set(listed["all"]["children"]) == {
        "ungrouped",
        "model_jetson_tx2",
        "tag_rack_1",
        "tag_fast",
        "model_coral_dev",
    }
    assert listed["_meta"]["hostvars"]["coral-01"] == served(capsys, "--host", "coral-01")


def test_a_board_is_reached_as_the_farm_reaches_it(shelf, capsys) -> None:
    board = served(capsys, "--host", "tx2-01")
    assert (board["ansible_host"], board["ansible_port"], board["ansible_user"]) == ("192.0.2.11", 2222, "nvidia")
    assert board["ansible_ssh_private_key_file"] == str(shelf / "keys/lab")
    assert board["ansible_ssh_common_args"].endswith("-o StrictHostKeyChecking=yes -o ProxyJump=lab@192.0.2.1")
    known = shelf / ".farm/ansible/tx2-01.known_hosts"
    assert str(known) in board["ansible_ssh_common_args"]
    assert known.read_text(encoding="utf-8") == f"[192.0.2.11]:2222 {KEY}\n"


def test_a_secret_is_looked_up_by_ansible_and_never_printed(shelf, capsys) -> None:
    (shelf / "secrets").mkdir()
    (shelf / "secrets/coral").write_text("hunter2", encoding="utf-8")
    board = served(capsys, "--host", "coral-01")
    assert board["ansible_password"] == f"{{{{ lookup('ansible.builtin.file', '{shelf}/secrets/coral') }}}}"


def test_an_unknown_board_and_options_that_are_ansibles_alone_are_refused(shelf, capsys) -> None:
    assert main(["inventory", "--ansible", "--host", "tx2-02"]) == 2
    assert "no board 'tx2-02'" in capsys.readouterr().err
    assert main(["inventory", "--list"]) == 2
    assert "add --ansible" in capsys.readouterr().err


def test_people_get_a_table(shelf, capsys) -> None:
    assert main(["inventory"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split() == ["board", "model", "made", "reached", "console", "switch", "meters", "tags"]
    assert rows[1].split()[:4] == ["tx2-01", "jetson-tx2", "board", "nvidia@192.0.2.11:2222"]
