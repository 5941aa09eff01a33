"""A gate's policy as data: what is tried on which boards, what it is held to, and how sure a verdict must be."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from ..errors import UsageFault
from ..lab.fields import Name
from ..lab.percent import Change, Share
from ..lab.policy_file import PolicyFile
from ..lab.words import unknown
from ..trial.asked import scenario_of
from ..trial.scenario import Late
from ..trial.scenario import Scenario as TrialScenario
from ..trial.state.conditions import Conditions
from ..trial.state.demands import Demands
from .criteria import Limits
from .figures import KINDS, Kind

COMPARABLE: dict[str, Kind] = {kind.name: kind for kind in KINDS if kind.compares}
"""Figures that can be held against a baseline's."""

Evidence = Literal[
    "measured watts",
    "idle",
    "not throttled",
    "settings",
    "watched",
    "temperature",
    "boot",
    "accuracy",
    "meter serial number",
]
"""What a policy can want recorded; what each means stands in :mod:`.evidence`."""

LEAST_RISK = 1e-9
"""That may be asked for: of a smaller one, shared by many intervals, a tail would be lost in the digits of a number."""
_Probability = Annotated[float, Field(ge=LEAST_RISK, lt=0.5)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Part(BaseModel):
    """Frozen, closed to unknown keys, and never guesses a type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Scenario(Part):
    """How frames are offered; see :mod:`farm.trial.scenario`. Absent: as that says of the scenario named."""

    name: str = "fixed-rate"
    rate_hz: _Positive | None = None
    duration_s: _Positive | None = None
    min_frames: int | None = Field(default=None, ge=1)
    min_queries: int | None = Field(default=None, ge=1)
    min_samples: int | None = Field(default=None, ge=1)
    samples_per_query: int | None = Field(default=None, ge=1)
    late: Late | None = None
    deadline_ms: _Positive | None = None
    seed: int | None = Field(default=None, ge=0)
    warmup_frames: int | None = Field(default=None, ge=0)
    idle_s: _NotNegative | None = None
    score_s: _NotNegative | None = None
    bursts: bool | None = None
    short_term_s: _Positive | None = None
    start_celsius: list[float] | None = None
    """Least and most."""
    start_zone: str | None = None
    start_timeout_s: _NotNegative | None = None
    soak_s: _NotNegative | None = None

    @model_validator(mode="after")
    def _begins_somewhere(self) -> Self:
        between = self.start_celsius
        if between is not None and not (len(between) == 2 and between[0] < between[1]):
            raise ValueError("start_celsius: wants two temperatures, the lower one first, as in [35, 45]")
        if self.start_zone is not None and self.start_celsius is None:
            raise ValueError("start_zone: has no start_celsius to be held to")
        try:
            self.plan()
        except UsageFault as fault:
            raise ValueError(str(fault)) from None
        return self

    def plan(self) -> TrialScenario:
        """Return it as a trial takes it."""
        return scenario_of(self.name, self.model_dump(exclude={"name"}, exclude_none=True))


class ModelEntry(Part):
    """One board model that the release must hold on."""

    boards: list[Name] = []
    """By name, the preferred first; empty: any of the lab's boards of this model."""
    count: int = Field(default=1, ge=1)
    """On how many boards of the model, each judged by itself."""
    scenario: Scenario
    limits: Limits = Limits()
    """Added to the policy's own, and stronger than them."""
    against_baseline: dict[str, Change] = {}
    """Likewise."""
    demands: Demands = Demands()
    """Added to the policy's own; of two of one name this one holds."""
    settings: dict[str, str] = {}
    """Set on the board for each trial, and put back: governor, and on a Jetson power_mode, max_clocks, fan."""


class Floor(Part):
    """What may differ between two series of trials of one release."""

    change: Share
    reason: str = Field(min_length=1)
    """Where the number comes from; a verdict repeats it."""


class Alpha(Part):
    """Risks of the whole gate, whatever its number of boards, limits and looks."""

    false_regression: _Probability = 0.05
    """That a release exactly at its limits is refused; one that is better is refused far more rarely."""
    false_pass: _Probability = 0.025
    """That a release passes which is exactly at a limit, or beyond it, anywhere."""


class Statistics(Part):
    """How sure is sure; see docs/gate.md."""

    trials: int = Field(default=1, ge=1)
    """Valid ones of the candidate before an absolute limit is decided."""
    keep: Annotated[float, Field(gt=0.5, le=1)] = 0.9
    """Share of the trials that must keep a limit which is a claim on each of them."""
    min_pairs: int = Field(default=6, ge=4)
    """Of a candidate's and a baseline's trial, before the first look at a comparison."""
    max_pairs: int = Field(default=24, le=200)
    """After the last look what is undecided stays so."""
    look_every: int = Field(default=2, ge=2)
    """Pairs from one look to the next; even, so that every look sees as many pairs of either order."""
    max_voids: int = Field(default=4, ge=0)
    """Void trials that a board may produce before it is given up."""
    alpha: Alpha = Alpha()
    noise_floor: dict[str, Floor] = {}
    """Figure → what is no difference yet. Every figure that is compared needs one."""

    @model_validator(mode="after")
    def _looks_balanced(self) -> Self:
        if self.min_pairs % 2 or self.look_every % 2:
            raise ValueError("min_pairs and look_every must be even: orders AB and BA then come equally often")
        if self.max_pairs < self.min_pairs:
            raise ValueError(f"max_pairs {self.max_pairs} is below min_pairs {self.min_pairs}")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of pairs at which a comparison is looked at."""
        return tuple(range(self.min_pairs, self.max_pairs + 1, self.look_every))


class Policy(PolicyFile, strict=True):
    """All that ``farm gate`` is told about what counts."""

    accept_twins: bool = False
    """Whether a twin's record may pass. Without it a twin proves nothing, and no gate passes on one."""
    baseline: Literal["required", "optional"] = "required"
    """Whether limits against a baseline may go unlooked at where none is given."""
    retries: int = Field(default=1, ge=0)
    """How often a board that fails is replaced by a neighbour of its model."""
    provision: bool = True
    """Whether each board is first made what its model's playbook says."""
    time_budget_s: _Positive = 3600.0
    """For the whole gate; what is undecided then has no verdict."""
    evidence: list[Evidence] = Field(default_factory=list[Evidence])
    """What every valid record must hold; what is not recorded is no verdict."""
    models: dict[str, ModelEntry] = Field(min_length=1)
    limits: Limits = Limits()
    """For every model."""
    against_baseline: dict[str, Change] = Field(default_factory=dict[str, Change])
    """For every model: figure → largest change for the worse, ``+1.5 %``, or of fps and accuracy ``-1 %``."""
    demands: Demands = Demands()
    """Of the state of every board, before its trials and while frames run."""
    statistics: Statistics = Statistics()
    _overridden: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    @property
    def overridden(self) -> Mapping[str, str]:
        """Settings that :meth:`under` has put in the place of the file's."""
        return self._overridden

    @property
    def compares(self) -> bool:
        """Whether it holds limits against a baseline."""
        return any(self.changes(model) for model in self.models)

    def absolute(self, model: str) -> Limits:
        """Return the limits of a board model."""
        own: dict[str, float] = self.models[model].limits.model_dump(exclude_none=True)
        return Limits.model_validate(self.limits.model_dump(exclude_none=True) | own)

    def conditions(self, model: str) -> Conditions:
        """Return what a board model is held to beside the release, and what is set on it."""
        entry = self.models[model]
        return Conditions.of(entry.demands.over(self.demands), entry.settings)

    def changes(self, model: str) -> dict[str, float]:
        """Return a board model's limits against the baseline, in the order in which figures are printed."""
        wanted = self.against_baseline | self.models[model].against_baseline
        return {name: wanted[name] for name in COMPARABLE if name in wanted}

    def under(self, settings: Mapping[str, str]) -> "Policy":
        """Return this policy with other settings of every model's scenario, for a quick try.

        Raises:
            UsageFault: there is no such setting, or a scenario cannot be run with it.
        """
        if not settings:
            return self
        faults: list[str] = []
        models: dict[str, ModelEntry] = {}
        for model, entry in self.models.items():
            given = entry.scenario.model_dump(exclude_none=True) | dict(settings)
            try:
                scenario = Scenario.model_validate(given, strict=False)
            except ValidationError as error:
                faults += [f"-s: {model}: {_said(one)}" for one in error.errors(include_url=False)]
            else:
                models[model] = entry.model_copy(update={"scenario": scenario})
        if faults:
            raise UsageFault(list(dict.fromkeys(faults)))
        policy = self.model_copy(update={"models": models})
        policy._overridden = dict(settings)  # noqa: SLF001 -- its own kind
        return policy


def _said(fault: Mapping[str, Any]) -> str:
    field = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"no setting {field!r}; {unknown(field, Scenario.model_fields)}"
    return f"{field}: {fault['msg']}" if field else str(fault["msg"])
