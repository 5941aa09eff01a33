"""One look at a board: a few seconds, no change to anything, and never a wait for a user of the board."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from devices.ssh_knock import greeting

from ..errors import LabFault
from ..lab.calibration import warnings
from ..lab.inventory import Lab
from ..lab.lease import Leases, NotFree, Wanted
from ..lab.made import made
from ..lab.twin_lab import twin_fault
from .board_health import BoardHealth
from .known import Known, read_known, taken_by
from .one_look import ask_parts

LOOK_S = 10.0
"""A look is over within this: the parts run side by side, each with a deadline of its own. One board may take longer:
that which answers SSH and then hangs in the middle of the command, whose end there may take 8 s more."""
_LOOKERS = "others who look at it, or whose turn it is"
"""No user and no fault: two screens on one lab come in each other's way."""
_KNOCK_S = 1.0
"""Assumed: the SSH server of a board that is well has greeted within this."""
_QUICK, _SLOW = 16, 64
"""Looks at once. Those of boards that answer cost processor time, so more at once would end no sooner; those of boards
that are silent only wait, and wait among themselves: 64 of them hold up nobody, nor each other."""


def look(lab: Lab, board: str, state: Path = Path(".farm")) -> BoardHealth:
    """Look once at one board; whatever is wrong with it is a fault in the answer, not an exception.

    Raises:
        UsageFault: the lab has no such board.
        LabFault: the farm's own database cannot be read.
    """
    lab.require([board])
    with Leases.open(lab, state) as leases:
        return _look(lab, board, state, read_known(lab, [board], leases, state), leases)


def look_at_all(lab: Lab, boards: Sequence[str], state: Path = Path(".farm")) -> list[BoardHealth]:
    """Look at several boards at once, in their order; raises as :func:`look`."""
    found = {health.board: health for health in look_at_each(lab, boards, state)}
    return [found[board] for board in boards]


def look_at_each(lab: Lab, boards: Sequence[str], state: Path = Path(".farm")) -> Iterator[BoardHealth]:
    """Yield what is found as it is found; boards that hang come last and hold up no other. Raises as :func:`look`."""
    lab.require(boards)
    with (
        Leases.open(lab, state) as leases,
        ThreadPoolExecutor(_QUICK, "look") as quick,
        ThreadPoolExecutor(_SLOW, "slow look") as slow,
    ):
        known = read_known(lab, boards, leases, state)
        free = [board for board in boards if board not in known.in_use]
        doubtful = _doubtful(lab, free) if len(free) > _QUICK else set[str]()
        begun = [
            (slow if board in doubtful else quick).submit(
                _look, lab, board, state, known, leases, doubtful=board in doubtful
            )
            for board in boards
        ]
        try:
            for done in as_completed(begun):
                yield done.result()
        finally:
            for waiting in begun:
                waiting.cancel()


def _doubtful(lab: Lab, boards: Sequence[str]) -> set[str]:
    """Return the boards whose server is silent at first, or cannot be asked from here so simply."""
    direct = {name: ssh for name in boards if (ssh := lab.boards[name].ssh) is not None and ssh.gateway is None}
    answers = greeting({name: (ssh.host, ssh.port) for name, ssh in direct.items()}, within_s=_KNOCK_S)
    return {name for name in boards if answers.get(name, "silent") == "silent"}


def _look(lab: Lab, board: str, state: Path, known: Known, leases: Leases, *, doubtful: bool = False) -> BoardHealth:
    started_ns = time.monotonic_ns()
    entry = lab.boards[board]
    health = BoardHealth(board, entry.model, made(entry.twin))
    health.quarantine, health.last = known.quarantined.get(board), known.last.get(board)
    health.warnings = warnings(lab, entry.meters)
    health.holder, health.in_use = known.holders.get(board), known.in_use.get(board)
    if health.in_use is None:
        _look_inside(lab, health, state, leases, doubtful=doubtful)
        health.looked_s = (time.monotonic_ns() - started_ns) / 1e9
    return health


def _look_inside(lab: Lab, health: BoardHealth, state: Path, leases: Leases, *, doubtful: bool) -> None:
    """Keep users away for the seconds of a look; whoever came first meanwhile has the board."""
    if lab.boards[health.board].twin and (died := twin_fault(health.board, lab.twins_home(state))):
        health.faults.append(str(died))
        return
    try:
        with leases.use(Wanted((health.board,)), reason="a look", kind="look", even_quarantined=True):
            ask_parts(lab, health, state, doubtful=doubtful)
    except LabFault as fault:
        health.holder = health.in_use = taken_by(leases, health.board)
        if health.in_use is None and isinstance(fault, NotFree):
            health.in_use = _LOOKERS
        elif health.in_use is None:  # not a user: the lease itself
            health.faults.append(str(fault))
