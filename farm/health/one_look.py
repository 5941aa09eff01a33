"""All parts of one board asked side by side, and what is wrong with it put together."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, nullcontext
from itertools import chain, repeat
from pathlib import Path
from typing import ParamSpec, TypeVar

from devices.board import BoardLook
from devices.console import Console, Glance
from power.errors import MeterOffline, SupplyTripped

from ..errors import LabFault
from ..lab.inventory import Lab
from ..lab.own_sensors import lives_on_board
from ..lab.proven_off import Off, Watts, prove_off
from ..lab.reach import open_console
from .board_health import BoardHealth
from .meters import Reading, check_reading, read_meter
from .parts import FAULTS, Fault, ask_board, ask_switch, boots, glance_at, judge_board, judge_links

_SWITCH_S = 1.0
"""Assumed: a switch that is well has answered by then; if not, the board is asked meanwhile."""
_EMPTY_S = 3.0
"""Assumed: whoever switched a board off has looked for as long as its capacitors take."""
_FED_HINT = "is it fed through its UART, HDMI or USB port, or is its switch another board's? `farm lab verify-wiring`"
T = TypeVar("T")
P = ParamSpec("P")


def ask_parts(lab: Lab, health: BoardHealth, state: Path, *, doubtful: bool) -> None:
    """Ask switch, meters, board and console, and fill in what they say; faults in this order."""
    name, entry = health.board, lab.boards[health.board]
    with ThreadPoolExecutor(2 + len(entry.meters), f"{name}: look") as pool:
        switch = None if entry.switch is None else pool.submit(_try, ask_switch, lab, entry.switch)
        outside = [meter for meter in entry.meters if not lives_on_board(lab.meters[meter])]
        meters = {meter: pool.submit(_try, read_meter, lab, name, meter, state) for meter in outside}
        if switch is not None:
            wait([switch], timeout=_SWITCH_S)
        dark = switch is not None and switch.done() and _no_power(switch.result())
        of_board = [] if dark else _ask_board(pool, lab, health, state, doubtful=doubtful)
        faults = [*_switched(health, switch)]
        if not faults and health.powered is None:
            health.powered = _proven(lab, entry.switch, meters)
        if not health.up and switch is not None and isinstance(switch.result(), SupplyTripped):
            health.up, health.console, of_board = None, None, []  # a board without power is not at fault
        if health.powered is False:
            faults += _looks_off(lab, health, meters, state)
            health.up, health.console, of_board = None, None, []
        if health.up:  # its own sensors are dead without it, and that is no fault of theirs
            own = [meter for meter in entry.meters if meter not in meters]
            meters |= {meter: pool.submit(_try, read_meter, lab, name, meter, state) for meter in own}
        for meter in entry.meters:
            health.volts[meter] = health.watts[meter] = None
            if meter in meters and (fault := _measured(lab, health, meter, meters[meter].result())):
                faults.append(fault)
    health.faults += [str(fault) for fault in [*faults, *of_board]]


def _no_power(answer: bool | Fault | None) -> bool:
    return answer is False or isinstance(answer, SupplyTripped)


def _switched(health: BoardHealth, switch: Future[bool | Fault | None] | None) -> list[Fault]:
    answer = None if switch is None else switch.result()
    if answer is None or isinstance(answer, bool):
        health.powered = answer
        return []
    return [answer]


def _proven(lab: Lab, switch: str | None, meters: Mapping[str, Future[Reading | Fault]]) -> bool | None:
    """Return what the proof of a switch that cannot be asked says; None without one, or when it does not answer."""
    proof = None if switch is None else lab.switches[switch].proof
    read = None if proof is None else meters[proof.meter].result()
    if proof is None or not isinstance(read, Reading) or math.isnan(read.watts):
        return None
    return abs(read.watts) >= proof.off_below_watts


def _looks_off(
    lab: Lab, health: BoardHealth, meters: Mapping[str, Future[Reading | Fault]], state: Path
) -> list[Fault]:
    """Note what proves that a board is off, whose switch says so; it is a fault where the board is fed all the same."""
    entry = lab.boards[health.board]
    if health.up:
        health.powered = None
        return [LabFault(health.board, f"its switch {entry.switch} says off, and it answers over SSH", hint=_FED_HINT)]
    console = None if entry.console is None else _try(open_console, lab, health.board)
    watts = {meter: _watts(lab, health.board, meter, first, state) for meter, first in meters.items()}
    with closing(console) if isinstance(console, Console) else nullcontext() as opened:
        doubts = () if opened or console is None else (str(console).partition("\n")[0],)
        off = _try(prove_off, lab, health.board, watts, opened, doubts=doubts, within_s=_EMPTY_S)
    if not isinstance(off, Off):
        health.powered = None
        return [off]
    health.off_proven_by, health.off_doubts = list(off.proven_by), list(off.doubts)
    return []


def _watts(lab: Lab, board: str, meter: str, first: Future[Reading | Fault], state: Path) -> Watts:
    """Return how to read a meter: what it has said already, and after that afresh."""
    answers = chain([first.result], repeat(lambda: read_meter(lab, board, meter, state)))

    def read() -> float:
        answer = next(answers)()
        if isinstance(answer, Reading):
            return answer.watts
        raise answer

    return read


def _measured(lab: Lab, health: BoardHealth, meter: str, read: Reading | Fault) -> Fault | None:
    if isinstance(read, MeterOffline) and health.powered is False:
        return None  # an inline meter lives on the rail that it measures
    if not isinstance(read, Reading):
        return read
    health.volts[meter], health.watts[meter] = _finite(read.volts), _finite(read.watts)
    on = bool(health.powered or health.up)
    return _try(check_reading, meter, lab.meters[meter].rail, read, powered=on)


def _ask_board(pool: ThreadPoolExecutor, lab: Lab, health: BoardHealth, state: Path, *, doubtful: bool) -> list[Fault]:
    entry = lab.boards[health.board]
    opening = None if entry.console is None else pool.submit(_try, open_console, lab, health.board)  # listens meanwhile
    with ExitStack() as listening:
        if opening is not None:
            listening.callback(lambda: _close(opening.result()))
        said = _try(ask_board, lab, health.board, state, doubtful=doubtful)
        refused = None if isinstance(said, BoardLook) else said
        console = None if opening is None else opening.result()
        seen = _try(glance_at, console, refused=refused) if isinstance(console, Console) else console
    health.up = refused is None
    if isinstance(seen, Glance):
        health.console = seen.sign
        health.boot_stage = str(seen.stage) if boots(refused, seen) else None
    found = judge_links(health.board, refused, seen)
    if isinstance(said, BoardLook):
        _fill_in(health, said)
        found += judge_board(entry, health.board, said)
    return found


def _fill_in(health: BoardHealth, said: BoardLook) -> None:
    identity, state = said.identity, said.state
    health.serial_number, health.os, health.boot_id = identity.serial_number, identity.os, identity.boot_id
    health.celsius, health.throttled, health.throttle_detail = state.celsius, state.throttled, state.throttle_detail
    health.clock_hz, health.governor, health.power_mode = state.clock_hz, state.governor, state.power_mode
    health.clock_off_s = said.clock_off_s
    health.load1, health.memory_free_bytes = state.load1, state.memory_free_bytes
    health.disk_free_bytes = state.disk_free_bytes


def _close(console: Console | Fault) -> None:
    if isinstance(console, Console):
        console.close()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _try(ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Fault:
    """Return what a component answers, or what is wrong with it: one that fails hides no other."""
    try:
        return ask(*args, **kwargs)
    except FAULTS as fault:
        return fault
