"""The user's own Ansible playbook as a step: a stand-in for ansible-playbook prints what a real one printed."""

import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from farm.errors import LabFault, UsageFault
from farm.lab.inventory import load as load_inventory
from farm.lab.lease_held import LeaseLost
from farm.playbook import StepResult, each_step, load, target_of
from farm.playbook.ansible_output import Outcome

RECORDED = Path(__file__).parent / "ansible"
INVENTORY = """\
lab: shelf
boards:
  tx2-01:
    model: coral-dev
    tags: [rack-1]
    ssh: {host: 192.0.2.11, user: mendel, password: "env:PASSWORD"}
  other:
    model: coral-dev
    ssh: {host: 192.0.2.12, user: mendel}
"""
PLAYBOOK = """\
model: coral-dev
steps:
  - ansible:
      playbook: site.yml
      tags: [net, disk]
      extra_vars: {level: 3}
"""
PROGRAM = """\
#!/bin/sh
cd {folder} || exit 1
printf '%s\\n' "$@" > argv
cp "$2" known.json
env > environment
cat {recorded}
exit {status}
"""
MENDS = "several, told to restart, restart it"


class Site:
    """A folder with a playbook that hands over, and a stand-in that answers."""

    def __init__(self, folder: Path, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.place = folder, place
        (folder / "bin").mkdir()
        (folder / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
        (folder / "playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
        (folder / "site.yml").write_text("- hosts: all\n", encoding="utf-8")
        self.told: list[str] = []
        self.loses_it_at = ""
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")

    def answers(self, recorded: str, *, status: int = 0, program: str = PROGRAM) -> None:
        script = self.folder / "bin/ansible-playbook"
        script.write_text(program.format(folder=self.folder, recorded=RECORDED / recorded, status=status))
        script.chmod(0o755)

    def take(self, *, check: bool = False) -> list[StepResult]:
        lab = load_inventory(self.folder / "inventory.yaml")
        bench: Any = SimpleNamespace(
            name="tx2-01",
            lab="shelf",
            entry=lab.boards["tx2-01"],
            inventory=lab,
            state=self.folder / ".farm",
            lease=SimpleNamespace(require=self._require),
        )
        book = load(self.folder / "playbook.yaml")
        place = self.place
        target = target_of(book, place.board, place.shell, workdir=place.workdir, bench=bench, tell=self.told.append)
        return list(each_step(book, target, check=check))

    def _require(self) -> None:
        if self.loses_it_at in self.told:
            raise LeaseLost("tx2-01", "was taken away")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, place: Any, monkeypatch: pytest.MonkeyPatch) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder, place, monkeypatch)


def alive(pid: int) -> bool:
    """Whether a process is there and not merely unburied."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def lines(name: str) -> list[str]:
    return (RECORDED / name).read_text(encoding="utf-8").splitlines()


def test_what_changed_is_named_and_what_was_ignored_or_rescued_is_no_failure() -> None:
    outcome = Outcome.of(lines("ok.txt"), "tx2-01")
    assert (outcome.met, outcome.count, ", ".join(outcome.changed)) == (True, 3, MENDS)
    assert (outcome.failed, outcome.unreachable) == ("", "")


def test_another_hosts_lines_count_for_nothing() -> None:
    assert Outcome.of(lines("ok.txt"), "tx2-02") == Outcome()


def test_the_board_alone_is_handed_over_with_its_groups_and_no_secret(site) -> None:
    site.answers("ok.txt")
    (step,) = site.take()
    assert (step.changed, step.detail) == (True, MENDS)
    argv = site.read("argv").splitlines()
    assert argv[2:4] == ["--limit", "tx2-01"]
    assert argv[-3:] == ["--tags", "net,disk", str(site.folder / "site.yml")]
    known = json.loads(site.read("known.json"))["all"]
    assert list(known["hosts"]) == ["tx2-01"]
    assert sorted(known["children"]) == ["model_coral_dev", "tag_rack_1"]
    assert known["hosts"]["tx2-01"]["ansible_password"] == "{{ lookup('ansible.builtin.env', 'PASSWORD') }}"
    assert "ANSIBLE_STDOUT_CALLBACK=default\n" in site.read("environment")
    assert "ansible site.yml: told to restart" in site.told


def test_check_mode_is_ansibles_own_and_what_it_does_not_check_is_named(site) -> None:
    site.answers("check.txt")
    (step,) = site.take(check=True)
    assert not step.changed
    named = "not checked, for Ansible's check mode does not run them: run a command, shell items"
    assert step.remark == f"{named}; others skipped: 1"
    assert "--check" in site.read("argv").splitlines()
    assert "ANSIBLE_VERBOSITY=1\n" in site.read("environment")


def test_what_a_run_skips_is_no_remark(site) -> None:
    site.answers("ok.txt")
    assert [step.remark for step in site.take()] == [""]


def test_a_task_that_fails_is_a_lab_fault_with_its_name_and_words(site) -> None:
    site.answers("failed.txt", status=2)
    with pytest.raises(LabFault, match=r"task 'refuses': non-zero return code .* out err"):
        site.take()


def test_a_board_that_ansible_does_not_reach_is_a_lab_fault(site) -> None:
    site.answers("unreachable.txt", status=4)
    with pytest.raises(LabFault, match=r"not reached: .*Connection refused"):
        site.take()


def test_a_playbook_that_ansible_cannot_read_is_the_users_fault(site, tmp_path) -> None:
    (tmp_path / "no.txt").write_text("ERROR! We were unable to read either as JSON nor YAML\n", encoding="utf-8")
    site.answers(str(tmp_path / "no.txt"), status=4)
    with pytest.raises(UsageFault, match="ansible-playbook ended with 4: ERROR! We were unable"):
        site.take()


def test_a_playbook_whose_plays_pass_the_board_by_is_the_users_fault(site, tmp_path) -> None:
    (tmp_path / "none.txt").write_text("PLAY RECAP ******\n", encoding="utf-8")
    site.answers(str(tmp_path / "none.txt"))
    with pytest.raises(UsageFault, match="none of its plays is for bench-1; see `hosts:`"):
        site.take()


def test_without_ansible_the_package_is_named_before_any_board_is_touched(site, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(UsageFault, match=r"playbook.yaml:4: .*not on PATH; install ansible-core"):
        load(site.folder / "playbook.yaml")


def test_a_lost_lease_ends_ansible_and_what_it_started(site) -> None:
    """It goes its own way to the board: no shell of ours would notice."""
    site.answers("ok.txt", program="#!/bin/sh\nsleep 600 & echo $! > {folder}/pid; echo 'TASK [at it] **'; wait\n")
    site.loses_it_at = "ansible site.yml: at it"
    with pytest.raises(LeaseLost):
        site.take()
    pid, deadline = int(site.read("pid")), time.monotonic() + 20
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_one_that_takes_too_long_is_ended_and_is_a_lab_fault(site) -> None:
    site.answers("ok.txt", program="#!/bin/sh\nexec sleep 600\n")
    (site.folder / "playbook.yaml").write_text(PLAYBOOK + "      timeout_s: 0.5\n", encoding="utf-8")
    with pytest.raises(LabFault, match=r"not over after 0\.5 s"):
        site.take()


def test_a_run_that_changed_nothing_asks_for_no_reboot(site, tmp_path) -> None:
    (site.folder / "playbook.yaml").write_text(PLAYBOOK + "  - reboot: {when: changed}\n", encoding="utf-8")
    (tmp_path / "same.txt").write_text(
        "PLAY RECAP **\ntx2-01 : ok=2 changed=0 unreachable=0 failed=0\n", encoding="utf-8"
    )
    site.answers(str(tmp_path / "same.txt"))
    assert [step.changed for step in site.take()] == [False, False]
    site.answers("ok.txt")
    assert [step.changed for step in site.take(check=True)] == [True, True]
    assert not (site.place.root / "run/edge-test-farm.reboot").exists()
