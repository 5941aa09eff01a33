"""What a check needs, read and checked before any board is touched."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..artifact.dataset import Dataset
from ..artifact.feed import feed
from ..artifact.signed import open_accepted
from ..artifact.unpack import Artifact
from ..errors import UsageFault
from ..lab.inventory import Lab
from ..playbook import Playbook, load
from .policy import HealthPolicy, ModelCheck


@dataclass(frozen=True, slots=True)
class Plan:
    """The check of one board model."""

    policy: HealthPolicy
    check: ModelCheck
    playbook: Playbook | None
    """For ``provisioned``."""
    artifact: Artifact | None
    dataset: Dataset | None


@contextmanager
def planned(policy: HealthPolicy, lab: Lab, boards: Iterable[str]) -> Generator[dict[str, Plan]]:
    """Lend the plans of the models of some boards, by model; what is unpacked is removed at the end.

    Raises:
        UsageFault: a line for everything that is wrong with any of them.
    """
    models = dict.fromkeys(lab.boards[board].model for board in boards)
    plans: dict[str, Plan] = {}
    faults: list[str] = []
    with TemporaryDirectory(prefix="farm-health-") as folder:
        for model in models:
            try:
                plans[model] = _plan(policy, lab, model, Path(folder) / model)
            except UsageFault as fault:
                faults += fault.faults
        if faults:
            raise UsageFault(faults)
        yield plans


def _plan(policy: HealthPolicy, lab: Lab, model: str, folder: Path) -> Plan:
    check = policy.check_of(model)
    beside = policy.path.parent
    playbook = load(beside / f"{model}.yaml") if check.provisioned else None
    if check.trial is None:
        return Plan(policy, check, playbook, None, None)
    packed = beside / check.trial.artifact
    artifact = open_accepted(lab, packed, folder)
    if check.trial.min_accuracy is not None and not artifact.manifest.states_accuracy:
        raise UsageFault(f"{policy.path}: models.{model}.trial.min_accuracy: {packed} names no data set to count on")
    given = None if check.trial.dataset is None else beside / check.trial.dataset
    return Plan(policy, check, playbook, artifact, feed(artifact, packed, given))
