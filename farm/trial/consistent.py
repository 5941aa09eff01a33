"""Whether what a board's meters say can be true together, with the rail's volts, and with what was read before.

A meter with a wrong scale shows plausible watts. But a rail takes no more than the input that feeds it, the input no
more than the wall; two meters on one rail agree; the same step of load is in all of them in that order; and volts are
what the board takes. Pure.
"""

from collections.abc import Mapping, Sequence

from ..lab.rails import Rail
from ..store.record import BurstFacts, PowerFacts, Record, Watts

_STEP_ERRORS = 3.0
"""Standard errors by which a step may be off."""
_IDLE_MOVED = 0.1
"""Idle watts that moved by less than this share are no surprise: assumed, a background service more or less."""


def contradictions(power: Sequence[PowerFacts], rails: Mapping[str, Rail]) -> list[str]:
    """Return, for every two meters of a board that cannot both be right, what they say: each a reason for a void."""
    by_name = {facts.meter: facts for facts in power}
    found: list[str] = []
    for inner in power:
        rail = rails.get(inner.meter)
        if rail is None:
            continue
        for other, same in ((rail.same_as, True), (rail.within, False)):
            outer = by_name.get(other or "")
            if outer is not None:
                found += [f"meters: {why}" for why in _between(inner, outer, same=same)]
    return found


def _between(inner: PowerFacts, outer: PowerFacts, *, same: bool) -> list[str]:
    """Hold one against another that measures the same, or holds it. Specifications are bounds: they are added."""
    told = [("the mean of the frames", inner.mean, outer.mean)]
    told += [(f"the burst {where} them", a, b) for where, a, b in _steps(inner, outer)]
    found: list[str] = []
    for what, a, b in told:
        apart, allowed = a.watts - b.watts, a.u_watts + b.u_watts
        said = f"of {what}, {inner.meter} tells {_text(a)} and {outer.meter} {_text(b)}"
        if same and abs(apart) > allowed:
            found.append(f"{said}, both on {inner.rail}; one of them is off, or its shunt, scale or range is wrong")
        elif not same and apart > allowed:
            holds = f"although {outer.rail} feeds {inner.rail}"
            found.append(f"{said}, {holds}; a scale or shunt is wrong, or they are wired the other way round")
    return found


def _steps(inner: PowerFacts, outer: PowerFacts) -> list[tuple[str, Watts, Watts]]:
    others = {burst.where: burst for burst in outer.bursts}
    return [
        (burst.where, _step(inner, burst), _step(outer, others[burst.where]))
        for burst in inner.bursts
        if burst.where in others
    ]


def _step(facts: PowerFacts, burst: BurstFacts) -> Watts:
    """Return a step, as uncertain as its fit and, in proportion, the meter; an offset is on both sides of it."""
    relative = facts.mean.u_watts / abs(facts.mean.watts) if facts.mean.watts else 0.0
    u_watts = _STEP_ERRORS * burst.u_step_watts + relative * abs(burst.step_watts)
    return Watts(watts=burst.step_watts, u_watts=u_watts)


def _text(one: Watts) -> str:
    return f"{one.watts:.4g} ± {one.u_watts:.2g} W"


def wrong_volts(facts: PowerFacts, volts: tuple[float, float] | None, takes: str) -> list[str]:
    """Return why the volts under load are not right: a reason for a void, that says what to look at.

    Args:
        facts: one meter's.
        volts: least and most that may stand on its rail; None: nobody says.
        takes: who says so, as ``zero-01 takes``.
    """
    if volts is None or facts.volts_mean is None or facts.volts_least is None or facts.u_volts is None:
        return []
    (least, most), u_volts = volts, facts.u_volts
    wanted = f"{takes} {least:.4g} to {most:.4g} V"
    if facts.volts_least + u_volts < least:
        what = f"{facts.meter} reads {facts.volts_least:.4g} V under load, {wanted}"
        return [f"supply: {what}; look at the cable and its plugs, and at what the supply can give"]
    if facts.volts_mean - u_volts > most:
        what = f"{facts.meter} reads {facts.volts_mean:.4g} V, {wanted}"
        return [f"supply: {what}; look at the supply's setting, at the meter's scale, and at the inventory's `kind:`"]
    return []


def moved_idle(facts: PowerFacts, earlier: Sequence[Record]) -> list[str]:
    """Return a warning when idle watts are not those of the newest earlier record of the same unit on the same rail.

    Software may have changed, so this voids nothing.

    Args:
        facts: one meter's.
        earlier: records of the same board that are not void, the newest first.
    """
    now = facts.idle_before
    for record in earlier:
        for before in record.power:
            if now is None or before.idle_before is None or _unit(before) != _unit(facts):
                continue
            apart, was = now.watts - before.idle_before.watts, before.idle_before
            if abs(apart) <= now.u_watts + was.u_watts + _IDLE_MOVED * abs(was.watts):
                return []
            told = f"{facts.meter} reads {_text(now)} while idle, it was {_text(was)} in record {record.id[:8]}"
            return [f"idle: {told}; is the software another, or the meter's scale, range or place?"]
    return []


def _unit(facts: PowerFacts) -> tuple[object, ...]:
    return facts.meter, facts.driver, facts.serial_number, facts.rail, facts.kind, facts.made
