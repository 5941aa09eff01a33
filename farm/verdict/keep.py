"""A trial that is kept as soon as it has run, whatever it belongs to."""

from collections.abc import Callable

from ..artifact.deploy import Deployment
from ..errors import LabFault, NoVerdict
from ..lab.bench import Bench
from ..lab.lending import Lending
from ..store.database import Store
from ..store.disk import DiskFull
from ..store.record import Record
from ..trial.scenario import Scenario
from ..trial.state.conditions import Conditions
from ..trial.trial import Trial, run_trial


def run_and_keep(
    bench: Bench,
    put: Deployment,
    scenario: Scenario,
    *,
    conditions: Conditions,
    label: Callable[[Trial], Trial],
    store: Store,
    lending: Lending,
    tell: Callable[[str], None],
) -> Record:
    """Run a trial and keep it at once, void or not.

    Args:
        bench: the board.
        put: what was deployed to it.
        scenario: how frames are offered.
        conditions: what the board is held to, and what is set on it.
        label: says in the trial what it belongs to.
        store: where it goes.
        lending: what the board was borrowed from.
        tell: told what is done.

    Raises:
        NoVerdict: this machine cannot keep it: no board is to blame, and no other helps.
        UsageFault, LabFault, devices.errors.DeviceError, power.errors.PowerError: as a trial does.
    """
    with store.spool(lending.lab.least_free_bytes) as spool:
        try:
            trial = run_trial(
                bench, put, scenario, conditions=conditions, progress=tell, heed=lending.heed, spool=spool
            )
        except DiskFull as full:
            raise NoVerdict(f"{first_line(full)}; {full.hint}") from full
        trial = label(trial)
        try:
            store.save(trial.record, trial.traces, bench.console_log(), trial.frames)
        except LabFault as full:
            raise NoVerdict(f"a trial could not be kept: {first_line(full)}") from full
    bench.last_record = trial.record.id
    return trial.record


def first_line(fault: Exception) -> str:
    """Return what a fault says first."""
    return str(fault).partition("\n")[0]
