"""``farm console``: a board's serial console on this terminal, or over the shoulder of whoever has it."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import Exit
from . import terminal
from .common import STATE, add_inventory, open_lab
from .output import note, pass_on

if TYPE_CHECKING:
    from ..lab.inventory import Lab

HELP = "a board's serial console on this terminal; Ctrl-] leaves"

_LISTEN_S = 10.0
_LOOK_S = 0.1


def arguments(parser: ArgumentParser) -> None:
    """Add the board, and for how long to listen."""
    parser.add_argument("board")
    parser.add_argument("--follow", action="store_true", help="watch while somebody else uses the board; types nothing")
    help_text = f"print what comes for so long, sending nothing [{_LISTEN_S:g} where there is no terminal]"
    parser.add_argument("--seconds", type=float, metavar="N", help=help_text)
    add_inventory(parser)


def run(args: Namespace) -> int:
    """Connect terminal and console, or only listen.

    Raises:
        devices.errors.ConsoleFault: the port is not there, in use, or gone.
        UsageFault: to follow, and nobody uses the board.
        LabFault: it is in use by somebody else.
    """
    lab = open_lab(args)
    lab.require([args.board])
    if args.follow:
        _follow(lab, args.board, args.seconds)
    else:
        _take(lab, args.board, args.seconds)
    return Exit.PASS


def _take(lab: "Lab", board: str, seconds: float | None) -> None:
    from ..lab.bench import borrow

    with borrow(lab, board, state=STATE, reason="farm console", even_quarantined=True) as bench:
        shown = bench.console.follow(since=0, idle_s=_LOOK_S)
        if seconds is None and terminal.is_one():
            kept = bench.keep_console()
            note(f"{board}: Ctrl-] leaves; others watch with `farm console {board} --follow`")
            try:
                terminal.connect(shown, bench.console.write)
            finally:
                note(f"\n{board}: what it said is kept in {kept}")
        else:
            _listen(shown, _LISTEN_S if seconds is None else seconds)


def _follow(lab: "Lab", board: str, seconds: float | None) -> None:
    from ..lab.console_file import find, follow
    from ..lab.lease import Leases, told

    person = seconds is None and terminal.is_one()
    with Leases.open(lab, STATE) as leases:
        held, path = find(leases, lab.home(STATE), board)
        note(f"{board}: in use by {told(held)}; you only watch" + "; Ctrl-] leaves" * person)
        shown = follow(leases, held, path)
        if person:
            terminal.connect(shown, None)
        else:
            _listen(shown, seconds)
        if not any(one.token == held.token for one in leases.held()):
            note(f"\n{board}: {held.owner} has given it back")


def _listen(shown: Iterator[bytes], seconds: float | None) -> None:
    end_ns = None if seconds is None else time.monotonic_ns() + int(seconds * 1e9)
    for piece in shown:
        pass_on(piece)  # the board draws its own screen
        if end_ns is not None and time.monotonic_ns() > end_ns:
            return
