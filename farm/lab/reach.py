"""The links to one board as its inventory entry has them: each opened on its own, so that none hides another."""

from pathlib import Path
from typing import TYPE_CHECKING

from devices.registry import load_shell

from .inventory import Lab
from .secret import key_path, reveal

if TYPE_CHECKING:
    from devices.console import Console
    from devices.shell import Shell

KNOWN_HOSTS = "known_hosts"
"""In the farm's folder: what `farm trust` has noted."""


def open_console(lab: Lab, board: str) -> "Console":
    """Open the board's console and capture from now on.

    Raises:
        UsageFault: the inventory names none.
        devices.errors.ConsoleFault: the port is not there or not free.
    """
    from devices.console import Console  # serial ports: not needed to look at a lab's wiring

    entry = lab.boards[board].console
    if entry is None:
        raise lab.fault(("boards", board), "has no console; add `console:` if it has one")
    return Console.open(board, entry.port, baud=entry.baud)


def open_shell(lab: Lab, board: str, state: Path) -> "Shell":
    """Name the board's SSH server, or what it has instead; the first command connects.

    Raises:
        UsageFault: its password cannot be read.
    """
    from devices.ssh import Ssh

    entry, other = lab.boards[board].ssh, lab.boards[board].shell
    if other is not None:
        return load_shell(other.driver).open(board, other.config())
    if entry is None:
        raise lab.fault(("boards", board), "is reached by nothing; add `ssh:`")
    password = entry.password
    return Ssh.open(
        board,
        host=entry.host,
        port=entry.port,
        user=entry.user,
        key=None if entry.key is None else key_path(entry.key, lab.path),
        password=None if password is None else reveal(password, f"boards.{board}.ssh.password", lab.path),
        host_key=entry.host_key,
        known_hosts=state / KNOWN_HOSTS,
        gateway=entry.gateway,
    )
