"""health.yaml as checked models: what a board must show, how often, and when it is taken out."""

from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devices.registry import known_boards

from ..errors import UsageFault
from ..lab.inventory import Lab
from ..lab.policy_file import PolicyFile
from ..lab.shapes import against
from ..lab.words import unknown
from ..lab.yaml_lines import Fault
from ..store.health import QUARANTINE_AFTER

_POSITIVE = Field(gt=0, allow_inf_nan=False)


class Part(BaseModel):
    """Frozen, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Boot(Part):
    """A cold start: power off for as long as the switch wants, then on."""

    within_s: float = _POSITIVE
    """From power on to the first command over SSH."""


class ConsoleStep(Part):
    """A login on the serial console, and one command."""

    command: str = Field(min_length=1)
    answer: str
    """Its exact output, but for the newline at the end."""


class Rest(Part):
    """The board at rest: read by its first meter, over ``for_s``."""

    for_s: float = Field(default=3.0, gt=0, le=600, allow_inf_nan=False)
    min_watts: float = Field(ge=0, allow_inf_nan=False)
    max_watts: float = _POSITIVE

    @model_validator(mode="after")
    def _is_a_range(self) -> "Rest":
        if self.min_watts >= self.max_watts:
            raise ValueError(f"min_watts {self.min_watts:g} is not below max_watts {self.max_watts:g}")
        return self


class ShortTrial(Part):
    """A release that is known to be good, run for seconds. Limits are wide: they are the board's, not a release's."""

    artifact: str = Field(min_length=1)
    """A packed artifact; its path is relative to this file's folder."""
    dataset: str | None = None
    """A data set's folder; absent: it is looked for near the artifact."""
    rate_hz: float = _POSITIVE
    duration_s: float = Field(default=3.0, gt=0, le=600, allow_inf_nan=False)
    min_fps: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_p99_ms: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    min_accuracy: float | None = Field(default=None, ge=0, le=1)
    max_mean_watts: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class ModelCheck(Part):
    """What a board of one model must show, in the order in which it is looked at. What is absent is not looked at."""

    boot: Boot | None = None
    console: ConsoleStep | None = None
    provisioned: bool = False
    """The provisioning playbook would change nothing."""
    max_celsius: float | None = Field(default=None, gt=0, lt=150)
    """Any sensor, at rest."""
    min_disk_free_mb: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    rest: Rest | None = None
    trial: ShortTrial | None = None

    @model_validator(mode="after")
    def _looks_at_something(self) -> "ModelCheck":
        if self == ModelCheck.model_construct():
            raise ValueError("looks at nothing; add e.g. `boot:` or `trial:`")
        return self


class HealthPolicy(PolicyFile):
    """The whole file."""

    every_h: float = Field(default=24.0, gt=0, allow_inf_nan=False)
    """A check is due so long after the last one."""
    retry_h: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """And so long after one that failed: a board that was repaired comes back by itself."""
    quarantine_after: int = Field(default=QUARANTINE_AFTER, ge=1)
    """Faults in a row, lab faults and failed checks together, after which nobody gets the board."""
    models: dict[str, ModelCheck] = Field(min_length=1)
    """By board model."""

    def check_of(self, model: str) -> ModelCheck:
        """Return what a board model must show; UsageFault where the file does not say."""
        if model not in self.models:
            raise UsageFault(f"{self.path}: models: nothing for '{model}'; there are {', '.join(self.models)}")
        return self.models[model]


def load_policy(path: Path) -> HealthPolicy:
    """Read and check a file, touching no board.

    Raises:
        UsageFault: one line for every fault: ``FILE:LINE: field: what is wrong; remedy``.
    """
    return HealthPolicy.load(path, _check, wants="`models:`", what="health policy")


def policy_path(lab: Lab) -> Path:
    """Return where a lab's policy lies: in ``playbooks/`` beside the inventory that people wrote."""
    source = Path(lab.resolved.source) if lab.resolved else lab.path
    return source.parent / "playbooks" / "health.yaml"


def _check(tree: dict[str, Any], path: Path) -> list[Fault]:
    faults = against(HealthPolicy, tree, ())
    models = tree.get("models")
    if not isinstance(models, dict):
        return faults
    for model, check in cast("dict[str, Any]", models).items():
        if model not in known_boards():
            faults.append(Fault(("models", model), f"no board model '{model}'; {unknown(model, known_boards())}"))
        faults += _files(("models", model, "trial"), check, path)
    return faults


def _files(where: tuple[str, ...], check: object, path: Path) -> list[Fault]:
    trial = cast("dict[str, Any]", check).get("trial") if isinstance(check, dict) else None
    if not isinstance(trial, dict):
        return []
    named = cast("dict[str, Any]", trial)
    missing = [key for key in ("artifact", "dataset") if isinstance(named.get(key), str) and named[key]]
    return [
        Fault((*where, key), f"there is no {named[key]!r} beside {path}; paths are relative to its folder")
        for key in missing
        if not (path.parent / named[key]).exists()
    ]
