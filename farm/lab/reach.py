"""The links to one board as its inventory entry has them: each opened on its own, so that none hides another."""

from pathlib import Path
from typing import TYPE_CHECKING

from .inventory import Lab
from .secret import key_path, reveal

if TYPE_CHECKING:
    from devices.console import Console
    from devices.ssh import Ssh

KNOWN_HOSTS = "known_hosts"
"""In the farm's folder: what `farm trust` has noted."""


def open_console(lab: Lab, board: str) -> "Console":
    """Open the board's console and capture from now on; ConsoleFault when the port is not there or not free."""
    from devices.console import Console  # serial ports: not needed to look at a lab's wiring

    entry = lab.boards[board].console
    return Console.open(board, entry.port, baud=entry.baud)


def open_shell(lab: Lab, board: str, state: Path) -> "Ssh":
    """Name the board's SSH server; the first command connects.

    Raises:
        UsageFault: its password cannot be read.
    """
    from devices.ssh import Ssh

    entry = lab.boards[board].ssh
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
