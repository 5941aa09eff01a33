"""How the boards are: one look at each, which changes nothing on them and never waits for a user of theirs."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.errors import DeviceError
from power.errors import MeterOffline, PowerError

from .errors import LabFault, UsageFault
from .lab.bench import Bench, borrow, lock_path
from .lab.inventory import Lab
from .lab.lock import holder
from .store.record import Made

_ANSWER_S = 8.0
"""A board that is up answers within this (assumed); one that boots just now is told as not answering."""
_DISK_LEAST_BYTES = 20_000_000
"""Assumed: room for a model, its data set and the log of a day."""


@dataclass(slots=True)
class BoardHealth:
    """What one look found. None: not known, or not asked because the board is off or in use."""

    board: str
    model: str
    made: Made
    in_use: str | None = None
    """Who holds the board: it is left alone then."""
    powered: bool | None = None
    up: bool | None = None
    """Whether it takes a command."""
    os: str | None = None
    boot_id: str | None = None
    celsius: dict[str, float] = field(default_factory=dict[str, float])
    throttled: bool | None = None
    load1: float | None = None
    disk_free_bytes: int | None = None
    watts: dict[str, float | None] = field(default_factory=dict[str, float | None])
    """By meter."""
    faults: list[str] = field(default_factory=list[str])
    """Component first; empty: nothing is wrong."""


def look(lab: Lab, board: str, state: Path = Path(".farm")) -> BoardHealth:
    """Look once at one board; whatever is wrong with it is a fault in the answer, not an exception."""
    entry = lab.boards[board]
    health = BoardHealth(board, entry.model, "board" if entry.twin is None else "process twin")
    health.in_use = holder(lock_path(lab, state, board))
    if health.in_use is not None:
        return health
    _note(health, lambda: _look(lab, health, state))
    return health


def look_at_all(lab: Lab, boards: list[str], state: Path = Path(".farm")) -> list[BoardHealth]:
    """Look at several boards at once, in their order."""
    with ThreadPoolExecutor(max_workers=max(1, len(boards))) as pool:
        return [done.result() for done in [pool.submit(look, lab, board, state) for board in boards]]


def _look(lab: Lab, health: BoardHealth, state: Path) -> None:
    with borrow(lab, health.board, state=state) as bench:
        if bench.entry.switch is not None:
            _note(health, lambda: _ask_switch(bench, health))
        _note(health, lambda: _ask_meters(bench, health))
        if health.powered is not False:
            _note(health, lambda: _ask_board(bench, health))


def _ask_switch(bench: Bench, health: BoardHealth) -> None:
    health.powered = bench.switch.state()


def _ask_meters(bench: Bench, health: BoardHealth) -> None:
    health.watts = dict.fromkeys(bench.entry.meters)
    try:
        for name, on_rail in bench.meters.items():
            watts = float(on_rail.meter.read().watts[0])
            health.watts[name] = None if math.isnan(watts) else watts
    except MeterOffline:
        if health.powered is not False:  # an inline meter lives on the rail that it measures
            raise


def _ask_board(bench: Bench, health: BoardHealth) -> None:
    health.up = False
    bench.board.wait_up(timeout_s=_ANSWER_S)
    health.up = True
    identity, state = bench.board.identity(), bench.board.state()
    health.os, health.boot_id = identity.os, identity.boot_id
    health.celsius, health.throttled = state.celsius, state.throttled
    health.load1, health.disk_free_bytes = state.load1, state.disk_free_bytes
    bench.prove_identity()
    if state.disk_free_bytes is not None and state.disk_free_bytes < _DISK_LEAST_BYTES:
        megabytes = state.disk_free_bytes / 1e6
        hint = "delete what is not needed there; models lie in the inventory's `workdir:`"
        raise LabFault(bench.name, f"only {megabytes:.1f} MB of disk are free", hint=hint)


def _note(health: BoardHealth, ask: Callable[[], Any]) -> None:
    try:
        ask()
    except (DeviceError, PowerError, LabFault, UsageFault) as fault:
        health.faults.append(str(fault))
