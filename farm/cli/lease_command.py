"""``farm lease take WANTED -- COMMAND``: a board for as long as a command runs."""

import os
import signal
import subprocess
from argparse import Namespace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..errors import UsageFault
from .common import STATE
from .output import note, progress

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..lab.lease import Lease

BOARD = "FARM_BOARD"
"""Environment of the command: which board it is."""

_END_S = 30.0
"""An interrupted command has so long before it is killed: undoing what it set on a board takes seconds."""
_SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a command."""


def run_while_held(lab: "Lab", args: Namespace) -> int:
    """Reserve a board, run the command in the name of the reservation's owner, and return its exit status.

    Unless FARM_OWNER says otherwise, the owner is this process: two commands of one user keep each other out.

    Raises:
        UsageFault: there is no such command, or no such board.
        LabFault: no board was free in time.
        LeaseLost: the board was taken away; the command has been ended.
    """
    from ..lab.duration import seconds
    from ..lab.lease import Leases, Wanted, owner
    from ..lab.lease_holder import OWNER

    if args.span is not None:
        raise UsageFault("--for and a command: a board is held while the command runs; leave one out")
    wait_s = 0.0 if args.wait is None else seconds(args.wait)
    reason = args.reason or f"runs {Path(args.command_line[0]).name}"
    name = os.environ.get(OWNER) or f"{owner()}/{os.getpid()}"
    with (
        Leases.open(lab, STATE, in_name_of=name) as leases,
        leases.reserved(Wanted.parse(args.wanted), wait_s=wait_s, reason=reason, progress=progress) as lease,
    ):
        progress("")
        note(f"{lease.board}: held while {args.command_line[0]} runs")
        status = _run(args.command_line, {OWNER: name, BOARD: lease.board}, lease)
    return status if status >= 0 else _SIGNALLED - status


def _start(words: list[str], more: dict[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(words, env=os.environ | more)
    except OSError as error:
        raise UsageFault(f"{words[0]}: {error.strerror}") from None


def _run(words: list[str], more: dict[str, str], lease: "Lease") -> int:
    """Run the command to its end; it is told to end when we are, and when the board is lost."""
    child: subprocess.Popen[bytes] | None = None
    told = False

    def pass_on(_signal: int, _frame: FrameType | None) -> None:
        nonlocal told
        told = True
        if child is not None:
            child.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        child = _start(words, more)
        lease.when_lost(child.terminate)
        if told or lease.lost is not None:  # just before there was a command to tell
            child.terminate()
        return child.wait()
    except KeyboardInterrupt:  # Ctrl-C: the command has heard it too, and is given time to undo what it has set
        if child is not None:
            _wait_or_kill(child)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_or_kill(child: "subprocess.Popen[bytes]") -> None:
    try:
        child.wait(_END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
