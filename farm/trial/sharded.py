"""A model's accuracy counted by several boards of one model at once: each predicts shares of the data set.

An image's prediction does not depend on who else was asked, so that the sums are those of one board that does it all,
exactly. What a board does not bring to its end, a neighbour does again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from time import monotonic

import numpy as np

from devices.errors import DeviceError
from power.errors import PowerError

from ..artifact.dataset import Dataset
from ..artifact.deploy import Deployment, deploy_to
from ..artifact.unpack import Artifact
from ..errors import LabFault, NoVerdict, UsageFault
from ..lab.bench import Bench
from ..lab.crew import work
from ..lab.lending import CutShort, Lending
from ..store.database import Store
from ..store.record import Moved
from ..store.shared_facts import LostShare
from .scenario import EachOnce
from .shares import Answer, Share, Shares
from .trial import Trial, run_trial

_FAULTS = (DeviceError, PowerError, LabFault)

_FIRST_AT_MOST_S = 1200.0
"""For a share while nobody has done one: 8 s an image for 150 of them (assumed: no net here takes longer)."""
_TIMES_THE_SLOWEST, _LEAST_S = 5.0, 60.0
"""Once one is done a share may take so many times what the slowest has taken, but so long at least: a board that lags
behind is not waited for longer (assumed: other load makes none five times slower). It is held to that while it is at
it: what it began first may have begun when nobody knew better."""
_LEAST_IDLE_S = 15.0
"""Instead, while a neighbour has nothing to do: sooner than a link that is away is given up (assumed)."""

NONE_LEFT = ("all have been used", "look at the boards' faults; or name more boards")


@dataclass(slots=True)
class Job:
    """What the threads share."""

    artifact: Artifact
    dataset: Dataset
    shares: Shares
    lending: Lending
    store: Store
    run_id: str
    note_fault: Callable[[str, Exception], object]
    """Told of each lab fault that a board met; the board's health is told in turn."""
    progress: Callable[[str, str], None]
    """Told what is done, and on which board; nothing when it is done with."""
    used: set[str] = field(default_factory=set[str])
    """Boards that were lent, the present ones too: what :class:`Lending` lends to nobody else."""
    lost: list[LostShare] = field(default_factory=list[LostShare])
    remarks: list[str] = field(default_factory=list[str])
    """Why fewer boards took part than were asked for."""
    seconds_an_image: float = 0.0
    """Of the slowest share until now; 0: there was none."""
    _lock: Lock = field(default_factory=Lock)

    def at_most_s(self, share: Share, least_s: float = _LEAST_S) -> float:
        """Return how long a share may take."""
        if self.seconds_an_image == 0.0:
            return _FIRST_AT_MOST_S
        return max(least_s, _TIMES_THE_SLOWEST * self.seconds_an_image * share.images)

    def took(self, share: Share, seconds: float) -> None:
        """Note how long a share has taken."""
        with self._lock:
            self.seconds_an_image = max(self.seconds_an_image, seconds / share.images)

    def met(self, board: str, fault: DeviceError | PowerError | LabFault, share: Share | None) -> None:
        """Note a lab fault."""
        begin, end = (None, None) if share is None else (share.begin, share.end)
        told = LostShare(board=board, what=first_line(fault), hint=fault.hint, begin=begin, end=end)
        with self._lock:
            self.lost.append(told)
        self.note_fault(board, fault)


def count_on(job: Job, boards: Sequence[str], at_once: int, *, wait_s: float = 0.0) -> None:
    """Have the shares predicted; what came of them lies in the job and, share by share, in the store.

    Args:
        job: what to do.
        boards: where it may be done, all of one model.
        at_once: how many work at a time.
        wait_s: how long the first may stand in the line; others take what is free.

    Raises:
        UsageFault: the boards' runtime refuses the model.
        NoVerdict: what came in could not be kept.
        KeyboardInterrupt: whoever waited was interrupted; by then every board is returned.
    """
    turned = {f"board {nth + 1}": (*boards[nth:], *boards[:nth]) for nth in range(at_once)}
    parts = {
        name: partial(_seat, job, names, 0.0 if nth else wait_s) for nth, (name, names) in enumerate(turned.items())
    }
    work(job.lending, parts, lambda _: None)


class _Needless(Exception):
    """The others have done it all while a board was waited for."""


def _seat(job: Job, boards: Sequence[str], wait_s: float) -> None:
    """Do shares on one board after another, until none are left, or no board."""

    def require_work() -> None:
        if job.shares.over:
            raise _Needless

    left: list[str] = [*boards]
    while left:
        stay = _Stay(job, left[0])
        try:
            with job.lending.lend(left, wait_s=wait_s, tell=stay.tell, heed=require_work) as bench:
                stay.run(bench)
            return
        except _Needless:
            return
        except CutShort as late:
            job.remarks.append(first_line(late))
            return
        except _FAULTS as fault:
            job.lending.heed()  # links that were closed to end the work are no fault of the lab
            board = stay.board if stay.began else fault.device if isinstance(fault, DeviceError) else None
            if board is None:  # none was free
                if len(left) == len(boards):
                    job.remarks.append(first_line(fault))
                return
            job.used.add(board)
            left = [name for name in left if name != board]
            job.met(board, fault, stay.share)
        except BaseException:
            job.shares.give_up()
            raise
        finally:
            job.progress("", stay.board)


