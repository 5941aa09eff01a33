"""From what came in during a trial to its record. Pure but for the record's random id."""

import platform
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version

import numpy as np

from devices.board import BoardIdentity
from power.block import Block, Flag
from power.sampler import Trace

from ..artifact.deploy import Deployment
from ..lab.bench import Bench
from ..lab.rails import Rail, rails
from ..store.record import (
    ArtifactFacts,
    BoardFacts,
    ClockFacts,
    DatasetFacts,
    Event,
    EventKind,
    HostFacts,
    PowerFacts,
    Record,
    ScenarioFacts,
    StateFacts,
)
from .bursts import Around, shown
from .clock import ClockMap
from .consistent import contradictions, moved_idle, wrong_volts
from .figures import Frames, accuracy
from .high import high
from .host import Heartbeat
from .remote import Run
from .scenario import FixedRate
from .stages import parts_of, stages
from .thermal import Settled
from .voids import voids
from .watts import Window, Windows, placed, power

_MOST_GAPS = 100
_EDGE_NS = 1_000_000_000
"""A late stamp moves energy into or out of a window only this near to its edges: twice the slowest meter's period."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came in while the trial ran."""

    run: Run
    traces: dict[str, Trace]
    times: ClockMap
    idle_before: Window
    idle_after: Window
    quiet_s: float
    """Around idle windows, frames and bursts, nothing was done for so long."""
    heartbeat: Heartbeat

    @property
    def lateness_max_ns(self) -> int:
        """How late the controller was at worst."""
        return self.heartbeat.lateness_max_ns(self.idle_before.start_ns, self.idle_after.end_ns)

    def bound_ns(self, window: Window) -> int:
        """Return how far the readings' stamps and a window's edges may be apart: see :class:`.watts.Windows`."""
        edges_ns = (window.start_ns, window.end_ns)
        late_ns = [self.heartbeat.lateness_max_ns(edge - _EDGE_NS, edge + _EDGE_NS) for edge in edges_ns]
        return self.times.bound_ns + max(late_ns)


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


def assemble(bench: Bench, deployment: Deployment, scenario: FixedRate, evidence: Evidence, frames: Frames) -> Record:
    """Return the record of a trial."""
    measured, run, times = evidence.measured, evidence.measured.run, evidence.measured.times
    window = Window(times.to_controller_ns(frames.start_ns), times.to_controller_ns(frames.end_ns))
    meters, lost = _power(bench, measured, window, frames, scenario)
    deadlines = frames.deadlines(run.offered)
    others = voids(
        evidence.before,
        evidence.after,
        deadlines,
        frames=run.offered,
        clock_bound_ns=times.bound_ns,
        lateness_max_ns=measured.lateness_max_ns,
    )
    return Record(
        id=secrets.token_hex(8),
        started_utc=evidence.started_utc,
        started_ns=evidence.started_ns,
        lab=bench.lab,
        board=_board(bench, run, evidence.identity),
        artifact=_artifact(deployment),
        dataset=_dataset(deployment),
        scenario=ScenarioFacts(
            name=scenario.name,
            rate_hz=scenario.rate_hz,
            duration_s=frames.seconds,
            start_ns=window.start_ns,
            frames=run.offered,
            warmup_frames=scenario.warmup_frames,
        ),
        latency=frames.latency(),
        deadlines=deadlines,
        accuracy=accuracy(run, deployment),
        power=meters,
        supply_meter=next(iter(bench.meters), None),
        clock=_clock(times, frames),
        state_before=evidence.before,
        state_after=evidence.after,
        host=_host(measured),
        voids=[*others, *lost],
        warnings=_warnings(meters, evidence.earlier),
        start=None if evidence.settled is None else evidence.settled.until(window.start_ns),
        lease=bench.lease.token,
        boot=bench.boot,
        events=_events(bench, measured, window),
    )


def _warnings(meters: Sequence[PowerFacts], earlier: Sequence[Record]) -> list[str]:
    found = [why for facts in meters for why in moved_idle(facts, earlier)]
    told = [(facts.meter, facts.calibration.warning) for facts in meters if facts.calibration is not None]
    return [*found, *(f"calibration: {meter}: {why}" for meter, why in told if why)]


