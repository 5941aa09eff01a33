"""A gate, run: every seat in a thread of its own, on a board of its own, and one verdict over all of them."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..lab.crew import work
from ..lab.lending import Lending
from ..lab.new_run import new_run as lab_run
from ..store.database import Store, Stored
from ..store.run import GateVerdict, Run
from .budget import Budget
from .gate import conclude
from .gate_plan import Plan
from .policy import Policy
from .seat_run import Job, SeatRun, run_seat

_MOST_RECORDS = 1_000_000
_NONE_LEFT = (
    "all have run other seats of this gate",
    "give the policy a lower count, or the lab more boards of this model",
)

Progress = Callable[[str, str], None]


def new_run(plan: Plan, command: Sequence[str]) -> Run:
    """Return what stands in the store before the first trial."""
    return lab_run(plan.lab, "gate", command, **gate_facts(plan))


def gate_facts(plan: Plan) -> dict[str, Any]:
    """Return what a run says of its gate: policy and releases."""
    return {
        "policy": plan.policy.model_dump(mode="json", exclude_none=True),
        "policy_path": str(plan.policy.path),
        "policy_sha256": plan.policy.sha256,
        "overridden": dict(plan.policy.overridden),
        "releases": plan.releases.ids(),
    }


def new_job(
    plan: Plan, store: Store, run_id: str, progress: Progress, *, state: Path, again: Collection[str] = ()
) -> Job:
    """Return what the seats share; the time budget begins now.

    Args:
        plan: what to do.
        store: where records go; the run has begun there.
        run_id: the run.
        progress: told what is done, and on which seat.
        state: the farm's folder.
        again: boards that may be used although they have trials of this run: the seat's own, which is run once more.
    """

    def used() -> set[str]:
        stored = store.records(run_id=run_id, limit=_MOST_RECORDS)
        return {each.record.board.name for each in stored if isinstance(each, Stored)}.difference(again)

    lending = Lending(plan.lab, state, f"gate {run_id[:8]}", used, _NONE_LEFT)
    budget = Budget(plan.policy.time_budget_s)
    return Job(plan.policy, plan.seats, plan.releases, plan.playbooks, store, run_id, lending, budget, progress)


def run_gate(plan: Plan, store: Store, run_id: str, progress: Progress, *, state: Path) -> GateVerdict:
    """Run all seats at once and judge; what one meets keeps no other from its end.

    Raises:
        KeyboardInterrupt: whoever waited was interrupted; by then every seat has ended, and its board is returned.
    """
    job = new_job(plan, store, run_id, progress, state=state)
    parts = {seat.key: partial(run_seat, job, seat) for seat in plan.seats}
    ran = work(job.lending, parts, partial(progress, ""))
    return verdict_of(plan.policy, list(ran.values()))


def verdict_of(policy: Policy, runs: Sequence[SeatRun], reasons: Sequence[str] = ()) -> GateVerdict:
    """Put the seats together."""
    return conclude(
        policy,
        [run.verdict(policy) for run in runs],
        [fault for run in runs for fault in run.faults],
        [*(reason for run in runs for reason in run.reasons), *reasons],
    )
