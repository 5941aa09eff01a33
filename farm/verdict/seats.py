"""What a policy wants of a lab, board by board, and in which order a board runs candidate and baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from ..errors import UsageFault
from ..lab.inventory import Lab
from ..lab.words import unknown
from ..store.record import Role
from ..trial.scenario import Scenario
from .criteria import Limits
from .policy import COMPARABLE, Policy

CANDIDATE: Final[Role] = "candidate"
BASELINE: Final[Role] = "baseline"
_ORDER: tuple[Role, ...] = (BASELINE, CANDIDATE, CANDIDATE, BASELINE)
QUAD = len(_ORDER)
"""Trials after which a drift has cancelled: two pairs."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One board's part of a gate: it runs there from its first trial to its last, or anew on a neighbour."""

    key: str
    """Unique within the gate: ``jetson-tx2``, or ``jetson-tx2 2 of 3``."""
    model: str
    """The board's."""
    boards: tuple[str, ...]
    """Where it may run, the preferred first; the seats of one model prefer different ones."""
    scenario: Scenario
    limits: Limits
    changes: dict[str, float]
    """Figure → limit against the baseline, 0.015 is +1.5 %; empty: the baseline is not run."""
    comparisons: int
    """Intervals that the whole gate holds against limits: they share the risk of a false regression."""
    boot: bool
    """Whether the board must be switched on under the farm's eyes before the first trial."""

    least: tuple[Role, ...]
    """Whose releases run before anything but a plain regression can be said."""

    @property
    def compares(self) -> bool:
        """Whether the baseline runs too."""
        return bool(self.changes)


def seats(policy: Policy, lab: Lab, *, baseline: bool | None = None) -> list[Seat]:
    """Return every board's part of a gate.

    Args:
        policy: the policy.
        lab: the inventory.
        baseline: whether a baseline release is given; None: one is if the policy compares.

    Raises:
        UsageFault: the lab has not what the policy wants, or a baseline is wanted and not given; all faults at once.
    """
    compares = policy.compares and baseline is not False
    faults = [fault for model in policy.models for fault in _faults(policy, lab, model)]
    if policy.compares and baseline is False and policy.baseline == "required":
        faults.append(policy.fault(("against_baseline",), "needs a baseline: give --baseline, or `baseline: optional`"))
    if baseline and not policy.compares:
        faults.append(
            policy.fault((), "compares nothing with a baseline; leave --baseline out, or `against_baseline:`")
        )
    if faults:
        raise UsageFault(faults)
    comparisons = sum(
        entry.count * sum(not COMPARABLE[name].exact for name in policy.changes(model))
        for model, entry in policy.models.items()
    )
    found: list[Seat] = []
    for model, entry in policy.models.items():
        limits, names = policy.absolute(model), _boards(policy, lab, model)
        changes = policy.changes(model) if compares else {}
        found += [
            Seat(
                key=model if entry.count == 1 else f"{model} {nth + 1} of {entry.count}",
                model=model,
                boards=(*names[nth:], *names[:nth]),
                scenario=entry.scenario.plan(),
                limits=limits,
                changes=changes,
                comparisons=max(1, comparisons),
                least=_least(policy, changes),
                boot=limits.max_boot_s is not None or "boot" in policy.evidence,
            )
            for nth in range(entry.count)
        ]
    return found


def role_of(nth: int) -> Role:
    """Return whose release the nth valid trial of a comparison runs, counted from 0.

    Quads of two pairs, BCCB CBBC: within each a linear drift of board, meter or room cancels, and so does whatever
    the second trial of a pair inherits from the first. Every second quad is turned round, so that a drift that bends,
    and the step between the quads, cancel too.
    """
    quad, place = divmod(nth, QUAD)
    role = _ORDER[place]
    if quad % 2 == 0:
        return role
    return BASELINE if role == CANDIDATE else CANDIDATE


def _least(policy: Policy, changes: Mapping[str, float]) -> tuple[Role, ...]:
    if not changes:
        return tuple(CANDIDATE for _ in range(policy.statistics.trials))
    inexact = any(not COMPARABLE[name].exact for name in changes)
    pairs = max(policy.statistics.trials, policy.statistics.min_pairs if inexact else 1)
    return tuple(role_of(nth) for nth in range(QUAD * ceil(2 * pairs / QUAD)))


def _boards(policy: Policy, lab: Lab, model: str) -> list[str]:
    named = policy.models[model].boards
    return list(named) or [name for name, entry in lab.boards.items() if entry.model == model]


def _faults(policy: Policy, lab: Lab, model: str) -> list[str]:
    entry = policy.models[model]
    faults: list[str] = []
    for nth, name in enumerate(entry.boards):
        where = ("models", model, "boards", nth)
        if name not in lab.boards:
            faults.append(policy.fault(where, f"lab '{lab.lab}' has no board '{name}'; {unknown(name, lab.boards)}"))
        elif lab.boards[name].model != model:
            faults.append(policy.fault(where, f"'{name}' is a {lab.boards[name].model}, not a {model}"))
    if not faults and len(set(_boards(policy, lab, model))) < entry.count:
        have = len(set(_boards(policy, lab, model)))
        text = f"wants {entry.count} boards, and lab '{lab.lab}' has {have} that it may use"
        faults.append(policy.fault(("models", model), f"{text}; lower `count:`, or add boards to the inventory"))
    return faults
