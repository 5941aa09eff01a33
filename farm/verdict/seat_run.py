"""One seat of a gate: a board is borrowed, made ready, and runs trials until the policy is decided on it.

A fault of the lab moves the seat to a neighbour of the same model, where everything is run anew, the baseline too:
trials of two boards are never compared.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from devices.errors import DeviceError
from power.errors import PowerError

from ..artifact.deploy import Deployment, deploy_to
from ..errors import LabFault, NoVerdict, UsageFault
from ..health.lab_faults import note_lab_fault
from ..lab.bench import Bench
from ..lab.lending import CutShort, Lending
from ..playbook import Playbook, apply
from ..store.database import Store
from ..store.record import Moved, Record, Role
from ..store.run import GateFault
from .budget import Budget, trial_s
from .gate import SeatVerdict, judge_seat
from .keep import first_line, run_and_keep
from .policy import Policy
from .releases import Releases
from .seats import Seat

_FAULTS = (DeviceError, PowerError, LabFault)


@dataclass(frozen=True, slots=True)
class Job:
    """What the seats of one gate share."""

    policy: Policy
    seats: Sequence[Seat]
    """All of the gate's."""
    releases: Releases
    playbooks: Mapping[str, Playbook]
    """By board model: what is done to a board before its trials; none where boards stay as they are."""
    store: Store
    run_id: str
    lending: Lending
    budget: Budget
    progress: Callable[[str, str], None]
    """Told what is done, and on which seat; nothing when the seat is done with."""


