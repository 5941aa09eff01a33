"""``farm health --watch``: the table again and again on a terminal, a line for each change elsewhere."""

import sys
import time
from argparse import Namespace
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Protocol

from ..errors import FarmError, LabFault
from ..health import BoardHealth, look_at_all
from ..health.check import CheckResult
from ..health.notify import Notifier
from ..health.policy import HealthPolicy
from ..health.watch import Shown, keep
from ..lab.inventory import Lab
from .common import STATE, open_lab
from .health_check import check_each, due_boards, policy_of
from .health_table import COLUMNS, publish, row, told
from .output import ABSENT, local, say, warn

_EVENTS = 8
"""Remarks that stay on the screen."""
_AGAIN_S = 600.0
"""A check that could not decide is tried again after so long (assumed: what loads the controller is over by then)."""


def watch(args: Namespace) -> int:
    """Look every ``--every`` seconds until interrupted; with ``--due`` the checks that come due run beside it."""
    lab = open_lab(args)
    lab.require(args.boards)
    boards = args.boards or list(lab.boards)
    with ExitStack() as stack:
        screen: _Showing = stack.enter_context(_Screen()) if sys.stdout.isatty() else _Lines()
        notifier = stack.enter_context(Notifier(args.notify, screen.remark)) if args.notify else None
        checks = stack.enter_context(closing(_Checks(lab, policy_of(args, lab), screen))) if args.due else None
        while True:
            next_s = time.monotonic() + args.every
            found = look_at_all(lab, boards, STATE)
            turns = keep(lab, found, STATE)
            publish(args, found)
            if notifier is not None:
                notifier.tell(turns)
            screen.show(found)
            if checks is not None:
                checks.begin_due([one.board for one in found if one.in_use is None])
            time.sleep(max(0.0, next_s - time.monotonic()))


class _Showing(Protocol):
    def show(self, found: Sequence[BoardHealth]) -> None:
        """Show what a round of looks found."""
        ...

    def remark(self, text: str) -> None:
        """Show something that happened beside it; from any thread."""
        ...


class _Lines:
    """A line for each board whose state, or whose component at fault, is new."""

    def __init__(self) -> None:
        self._shown = Shown()

    def show(self, found: Sequence[BoardHealth]) -> None:
        for one in self._shown.news(found):
            say(f"{_now()}  {one.board} ({one.made}): {one.state}" + f": {one.reason}" * bool(one.reason))

    def remark(self, text: str) -> None:
        warn(f"{_now()}  {text}")


class _Screen:
    """The table, drawn anew each time, what is wrong below it, and the last remarks."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(auto_refresh=False)
        self._events: deque[str] = deque(maxlen=_EVENTS)
        self._found: Sequence[BoardHealth] = ()
        self._lock = Lock()

    def __enter__(self) -> "_Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, found: Sequence[BoardHealth]) -> None:
        self._found = found
        self._draw()

    def remark(self, text: str) -> None:
        self._events.append(f"{_now()}  {text.partition(chr(10))[0]}")
        self._draw()

    def _draw(self) -> None:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(*COLUMNS, box=None, pad_edge=False)
        for one in self._found:
            table.add_row(*(Text(ABSENT if cell is None else cell) for cell in row(one)))
        faults = [Text(fault) for one in self._found for fault in told(one)]
        said = f"{_now()}; Ctrl-C ends"
        with self._lock:
            self._live.update(Group(table, *faults, *map(Text, self._events), Text(said, style="dim")), refresh=True)


class _Checks:
    """Runs the checks that are due, each board's at most once at a time, while looking goes on."""

    def __init__(self, lab: Lab, policy: HealthPolicy, screen: _Showing) -> None:
        self._lab, self._policy, self._screen = lab, policy, screen
        self._not_before_s: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(1, "due checks")
        self._running = Event()
        self._stop = Event()

    def begin_due(self, free: Sequence[str]) -> None:
        """Begin with those that are due among the boards that nobody uses."""
        if self._running.is_set():
            return
        now_s = time.monotonic()
        if boards := due_boards(
            self._lab, self._policy, [board for board in free if self._not_before_s.get(board, now_s) <= now_s]
        ):
            self._running.set()
            self._pool.submit(self._run, boards)

    def close(self) -> None:
        """End the checks after the steps that they are at."""
        self._stop.set()
        self._pool.shutdown()

    def _run(self, boards: dict[str, str]) -> None:
        try:
            for board, why in boards.items():
                self._screen.remark(f"{board}: health check: {why}")
            for one in check_each(self._lab, self._policy, list(boards), stop=self._stop):
                self._told(one)
        except FarmError as fault:
            self._screen.remark(str(fault))
        finally:
            self._running.clear()

    def _told(self, one: CheckResult | LabFault) -> None:
        if not isinstance(one, CheckResult):
            self._screen.remark(str(one))
            return
        if one.outcome == "undecided":  # nothing is kept of it, so it is due as before
            self._not_before_s[one.board] = time.monotonic() + _AGAIN_S
        self._screen.remark(f"{one.board}: health check {one.outcome}" + f": {one.fault}" * bool(one.fault))


def _now() -> str:
    return local(datetime.now(UTC))
