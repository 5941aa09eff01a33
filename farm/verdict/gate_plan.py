"""What a gate is going to do, checked whole before any board is touched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..artifact.signed import acceptance
from ..errors import Faults, UsageFault
from ..lab.inventory import Lab
from ..playbook import Playbook, load
from .budget import trial_s
from .policy import Policy
from .policy_file import load_policy
from .releases import Releases, open_releases
from .seats import Seat, seats
from .stated import unstated


@dataclass(frozen=True, slots=True)
class Asked:
    """What a gate is told."""

    policy: Path
    candidate: Path
    baseline: Path | None = None
    dataset: Path | None = None
    """None: found by its name, near each packed model."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of every scenario, in the place of the policy's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a gate needs to begin."""

    lab: Lab
    policy: Policy
    seats: Sequence[Seat]
    releases: Releases
    playbooks: Mapping[str, Playbook]
    """By board model; none where boards stay as they are."""

    def least_trials(self, seat: Seat) -> int:
        """Return how many trials a seat runs until it may be decided."""
        return len(seat.least)

    def most_trials(self, seat: Seat) -> int:
        """Return how many trials a seat runs at most, void ones left out."""
        return 2 * self.policy.statistics.max_pairs if seat.compares else self.policy.statistics.trials

    def least_s(self, seat: Seat) -> float:
        """Return about how long a seat takes until it may be decided, without booting and deploying."""
        return self.least_trials(seat) * trial_s(seat.scenario)


def plan_gate(asked: Asked, open_lab: Callable[[], Lab], folder: Path, *, faults: Sequence[str] = ()) -> Plan:
    """Read and check everything.

    Args:
        asked: what to read.
        open_lab: reads the inventory.
        folder: where packed models are unpacked; it must outlive the gate.
        faults: what the caller has found already.

    Raises:
        UsageFault: these, and all that is wrong with lab, policy, releases and playbooks.
    """
    wrong = Faults(faults)
    tried = wrong.tried
    lab = tried(open_lab)
    policy = tried(lambda: load_policy(asked.policy).under(asked.settings))
    models = list(policy.models) if policy else []
    chosen = tried(lambda: seats(policy, lab, baseline=asked.baseline is not None)) if policy and lab else None
    accept = tried(lambda: acceptance(lab)) if lab else None
    releases = tried(
        lambda: open_releases(asked.candidate, asked.baseline, models, folder, dataset=asked.dataset, accept=accept)
    )  # also without a policy: that its files are there
    if policy and releases:
        wrong.found += _unstated(policy, releases)
    playbooks = tried(lambda: _playbooks(lab, models)) if policy and lab and policy.provision else {}
    if lab is None or policy is None or chosen is None or releases is None or playbooks is None or wrong.found:
        raise wrong.told()
    plan = Plan(lab, policy, chosen, releases, playbooks)
    _check_budget(plan)
    return plan


def _unstated(policy: Policy, releases: Releases) -> list[str]:
    """Return the limits on accuracy that a release cannot be held to, for it states none."""
    faults = [
        fault
        for released in (releases.candidate, releases.baseline or {})
        for model, packed in released.items()
        for fault in unstated(packed.artifact.manifest, policy.absolute(model), policy.changes(model))
    ]
    if "accuracy" in policy.evidence:
        for packed in releases.candidate.values():
            if not packed.artifact.manifest.states_accuracy:
                text = f"accuracy: none is stated by {packed.artifact.manifest.name}, whose manifest names no data set"
                faults.append(policy.fault(("evidence",), text))
    return list(dict.fromkeys(faults))


def _playbooks(lab: Lab, models: Sequence[str]) -> dict[str, Playbook]:
    """Read each model's playbook, beside the inventory that people write."""
    source = Path(lab.resolved.source) if lab.resolved else lab.path
    loaded: dict[str, Playbook] = {}
    faults: list[str] = []
    for model in models:
        path = source.parent / "playbooks" / f"{model}.yaml"
        try:
            loaded[model] = load(path)
        except UsageFault as fault:
            faults += fault.faults
        else:
            if loaded[model].model != model:
                faults.append(f"{path}: is for {loaded[model].model}; the policy's board is a {model}")
    if faults:
        raise UsageFault(faults)
    return loaded


def _check_budget(plan: Plan) -> None:
    """Refuse a budget in which nothing can be decided: it is known now, not in an hour."""
    longest = max(plan.seats, key=plan.least_s)
    least_s, budget_s = plan.least_s(longest), plan.policy.time_budget_s
    if least_s > budget_s:
        trials = f"{plan.least_trials(longest)} trials of about {trial_s(longest.scenario):g} s"
        text = f"{budget_s:g} s is too short: {longest.key} needs {trials}, {least_s:.0f} s in all"
        raise UsageFault(plan.policy.fault(("time_budget_s",), text))
