"""What all meters of a board say of a trial, each by itself and held against the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from power.parts import Part

from ..lab.bench import Bench, MeterOnRail
from ..lab.rails import Rail, rails
from ..store.record import PowerFacts, Record
from .bursts import Around, shown
from .consistent import contradictions, moved_idle, wrong_volts
from .figures import Frames
from .high import high
from .limits import limits
from .measured import Measured
from .rhythm import in_step
from .scenario import Scenario
from .stages import FRAME, parts_of, stages
from .watts import Window, Windows, placed, power


@dataclass(slots=True)
class Told:
    """What they say, in the bench's order."""

    power: list[PowerFacts] = field(default_factory=list[PowerFacts])
    """A meter that read too little is left out."""
    voids: list[str] = field(default_factory=list[str])
    """Why no watts decide anything."""
    warnings: list[str] = field(default_factory=list[str])
    """Why those of a meter mean little which does not stand for the board."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What is the same for all meters."""

    scenario: Scenario
    frames: Frames
    windows: Windows
    around: Around
    parts: Mapping[str, Part]
    inferences: int
    clock_bound_ns: int


def meters(bench: Bench, measured: Measured, window: Window, frames: Frames, scenario: Scenario) -> Told:
    """Return what the bench's meters say; ``window`` is that of the frames."""
    trial = _Trial(
        scenario,
        frames,
        Windows(measured.idle_before, window, measured.idle_after, measured.bound_ns(window)),
        Around(measured.run.bursts, measured.times, measured.quiet_s, measured.bound_ns),
        parts_of(frames.on_controller(measured.times)),
        len(measured.run.rows),
        measured.times.bound_ns,
    )
    wired, told, sound = rails(bench.inventory, bench.name), Told(), list[PowerFacts]()
    for nth, (name, on) in enumerate(bench.meters.items() if scenario.metered else ()):
        facts, reasons = _one(on, measured, trial, wired[name])
        for reason in reasons:
            (told.voids if nth == 0 or _counts(reason, wired[name]) else told.warnings).append(reason)
        if facts is not None:
            told.power.append(facts)
            told.voids += wrong_volts(facts, *_bears(bench, wired[name]))
            if not any(reason.startswith(("bandwidth:", "readings lost:")) for reason in reasons):
                sound.append(facts)
    told.voids += contradictions(sound, wired)
    return told


def _counts(reason: str, rail: Rail) -> bool:
    """Whether what is wrong with another meter than the first makes the trial void.

    Readings that it lost, or is too slow for, are its own. A burst that does not show may mean swapped wires, but not
    on a rail inside, which need not carry the load.
    """
    return reason.startswith("bursts:") and rail.kind in ("wall", "inlet")


def _one(on: MeterOnRail, measured: Measured, trial: _Trial, rail: Rail) -> tuple[PowerFacts | None, list[str]]:
    """Return what one meter says, and why it may not decide anything."""
    trace, window, busy_s = measured.traces[on.name], trial.windows.frames, trial.frames.busy_s
    facts, reasons = power(on, trace, trial.windows, trial.inferences, busy_s)
    if facts is None:
        return None, reasons
    facts, missed = in_step(on, trace, facts, trial.parts[FRAME], trial.windows)
    found, late = shown(on, trace, trial.around)
    levels = high(on, trace, window, busy_s=busy_s, short_term_s=trial.scenario.short_term_s)
    facts = facts.model_copy(update={"bursts": found, **levels, **placed(rail)})
    parts, cannot = stages(on, trace, facts, trial.parts, window, trial.clock_bound_ns)
    facts = facts.model_copy(update={"parts": parts, "too_slow_for": facts.too_slow_for | cannot})
    told = any(reason.startswith("bandwidth:") for reason in reasons)
    return facts, [*reasons, *([] if told else missed), *late]


def _bears(bench: Bench, rail: Rail) -> tuple[tuple[float, float] | None, str]:
    """Return the volts that may stand on a rail, and who says so: the inventory, else the model of its input."""
    if rail.volts is not None:
        return rail.volts, "the inventory says"
    return (bench.board.supply_volts if rail.kind == "inlet" else None), f"{bench.name} takes"


def warnings(
    power: Sequence[PowerFacts], earlier: Sequence[Record], ambient_celsius: Sequence[float | None] = ()
) -> list[str]:
    """Return what a reader of the watts should know.

    Args:
        power: each meter's.
        earlier: the board's records that are not void, the newest first.
        ambient_celsius: the air's, before and after; None where it was not measured.
    """
    found = [why for facts in power for why in moved_idle(facts, earlier)]
    told = [(facts.meter, facts.calibration.warning) for facts in power if facts.calibration is not None]
    expired = [f"calibration: {meter}: {why}" for meter, why in told if why]
    return [*found, *expired, *limits(power, ambient_celsius)]
