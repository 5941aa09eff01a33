"""A gate, run: every seat in a thread of its own, on a board of its own, and one verdict over all of them."""

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread
from typing import Any

from ..lab.lease import owner
from ..lab.lending import Lending, Stopped
from ..store.database import Store, Stored
from ..store.run import GateVerdict, Run
from .budget import Budget
from .gate import conclude
from .gate_plan import Plan
from .policy import Policy
from .seat_run import Job, SeatRun, run_seat
from .seats import Seat

_GRACE_S = 3.0
"""Within this a seat that was told to end has come to its next step, and restores its board over open links."""
_CLOSED_S = 4.0
"""Within this what waited on a link that was closed has noticed. A CI kills a cancelled job after some 10 s."""
_MOST_RECORDS = 1_000_000
_NONE_LEFT = (
    "all have run other seats of this gate",
    "give the policy a lower count, or the lab more boards of this model",
)

Progress = Callable[[str, str], None]


def new_run(plan: Plan, command: Sequence[str]) -> Run:
    """Return what stands in the store before the first trial."""
    lab = plan.lab
    return Run(
        id=secrets.token_hex(8),
        kind="gate",
        started_utc=datetime.now(UTC),
        command=list(command),
        owner=owner(),
        lab=lab.lab,
        inventory=lab.resolved.source if lab.resolved else str(lab.path),
        inventory_sha256=lab.resolved.sha256 if lab.resolved else lab.sha256,
        farm_version=version("edge-test-farm"),
    ).model_copy(update=gate_facts(plan))


def gate_facts(plan: Plan) -> dict[str, Any]:
    """Return what a run says of its gate: policy and releases."""
    return {
        "policy": plan.policy.model_dump(mode="json", exclude_none=True),
        "policy_path": str(plan.policy.path),
        "policy_sha256": plan.policy.sha256,
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
    threads = [_Running(job, seat) for seat in plan.seats]
    begun: list[_Running] = []
    try:
        for thread in threads:
            begun.append(thread)  # before it runs: an interruption must not miss a seat that has just taken its board
            thread.start()
        for thread in threads:
            thread.ended.wait()
    except BaseException:
        _end(job.lending, begun)
        raise
    for thread in threads:
        thread.join()
    return verdict_of(plan.policy, [thread.result() for thread in threads])


def verdict_of(policy: Policy, runs: Sequence[SeatRun], reasons: Sequence[str] = ()) -> GateVerdict:
    """Put the seats together."""
    return conclude(
        policy,
        [run.verdict(policy) for run in runs],
        [fault for run in runs for fault in run.faults],
        [*(reason for run in runs for reason in run.reasons), *reasons],
    )


def _end(lending: Lending, threads: Sequence["_Running"]) -> None:
    """Let all seats leave their boards in order; those that do not come to it, by closing their links."""
    lending.stop()
    if not _all_ended(threads, _GRACE_S):
        lending.sever()
        _all_ended(threads, _CLOSED_S)


def _all_ended(threads: Sequence["_Running"], within_s: float) -> bool:
    until = Budget(within_s)
    for thread in threads:
        if thread.ended.wait(until.left_s):
            thread.join()  # it has nothing left to do
    return all(thread.ended.is_set() for thread in threads)


class _Running(Thread):
    """One seat's thread. A daemon: one that hangs on a board keeps nobody from leaving."""

    def __init__(self, job: Job, seat: Seat) -> None:
        super().__init__(name=f"seat {seat.key}", daemon=True)
        self._work = partial(run_seat, job, seat)
        self._done = partial(job.progress, "", seat.key)
        self._run: SeatRun | None = None
        self._error: BaseException | None = None
        self.ended = Event()
        """Waited on instead of the thread itself: an interruption must reach who waits."""

    def run(self) -> None:
        """Run the seat and keep what it ends with."""
        try:
            self._run = self._work()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised again where the verdict would be
            self._error = error
        finally:
            self._done()
            self.ended.set()

    def result(self) -> SeatRun:
        """Return what came of it; raises what went wrong in the farm itself."""
        if self._error is not None:
            raise self._error
        if self._run is None:
            raise Stopped
        return self._run
