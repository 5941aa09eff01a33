"""`farm provision` as a user runs it on a board twin: over SSH, and over the console while there is no network."""

import json
from pathlib import Path
from typing import Any

import pytest

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
SECRET = "hunter2-hunter2"
REBOOTS = f"""\
model: atom-e3930
secrets:
  psk: file:psk
steps:
  - kernel_arguments: {{loader: grub, present: [isolcpus=1]}}
  - reboot: {{when: changed}}
  - expect: {{what: an isolated core, file: /proc/cmdline, matches: isolcpus=1}}
  - template: {{path: /etc/psk, content: "${{psk}}", mode: "0600"}}
  - shell: {{run: 'test "$psk" = {SECRET[:7]}-{SECRET[:7]} && touch "$root/etc/right"', creates: /etc/right}}
"""


def provisioned(atom: Any, *words: str, exit_code: int = 0) -> dict[str, Any]:
    """Run the command and return what it prints of the board."""
    done = atom.farm("provision", "atom-01", "--leave-on", "--json", *words, timeout_s=280)
    assert done.returncode == exit_code, done.stderr
    return json.loads(done.stdout)["atom-01"]


@pytest.mark.timeout(900)  # three commands, each with a boot on a busy machine
def test_a_board_is_made_what_its_playbook_says_over_ssh_or_its_console(fresh_atom) -> None:
    atom = fresh_atom
    (atom.folder / "playbooks").mkdir()
    (atom.folder / "playbooks/atom-e3930.yaml").write_bytes((PLAYBOOKS / "atom-e3930.yaml").read_bytes())
    (atom.folder / "reboots.yaml").write_text(REBOOTS)
    (atom.folder / "psk").write_text(SECRET)

    fresh = provisioned(atom, "--check")
    assert (fresh["made"], fresh["over"], fresh["fault"]) == ("process twin", "ssh", None)
    assert fresh["changed"] >= 1
    assert provisioned(atom)["changed"] == fresh["changed"]

    atom.fault("silent-ssh")
    away = provisioned(atom, "--playbook", "reboots.yaml")
    assert (away["over"], away["fault"]) == ("console", None)
    assert [step["changed"] for step in away["steps"]] == [True, True, False, True, True]
    root = atom.folder / ".farm/lab/atom-01/board/root"
    assert (root / "etc/psk").read_text() == SECRET
    kept = [path for path in (atom.folder / ".farm").rglob("*") if path.is_file() and root not in path.parents]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
