"""A run: one pytest session, one gate or one command, and the trials that belong to it."""

from typing import Any, Literal

from pydantic import AwareDatetime

from .comparison_facts import ComparisonFacts
from .record import Criterion, Part, Role
from .shared_facts import SharedAccuracy

RunKind = Literal["pytest", "gate", "run", "compare", "predict", "accuracy"]


class Run(Part):
    """What it takes to do the same again. Secrets never stand in it."""

    version: Literal[1] = 1
    id: str
    """16 hexadecimal digits."""
    kind: RunKind
    started_utc: AwareDatetime
    ended_utc: AwareDatetime | None = None
    """Absent while it runs, and for ever when the controller was killed."""
    command: list[str]
    """As it was typed."""
    owner: str
    """Who ran it, ``user@host`` or what FARM_OWNER says."""
    lab: str
    inventory: str
    """The source's path as it was given."""
    inventory_sha256: str
    farm_version: str
    policy: dict[str, Any] | None = None
    """The gate's policy as it was read."""
    policy_path: str | None = None
    policy_sha256: str | None = None
    overridden: dict[str, str] = {}
    """Settings of the policy's scenarios that the command line had otherwise: not that policy's verdict."""
    releases: dict[Role, dict[str, str]] = {}
    """Role → board model → artifact id."""
    accuracy: SharedAccuracy | None = None
    """What several boards have counted together; absent where that was not asked for, or did not end."""
    comparison: ComparisonFacts | None = None
    """Of a run that compares variants."""


class GateCriterion(Criterion):
    """One limit of the policy held against all trials of one board."""

    board: str
    model: str
    """The board's."""
    artifact: str
    """The candidate's name."""
    against: Literal["limit", "baseline"] = "limit"
    baseline: float | None = None
    """Mean of the baseline's trials, in ``unit``; absent for an absolute limit."""
    low: float | None = None
    """Confidence interval that was compared with the limit; for a comparison the relative change, 0.015 is +1.5 %."""
    high: float | None = None
    trials: int = 0
    """How many valid ones stand behind ``got``, of the candidate."""
    records: list[str] = []
    """Their ids, the baseline's too."""


class EvidenceCheck(Part):
    """Something that the policy wants recorded, on one board."""

    what: str
    """As the policy names it, e.g. ``idle``."""
    board: str
    held: bool
    detail: str = ""
    """What was found instead."""


class GateFault(Part):
    """A lab fault that the gate met."""

    board: str
    what: str
    """The fault's first line."""
    hint: str = ""
    retried_on: str | None = None
    """The neighbour; absent: there was none, or the retries were used up."""


class GateVerdict(Part):
    """What a gate decided, and by what."""

    outcome: Literal["pass", "regression", "no verdict"]
    """Regression over lab fault and no verdict over pass."""
    criteria: list[GateCriterion]
    evidence: list[EvidenceCheck] = []
    faults: list[GateFault] = []
    reasons: list[str] = []
    """Why there is no verdict, beyond what stands in the three lists above: time was up, no trial was valid."""