@dataclass(frozen=True, slots=True)
class SeatRun:
    """What came of one seat. Its verdict follows from its records alone: :func:`.gate.judge_seat`."""

    seat: Seat
    records: tuple[Record, ...] = ()
    """Of the board that it was on last."""
    faults: tuple[GateFault, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it has no verdict, beyond records and faults."""

    def verdict(self, policy: Policy) -> SeatVerdict:
        """Return the best that can be said, now that no more trials will come."""
        return judge_seat(policy, self.seat, self.records, final=True)


def boards_of(seat: Seat, seats: Sequence[Seat]) -> list[str]:
    """Return where a seat may run: on the board that it prefers, and on those that no other seat prefers."""
    preferred = {other.boards[0] for other in seats}
    return [board for board in seat.boards if board == seat.boards[0] or board not in preferred]


def run_seat(job: Job, seat: Seat) -> SeatRun:
    """Run one seat to its end, on as many boards as its policy allows. Every trial is kept at once.

    Raises:
        Stopped: the gate was told to end.
    """
    faults: list[GateFault] = []
    moved: list[Moved] = []
    boards = boards_of(seat, job.seats)
    while True:
        stay = _Stay(job, seat, tuple(moved))
        try:
            reasons = stay.run(boards)
            return stay.ended(_resolved(faults, stay.board), reasons)
        except UsageFault as refused:  # the board's runtime refuses the model: a neighbour's would too
            return stay.ended(_resolved(faults, stay.board), refused.faults)
        except NoVerdict as unkept:
            return stay.ended(_resolved(faults, stay.board), [f"{seat.key}: {why}" for why in unkept.reasons])
        except CutShort as late:  # a neighbour would be cut short at once
            return stay.ended(_resolved(faults, stay.board), [f"{seat.key}: {first_line(late)}"])
        except _FAULTS as fault:
            job.lending.heed()  # links that were closed to end the gate are no fault of the lab
            faults = _resolved(faults, stay.board)
            what, board = first_line(fault), stay.board or _board_of(fault)
            if board is None:  # none was free
                return stay.ended(faults, [f"{seat.key}: {what}"])
            faults.append(GateFault(board=board, what=what, hint=fault.hint))
            with suppress(LabFault):  # a database that refuses this refuses the next trial too, which tells
                note_lab_fault(job.store, job.lending.lab, board, fault)
            run = stay.ended(faults)
            boards = [name for name in boards if name != board]
            regressed = run.verdict(job.policy).outcome == "regression"
            if regressed or not boards or len(moved) == job.policy.retries:
                return run
            moved.append(Moved(board=board, why=what))
            job.progress(f"{what}; trying a neighbour", seat.key)


def _board_of(fault: Exception) -> str | None:
    """Return the board that could not even be opened; None where none was to be had."""
    return fault.device if isinstance(fault, DeviceError) else None


def _resolved(faults: Sequence[GateFault], board: str | None) -> list[GateFault]:
    """Say of the last fault that a neighbour has taken over."""
    if not faults or board is None:
        return list(faults)
    return [*faults[:-1], faults[-1].model_copy(update={"retried_on": board})]


class _Stay:
    """A seat's stay on one board."""

    def __init__(self, job: Job, seat: Seat, moved: tuple[Moved, ...]) -> None:
        """Take where it was to run before; no board is borrowed yet."""
        self._job, self._seat, self._moved = job, seat, moved
        self.board: str | None = None
        self._records: list[Record] = []
        self._trial_s = trial_s(seat.scenario)
        self._conditions = job.policy.conditions(seat.model)

    def ended(self, faults: Sequence[GateFault], reasons: Sequence[str] = ()) -> SeatRun:
        """Return what came of the seat if it ends with this stay."""
        return SeatRun(self._seat, tuple(self._records), tuple(faults), tuple(reasons))

    def run(self, boards: Sequence[str]) -> list[str]:
        """Borrow one of these boards and run trials there until the policy is decided.

        Returns:
            Why it is not, where time was up before.
        """
        job = self._job
        wait_s = 0.0 if self._moved else job.budget.left_s  # a neighbour is tried if one is free
        with job.lending.lend(boards, wait_s=wait_s, tell=self._tell) as bench:
            self.board = bench.name
            self._make_ready(bench)
            return self._run_trials(bench, self._deploy(bench))

    def _make_ready(self, bench: Bench) -> None:
        self._tell("bringing it up")
        if self._seat.boot:
            bench.power_cycle(self._require_time)
        else:
            bench.ensure_up(self._require_time)
        if (playbook := self._job.playbooks.get(self._seat.model)) is not None:
            apply(playbook, bench.board, bench.shell, workdir=bench.workdir, bench=bench, progress=self._tell)

    def _require_time(self, reached: str) -> None:
        self._job.lending.heed()
        self._job.budget.require_for_boot(self.board or "", reached)

    def _deploy(self, bench: Bench) -> dict[Role, Deployment]:
        roles: list[Role] = ["candidate", "baseline"] if self._seat.compares else ["candidate"]
        put: dict[Role, Deployment] = {}
        for role in roles:
            packed = self._job.releases.of(role, self._seat.model)
            device = self._seat.scenario.device
            put[role] = deploy_to(bench, packed.artifact, packed.dataset, device=device, progress=self._tell)
        return put

    def _run_trials(self, bench: Bench, put: Mapping[Role, Deployment]) -> list[str]:
        while True:
            verdict = judge_seat(self._job.policy, self._seat, self._records, final=False)
            if verdict.decided:
                return []
            for role in verdict.next:
                if self._job.budget.left_s < self._trial_s:
                    return [self._time_is_up()]
                if self._run_trial(bench, put[role], role).voids:
                    break  # it is repeated: whose turn it is has not changed

    def _run_trial(self, bench: Bench, put: Deployment, role: Role) -> Record:
        job, began_s = self._job, self._job.budget.now_s()
        nth = len(self._records) + 1

        def tell(text: str) -> None:
            self._tell(f"trial {nth}, {role}: {text}")

        record = run_and_keep(
            bench,
            put,
            self._seat.scenario,
            conditions=self._conditions,
            label=lambda trial: trial.within(job.run_id, role=role, moved=self._moved),
            store=job.store,
            lending=job.lending,
            tell=tell,
        )
        self._records.append(record)
        self._trial_s = max(self._trial_s, job.budget.now_s() - began_s)
        return record

    def _time_is_up(self) -> str:
        ran = f"{len(self._records)} trials ran on {self.board}, and one more takes {self._trial_s:.0f} s"
        return f"{self._seat.key}: time was up: the gate has {self._job.budget.limit_s:g} s, {ran}"

    def _tell(self, text: str) -> None:
        self._job.lending.heed()
        self._job.progress(f"{self.board}: {text}" if self.board else text, self._seat.key)
