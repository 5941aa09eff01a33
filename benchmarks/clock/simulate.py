"""Ten minutes in a moment: clocks that are made up, asked with the delays that real questions had."""

import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from farm.trial.clock import ClockMap, Offset, Probe, intersect

S = 1_000_000_000
_MINUTES = 10
_PROBES = 50
_LEAST_OFFSET_S, _MOST_OFFSET_S = 10, 1_000_000
_CRYSTAL_PPB = 50_000
_SLEW_PPB = 500_000
_MOMENTS = 200
"""Of each trial that are looked at."""

Delays = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Drifting:
    """A board's clock that runs at another rate in each of several stretches of the controller's time."""

    begins_ns: list[int]
    shows_ns: list[int]
    """At the begin of each stretch."""
    ppb: list[int]

    @classmethod
    def drawn(cls, dice: random.Random, start_ns: int, *, slewed: bool) -> "Drifting":
        """Draw offset and drift; ``slewed`` clocks are pulled by NTP for a while, at its fastest."""
        offset_ns = dice.choice((-1, 1)) * dice.randint(_LEAST_OFFSET_S * S, _MOST_OFFSET_S * S)
        crystal = dice.randint(-_CRYSTAL_PPB, _CRYSTAL_PPB)
        begins_ns, ppb = [start_ns - S], [crystal]
        if slewed:
            from_ns = start_ns + dice.randrange(_MINUTES * 60 * S)
            begins_ns += [from_ns, from_ns + dice.randrange(1, _MINUTES * 60 * S)]
            ppb += [crystal + dice.choice((-1, 1)) * _SLEW_PPB, crystal]
        shows_ns = [begins_ns[0] - offset_ns]
        for at in range(1, len(ppb)):
            elapsed_ns = begins_ns[at] - begins_ns[at - 1]
            shows_ns.append(shows_ns[-1] + elapsed_ns + elapsed_ns * ppb[at - 1] // S)
        return cls(begins_ns, shows_ns, ppb)

    def reads(self, controller_ns: int) -> int:
        """Return what it shows at a moment of the controller's clock."""
        at = max(0, bisect(self.begins_ns, controller_ns) - 1)
        elapsed_ns = controller_ns - self.begins_ns[at]
        return self.shows_ns[at] + elapsed_ns + elapsed_ns * self.ppb[at] // S


@dataclass(frozen=True, slots=True)
class Simulated:
    """One trial of ten minutes."""

    worst_ns: int
    """Largest error of the stated offset."""
    bound_ns: int
    held: int
    """Moments, of :data:`MOMENTS`, at which the interval held the truth."""
    moments: int = _MOMENTS


def trial(dice: random.Random, delays: Delays, *, slewed: bool) -> Simulated:
    """Follow a made-up clock for ten minutes as a trial does, and compare."""
    start_ns = dice.randrange(10**6 * S)
    end_ns = start_ns + _MINUTES * 60 * S
    clock = Drifting.drawn(dice, start_ns, slewed=slewed)
    asked = [_asked(dice, delays, clock, at_ns).offset for at_ns in range(start_ns + S, end_ns, S)]
    times = ClockMap.of(
        "simulated", [_burst(dice, delays, clock, start_ns), *asked, _burst(dice, delays, clock, end_ns)]
    )
    worst_ns = held = 0
    for _ in range(_MOMENTS):
        at_ns = dice.randrange(start_ns, end_ns)
        board_ns = clock.reads(at_ns)
        low_ns, high_ns = times.interval_ns(board_ns)
        held += low_ns <= at_ns - board_ns <= high_ns
        worst_ns = max(worst_ns, abs(times.to_controller_ns(board_ns) - at_ns))
    return Simulated(worst_ns, times.bound_ns, held)


def _asked(dice: random.Random, delays: Delays, clock: Drifting, sent_ns: int) -> Probe:
    there_ns, back_ns = dice.choice(delays)
    return Probe(sent_ns, clock.reads(sent_ns + there_ns), sent_ns + there_ns + back_ns)


def _burst(dice: random.Random, delays: Delays, clock: Drifting, sent_ns: int) -> Offset:
    probes: list[Probe] = []
    for _ in range(_PROBES):
        probes.append(_asked(dice, delays, clock, sent_ns))
        sent_ns = probes[-1].heard_ns
    return intersect("simulated", probes)
