"""Whether a board is as a plan demands, before anything is run on it."""

import time
from dataclasses import asdict

from devices.accelerator import attached
from devices.errors import AcceleratorFault
from devices.facts import parse, script

from ...lab.bench import Bench
from ...store.board_facts import AcceleratorFacts, StateFacts
from ..thermal import ambient
from .conditions import Conditions
from .demands import Demands, look, refuse
from .helper import ticks

_SET_S = 3.0
"""Assumed: a clock follows its governor, and a mode its program, within this."""
_AGAIN_S = 0.25
_LOAD_S = 2
"""For which other load is looked at."""

_STAT = f"""
first "$R/proc/stat" && fact begin "$v"; sleep {_LOAD_S}; first "$R/proc/stat" && fact end "$v"
"""


def state_of(bench: Bench, *, load: bool = False) -> StateFacts:
    """Return what the board says of itself, its accelerators and the air.

    ``load``: other load as well, which takes 2 s.

    Raises:
        devices.errors.DeviceError: the board or its link, or an accelerator that is not attached as it must be.
        LabFault: the ambient sensor.
    """
    return _state(bench, [AcceleratorFacts(**asdict(one)) for one in bench.accelerators()], load=load)


def state_after(bench: Bench, before: StateFacts) -> StateFacts:
    """Return the same after a trial: an accelerator that is attached otherwise by now is told, not refused."""
    try:
        return state_of(bench)
    except AcceleratorFault:
        now = {(one.kind, one.port): one for one in attached(bench.board)}
        left = [now[one.kind, one.port] for one in before.accelerators if (one.kind, one.port) in now]
        return _state(bench, [AcceleratorFacts(**asdict(one)) for one in left], load=False)


def _state(bench: Bench, hanging: list[AcceleratorFacts], *, load: bool) -> StateFacts:
    told = {**asdict(bench.board.state()), "ambient_celsius": ambient(bench)}
    told["other_load"] = _other_load(bench) if load else None
    return StateFacts.model_validate({**told, "accelerators": hanging})


def _other_load(bench: Bench) -> float | None:
    """Return the share of the processors' time that is taken, before there is a runner; None: the board tells none."""
    facts = parse(bench.shell.run(script(bench.board.root, _STAT), timeout_s=30.0 + _LOAD_S).stdout)
    if "begin" not in facts or "end" not in facts:
        return None
    (busy_before, before), (busy, total) = ticks(facts["begin"]), ticks(facts["end"])
    return None if total <= before else (busy - busy_before) / (total - before)


def require(bench: Bench, conditions: Conditions, *, warm: bool) -> StateFacts | None:
    """Look at every demand, and return what was seen where all are fulfilled; None where nothing is demanded.

    What was just set is given a moment to show. ``warm``: temperatures are not looked at yet, for they are waited for.

    Raises:
        NotAsDemanded: what is not fulfilled, all of it at once: wanted, got, and what to do.
        devices.errors.DeviceError: the board or its link.
    """
    demands = conditions.demands
    if warm:
        demands = Demands.model_validate({k: v for k, v in demands.given.items() if not k.endswith("_celsius")})
    if not demands.given:
        return None
    until_ns = time.monotonic_ns() + int(_SET_S * 1e9) * bool(conditions.settings)
    while True:
        state = state_of(bench, load=demands.max_other_load is not None)
        found = list(look(demands, state, remembers=bench.board.remembers_throttling))
        if all(one.held for one in found) or time.monotonic_ns() > until_ns:
            refuse(bench.name, bench.board.model, found)
            return state
        time.sleep(_AGAIN_S)


def require_still(bench: Bench, conditions: Conditions) -> StateFacts:
    """Look again, when the board was warmed or has cooled, and return what was seen; raises as :func:`require`.

    What must hold before a trial only is not looked at once more: the model that has warmed the board was load itself.
    """
    state = state_of(bench, load=conditions.demands.max_other_load is not None)
    found = look(conditions.demands, state, remembers=bench.board.remembers_throttling, during=True)
    refuse(bench.name, bench.board.model, list(found))
    return state
