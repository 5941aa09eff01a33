"""The steps of a check. Each does one thing a trial needs, returns what it saw, and raises what is wrong."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan
from time import sleep

import numpy as np

from devices.errors import ConsoleFault, DeviceError
from power.errors import MeterOffline
from power.sampler import Sampler

from ..artifact.deploy import deploy_to
from ..errors import LabFault, NoVerdict
from ..lab.bench import Bench
from ..playbook import apply
from ..playbook.step import Target
from ..playbook.tuning import Governor
from ..store.record import Record
from ..trial.scenario import FixedRate
from ..trial.trial import run_trial
from .check_plan import Plan
from .meters import Reading, check_reading
from .policy import ModelCheck, ShortTrial

_ANSWER_S = 8.0
"""A board that is up answers within this (assumed)."""
_COMMAND_S = 30.0
_READINGS = 2
"""Of each meter at least: the slowest, a UM25C, gives two values a second."""


class Impossible(Exception):
    """The bench lacks what the step needs: it says nothing of the board."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and whether a check asks for it."""

    name: str
    wanted: Callable[[ModelCheck], bool]
    take: Callable[[Bench, Plan], str]
    """Returns what was seen.

    Raises:
        devices.errors.DeviceError, power.errors.PowerError, LabFault: it failed.
        NoVerdict: it could not decide.
        Impossible: there is no such part on this bench.
    """
    vital: bool = False
    """Without it no other step is worth taking."""


@contextmanager
def restored(bench: Bench) -> Generator[None]:
    """Leave the governor as it was: a cold start takes it back. The supply is the lease's to restore.

    Raises:
        devices.errors.DeviceError: it could not be restored.
    """
    was_on = bench.entry.switch is None or bench.switch.state()
    governor = _governor(bench) if was_on else None
    try:
        yield
    finally:
        if governor is not None and _governor(bench) not in (governor, None):
            Governor(name=governor).change(Target(bench.board, bench.shell, bench.workdir))


def _governor(bench: Bench) -> str | None:
    """Return it, or None of a board that does not answer: that is for the steps to say."""
    try:
        return bench.board.look(timeout_s=_ANSWER_S).state.governor
    except DeviceError:
        return None


def _boot(bench: Bench, plan: Plan) -> str:
    if bench.entry.switch is None:
        bench.ensure_up()
        raise Impossible("it has no power switch; it is up")
    report, boot = bench.power_cycle(), bench.boot
    if boot is not None and plan.check.boot is not None and boot.up_s > plan.check.boot.within_s:
        hint = "the stages on its console tell where the time goes"
        said = f"was up {boot.up_s:.1f} s after power on; {plan.check.boot.within_s:g} s are allowed"
        raise LabFault(bench.name, said, hint=hint)
    return (" → ".join(report.stages) or "nobody saw it boot") + (
        f", up after {boot.up_s:.1f} s" if boot is not None else ""
    )


def _up(bench: Bench, plan: Plan) -> str:
    del plan
    bench.ensure_up()
    identity = bench.board.identity()
    return f"{identity.os or 'up'}, serial number {identity.serial_number or 'not told'}"


def _console(bench: Bench, plan: Plan) -> str:
    wanted = plan.check.console
    if wanted is None or bench.entry.console is None or bench.entry.console.user is None:
        raise Impossible("the inventory names no user for its console")
    bench.login()
    found = bench.console.run(wanted.command, timeout_s=_COMMAND_S).text
    bench.console.write(b"exit\n")  # a shell that stays logged in shows the next reader neither login nor prompt
    if found != wanted.answer:
        said = f"`{wanted.command}` on the console printed {found[:80]!r}, not {wanted.answer!r}"
        raise ConsoleFault(bench.name, said, hint="is that another system than health.yaml has in mind?")
    return f"`{wanted.command}` answers {found!r}"


def _provisioned(bench: Bench, plan: Plan) -> str:
    if plan.playbook is None:
        raise Impossible("no playbook")
    lasting = [entry for entry in plan.playbook.steps if entry.step.lasts]
    playbook = plan.playbook.model_copy(update={"steps": lasting})
    steps = apply(playbook, bench.board, bench.shell, workdir=bench.workdir, bench=bench, check=True)
    if different := [f"{step.name} ({step.detail})" for step in steps if step.changed]:
        raise LabFault(
            bench.name, f"is not as provisioned: {', '.join(different)}", hint=f"farm provision {bench.name}"
        )
    return f"{len(steps)} steps of {plan.playbook.path.name} are as wanted"


