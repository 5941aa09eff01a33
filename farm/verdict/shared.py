"""An accuracy that several boards count together, as a run of its own: begun, counted, judged, kept."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ..artifact.dataset import Dataset
from ..artifact.feed import require_same
from ..artifact.unpack import Artifact
from ..errors import LabFault, UsageFault
from ..health.lab_faults import note_lab_fault
from ..lab.inventory import Lab
from ..lab.lease import owner
from ..lab.lending import Lending
from ..lab.words import unknown
from ..store.database import Store
from ..store.record import Record
from ..store.run import GateCriterion, GateFault, GateVerdict, Run
from ..store.shared_facts import SharedAccuracy
from ..trial.counted import counted
from ..trial.described import artifact_facts, dataset_facts
from ..trial.sharded import NONE_LEFT, Job, count_on
from ..trial.shares import Shares, divide
from .criteria import Limits, judge

LIMITS = ("min_accuracy", "max_accuracy_loss")
"""All that such a run can be held to: it measures nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be counted, and where."""

    lab: Lab
    artifact: Artifact
    dataset: Dataset
    boards: tuple[str, ...]
    """Of one model; as many as :attr:`at_once` work at a time, the others stand in for those that fail."""
    at_once: int
    limits: Limits = field(default_factory=Limits)
    check: int = 0
    """So many images are predicted by two boards."""
    wait_s: float = 0.0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    run: Run
    shared: SharedAccuracy
    verdict: GateVerdict | None
    """Absent where there was no limit and nothing in the way."""
    remarks: tuple[str, ...] = ()
    """Why fewer boards took part than were asked for."""


def boards_for(lab: Lab, model: str | None, named: Sequence[str]) -> tuple[str, ...]:
    """Return the boards that may take part: those that are named, else all of a model.

    Raises:
        UsageFault: neither is given; the lab has no such boards; or they are of different models.
    """
    lab.require(named)
    if not named and model is None:
        raise UsageFault("which boards? --model MODEL, or --board NAME for each")
    found = tuple(dict.fromkeys(named)) or tuple(name for name, entry in lab.boards.items() if entry.model == model)
    models = {lab.boards[name].model for name in found} | ({model} if model else set[str]())
    if not found:
        known = {entry.model for entry in lab.boards.values()}
        raise UsageFault(f"lab '{lab.lab}' has no board of model '{model}'; {unknown(str(model), known)}")
    if len(models) > 1:
        raise UsageFault(f"boards of different models: {', '.join(sorted(models))}; their runtimes may round otherwise")
    return found


def require_countable(asked: Asked) -> None:
    """Raise UsageFault where nothing could come of it."""
    manifest = asked.artifact.manifest
    if not manifest.states_accuracy:
        raise UsageFault(f"{manifest.name}: names no data set that it could be right about; pack it with one")
    require_same(manifest, asked.dataset, manifest.name)
    if not 1 <= asked.at_once <= len(asked.boards):
        have = ", ".join(asked.boards)
        raise UsageFault(f"--boards {asked.at_once}: the lab has {len(asked.boards)} that may take part: {have}")
    images = len(asked.dataset.labels)
    if not 0 <= asked.check <= images:
        raise UsageFault(f"--cross-check {asked.check}: from 0 to the data set's {images} images")
    if asked.check and asked.at_once < 2:
        raise UsageFault("--cross-check needs two boards; one that is asked twice says the same")
    require_limits(asked.limits)


def require_limits(limits: Limits) -> None:
    """Raise UsageFault for limits on what is not measured here."""
    given = limits.model_dump(exclude_none=True)
    if others := [name for name in given if name not in LIMITS]:
        raise UsageFault(f"{', '.join(others)}: nothing is measured here; limits are {' and '.join(LIMITS)}")


def count(asked: Asked, store: Store, progress: Callable[[str, str], None], *, state: Path) -> Found:
    """Count, and keep what came of it, whatever that is.

    Raises:
        UsageFault: as :func:`require_countable`; or the boards' runtime refuses the model.
        NoVerdict: what came in could not be kept.
        KeyboardInterrupt: whoever waited was interrupted; what was done until then is kept.
    """
    require_countable(asked)
    run = _new_run(asked)
    store.begin(run)
    job = _job(asked, store, run.id, progress, state)
    shared, verdict = None, None
    try:
        count_on(job, asked.boards, asked.at_once, wait_s=asked.wait_s)
    finally:
        shared = _shared(job)
        verdict = verdict_on(shared, asked, store, job.remarks)
        store.end(run.id, verdict, accuracy=shared)
    return Found(store.run(run.id).run, shared, verdict, tuple(job.remarks))


def _job(asked: Asked, store: Store, run_id: str, progress: Callable[[str, str], None], state: Path) -> Job:
    def note(board: str, fault: Exception) -> None:
        with suppress(LabFault):  # a database that refuses this refuses the next share too, which tells
            note_lab_fault(store, asked.lab, board, fault)

    used = set[str]()
    lending = Lending(asked.lab, state, f"accuracy {run_id[:8]}", lambda: used, NONE_LEFT)
    shares = Shares(divide(len(asked.dataset.labels), asked.at_once), check=asked.check)
    return Job(asked.artifact, asked.dataset, shares, lending, store, run_id, note, progress, used)


def _shared(job: Job) -> SharedAccuracy:
    facts = artifact_facts(job.artifact), dataset_facts(job.dataset)
    return counted(job.shares.answers, job.lost, job.artifact.manifest, *facts)


def verdict_on(shared: SharedAccuracy, asked: Asked, store: Store, remarks: Sequence[str]) -> GateVerdict | None:
    """Return what was decided; None where there is nothing to decide and nothing in the way."""
    reasons = [*_not_whole(shared, remarks), *_disagreements(shared), *_unchecked(shared, asked, remarks)]
    limits = asked.limits.model_dump(exclude_none=True)
    if not reasons and not limits:
        return None
    criteria = _criteria(shared, asked.limits, store) if limits and shared.shares else []
    if reasons:  # what a broken board answers is not held against the release
        doubt = {"outcome": "no verdict", "why": reasons[0]}
        criteria = [one.model_copy(update=doubt) if one.outcome == "regression" else one for one in criteria]
    outcomes = {criterion.outcome for criterion in criteria}
    outcome = "regression" if "regression" in outcomes else "no verdict" if reasons or outcomes != {"pass"} else "pass"
    faults = [
        GateFault(board=one.board, what=one.what, hint=one.hint, retried_on=one.redone_by or _others(shared, one.board))
        for one in shared.lost
    ]
    return GateVerdict(outcome=outcome, criteria=criteria, faults=faults, reasons=reasons)


def _others(shared: SharedAccuracy, board: str) -> str | None:
    """Return who did the rest, where a board was lost before or between its shares."""
    others = [name for name in shared.boards if name != board]
    return others[0] if shared.whole and others else None


def _not_whole(shared: SharedAccuracy, remarks: Sequence[str]) -> list[str]:
    if shared.whole:
        return []
    done = 0 if shared.accuracy is None else shared.accuracy.total
    met = [f"{one.board}: {one.what}" for one in shared.lost] or list(remarks)
    why = "; ".join(met) or "it was ended"
    return [f"{done} of {shared.dataset.images} images were predicted, and the others by no board: {why}"]


def _disagreements(shared: SharedAccuracy) -> list[str]:
    pairs = dict.fromkeys(one.boards for one in shared.disagreements)
    return [
        f"{first} and {second} answer differently on {_images(shared, (first, second))}: one of them is wrong"
        for first, second in pairs
    ]


_MOST_NAMED = 5


def _images(shared: SharedAccuracy, boards: tuple[str, str]) -> str:
    found = [one for one in shared.disagreements if one.boards == boards]
    named = [f"{one.image} ({one.predictions[0]}, {one.predictions[1]})" for one in found[:_MOST_NAMED]]
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f"image{'s' * (len(found) > 1)} {', '.join(named)}{more}"


def _unchecked(shared: SharedAccuracy, asked: Asked, remarks: Sequence[str]) -> list[str]:
    if not asked.check or not shared.whole:
        return []
    first = dict.fromkeys(share.board for share in shared.shares if share.check_of is None)
    unchecked = [board for board in first if board not in {share.check_of for share in shared.shares}]
    why = "; ".join([*(f"{one.board}: {one.what}" for one in shared.lost), *remarks])
    return [f"no second board was left to check {board}: {why or 'none was free'}" for board in unchecked]


def _criteria(shared: SharedAccuracy, limits: Limits, store: Store) -> list[GateCriterion]:
    """Hold the whole to limits as a single board's record would be: it is the same count."""
    one = store.load(shared.shares[0].record).record
    whole: Record = one.model_copy(update={"accuracy": shared.accuracy})
    counted_too = [share for share in shared.shares if share.check_of is None]
    made = {share.made for share in shared.shares if share.made != "board"}
    boards = ", ".join(sorted(shared.boards)) + (f" ({', '.join(sorted(made))})" if made else "")
    return [
        GateCriterion(
            **criterion.model_dump(),
            board=boards,
            model=one.board.model,
            artifact=shared.artifact.name,
            trials=len(counted_too),
            records=[share.record for share in counted_too],
        )
        for criterion in judge(whole, limits).criteria
    ]


def _new_run(asked: Asked) -> Run:
    lab = asked.lab
    return Run(
        id=secrets.token_hex(8),
        kind="accuracy",
        started_utc=datetime.now(UTC),
        command=list(asked.command),
        owner=owner(),
        lab=lab.lab,
        inventory=lab.resolved.source if lab.resolved else str(lab.path),
        inventory_sha256=lab.resolved.sha256 if lab.resolved else lab.sha256,
        farm_version=version("edge-test-farm"),
        releases={"candidate": {lab.boards[asked.boards[0]].model: asked.artifact.id}},
    )
