"""``farm console``: a board's serial console on this terminal."""

import os
import select
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import Exit
from .common import STATE, add_inventory, open_lab
from .output import note, pass_on

if TYPE_CHECKING:
    from devices.console import Console

HELP = "a board's serial console on this terminal; Ctrl-] leaves"

_LEAVE = b"\x1d"
"""Ctrl-], as in telnet and miniterm: no shell or editor wants it."""
_LISTEN_S = 10.0
_LOOK_S = 0.1


def arguments(parser: ArgumentParser) -> None:
    """Add the board, and for how long to listen."""
    parser.add_argument("board")
    help_text = f"print what comes for so long, sending nothing [{_LISTEN_S:g} where there is no terminal]"
    parser.add_argument("--seconds", type=float, metavar="N", help=help_text)
    add_inventory(parser)


def run(args: Namespace) -> int:
    """Connect terminal and console, or only listen.

    Raises:
        devices.errors.ConsoleFault: the port is not there, in use, or gone.
    """
    from ..lab.bench import borrow

    with borrow(open_lab(args), args.board, state=STATE, reason="farm console", even_quarantined=True) as bench:
        if args.seconds is None and sys.stdin.isatty() and sys.stdout.isatty():
            note(f"{args.board}: Ctrl-] leaves")
            with _raw_terminal():
                _connect(bench.console)
            note("")
        else:
            _listen(bench.console, _LISTEN_S if args.seconds is None else args.seconds)
    return Exit.PASS


def _listen(console: "Console", seconds: float) -> None:
    end_ns = time.monotonic_ns() + int(seconds * 1e9)
    for piece in console.follow(since=0, idle_s=_LOOK_S):
        pass_on(piece)  # the board draws its own screen
        if time.monotonic_ns() > end_ns:
            return


def _connect(console: "Console") -> None:
    """Pass bytes both ways until the person leaves or the port is gone."""
    failed: list[BaseException] = []
    left = threading.Event()

    def show() -> None:
        try:
            for piece in console.follow(since=0, idle_s=_LOOK_S):
                pass_on(piece)  # the board draws its own screen
                if left.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 -- raised again below, in the thread that can tell it
            failed.append(error)

    reader = threading.Thread(target=show, name="console to terminal")
    reader.start()
    try:
        while reader.is_alive():
            if not select.select([sys.stdin], [], [], _LOOK_S)[0]:
                continue
            typed, leave, _ = os.read(sys.stdin.fileno(), 1024).partition(_LEAVE)
            console.write(typed)
            if leave or not typed:
                return
    finally:
        left.set()
        reader.join()
        if failed:
            raise failed[0]


@contextmanager
def _raw_terminal() -> Generator[None]:
    """Give every key to the board, Ctrl-C too, and the terminal back as it was."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