def _limits(bench: Bench, plan: Plan) -> str:
    state, check, told = bench.board.state(), plan.check, list[str]()
    if state.throttled:
        raise LabFault(bench.name, f"holds itself back: {state.throttle_detail or 'it does not say why'}")
    if check.max_celsius is not None and state.celsius:
        sensor, celsius = max(state.celsius.items(), key=lambda item: item[1])
        told.append(f"{sensor} at {celsius:.0f} °C")
        if celsius > check.max_celsius:
            hint = "look at its fan, its heat sink, the room"
            raise LabFault(bench.name, f"{told[-1]}; {check.max_celsius:g} °C are allowed at rest", hint=hint)
    if check.min_disk_free_mb is not None and state.disk_free_bytes is not None:
        free_mb = state.disk_free_bytes / 1e6
        told.append(f"{free_mb:,.0f} MB free")
        if free_mb < check.min_disk_free_mb:
            hint = "delete what is not needed there; models lie in the inventory's `workdir:`"
            raise LabFault(bench.name, f"{told[-1]}; {check.min_disk_free_mb:g} MB are wanted", hint=hint)
    return ", ".join(told) or "it tells neither temperature nor free disk"


def _rest(bench: Bench, plan: Plan) -> str:
    rest = plan.check.rest
    if rest is None or not bench.meters:
        raise Impossible("it has no meter")
    told: list[str] = []
    for nth, on_rail in enumerate(bench.meters.values()):
        with Sampler(on_rail.meter) as sampler:
            sleep(max(rest.for_s, _READINGS / on_rail.meter.rate_hz))
            block = sampler.stop().block
        if not len(block):
            raise MeterOffline(on_rail.name, f"not one reading in {rest.for_s:g} s")
        mean = Reading(*(float(np.mean(values)) for values in (block.volts, block.amps, block.watts)))
        check_reading(on_rail.name, on_rail.rail, mean, powered=True)
        told.append(f"{on_rail.name} {mean.watts:.3g} W" + f" at {mean.volts:.4g} V" * (not isnan(mean.volts)))
        if nth == 0 and not rest.min_watts <= mean.watts <= rest.max_watts:
            said = f"reads {mean.watts:.3g} W with {bench.name} at rest"
            hint = "what runs on the board, what else hangs on the rail, which range is the meter in?"
            raise LabFault(on_rail.name, f"{said}; {rest.min_watts:g} to {rest.max_watts:g} W are usual", hint=hint)
    return ", ".join(told)


def _trial(bench: Bench, plan: Plan) -> str:
    trial, artifact, dataset = plan.check.trial, plan.artifact, plan.dataset
    if trial is None or artifact is None or dataset is None:
        raise Impossible("no artifact")
    put = deploy_to(bench, artifact, dataset)
    # kept by the check, not among the results: it says something of the board, nothing of the release
    record = run_trial(bench, put, FixedRate(trial.rate_hz, trial.duration_s, idle_s=0.5)).record
    held_back = [void for void in record.voids if void.startswith("throttled:")]
    if held_back:
        raise LabFault(bench.name, f"held itself back in the trial: {held_back[0]}", hint="look at its cooling")
    if record.voids:
        raise NoVerdict(record.voids)
    if missed := list(_missed(trial, record)):
        raise LabFault(bench.name, f"{artifact.manifest.name}: {', '.join(missed)}", hint="compare with earlier checks")
    return f"{artifact.manifest.name}: {', '.join(_told(record))}"


def _missed(trial: ShortTrial, record: Record) -> Iterator[str]:
    """Yield each limit that is missed, or that nothing was measured for."""
    found = _figures(record)
    for name, at_most in (("min_fps", False), ("max_p99_ms", True), ("min_accuracy", False), ("max_mean_watts", True)):
        limit: float | None = getattr(trial, name)
        value, unit = found[name]
        if limit is None:
            continue
        if value is None:
            yield f"{name} {limit:g}: nothing was measured"
        elif value > limit if at_most else value < limit:
            yield f"{value:.3g}{unit}, {'at most' if at_most else 'at least'} {limit:g}{unit} wanted"


def _figures(record: Record) -> dict[str, tuple[float | None, str]]:
    """Return what each limit is held against; waiting for a processor that other load held is left out of speed."""
    fps, p99_ms = record.deadlines.fps_unstarved, record.latency.p99_unstarved_ms
    return {
        "min_fps": (record.deadlines.fps if fps is None else fps, " fps"),
        "max_p99_ms": (record.latency.p99_ms if p99_ms is None else p99_ms, " ms"),
        "min_accuracy": (record.accuracy.fraction if record.accuracy else None, " correct"),
        "max_mean_watts": (record.supply.mean.watts if record.supply else None, " W"),
    }


def _told(record: Record) -> Iterator[str]:
    return (f"{value:.3g}{unit}" for value, unit in _figures(record).values() if value is not None)


STEPS = (
    Step("boot", lambda check: check.boot is not None, _boot, vital=True),
    Step("identity", lambda _: True, _up, vital=True),
    Step("console", lambda check: check.console is not None, _console),
    Step("provisioned", lambda check: check.provisioned, _provisioned),
    Step("limits", lambda check: check.max_celsius is not None or check.min_disk_free_mb is not None, _limits),
    Step("rest", lambda check: check.rest is not None, _rest),
    Step("trial", lambda check: check.trial is not None, _trial),
)
"""In the order in which they are taken."""
