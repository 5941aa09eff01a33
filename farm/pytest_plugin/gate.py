"""A gate's policy as tests: one for each of its boards, and one verdict at the end of the session.

    def test_release(gate):
        gate.check()

Trials, judgement and verdict are those of ``farm gate``: see :mod:`farm.verdict.gate_run`.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from farm.errors import LabFault, NoVerdict, UsageFault
from farm.lab.made import made
from farm.report.gate_junit import as_text, figures
from farm.report.gate_text import text
from farm.report.gate_view import Gate
from farm.store.database import Store
from farm.store.run import GateFault, GateVerdict
from farm.verdict.budget import Budget
from farm.verdict.gate_plan import Asked, Plan, plan_gate
from farm.verdict.gate_run import gate_facts, new_job, verdict_of
from farm.verdict.seat_run import Job, SeatRun, boards_of, run_seat
from farm.verdict.seats import Seat

from .results import note
from .selection import Wish
from .session import LabSession

ENDED = pytest.StashKey[SeatRun]()
"""What came of a test's seat."""


class SeatTest:
    """The ``gate`` fixture: one seat of the policy."""

    def __init__(self, session: "GateSession", seat: Seat, item: pytest.Item) -> None:
        """Take the seat; no board is borrowed yet."""
        self.seat, self._session, self._item = seat, session, item

    def check(self) -> None:
        """Run the seat's trials until the policy is decided on it.

        Fails the test when a limit is missed, uncertainty included, and prints every criterion.

        Raises:
            LabFault: a component of the lab failed, and no neighbour took over.
            NoVerdict: it ran, and decides nothing.
        """
        run = self._session.run(self.seat, self._item)
        self._item.stash[ENDED] = run
        seen = run.verdict(self._session.plan.policy)
        verdict = GateVerdict(
            outcome=seen.outcome,
            criteria=seen.criteria,
            evidence=seen.evidence,
            faults=list(run.faults),
            reasons=[*run.reasons, *seen.reasons],
        )
        known = {"gate.verdict": verdict.outcome, "gate.board": seen.board, **figures(verdict.criteria)}
        self._item.user_properties += [
            (f"farm.{name}", as_text(value)) for name, value in known.items() if value is not None
        ]
        lines = text(self._session.shown(verdict, run))
        if verdict.outcome == "regression":
            pytest.fail("\n".join(["verdict: regression", *lines]), pytrace=False)
        for fault in run.faults:
            if fault.retried_on is None:
                raise LabFault(fault.board, fault.what.removeprefix(f"{fault.board}: "), hint=fault.hint)
        if verdict.outcome == "no verdict" or run.reasons:
            raise NoVerdict(_why(verdict))
        note(self._item, f"every limit held: {len(verdict.criteria)} criteria on {seen.board}")


def _why(verdict: GateVerdict) -> list[str]:
    undecided = [f"{c.board}: {c.name}: {c.why}" for c in verdict.criteria if c.outcome == "no verdict"]
    missing = [f"{e.board}: {e.what}: {e.detail}" for e in verdict.evidence if not e.held]
    return list(dict.fromkeys([*verdict.reasons, *missing, *undecided])) or ["nothing was decided"]


