"""Told to end: by Ctrl-C, SIGTERM or a lost terminal, here or in pytest-xdist's workers."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_GRACE_S = 10.0
"""Being told twice must not cut short what the first time began; told again after this, it ends at once."""
_WORKERS_S = 60.0
"""For workers to put back what was set on their boards and return them: assumed; a board that hangs takes half."""


@contextmanager
def told_to_end() -> Generator[None]:
    """Make all ways of being told to end the KeyboardInterrupt that pytest knows.

    A handler that somebody else installed, and a signal that is ignored (``nohup``), stay as they are.
    """
    ours = {signal.SIG_DFL, signal.default_int_handler}
    before = {ending: signal.getsignal(ending) for ending in _ENDINGS}
    first_ns: int | None = None

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal first_ns
        now_ns = time.monotonic_ns()
        if first_ns is None or now_ns - first_ns > _GRACE_S * 1e9:
            first_ns = first_ns or now_ns
            raise KeyboardInterrupt(signal.Signals(number).name)

    heeded = [ending for ending in _ENDINGS if before[ending] in ours]
    for ending in heeded:
        signal.signal(ending, interrupt)
    try:
        yield
    finally:
        for ending in heeded:
            signal.signal(ending, before[ending])


def end_with_parent() -> None:
    """Let a worker hear at once when the main process is killed; without this it does after five seconds, by SIGINT."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_workers(nodes: Iterable[Any]) -> None:
    """Tell xdist's workers of this machine to end, and wait for them; xdist itself kills them after ten seconds.

    A worker elsewhere hears of it through its connection.
    """
    deadline_ns = time.monotonic_ns() + int(_WORKERS_S * 1e9)
    at_work = [node for node in nodes if node.gateway.spec.popen and not node.channel.isclosed()]
    for node in at_work:
        with suppress(ProcessLookupError):
            os.kill(node.gateway._rinfo().pid, signal.SIGTERM)  # noqa: SLF001 -- as xdist itself does
    for node in at_work:
        with suppress(EOFError, node.channel.TimeoutError, node.channel.RemoteError):
            node.channel.waitclose(max(0.0, (deadline_ns - time.monotonic_ns()) / 1e9))