def _events(bench: Bench, measured: Measured, frames: Window) -> list[Event]:
    events = [
        _event("idle", "idle before", measured.idle_before),
        _event("frames", "frames", frames),
        _event("idle", "idle after", measured.idle_after),
        *_around(measured.run),
        *_bursts(measured),
    ]
    if (boot := bench.boot) is not None:
        reached = boot.reached_s.items()
        events += [Event(kind="boot", what=stage, t_ns=boot.start_ns + int(s * 1e9)) for stage, s in reached]
    for name, trace in measured.traces.items():
        events += _gaps(name, trace.block)
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


def _gaps(meter: str, block: Block) -> list[Event]:
    """Return where readings are missing, the first hundred."""
    lost = np.flatnonzero(block.flags & np.uint8(Flag.LOST_BEFORE))[:_MOST_GAPS]
    edges = [(int(block.t_ns[i - 1]), int(block.t_ns[i])) for i in lost if i]
    return [Event(kind="fault", what=f"{meter}: readings lost", t_ns=t, until_ns=until) for t, until in edges]


def _event(kind: EventKind, what: str, window: Window) -> Event:
    return Event(kind=kind, what=what, t_ns=window.start_ns, until_ns=window.end_ns)


def _power(
    bench: Bench, measured: Measured, window: Window, frames: Frames, scenario: FixedRate
) -> tuple[list[PowerFacts], list[str]]:
    windows = Windows(measured.idle_before, window, measured.idle_after, measured.bound_ns(window))
    around = Around(measured.run.bursts, measured.times, measured.quiet_s, measured.bound_ns)
    parts, wired = parts_of(frames.on_controller(measured.times)), rails(bench.inventory, bench.name)
    meters: list[PowerFacts] = []
    lost: list[str] = []
    for name, on in bench.meters.items():
        trace = measured.traces[name]
        facts, reasons = power(on, trace, windows, len(measured.run.rows), frames.busy_s)
        lost += reasons
        if facts is None:
            continue
        found, reasons = shown(on, trace, around)
        more = high(on, trace, window, busy_s=frames.busy_s, short_term_s=scenario.short_term_s)
        facts = facts.model_copy(update={"bursts": found, **more, **placed(wired[name])})
        told, cannot = stages(on, trace, facts, parts, window, measured.times.bound_ns)
        facts = facts.model_copy(update={"parts": told, "too_slow_for": facts.too_slow_for | cannot})
        lost += [*reasons, *wrong_volts(facts, *_bears(bench, wired[name]))]
        meters.append(facts)
    return meters, [*lost, *contradictions(meters, wired)]


def _bears(bench: Bench, rail: Rail) -> tuple[tuple[float, float] | None, str]:
    """Return the volts that may stand on a rail, and who says so: the inventory, else the model of its input."""
    if rail.volts is not None:
        return rail.volts, "the inventory says"
    return (bench.board.supply_volts if rail.kind == "inlet" else None), f"{bench.name} takes"


def _board(bench: Bench, run: Run, identity: BoardIdentity) -> BoardFacts:
    facts = asdict(identity)
    return BoardFacts(name=bench.name, model=bench.board.model, made=bench.made, runtime=run.runtime, **facts)


def _artifact(deployment: Deployment) -> ArtifactFacts:
    artifact, manifest = deployment.artifact, deployment.artifact.manifest
    return ArtifactFacts(
        id=artifact.id,
        name=manifest.name,
        model=manifest.model,
        runtime=manifest.runtime,
        precision=manifest.precision,
        size_bytes=artifact.size_bytes,
    )


def _dataset(deployment: Deployment) -> DatasetFacts:
    dataset = deployment.dataset
    return DatasetFacts(id=dataset.id, name=dataset.name, images=len(dataset.labels))


def _clock(times: ClockMap, frames: Frames) -> ClockFacts:
    return ClockFacts(offset_ns=times.offset_ns(frames.start_ns), bound_ns=times.bound_ns, drift_ppm=times.drift_ppm)


def _host(measured: Measured) -> HostFacts:
    return HostFacts(
        farm_version=version("edge-test-farm"),
        python=platform.python_version(),
        lateness_max_ms=measured.lateness_max_ns / 1e6,
    )
