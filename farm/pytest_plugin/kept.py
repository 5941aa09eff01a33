"""The session's run in the store: begun with its first record, one for all of pytest-xdist's workers."""

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from farm.errors import LabFault, UsageFault
from farm.health.lab_faults import note_lab_fault
from farm.lab.inventory import Lab
from farm.store.consoles import ConsoleLog
from farm.store.database import Store
from farm.store.disk import LEAST_FREE_BYTES
from farm.store.run import GateVerdict, Run
from farm.store.spool import Spool
from farm.trial.trial import Trial

WORKER_INPUT = "farm_run"
"""What xdist carries to a worker: the run, as JSON."""


def run_of(config: pytest.Config, lab: Lab, owner: str) -> Run:
    """Return this session's run, or in a worker the one that the main process described."""
    given: dict[str, str] = getattr(config, "workerinput", {})
    if WORKER_INPUT in given:
        return Run.model_validate_json(given[WORKER_INPUT])
    return Run(
        id=secrets.token_hex(8),
        kind="pytest",
        started_utc=datetime.now(UTC),
        command=["pytest", *map(str, config.invocation_params.args)],
        owner=owner,
        lab=lab.lab,
        inventory=str(config.option.farm_inventory),
        inventory_sha256=lab.sha256 if lab.resolved is None else lab.resolved.sha256,
        farm_version=version("edge-test-farm"),
    )


class Kept:
    """Keeps trials under the session's run."""

    def __init__(self, run: Run, where: Path, least_free_bytes: int = LEAST_FREE_BYTES) -> None:
        """Take the run and the database, neither touched before there is something to keep, and what its disk needs."""
        self.run, self.where, self._least_free_bytes = run, where, least_free_bytes
        self.verdict: GateVerdict | None = None
        """What the session's gate decided, once it has; absent: it has none."""

    def spool(self) -> Spool:
        """Return where a trial's long traces go while it runs: a ``with`` block around trial and :meth:`save`."""

        def sweep() -> None:
            with Store.open(self.where) as store:
                store.sweep()

        return Spool(self.where.parent, self._least_free_bytes, sweep)

    def save(self, trial: Trial, console: ConsoleLog) -> Trial:
        """Keep a trial, all of it or nothing, and return it as a part of the run.

        Raises:
            LabFault: the database refused.
        """
        trial = trial.within(self.run.id)
        with Store.open(self.where) as store:
            self.begin(store)
            store.save(trial.record, trial.traces, console, trial.frames)
        return trial

    def note_fault(self, lab: Lab, board: str, fault: BaseException) -> None:
        """Tell the board's health of a lab fault; several in a row put it in quarantine.

        A database that fails here too has been told of by the trial that could not be kept.
        """
        with suppress(LabFault), Store.open(self.where) as store:
            note_lab_fault(store, lab, board, fault)

    def begin(self, store: Store) -> None:
        """See that the run has begun, here or in another worker."""
        try:
            store.run(self.run.id)
        except UsageFault:
            try:
                store.begin(self.run)
            except IntegrityError:  # another worker was faster
                store.run(self.run.id)

    def end(self) -> int:
        """Note that the run has ended; return how many records it left, 0 when it never began."""
        if not self.where.exists():
            return 0
        with Store.open(self.where) as store:
            try:
                store.end(self.run.id, self.verdict)
            except UsageFault:
                return 0
            return len(store.records(run_id=self.run.id, limit=100_000))
