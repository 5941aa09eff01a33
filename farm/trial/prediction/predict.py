"""A trial on this machine under the limits of a board: its record, labelled a prediction, without a single watt."""

import platform
import secrets
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...errors import LabFault
from ...store.prediction_facts import AsItRan, HostProcessor, PredictionFacts, Timing
from ...store.record import BoardFacts, ClockFacts, DeadlineFacts, Event, Record
from ..clock import ClockMap, Offset
from ..described import accuracy, artifact_facts, dataset_facts, host_facts, runner_facts, scenario_facts
from ..figures import Frames
from ..trial import Trial
from . import kernels
from .asked import Asked
from .retime import computable, cpu_ns, in_one_thread, own_ns, retimed
from .run import Seen, run_here

_HOST_LATE_NS = 1_000_000_000
"""As of a trial: a controller that was stopped this long proves nothing."""
_STARVED = 0.2
"""Assumed: longer than its processor time and the quota explain by this part, and other load had the processor. The
quota itself is up to 14 % off (measured, see :mod:`.mechanism`)."""


def predict(asked: Asked, *, lab: str, progress: Callable[[str], None]) -> Trial:
    """Run a model here as a board of that model would, as far as limits go.

    Raises:
        UsageFault: an artifact that needs more than a processor, or does not fit into the board's memory.
        LabFault: a limit does not hold, the runner broke, or nothing is known of how long a frame takes.
    """
    asked.require_predictable()
    return _assembled(asked, run_here(asked, progress), lab)


def _assembled(asked: Asked, seen: Seen, lab: str) -> Trial:
    run, scenario = seen.run, asked.scenario
    # what it waited for the quota is no want of a processor
    as_it_ran = replace(Frames.of(run, scenario), unstarved_ns=None)
    frames, timing = _timed(asked, seen, as_it_ran)
    record = Record(
        id=secrets.token_hex(8),
        started_utc=seen.started_utc,
        started_ns=seen.started_ns,
        lab=lab,
        board=BoardFacts(
            name=asked.name,
            model=asked.limits.model,
            made="prediction",
            kernel=platform.release(),
            python=run.hello.get("python"),
            runtime=run.runtime,
            device=run.device,
        ),
        artifact=artifact_facts(seen.deployment.artifact),
        dataset=dataset_facts(seen.deployment.dataset),
        scenario=scenario_facts(scenario, run, frames, frames.start_ns),
        latency=frames.latency(scenario.percent, run.offered),
        deadlines=_deadlines(frames, run.offered),
        runner=runner_facts(run),
        accuracy=accuracy(run, seen.deployment),
        power=[],
        clock=ClockFacts(offset_ns=0, bound_ns=0),
        state_before=seen.before,
        state_after=seen.after,
        host=host_facts(seen.lateness_max_ns),
        voids=_voids(asked, seen, as_it_ran, timing),
        warnings=_warnings(asked, frames, timing),
        events=[Event(kind="frames", what="frames", t_ns=frames.start_ns, until_ns=frames.end_ns)],
        prediction=_facts(asked, seen, as_it_ran, timing),
    )
    return Trial(record, {}, frames.on_controller(ClockMap((Offset(frames.start_ns, 0, 0),))))


def _timed(asked: Asked, seen: Seen, as_it_ran: Frames) -> tuple[Frames, Timing]:
    """Return the frames at the board's clock; as they ran where their processor time does not tell."""
    used_ns = cpu_ns(seen.run)
    if used_ns is not None and computable(seen.run, asked.scenario, asked.limits.threads):
        limit_ns = int(asked.scenario.limit_s * 1e9)
        share, own = asked.mechanism.share, own_ns(seen.run)
        return retimed(as_it_ran, used_ns, share, own_ns=own, limit_ns=limit_ns), "computed"
    if asked.mechanism.place is None:
        detail = "has no quota, and these frames' times cannot be computed: " + asked.mechanism.why_none
        hint = "frames are dropped, several threads work at once, or the program tells no cpu_ns; docs/prediction.md"
        raise LabFault("this machine", detail, hint=hint)
    return as_it_ran, "as it ran"


def _deadlines(frames: Frames, offered: int) -> DeadlineFacts:
    """Return misses and throughput; how late this machine woke says nothing of the board."""
    return frames.deadlines(offered).model_copy(update={"wake_lateness_max_ms": None})


def _voids(asked: Asked, seen: Seen, as_it_ran: Frames, timing: Timing) -> list[str]:
    found: list[str] = []
    run = seen.run
    if seen.lateness_max_ns > _HOST_LATE_NS:
        found.append(f"host: the controller was stopped for {seen.lateness_max_ns / 1e9:.1f} s")
    if not run.complete and asked.scenario.deadline_ns is None:
        found.append(f"short: {len(run.rows)} frames are fewer than the scenario asks for")
    used_ns = cpu_ns(run)
    if timing == "as it ran" and used_ns is not None and asked.limits.threads == 1 and in_one_thread(run):
        busy_s = float(np.sum(as_it_ran.finish_ns - as_it_ran.wake_ns)) / 1e9
        explained_s = float(used_ns.sum()) / 1e9 / asked.mechanism.share
        if busy_s > (1 + _STARVED) * explained_s:
            found.append(f"starved: {busy_s:.2f} s of work, of which the quota explains {explained_s:.2f} s")
    return found


def _warnings(asked: Asked, frames: Frames, timing: Timing) -> list[str]:
    host, limits = asked.host, asked.limits
    found = [kernels.warning(asked.artifact.manifest.runtime, limits.processor.name, asked.more_than_board)]
    if limits.share is None and limits.host_clock_hz is None and "virtual" in host.clock_source:
        found.append("host clock: this is a virtual machine, which may run at another clock than it is told")
    if len(host.cores) < limits.cores:
        found.append(f"cores: this machine has {len(host.cores)} of the board's {limits.cores}")
    if timing == "as it ran" and (short := 5 * host.tick_s) > frames.busy_s:
        frame = f"a frame works for {frames.busy_s * 1e3:.3g} ms"
        found.append(f"quota: {frame}, the quota is looked at every {short / 5 * 1e3:g} ms: right only in the mean")
    return [text for text in found if text]


def _facts(asked: Asked, seen: Seen, as_it_ran: Frames, timing: Timing) -> PredictionFacts:
    mechanism, limits, host = asked.mechanism, asked.limits, asked.host
    quota = mechanism.place is not None
    latency = as_it_ran.latency()
    fps = as_it_ran.deadlines(seen.run.offered).fps
    return PredictionFacts(
        cores=len(mechanism.cores),
        board_cores=limits.processor.cores,
        clock_hz=None if limits.share is not None else limits.clock_hz,
        share=mechanism.share,
        threads=limits.threads,
        memory_bytes=limits.memory_bytes,
        sources=limits.sources,
        mechanism=mechanism.words,
        period_ms=mechanism.quota.period_us / 1e3 if quota else None,
        tick_ms=host.tick_s * 1e3 if quota else None,
        timing=timing,
        as_it_ran=AsItRan(p50_ms=latency.p50_ms, p99_ms=latency.p99_ms, fps=fps) if quota else None,
        memory_peak_bytes=seen.memory_peak_bytes,
        host=HostProcessor(
            name=host.name,
            cores=len(host.cores),
            clock_hz=limits.host_clock_hz or host.clock_hz,
            clock_source="--limit" if limits.host_clock_hz else host.clock_source,
            more_than_board=asked.more_than_board,
            kept_from=kernels.environment(asked.artifact.manifest.runtime, asked.more_than_board),
        ),
    )
