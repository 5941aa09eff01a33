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

from .fenced import FencedShell

if TYPE_CHECKING:
    from devices.board import Board
    from devices.console import Glance
    from devices.shell import Shell
    from devices.ssh_knock import Answer

    from .bench import Bench

_log = logging.getLogger(__name__)

Over = Literal["ssh", "console"]

_ANSWER_S = 8.0
"""A board that is up and has a network answers within this; as the bench has it."""
_GREETS_S = 3.0
"""The SSH server of a board that is up greets within this, assumed: no login is needed for it."""
_AFTER_LOGIN_S = 15.0
"""From a login prompt to SSH, where the console is there to go on with (assumed): a Pi Zero W's Wi-Fi comes up
meanwhile. Until then a port that is refused says only that the server has not started yet."""
_AGAIN_S = 0.5
_TAIL_BYTES = 400
"""Of the console's log: more than the longest prompt."""
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
    if why := _why_deaf(bench):
        return _by_console(bench, why=why)
    try:
        bench.power_on(ssh_s=_AFTER_LOGIN_S)
    except _NO_NETWORK as silence:
        try:
            why = str(silence).partition("\n")[0].removeprefix(f"{bench.name}: ")
            return _by_console(bench, why=why)
        except DeviceError as fault:
            silence.add_note(f"over the console: {fault}")
            raise silence from fault
    return Way("ssh", bench.board, bench.shell)


def _by_ssh(bench: "Bench") -> Way:
    bench.ensure_up()
    return Way("ssh", bench.board, bench.shell)


def _by_console(bench: "Bench", *, why: str = "") -> Way:
    from devices.console_shell import ConsoleShell  # not needed by whoever has a network

    if not _has_login(bench):
        raise bench.inventory.fault(("boards", bench.name, "console"), "names no user; add `user:`")
    model = load_board(bench.entry.model)
    fresh = _wait_for_login(bench, bench.boot_timeout_s)
    shell = FencedShell(ConsoleShell(bench.name, bench.console, login=bench.login), bench.lease)
    board = model(bench.name, shell, root=bench.entry.root)
    try:
        bench.prove_identity(board)
    except (ConnectionLost, DeadlineExceeded) as fault:
        if fresh or bench.entry.switch is None:
            raise
        said = str(fault).partition("\n")[0].removeprefix(f"{bench.name}: ")
        why = f"its console took no login ({said}), so its power was cycled"
        _log.info("%s: %s", bench.name, why)
        bench.console.wait_boot(timeout_s=bench.boot_timeout_s, since=bench.restart())
        bench.prove_identity(board)
    _log.info("%s: is reached over its console", bench.name)
    return Way("console", board, shell, lambda timeout_s: _restart(bench, board, timeout_s), why)


def _has_login(bench: "Bench") -> bool:
    return bench.entry.console is not None and bench.entry.console.user is not None


def _why_deaf(bench: "Bench") -> str:
    """Return why a board that is up is not reached over SSH: its power is not to be cycled for that.

    Empty for one that is off, that answers over SSH, or whose console is dead too.
    """
    if bench.entry.switch is not None and not bench.switch.state():
        return ""
    if (answer := _knock(bench, _GREETS_S)) == "greeted" or (seen := _glance(bench)) is None:
        return ""
    if _boots(seen):
        try:
            bench.console.wait_boot(timeout_s=bench.boot_timeout_s, since=time.monotonic_ns())
        except BootFault:
            return ""
        if (answer := _knock(bench, _AFTER_LOGIN_S, even_refused=True)) == "greeted":
            return ""
    said = "refuses connections" if answer == "refused" else "is silent"
    return f"it is up, and {bench.entry.reached} {said}"


def _knock(bench: "Bench", within_s: float, *, even_refused: bool = False) -> "Answer":
    """Tell whether the SSH server greets; one that refuses is known at once, unless it may only have to start yet."""
    from devices.ssh_knock import greeting  # not needed where the way is named

    entry, deadline_ns = bench.entry.ssh, time.monotonic_ns() + int(within_s * 1e9)
    while entry is not None and entry.gateway is None:
        left_s = max(_AGAIN_S, (deadline_ns - time.monotonic_ns()) / 1e9)
        answer = greeting({bench.name: (entry.host, entry.port)}, within_s=left_s).get(bench.name)
        if answer is None:
            break  # a name, or an alias of the SSH configuration
        if answer != "refused" or not even_refused or time.monotonic_ns() >= deadline_ns:
            return answer
        time.sleep(_AGAIN_S)
    try:
        bench.board.wait_up(timeout_s=max(within_s, _ANSWER_S))
    except _NO_NETWORK:
        return "silent"
    return "greeted"


def _glance(bench: "Bench") -> "Glance | None":
    """Return what is alive on the console; None where no system answers: nothing does, or a boot loader."""
    from devices.boot_prompts import LOADERS, RESCUES  # tables of patterns: not needed where SSH answers
    from devices.console_text import plain

    try:
        seen = bench.console.glance()
    except ConsoleFault:
        return None
    last = plain(bench.console.log()[-_TAIL_BYTES:]).rpartition("\n")[2]
    stuck = any(prompt.pattern.search(last) for prompt in (*LOADERS[:-1], *RESCUES))  # the last: any word with a #
    return None if stuck else seen


def _boots(seen: "Glance") -> bool:
    return seen.sign == "output" and seen.stage is not None


def _wait_for_login(bench: "Bench", boot_s: float) -> bool:
    """See the board come up on its console: switched on if it was off, cycled if it is on and says nothing.

    Nothing is typed at a board that boots: a key would stop its boot loader. Returns whether it was switched on here.
    """
    fresh = bench.entry.switch is not None and not bench.switch.state()
    since_ns = bench.restart() if fresh else time.monotonic_ns()
    if not fresh:
        seen = _glance(bench)
        if seen is not None and not _boots(seen):
            return False  # the login finds its way through what the kernel prints meanwhile
        if seen is None and bench.entry.switch is not None:
            since_ns, fresh = bench.restart(), True
    bench.console.wait_boot(timeout_s=boot_s, since=since_ns)
    return fresh


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
