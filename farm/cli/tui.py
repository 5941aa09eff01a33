"""``farm tui``: the operator's screen."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from importlib.util import find_spec

from ..errors import UsageFault
from .common import STATE, add_inventory, open_lab

HELP = "watch all boards live, and act on them; ? on the screen shows every key"

_EVERY_S = 15.0
"""As ``farm.tui.app.EVERY_S``; a copy, held equal by a test: the help must not load a screen."""


def arguments(parser: ArgumentParser) -> None:
    """Add how to look, and where to show it."""
    add_inventory(parser)
    parser.add_argument("--read-only", action="store_true", help="offer no action")
    help_text = f"seconds between two looks at a board [{_EVERY_S:g}]"
    parser.add_argument("--every", type=_seconds, default=_EVERY_S, metavar="S", help=help_text)
    help_text = "serve the screen to browsers on this machine, on this port of 127.0.0.1"
    parser.add_argument("--web", type=int, metavar="PORT", help=help_text)


def run(args: Namespace) -> int:
    """Show the screen until the person leaves.

    Raises:
        UsageFault: the inventory is wrong, an extra is missing, or this is no terminal.
        LabFault: the lab's database cannot be opened.
    """
    for library in ["textual", *["textual_serve"] * (args.web is not None)]:
        if find_spec(library) is None:
            raise UsageFault(f"farm tui: {library} is not installed: pip install 'edge-test-farm[tui]'")
    lab = open_lab(args)
    if args.web is not None:
        from ..tui.web import serve

        return serve(lab, args.web, read_only=args.read_only, every_s=args.every)
    if "TEXTUAL_DRIVER" not in os.environ and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageFault("farm tui: this is no terminal; `farm health` prints a table, `farm tui --web PORT` serves")
    from ..tui.lab_source import LabSource
    from ..tui.show import show

    return show(LabSource(lab, STATE), read_only=args.read_only, every_s=args.every)


def _seconds(text: str) -> float:
    """Read the seconds between two looks: a board must not be kept busy by being looked at."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1.0 <= seconds <= 3600.0:
        raise ArgumentTypeError(f"{text!r}: write seconds from 1 to 3600")
    return seconds
