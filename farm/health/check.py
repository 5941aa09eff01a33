"""The longer check: a board does the whole job once, from a cold start to a short trial, and is held to health.yaml."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Literal

from devices.errors import DeviceError
from power.errors import PowerError

from ..errors import LabFault, NoVerdict
from ..lab.bench import Bench, borrow
from ..lab.inventory import Lab
from ..lab.lease import LeaseLost, Leases, owner
from ..lab.made import made
from ..store.database import Store
from ..store.health import note_check
from ..store.record import Made, utc
from .check_plan import Plan
from .check_steps import STEPS, Impossible, Step, restored
from .known import taken_by
from .policy import HealthPolicy

Outcome = Literal["passed", "failed", "undecided", "skipped"]
Progress = Callable[[str], None]
_FAULTS = (DeviceError, PowerError, LabFault)


class InUse(LabFault):
    """Somebody has the board: it was not checked, and nothing is said of it."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step."""

    name: str
    outcome: Outcome
    detail: str
    """What was seen; of a failed step the fault, component first."""
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one board."""

    board: str
    made: Made
    started_utc: str
    steps: list[StepResult]
    quarantine: str | None = None
    """Why the board is in quarantine after it, if it is."""

    @property
    def fault(self) -> str:
        """What the first failed step met; empty where none failed."""
        return next((step.detail for step in self.steps if step.outcome == "failed"), "")

    @property
    def outcome(self) -> Outcome:
        """Failed over undecided over passed."""
        found = {step.outcome for step in self.steps}
        return "failed" if "failed" in found else "undecided" if "undecided" in found else "passed"


def check_board(
    lab: Lab,
    board: str,
    plan: Plan,
    *,
    state: Path = Path(".farm"),
    wait_s: float = 0.0,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> CheckResult:
    """Check one board and keep what came of it; a check that could not decide is told and not kept.

    Args:
        lab: the inventory.
        board: its name; one in quarantine is lent for this.
        plan: what it is held to.
        state: the farm's folder.
        wait_s: how long to wait for its user.
        progress: told each step before it is taken.
        stop: once it is set no further step is taken, and the check decides nothing.

    Raises:
        InUse: somebody has the board, and still has after ``wait_s``.
        LeaseLost: it was taken away in the middle.
        UsageFault: the check itself is wrong: its artifact does not suit the board, a password is missing.
    """
    started_utc = utc(datetime.now(UTC))
    steps: list[StepResult] = []
    try:
        with borrow(lab, board, state=state, wait_s=wait_s, reason="health check", even_quarantined=True) as bench:
            for step in _steps(bench, plan, progress, stop or Event()):
                steps.append(step)  # noqa: PERF402 -- one by one: what was seen before something breaks stands
    except LeaseLost:
        raise
    except _FAULTS as fault:  # before or after the steps: its console cannot be opened, its power not be restored
        if not steps:
            _raise_if_in_use(lab, board, state, fault)
        steps.append(StepResult("bench", "failed", str(fault), 0.0))
    result = CheckResult(board, made(lab.boards[board].twin), started_utc, steps)
    return result if result.outcome == "undecided" else _kept(lab, state, plan.policy, result)


def _steps(bench: Bench, plan: Plan, progress: Progress | None, stop: Event) -> Iterator[StepResult]:
    with restored(bench):
        for step in STEPS:
            if not step.wanted(plan.check):
                continue
            if stop.is_set():
                yield StepResult(step.name, "undecided", "the check was interrupted", 0.0)
                return
            if progress is not None:
                progress(step.name)
            result = _take(step, bench, plan)
            yield result
            if result.outcome == "failed" and step.vital:
                return


def _take(step: Step, bench: Bench, plan: Plan) -> StepResult:
    started_ns = time.monotonic_ns()
    outcome: Outcome
    try:
        outcome, detail = "passed", step.take(bench, plan)
    except Impossible as why:
        outcome, detail = "skipped", str(why)
    except NoVerdict as why:
        outcome, detail = "undecided", "; ".join(why.reasons)
    except LeaseLost:
        raise
    except _FAULTS as fault:
        outcome, detail = "failed", str(fault)
    return StepResult(step.name, outcome, detail, round((time.monotonic_ns() - started_ns) / 1e9, 2))


def _kept(lab: Lab, state: Path, policy: HealthPolicy, result: CheckResult) -> CheckResult:
    steps = json.dumps([asdict(step) for step in result.steps], ensure_ascii=False)
    with Store.open(lab.database(state)) as store:
        why = note_check(
            store,
            result.board,
            result.fault,
            json=steps,
            quarantine_after=policy.quarantine_after,
            by=owner(),
        )
    return CheckResult(result.board, result.made, result.started_utc, result.steps, why)


def _raise_if_in_use(lab: Lab, board: str, state: Path, fault: Exception) -> None:
    with Leases.open(lab, state) as leases:
        who = taken_by(leases, board)
    if who is not None:
        raise InUse(board, f"not checked: in use by {who}", hint="wait for it: --wait S") from fault
