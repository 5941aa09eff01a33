"""One trial: the runner on the board and the bench's meters, on one clock."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from power.meter import Meter
from power.piecewise import Readings
from power.sampler import Sampler

from ..artifact.deploy import Deployment
from ..lab.bench import Bench
from ..store.frames import FrameTimes
from ..store.record import Moved, Record, Role, StateFacts
from ..store.spool import Spool
from . import bursts
from .assemble import Evidence, assemble
from .clock_watch import ClockWatch
from .figures import Frames
from .history import earlier
from .host import Heartbeat
from .kept import Kept
from .measured import Measured
from .predicted import predictions
from .remote import run_on_board
from .scenario import Scenario
from .signs import Signs
from .starting import clock_command, require_clock
from .state.conditions import NOTHING, Conditions
from .state.readiness import require, require_still, state_after
from .state.watch import StateWatch
from .story import require_in_time
from .thermal import settle
from .watts import Window

_QUIET_PERIODS = 1.5
_QUIET_LEAST_S = 0.2
"""Between one window and whatever else happens: a meter's period and a half, so that of the readings on either side
of the window's edge none shows the other; and what stamps and links may be late (assumed)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial leaves behind."""

    record: Record
    traces: dict[str, Readings]
    """By meter: everything that it read, idle before and after included."""
    frames: FrameTimes

    def within(self, run_id: str, *, role: Role | None = None, moved: Sequence[Moved] = ()) -> "Trial":
        """Return the trial as a part of a run; before it is kept."""
        place = {"run_id": run_id, "role": role, "moved": list(moved)}
        return replace(self, record=self.record.model_copy(update=place))


def run_trial(
    bench: Bench,
    deployment: Deployment,
    scenario: Scenario,
    *,
    conditions: Conditions = NOTHING,
    progress: Callable[[str], None] | None = None,
    heed: Callable[[], object] = lambda: None,
    spool: Spool | None = None,
) -> Trial:
    """Run a deployed model on a board that is up, and measure.

    What the trial starts on the board is ended on every path, and what it sets there is put back.

    Args:
        bench: The board and its meters.
        deployment: What :func:`farm.artifact.deploy.deploy` put there.
        scenario: How frames are offered.
        conditions: What the board must be like, and what is set on it for that.
        progress: Told in a few words what is being done.
        heed: Called again and again while the model runs, whatever that says; what it raises ends the trial.
        spool: Takes traces that grow long while the trial runs, and watches the disk that they go to; it must still
            hold them when the trial is kept. Absent: everything stays in memory.

    Raises:
        devices.errors.DeviceError: the board or its link, or an accelerator that is not attached as it must be.
        power.errors.PowerError: a meter.
        LabFault: the board is not as is demanded, and nothing was run; or it lacks Python or the runtime, ends the
            runner, or its clock jumps; or it does not get to the temperature that the scenario wants; or the
            controller's disk is nearly full.
        UsageFault: the board's runtime refuses the model, or nothing there can tell the time of its frames.
    """
    started_utc, started_ns = datetime.now(UTC), time.monotonic_ns()
    tell = progress or _silent
    if spool is not None:
        spool.disk.check()
    identity = bench.board.identity()
    require_clock(bench.name, identity.python, deployment)
    if deployment.runs_path:  # a run that was left behind would be load, and watts, before this one ends it
        bench.shell.run(Kept(deployment.runs_path).clear())
    with bench.settings.held(conditions.settings) if conditions.settings else nullcontext():
        before = require(bench, conditions, warm=scenario.start_celsius is not None)
        settled = settle(bench, deployment, scenario, tell, heed)
        if before is None or settled is not None:
            before = require_still(bench, conditions)
        signs = Signs.of(bench, identity.boot_id)
        measured = _measure(bench, deployment, scenario, before, signs, tell, heed, spool)
        after = state_after(bench, before)
    evidence = Evidence(started_utc, started_ns, identity, before, after, measured, settled, earlier(bench), conditions)
    frames, at = Frames.of(measured.run, scenario), measured.times.to_controller_ns
    last_ns = int(frames.finish_ns.max())
    require_in_time(bench.name, measured.run, at(frames.start_ns), at(last_ns), measured.times.bound_ns)
    record = assemble(bench, deployment, scenario, evidence, frames)
    traces = {name: trace.readings for name, trace in measured.traces.items()}
    kept = replace(frames.on_controller(measured.times), predictions=predictions(measured.run, deployment))
    return Trial(record, traces, kept)


def _silent(_: str) -> None:
    pass


def _measure(
    bench: Bench,
    deployment: Deployment,
    scenario: Scenario,
    before: StateFacts,
    signs: Signs,
    progress: Callable[[str], None],
    heed: Callable[[], object],
    spool: Spool | None,
) -> Measured:
    wired = bench.meters if scenario.metered else {}
    slowest_hz = min((on.meter.rate_hz for on in wired.values()), default=math.inf)
    quiet_s = _quiet_s([on.meter for on in wired.values()]) if scenario.metered else 0.0
    told_by = clock_command(deployment)
    with (
        StateWatch(bench.board, before.accelerators, deployment.runs_path, told_by, gone=signs.gone) as state,
        ClockWatch(bench.shell, told_by, gone=signs.gone) as clock,
        Heartbeat() as heartbeat,
        ExitStack() as reading,
    ):
        state.begun()
        progress(f"board clock known to ± {clock.now.bound_ns / 1e3:.0f} µs")
        samplers = {
            name: reading.enter_context(Sampler(on.meter, spool.keeper() if spool else None))
            for name, on in wired.items()
        }
        time.sleep(quiet_s)
        idle_before = _wait(scenario.idle_s)
        time.sleep(quiet_s)

        def watch() -> None:
            heed()
            if spool is not None:
                spool.disk.watch()
            for sampler in samplers.values():
                if (fault := sampler.fault) is not None:
                    raise fault  # at once: minutes of frames without watts help nobody

        burst_s = max(bursts.LEAST_S, bursts.PERIODS / slowest_hz) if scenario.bursts and samplers else 0.0
        run = run_on_board(
            bench.shell,
            deployment,
            scenario,
            quiet_s=quiet_s,
            burst_s=burst_s,
            progress=progress,
            watch=watch,
            signs=signs,
        )
        time.sleep(quiet_s)
        idle_after = _wait(scenario.idle_s)
        time.sleep(quiet_s)
        traces = {name: sampler.stop() for name, sampler in samplers.items()}
        watched = state.finish()
        times = clock.finish()
    return Measured(run, traces, times, idle_before, idle_after, quiet_s, heartbeat, watched)


def _quiet_s(meters: Sequence[Meter]) -> float:
    """Return how long to keep still around each window, so that every meter's readings end in it or outside."""
    period_s = max((1 / meter.rate_hz for meter in meters), default=0.0)
    oldest_s = max((meter.stamp_bound_s for meter in meters), default=0.0)
    apart_s = max((meter.accuracy.apart_s for meter in meters), default=0.0)  # amps wait so long for their volts
    return _QUIET_LEAST_S + _QUIET_PERIODS * (period_s + apart_s) + 3 * oldest_s


def _wait(seconds: float) -> Window:
    start_ns = time.monotonic_ns()
    time.sleep(seconds)
    return Window(start_ns, time.monotonic_ns())
