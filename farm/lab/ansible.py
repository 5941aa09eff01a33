"""The lab as an Ansible inventory: what `ansible-playbook` needs to reach the boards as the farm does.

The protocol is that of Ansible's inventory scripts: ``--list`` prints groups and, under ``_meta``, each host's
variables; ``--host NAME`` those of one. Secrets are never printed: Ansible looks them up where the inventory says.
"""

import re
from pathlib import Path
from shlex import quote
from typing import Any

from .inventory import BoardEntry, Lab, SshEntry
from .known_hosts import KnownHosts
from .reach import KNOWN_HOSTS
from .secret import key_path

Variables = dict[str, Any]

_NO_GROUP = re.compile(r"[^A-Za-z0-9_]")


def inventory(lab: Lab, state: Path) -> dict[str, Any]:
    """Return what ``--list`` prints: a group for each model and each tag, and one of all twins.

    Boards that are not reached by SSH are left out.
    """
    groups: dict[str, list[str]] = {}
    reached = {name: entry for name, entry in lab.boards.items() if entry.ssh is not None}
    for name, entry in reached.items():
        for group in _groups(entry):
            groups.setdefault(group, []).append(name)
    return {
        "_meta": {"hostvars": {name: host(lab, name, state) for name in reached}},
        "all": {"children": ["ungrouped", *groups]},
        **{group: {"hosts": names} for group, names in groups.items()},
    }


def host(lab: Lab, board: str, state: Path) -> Variables:
    """Return what ``--host`` prints: how the board is reached, and what it is.

    A host key that the inventory names is written where OpenSSH can read it, under ``state``.

    Raises:
        UsageFault: the board is not reached by SSH.
    """
    entry = lab.boards[board]
    if (ssh := entry.ssh) is None:
        raise lab.fault(("boards", board, "ssh"), "missing; Ansible reaches a board by SSH alone")
    variables: Variables = {
        "ansible_host": ssh.host,
        "ansible_port": ssh.port,
        "ansible_user": ssh.user,
        "ansible_ssh_common_args": _ssh_options(ssh, board, state),
        "ansible_become_method": "sudo",
        "farm_lab": lab.lab,
        "farm_model": entry.model,
        "farm_tags": entry.tags,
        "farm_made": "board" if entry.twin is None else f"{entry.twin} twin",
        "farm_root": entry.root,
        "farm_workdir": entry.root.rstrip("/") + entry.workdir,
    }
    if ssh.key is not None:
        variables["ansible_ssh_private_key_file"] = str(key_path(ssh.key, lab.path).resolve())
    if ssh.password is not None:
        variables["ansible_password"] = _lookup(ssh.password, lab.path)
    return variables


def of_one(lab: Lab, board: str, state: Path) -> dict[str, Any]:
    """Return an inventory of one board with its groups, as Ansible reads it from a file; raises as :func:`host`."""
    groups = {group: {"hosts": {board: None}} for group in _groups(lab.boards[board])}
    return {"all": {"hosts": {board: host(lab, board, state)}, "children": groups}}


def _groups(entry: BoardEntry) -> list[str]:
    """Return the names of its groups, as Ansible allows them: letters, digits and ``_``."""
    named = [f"model_{entry.model}", *(f"tag_{tag}" for tag in entry.tags), *(["twins"] if entry.twin else [])]
    return [_NO_GROUP.sub("_", name) for name in named]


def _ssh_options(entry: SshEntry, board: str, state: Path) -> str:
    """Return the options by which OpenSSH trusts what the farm trusts, and nothing else."""
    known = state / KNOWN_HOSTS
    if entry.host_key is not None:
        known = state / "ansible" / f"{board}.known_hosts"
        KnownHosts(known).note(entry.host, entry.port, entry.host_key)
    jump = f" -o ProxyJump={quote(entry.gateway)}" if entry.gateway else ""
    trusted = f'UserKnownHostsFile="{known.resolve()}"'  # ssh_config(5): else a blank in it begins another file
    return f"-o {quote(trusted)} -o StrictHostKeyChecking=yes{jump}"


def _lookup(reference: str, inventory: Path) -> str:
    """Return a reference as an expression that Ansible evaluates when it logs in."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        return f"{{{{ lookup('ansible.builtin.env', '{name}') }}}}"
    path = str(key_path(reference, inventory).resolve()).replace("'", "''")
    return f"{{{{ lookup('ansible.builtin.file', '{path}') }}}}"
