"""How commands get onto a board: over SSH, or over its serial console for as long as it has no network.

Whichever it is, the board has been brought up and has proven which one it is before anybody writes to it.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from devices.errors import BootFault, ConnectionLost, ConsoleFault, DeadlineExceeded, DeviceError, Unreachable
from devices.registry import load_board

from ..errors import UsageFault
from .fenced import FencedShell

if TYPE_CHECKING:
    from devices.board import Board
    from devices.console import Glance
    from devices.shell import Shell

    from .bench import Bench

_log = logging.getLogger(__name__)

Over = Literal["ssh", "console"]

_ANSWER_S = 8.0
"""A board that is up and has a network answers within this; as the bench has it."""
_ANSWERED_S = 1
"""From the answer to a command until the reboot that it has left behind."""
_NO_NETWORK = (Unreachable, ConnectionLost, DeadlineExceeded)


@dataclass(frozen=True, slots=True)
class Way:
    """A way onto one board."""

    over: Over
    board: "Board"
    shell: "Shell"
    restart: Callable[[float], object] | None = None
    """How it reboots within so many seconds, where the board's own way wants SSH."""
    why: str = ""
    """Why it is not SSH, where nobody asked for the console."""


def way_to(bench: "Bench", over: Over | None = None) -> Way:
    """Bring a board up and return a way onto it; without ``over``, SSH, or the console while it has no network.

    Raises:
        UsageFault: the console is asked for, and the inventory names none with a user.
        devices.errors.WrongBoard: another board than the inventory's answers.
        devices.errors.DeviceError, power.errors.PowerError: it does not come up, on neither way.
    """
    if over == "ssh" or (over is None and not _has_login(bench)):
        return _by_ssh(bench)
    if over == "console":
        return _by_console(bench)
    try:
        if _up_without_network(bench):
            return _by_console(bench, why="it is up, and nothing answers to SSH")
        return _by_ssh(bench)
    except _NO_NETWORK as silence:
        try:
            return _by_console(bench, why=str(silence).partition("\n")[0])
        except DeviceError as fault:
            silence.add_note(f"over the console: {fault}")
            raise silence from fault


def _by_ssh(bench: "Bench") -> Way:
    bench.ensure_up()
    return Way("ssh", bench.board, bench.shell)


def _by_console(bench: "Bench", *, why: str = "") -> Way:
    from devices.console_shell import ConsoleShell  # not needed by whoever has a network

    if not _has_login(bench):
        raise UsageFault(f"{bench.inventory.path}: boards.{bench.name}.console: names no user; add `user:`")
    model = load_board(bench.entry.model)
    _wait_for_login(bench, bench.boot_timeout_s)
    shell = FencedShell(ConsoleShell(bench.name, bench.console, login=bench.login), bench.lease)
    board = model(bench.name, shell, root=bench.entry.root)
    bench.prove_identity(board)
    _log.info("%s: is reached over its console", bench.name)
    return Way("console", board, shell, lambda timeout_s: _restart(bench, board, timeout_s), why)


def _has_login(bench: "Bench") -> bool:
    return bench.entry.console is not None and bench.entry.console.user is not None


def _up_without_network(bench: "Bench") -> bool:
    """Tell whether a board is up and deaf to SSH: its power is not to be cycled for that."""
    if bench.entry.switch is not None and not bench.switch.state():
        return False
    try:
        bench.board.wait_up(timeout_s=_ANSWER_S)
    except _NO_NETWORK:
        seen = _glance(bench)
        return seen is not None and seen.sign in ("login", "shell")
    return False


def _glance(bench: "Bench") -> "Glance | None":
    """Return what is alive on the console; None where nothing answers."""
    try:
        return bench.console.glance()
    except ConsoleFault:
        return None


def _wait_for_login(bench: "Bench", boot_s: float) -> None:
    """See the board come up on its console: switched on if it was off, cycled if it is on and says nothing.

    Nothing is typed at a board that boots: a key would stop its boot loader.
    """
    if bench.entry.switch is not None and not bench.switch.state():
        since_ns = bench.restart()
    else:
        since_ns = time.monotonic_ns()
        seen = _glance(bench)
        if seen is not None and (seen.sign != "output" or seen.stage is None):
            return  # the login finds its way through what the kernel prints meanwhile
        if seen is None and bench.entry.switch is not None:
            since_ns = bench.restart()
    bench.console.wait_boot(timeout_s=boot_s, since=since_ns)


def _restart(bench: "Bench", board: "Board", timeout_s: float) -> None:
    """Reboot a board and see it come up on its console; proven by the boot id, as over SSH."""
    before = board.boot_id()
    # answered before it goes down: whoever waited for an answer any longer would type at a boot loader
    board.shell.sudo(f"(sleep {_ANSWERED_S}; reboot) </dev/null >/dev/null 2>&1 &")
    since_ns = time.monotonic_ns()
    deadline_ns = since_ns + int(timeout_s * 1e9)
    while (left_s := (deadline_ns - time.monotonic_ns()) / 1e9) > 0:
        bench.console.wait_boot(timeout_s=left_s, since=since_ns)
        since_ns = time.monotonic_ns()
        try:
            if board.boot_id() not in ("", before):
                return
        except _NO_NETWORK:
            continue  # that was the last prompt of the old boot
    raise BootFault(board.name, f"still runs boot {before} after {timeout_s:g} s: it was told to reboot and did not")
