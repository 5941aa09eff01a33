"""From what came in during a trial to its record. Pure but for the record's random id."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from devices.board import BoardIdentity
from power.block import Flag
from power.piecewise import Readings, flagged

from ..artifact.deploy import Deployment
from ..lab.bench import Bench
from ..store.record import (
    BoardFacts,
    ClockFacts,
    Event,
    EventKind,
    Record,
    StateFacts,
)
from .clock import ClockMap
from .described import accuracy, artifact_facts, dataset_facts, host_facts, runner_facts, scenario_facts
from .figures import Frames
from .measured import Measured
from .meters import meters, warnings
from .remote import Run
from .scenario import Scenario
from .state.asked import Asked
from .state.conditions import NOTHING, Conditions
from .state.during import judge
from .thermal import Settled
from .voids import voids
from .watts import Window

_MOST_GAPS = 100


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a record is made from."""

    started_utc: datetime
    started_ns: int
    """The same moment, monotonic."""
    identity: BoardIdentity
    before: StateFacts
    after: StateFacts
    measured: Measured
    settled: Settled | None = None
    """How it came to be as warm as it was to begin; None where nothing was asked for."""
    earlier: Sequence[Record] = ()
    """The board's, not void, the newest first."""
    conditions: Conditions = NOTHING


def assemble(bench: Bench, deployment: Deployment, scenario: Scenario, evidence: Evidence, frames: Frames) -> Record:
    """Return the record of a trial."""
    measured, run, times = evidence.measured, evidence.measured.run, evidence.measured.times
    window = Window(times.to_controller_ns(frames.start_ns), times.to_controller_ns(frames.end_ns))
    told = meters(bench, measured, window, frames, scenario)
    deadlines = frames.deadlines(run.offered)
    asked = Asked(
        evidence.conditions.demands,
        evidence.before,
        measured.idle_before.start_ns,
        window,
        bench.board.remembers_throttling,
    )
    during = judge(measured.watched, times, asked)
    ambient_celsius = (evidence.before.ambient_celsius, evidence.after.ambient_celsius)
    others = voids(
        evidence.before,
        evidence.after,
        deadlines,
        frames=run.offered,
        clock_bound_ns=times.bound_ns,
        lateness_max_ns=measured.lateness_max_ns,
        short=None
        if run.complete or deadlines.missed is not None
        else f"{frames.queries} queries of {len(run.rows)} frames in {frames.seconds:.0f} s",
        decided=during.decides,
    )
    return Record(
        id=secrets.token_hex(8),
        started_utc=evidence.started_utc,
        started_ns=evidence.started_ns,
        lab=bench.lab,
        board=_board(bench, run, evidence.identity),
        artifact=artifact_facts(deployment.artifact),
        dataset=dataset_facts(deployment.dataset),
        scenario=scenario_facts(scenario, run, frames, window.start_ns),
        latency=frames.latency(scenario.percent, run.offered),
        deadlines=deadlines,
        runner=runner_facts(run),
        accuracy=accuracy(run, deployment),
        power=told.power,
        traces={name: kept.index.seal for name, kept in measured.long_traces.items()},
        supply_meter=next(iter(bench.meters), None) if scenario.metered else None,
        clock=_clock(times, frames),
        state_before=evidence.before,
        state_after=evidence.after,
        state_during=during.facts,
        demands=during.demands,
        settings=dict(evidence.conditions.settings),
        host=host_facts(measured.lateness_max_ns),
        voids=[*during.voids, *others, *told.voids],
        warnings=[*during.warnings, *told.warnings, *warnings(told.power, evidence.earlier, ambient_celsius)],
        start=None if evidence.settled is None else evidence.settled.until(window.start_ns),
        lease=bench.lease.token,
        boot=bench.boot,
        events=_events(bench, measured, window, during.events),
    )


def _events(bench: Bench, measured: Measured, frames: Window, seen: Sequence[Event]) -> list[Event]:
    events = [
        _event("idle", "idle before", measured.idle_before),
        _event("frames", "frames", frames),
        _event("idle", "idle after", measured.idle_after),
        *_around(measured.run),
        *_bursts(measured),
        *seen,
    ]
    if (boot := bench.boot) is not None:
        reached = boot.reached_s.items()
        events += [Event(kind="boot", what=stage, t_ns=boot.start_ns + int(s * 1e9)) for stage, s in reached]
    for name, trace in measured.traces.items():
        events += _gaps(name, trace.readings)
    return sorted(events, key=lambda event: event.t_ns)


def _around(run: Run) -> list[Event]:
    """Return what the runner did beside its frames, by when its lines came; it says hello once the model is loaded."""
    heard_ns = run.heard_ns
    loaded_ns, warm_ns = heard_ns["hello"][0], heard_ns["start"][0]
    found = [
        _event("state", "loading", Window(run.began_ns, loaded_ns)),
        _event("state", "warm-up", Window(loaded_ns, warm_ns)),
    ]
    if "scored" in heard_ns:  # begins when the last frames are told
        found.append(_event("scoring", "scoring", Window(heard_ns["frames"][1], heard_ns["scored"][1])))
    return found


def _bursts(measured: Measured) -> list[Event]:
    at = measured.times.to_controller_ns
    return [_event("state", "burst", Window(at(one.start_ns), at(one.end_ns))) for one in measured.run.bursts]


def _gaps(meter: str, readings: Readings) -> list[Event]:
    """Return where readings are missing, the first hundred."""
    edges = flagged(readings, Flag.LOST_BEFORE, _MOST_GAPS)
    return [Event(kind="fault", what=f"{meter}: readings lost", t_ns=t, until_ns=until) for t, until in edges]


def _event(kind: EventKind, what: str, window: Window) -> Event:
    return Event(kind=kind, what=what, t_ns=window.start_ns, until_ns=window.end_ns)


def _board(bench: Bench, run: Run, identity: BoardIdentity) -> BoardFacts:
    facts = asdict(identity)
    told = {"runtime": run.runtime, "device": run.device}
    return BoardFacts(name=bench.name, model=bench.board.model, made=bench.made, **told, **facts)


def _clock(times: ClockMap, frames: Frames) -> ClockFacts:
    return ClockFacts(offset_ns=times.offset_ns(frames.start_ns), bound_ns=times.bound_ns, drift_ppm=times.drift_ppm)
