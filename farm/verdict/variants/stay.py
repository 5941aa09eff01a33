"""One board's part of a comparison: it is borrowed, gets all variants, and runs them in turn until there is enough."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from devices.errors import DeviceError
from power.errors import PowerError

from ...artifact.deploy import Deployment, deploy_to
from ...errors import LabFault, NoVerdict, UsageFault
from ...health.lab_faults import note_lab_fault
from ...lab.bench import Bench
from ...lab.lending import CutShort, Lending
from ...store.database import Store
from ...store.record import TurnFacts
from ...trial.trial import Trial
from ..budget import Budget, trial_s
from ..keep import first_line, run_and_keep
from .ledger import Ledger
from .order import Order, pairs
from .plan import Plan

_FAULTS = (DeviceError, PowerError, LabFault)
_TRIES = 2
"""A board that fails is borrowed once more, and begins its pair of rounds anew; failing again it is left out."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the boards share."""

    plan: Plan
    store: Store
    run_id: str
    lending: Lending
    budget: Budget
    ledger: Ledger
    progress: Callable[[str, str], None]
    """Told what is done, and on which board; nothing when that is done with."""


class _LeftOut(Exception):
    """The board is of no more use to this comparison."""


def run_board(job: Job, board: str) -> None:
    """Run a board's part to its end; every trial is kept at once. What the lab does wrong is noted.

    Raises:
        Stopped: the comparison was told to end.
    """
    done = 0
    for attempt in range(_TRIES):
        stay = _Stay(job, board, attempt, done)
        try:
            stay.run()
        except UsageFault as refused:  # the boards' runtime refuses a model, or it fits none of them
            job.ledger.refuse(refused.faults)
        except _LeftOut as why:
            job.ledger.lost(board, str(why), again=False)
        except _FAULTS as fault:
            job.lending.heed()  # links that were closed to end it all are no fault of the lab
            done = stay.done
            again = stay.lent and attempt + 1 < _TRIES and not job.ledger.over and not isinstance(fault, CutShort)
            job.ledger.lost(board, first_line(fault), fault.hint, again=again)
            if stay.lent or isinstance(fault, DeviceError):  # else it was in use, or in quarantine
                with suppress(LabFault):  # a database that refuses this refuses the next trial too, which tells
                    note_lab_fault(job.store, job.lending.lab, board, fault)
            if again:
                continue
        finally:
            if not stay.lent and attempt == 0:
                job.ledger.arrived(board, free=False)
        return


class _Stay:
    """A board that is lent."""

    def __init__(self, job: Job, board: str, attempt: int, done: int) -> None:
        """Take how often it was lent before, and how many pairs of rounds it has run."""
        self._job, self._board, self._attempt = job, board, attempt
        self.done = done
        self.lent = False
        self._voids = 0
        self._took_s = [trial_s(job.plan.scenario)]
        self._last: int | None = None
        """The variant that ran last."""

    def run(self) -> None:
        """Borrow the board if it is free, make it ready, and run pairs of rounds until there is enough."""
        job = self._job
        with job.lending.lend((self._board,), wait_s=0.0, tell=self._tell) as bench:
            job.ledger.arrived(self._board, free=True)
            self.lent = True
            job.ledger.wait_for_all(job.lending.heed)
            self._tell("bringing it up")
            bench.ensure_up(self._require_use)
            device = job.plan.scenario.device
            put = [
                deploy_to(bench, one.artifact, one.dataset, device=device, progress=self._tell)
                for one in job.plan.packed
            ]
            number = list(job.plan.facts.boards).index(self._board)
            orders = pairs(len(put), job.plan.facts.seed, number)
            most = job.plan.facts.most_rounds // 2
            for nth, order in enumerate(islice(orders, self.done, most), start=self.done):
                if not self._run_pair(bench, put, nth, order):
                    return
                self.done = nth + 1
                job.ledger.look()

    def _require_use(self, reached: str) -> None:
        """Raise where the board, while it comes up, is of no use any more."""
        job = self._job
        job.lending.heed()
        if job.ledger.over:
            raise CutShort(self._board, reached, f"the comparison has ended: {job.ledger.facts.ended}")
        try:
            job.budget.require_for_boot(self._board, reached)
        except CutShort:
            job.ledger.spent(job.budget.spent)
            raise

    def _run_pair(self, bench: Bench, put: Sequence[Deployment], nth: int, order: Order) -> bool:
        """Run a pair of rounds; return whether it is whole."""
        turns = [(2 * nth, place, variant) for place, variant in enumerate(order)]
        turns += [(2 * nth + 1, place, variant) for place, variant in enumerate(reversed(order))]
        if self._last != order[0]:
            turns.insert(0, (-1, 0, order[0]))
        if not self._time_for(len(turns)):
            return False
        for round_, place, variant in turns:
            turn = TurnFacts(round=round_, place=place, attempt=self._attempt)
            while self._time_for(0):
                if not self._run_trial(bench, put[variant], turn, variant) or round_ < 0:
                    break  # else it was void, and is run again
                self._require_patience()
            else:
                return False
        return True

    def _time_for(self, trials: int) -> bool:
        """Tell whether so many trials can still be run, and are of any use."""
        job, needs_s = self._job, trials * sum(self._took_s) / len(self._took_s)
        if job.budget.left_s > needs_s:
            return not job.ledger.over
        job.ledger.spent(job.budget.spent)
        return False

    def _require_patience(self) -> None:
        self._voids += 1
        if self._voids > self._job.plan.facts.most_voids:
            most = self._job.plan.facts.most_voids
            raise _LeftOut(f"more than {most} of its trials were void; look at the reasons, or raise --max-voids")

    def _run_trial(self, bench: Bench, put: Deployment, turn: TurnFacts, variant: int) -> bool:
        """Run and keep a trial; return whether it is void."""
        job, began_s = self._job, self._job.budget.now_s()
        place = f"{turn.place + 1}/{len(job.plan.packed)}"
        what = "to begin with" if turn.round < 0 else f"round {turn.round + 1}, {place}"
        name = job.plan.facts.variants[variant].name

        def tell(text: str) -> None:
            self._tell(f"{what} {name}: {text}")

        def label(trial: Trial) -> Trial:
            trial = trial.within(job.run_id)
            return replace(trial, record=trial.record.model_copy(update={"turn": turn}))

        try:
            record = run_and_keep(
                bench,
                put,
                job.plan.scenario,
                conditions=job.plan.conditions,
                label=label,
                store=job.store,
                lending=job.lending,
                tell=tell,
            )
        except NoVerdict as unkept:
            job.ledger.end("; ".join(unkept.reasons))
            return False
        job.ledger.add(record)
        self._last = variant
        self._took_s.append(job.budget.now_s() - began_s)
        return bool(record.voids)

    def _tell(self, text: str) -> None:
        self._job.lending.heed()
        self._job.progress(text, self._board)
