"""A board handed over to the real ansible-playbook, and the lab as the inventory of real Ansible."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
PLAYBOOK = """\
model: atom-e3930
steps:
  - directory: {path: workdir}
  - ansible: {playbook: site.yml, extra_vars: {greeting: hello}}
"""
SITE = """\
- hosts: model_atom_e3930
  gather_facts: false
  tasks:
    - name: a file of ours
      ansible.builtin.copy:
        content: "{{ greeting | default('nothing') }} {{ inventory_hostname }} {{ farm_made }}\\n"
        dest: "{{ farm_workdir }}/hello"
    - name: its name
      ansible.builtin.raw: hostname
      changed_when: false
"""

pytestmark = pytest.mark.skipif(
    not shutil.which("ansible-playbook") or not shutil.which("ssh"),
    reason="needs ansible-playbook (package ansible-core) and ssh",
)


class Lab:
    """A lab of one Atom twin, and the commands of a user in its folder."""

    def __init__(self, folder: Path, home: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": home,
        }

    def call(self, *words: str) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, text=True, capture_output=True, timeout=110, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def provision(self, *words: str) -> dict:
        out = self.call("farm", "provision", "atom-01", "--playbook", "p.yaml", "--leave-on", "--json", *words)
        return json.loads(out)["atom-01"]["steps"][1]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    whole = yaml.safe_load((REPOSITORY / "inventory.yaml").read_text())
    for section, kept in (("boards", "atom-01"), ("meters", "wall-1"), ("switches", "relay-atom")):
        whole[section] = {kept: whole[section][kept]}
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
    (tmp_path / "p.yaml").write_text(PLAYBOOK)
    (tmp_path / "site.yml").write_text(SITE)
    with tempfile.TemporaryDirectory() as home:  # a short name: Ansible's socket for ssh lies in it
        lab = Lab(tmp_path, home)
        lab.call("farm", "lab", "up", "--keeper", str(os.getpid()))
        yield lab
        lab.call("farm", "lab", "down")


def test_ansible_changes_the_board_once_and_is_counted(lab: Lab) -> None:
    foreseen, done, again = (lab.provision(*words) for words in (["--check"], [], ["--check"]))
    assert (foreseen["changed"], foreseen["detail"]) == (True, "a file of ours")
    assert (done["changed"], done["detail"]) == (True, "a file of ours")
    assert not again["changed"]
    hello = lab.folder / ".farm/lab/atom-01/board/root/opt/edge-test-farm/hello"
    assert hello.read_text() == "hello atom-01 process twin\n"


def test_the_lab_is_an_inventory_script(lab: Lab) -> None:
    script = lab.folder / "farm-inventory"
    script.write_text('#!/bin/sh\nexec farm inventory --ansible "$@"\n')
    script.chmod(0o755)
    listed = json.loads(lab.call("ansible-inventory", "-i", str(script), "--list"))
    assert listed["model_atom_e3930"] == {"hosts": ["atom-01"]}
    lab.call("farm", "power", "on", "atom-01")
    lab.call("farm", "provision", "atom-01", "--playbook", "p.yaml", "--leave-on")
    assert "changed=1" in lab.call("ansible-playbook", "-i", str(script), "site.yml")  # it has no greeting now
