# pyright: standard
"""The screen from start to end of its process."""

import gc
import os
import sys
import threading

from ..errors import Exit
from .app import DEADLINE_S, FarmApp
from .source import Source


def settle() -> None:
    """Take all that is loaded out of the garbage collector's sight: its full round took 60 ms of every few seconds."""
    gc.collect()
    gc.freeze()


def show(source: Source, *, read_only: bool, every_s: float, deadline_s: float = DEADLINE_S) -> int:
    """Run the screen and return its exit code; does not return while a look or an action hangs, but ends the process.

    The interpreter would wait at its exit for the threads of thread pools, which looks use: a board that hangs would
    keep the person from his prompt. What they hold on boards ends with the process: its kernel locks tell.
    """
    app = FarmApp(source, every_s=every_s, deadline_s=deadline_s, read_only=read_only)
    settle()
    status = app.run()
    code = Exit.CRASH if app.return_code not in (0, None) else Exit.PASS if status is None else status
    if any(thread is not threading.main_thread() and thread.is_alive() for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
