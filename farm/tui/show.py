# pyright: standard
"""The screen from start to end of its process."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from ..errors import Exit
from .app import DEADLINE_S, FarmApp
from .source import Source

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
_LEAVE_S = 2.0
"""Leaving takes some 0.3 s."""


@contextmanager
def _told_to_end(app: FarmApp) -> Generator[None]:
    """Let the screen leave as by its key, with 130: an exception in the middle of the event loop would be a traceback.

    Where the terminal itself is gone, what is still to be written there waits for ever: then the process ends without.
    A signal that is ignored (``nohup``) stays so.
    """
    told, over = threading.Event(), threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        app.leave(Exit.INTERRUPTED)
        told.set()

    def see_to_it() -> None:
        told.wait()
        if not over.wait(_LEAVE_S):
            os._exit(Exit.INTERRUPTED)

    threading.Thread(target=see_to_it, name="told to end", daemon=True).start()
    before = {ending: signal.getsignal(ending) for ending in _ENDINGS}
    heeded = [ending for ending in _ENDINGS if before[ending] != signal.SIG_IGN]
    for ending in heeded:
        signal.signal(ending, leave)
    try:
        yield
    finally:
        over.set()
        told.set()
        for ending in heeded:
            signal.signal(ending, before[ending])


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
    with _told_to_end(app):
        status = app.run()
    code = Exit.CRASH if app.return_code not in (0, None) else Exit.PASS if status is None else status
    if any(thread is not threading.main_thread() and thread.is_alive() for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
