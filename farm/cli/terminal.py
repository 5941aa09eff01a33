"""This terminal, given to a board: every key is the board's but one, and it comes back as it was."""

import os
import select
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from .output import pass_on

LEAVE = b"\x1d"
"""Ctrl-], as in telnet and miniterm: no shell or editor wants it."""
_INTERRUPT = b"\x03"
_LOOK_S = 0.1


def is_one() -> bool:
    """Tell whether a person sits here, to type and to see."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def connect(shown: Iterable[bytes], typed: Callable[[bytes], None] | None) -> None:
    """Show what comes and pass on what is typed, until the person leaves or nothing more comes.

    Args:
        shown: what the board says; an empty piece again and again while it is silent.
        typed: takes what is typed; without it nothing is passed on, and Ctrl-C leaves too.

    Raises:
        Exception: what ``shown`` or ``typed`` raised.
    """
    failed: list[BaseException] = []
    left = threading.Event()

    def show() -> None:
        try:
            for piece in shown:
                pass_on(piece)  # the board draws its own screen
                if left.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 -- raised again below, in the thread that can tell it
            failed.append(error)

    reader = threading.Thread(target=show, name="board to terminal")
    with _raw():
        reader.start()
        try:
            while reader.is_alive():
                if select.select([sys.stdin], [], [], _LOOK_S)[0] and _pass_on_keys(typed):
                    return
        finally:
            left.set()
            reader.join()
            if failed:
                raise failed[0]


def _pass_on_keys(typed: Callable[[bytes], None] | None) -> bool:
    """Read what was typed; True when it says to leave, or the terminal is gone."""
    try:
        keys = os.read(sys.stdin.fileno(), 1024)
    except OSError:  # its other end was closed
        return True
    if typed is None:
        return not keys or LEAVE in keys or _INTERRUPT in keys
    keys, leave, _ = keys.partition(LEAVE)
    if keys:
        typed(keys)
    return bool(leave) or not keys


@contextmanager
def _raw() -> Generator[None]:
    """Give every key to the board, Ctrl-C too, and the terminal back as it was."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