class _Stay:
    """One board's time with the work."""

    def __init__(self, job: Job, board: str) -> None:
        self._job = job
        self.board, self.began = board, False
        """The one that is lent; before it has begun, the one that is wanted first."""
        self.share: Share | None = None
        """What it is at."""

    def run(self, bench: Bench) -> None:
        """Make the board ready and do shares until none are left."""
        self._job.progress("", self.board)
        self.board, self.began = bench.name, True
        self._job.used.add(bench.name)
        self.tell("power and boot")
        bench.ensure_up(self._require_use)
        put = deploy_to(bench, self._job.artifact, self._job.dataset, progress=self._tell_while_needed)
        while (share := self._job.shares.take(bench.name, self._job.lending.heed)) is not None:
            self.share = share
            try:
                answer = self._predicted(bench, put, share)
            except BaseException as error:
                self._job.shares.lost(share, bench.name, first_line(error))
                raise
            self._job.shares.done(answer)
            self.share = None
            self.tell("waits for the others")

    def _predicted(self, bench: Bench, put: Deployment, share: Share) -> Answer:
        def tell(text: str) -> None:
            again = f", again after {share.lost[-1][0]}" if share.lost else ""
            check = f", to check {share.check_of}" if share.check_of else ""
            self.tell(f"images {share.begin} to {share.end - 1}{again}{check}: {text}")

        scenario = EachOnce(part=(share.begin, share.end), at_most_s=self._job.at_most_s(share))
        began_s = monotonic()

        def heed() -> None:
            self._job.lending.heed()
            self._require_pace(share, monotonic() - began_s)

        trial = run_trial(bench, put, scenario, progress=tell, heed=heed)
        self._job.took(share, monotonic() - began_s)
        predictions = trial.frames.predictions
        wanted = np.arange(share.begin, share.end)
        if predictions is None or not np.array_equal(predictions.image, wanted):
            raise _other_images(bench.name, put, trial, share)
        moved = [Moved(board=board, why=why) for board, why in share.lost]
        trial = _about_accuracy(trial).within(self._job.run_id, moved=moved)
        try:
            self._job.store.save(trial.record, {}, bench.console_log(), trial.frames)
        except LabFault as full:
            raise NoVerdict(f"what {bench.name} predicted could not be kept: {first_line(full)}") from full
        bench.last_record = trial.record.id
        return Answer(share, bench.name, bench.made, predictions, trial.record.id)

    def _require_pace(self, share: Share, seconds: float) -> None:
        """Raise LabFault where a share takes so long that a neighbour had better do it."""
        least_s = _LEAST_IDLE_S if self._job.shares.idle else _LEAST_S
        if seconds > (most_s := self._job.at_most_s(share, least_s)):
            slowest_s = self._job.seconds_an_image * share.images
            than = f", where no neighbour needs more than {slowest_s:.3g} s" if slowest_s else ""
            hint = "does it still answer, is it throttled, does something else run there? `farm health` tells"
            what = f"is not done with {share.images} images after {most_s:.0f} s{than}"
            raise LabFault(self.board, what, hint=hint)

    def _tell_while_needed(self, text: str) -> None:
        """As :meth:`tell`, of what is done in vain once the others have done it all."""
        if self._job.shares.over:
            raise _Needless
        self.tell(text)

    def _require_use(self, reached: str) -> None:
        """Raise where the board, while it comes up, is of no use any more."""
        self._job.lending.heed()
        if self._job.shares.over:
            raise CutShort(self.board, reached, "nothing was left for it to do")

    def tell(self, text: str) -> None:
        """Say what the board is at; raises Stopped once the work was told to end."""
        self._job.lending.heed()
        self._job.progress(text, self.board)


def _about_accuracy(trial: Trial) -> Trial:
    """Return a trial that decides what is right: what voids its speed, a busy host or a hot board, is a warning."""
    record = trial.record
    remarks = [f"speed is no evidence: {void}" for void in record.voids]
    return replace(trial, record=record.model_copy(update={"voids": [], "warnings": [*record.warnings, *remarks]}))


def _other_images(board: str, put: Deployment, trial: Trial, share: Share) -> LabFault | UsageFault:
    told = 0 if trial.frames.predictions is None else len(trial.frames.predictions)
    asked = f"was asked for images {share.begin} to {share.end - 1}"
    what = f"{asked}, and told of {told}" if told < share.images else f"{asked}, and told of others"
    if put.artifact.manifest.command is not None:
        return UsageFault(
            f"{put.artifact.manifest.name}: its program {what}; it must show FARM_PART alone: docs/datasets.md"
        )
    return LabFault(board, what, hint="is it far slower than its neighbours? `farm results show` tells how slow")


def first_line(fault: BaseException) -> str:
    """Return what a fault says first."""
    return str(fault).partition("\n")[0]