class GateSession:
    """Hooks of a session that has a policy. One a process: with xdist each worker has its own."""

    def __init__(self, config: pytest.Config, lab: LabSession) -> None:
        """Read and check everything; what is wrong is a usage error before any board is touched."""
        self.config, self._lab = config, lab
        self._folder = TemporaryDirectory(prefix="farm-")
        option = config.option
        asked = Asked(option.farm_policy, option.farm_candidate, option.farm_baseline)
        try:
            self.plan: Plan = plan_gate(asked, lambda: lab.lab, Path(self._folder.name))
        except UsageFault as fault:
            self._folder.cleanup()
            raise pytest.UsageError("\n".join(fault.faults)) from None
        if not lab.is_worker:  # a worker's run is the one that the main process described
            lab.kept.run = lab.kept.run.model_copy(update=gate_facts(self.plan))
        self._store: Store | None = None
        self._budget: Budget | None = None
        self._heard: dict[str, Mapping[str, Any]] = {}
        self._shown: Gate | None = None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that asks for the gate once for every seat; boards are named as ``board(any=…)`` names them."""
        if "gate" in metafunc.fixturenames:
            params = [pytest.param(seat, id=_id(seat)) for seat in self.plan.seats]
            metafunc.parametrize("gate", params, indirect=True)

    def run(self, seat: Seat, item: pytest.Item) -> SeatRun:
        """Run one seat, and keep its trials under the session's run."""
        self._lab.require_up()
        before = item.stash.get(ENDED, None)  # pytest-rerunfailures runs the same item again
        again = [record.board.name for record in before.records] if before else []
        return run_seat(self._job(lambda told, _: note(item, told), again), seat)

    def _job(self, progress: Callable[[str, str], None], again: list[str]) -> Job:
        if self._store is None:
            self._store = Store.open(self._lab.kept.where)
            self._lab.kept.begin(self._store)
        state = self.config.option.farm_state
        job = new_job(self.plan, self._store, self._lab.kept.run.id, progress, state=state, again=again)
        self._budget = self._budget or job.budget  # one for the whole gate, from its first seat on
        return replace(job, budget=self._budget)

    def shown(self, verdict: GateVerdict, *runs: SeatRun) -> Gate:
        """Return a verdict as the outputs want it."""
        records = [record for run in runs for record in run.records]
        lab = self.plan.lab
        return Gate(self._lab.kept.run, verdict, records, {name: made(lab.boards[name].twin) for name in lab.twins})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send along what came of the seat: the main process puts the seats together."""
        report = yield
        run = item.stash.get(ENDED, None)
        if run is not None and report.when == "call":
            vars(report)["farm_gate"] = {
                "seat": run.seat.key,
                "records": [record.id for record in run.records],
                "faults": [fault.model_dump() for fault in run.faults],
                "reasons": list(run.reasons),
            }
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear what came of a seat, here or in a worker; of one that ran again only the last time counts."""
        told: Mapping[str, Any] | None = getattr(report, "farm_gate", None)
        if told is not None:
            self._heard[told["seat"]] = told

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Conclude, before the run is ended in the store."""
        option = self.config.option
        if not (self._lab.is_worker or option.collectonly or option.farm_dry_run or self._lab.results.interrupted):
            self._conclude()
        if self._store is not None:
            self._store.close()

    def _conclude(self) -> None:
        kept = self._lab.kept
        with Store.open(kept.where) as store:
            kept.begin(store)
            runs = [_heard(self._heard[seat.key], seat, store) for seat in self.plan.seats if seat.key in self._heard]
        absent = [f"{seat.key}: its test did not run" for seat in self.plan.seats if seat.key not in self._heard]
        kept.verdict = verdict_of(self.plan.policy, runs, absent)
        self._shown = self.shown(kept.verdict, *runs)
        if kept.verdict.outcome == "no verdict":
            self._lab.results.undecided()

    def pytest_terminal_summary(self) -> None:
        """Print the verdict."""
        if self._shown is not None:
            lines = [*text(self._shown), f"verdict: {self._shown.headline()}"]
            self._lab.results.say(f"gate {self._shown.policy}", lines)

    def pytest_unconfigure(self) -> None:
        """Remove the unpacked models."""
        self._folder.cleanup()

    def wish_of(self, item: pytest.Item) -> Wish | None:
        """Return which boards a test's seat may run on; None for a test without one."""
        callspec = getattr(item, "callspec", None)
        seat = None if callspec is None else callspec.params.get("gate")
        if not isinstance(seat, Seat):
            return None
        return Wish(_id(seat), tuple(boards_of(seat, self.plan.seats)), seat.key)


def _id(seat: Seat) -> str:
    """Return a test id in which the hand-out of tests to workers reads the board model."""
    nth = seat.key.removeprefix(seat.model).partition(" of ")[0].strip()
    return "-".join(filter(None, ("any", seat.model, nth)))


def _heard(told: Mapping[str, Any], seat: Seat, store: Store) -> SeatRun:
    records = tuple(store.load(record_id).record for record_id in told["records"])
    faults = tuple(GateFault.model_validate(fault) for fault in told["faults"])
    return SeatRun(seat, records, faults, tuple(told["reasons"]))
