"""collect.yaml as a checked model: which images come back, with which labels, and what is hidden first."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...lab.percent import Share
from ...lab.policy_file import PolicyFile
from ...lab.shapes import against
from ...lab.yaml_lines import Fault

_SAY_NONE = "say `privacy: none` if nothing needs hiding"


class Part(BaseModel):
    """Frozen, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pixelate(Part):
    """Squares of one value."""

    block: int = Field(ge=2, le=1024)
    """Side of a square, pixels."""


class Hide(Part):
    """What is done to images before anything is written, in this order. What is absent is not done."""

    drop_classes: list[Annotated[int, Field(ge=0)]] | None = Field(default=None, min_length=1)
    """Images of these classes are left out."""
    pixelate: Pixelate | None = None
    command: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)
    """A program of the lab's: see :func:`.privacy.by_command`."""

    @model_validator(mode="after")
    def _hides(self) -> "Hide":
        if self == Hide.model_construct():
            raise ValueError(f"hides nothing; {_SAY_NONE}")
        return self


class Acquired(Part):
    """A folder on a board with images that it has acquired itself: IDX, PGM and PPM files."""

    board: str = Field(min_length=1)
    folder: str = Field(pattern=r"^/")


class Policy(PolicyFile):
    """The whole file."""

    misclassified: bool = False
    """Whether images that were predicted wrongly come back."""
    least_margin: Share | None = Field(default=None, gt=0, le=1)
    """The share of images whose two highest scores were closest to each other."""
    acquired: Acquired | None = None
    """Instead of both: what a board has acquired. Nobody knows what it shows, so that it has no labels."""
    at_most: int | None = Field(default=None, ge=1)
    """Misclassified ones first, then those of the least margin."""
    labels: Literal["from data set", "leave out"] = "from data set"
    privacy: Literal["none"] | Hide

    @property
    def hide(self) -> Hide | None:
        """What is hidden; None: nothing."""
        return None if self.privacy == "none" else self.privacy


def load_policy(path: Path) -> Policy:
    """Read and check a policy.

    Raises:
        UsageFault: one line for every fault: ``FILE:LINE: field: what is wrong; remedy``.
    """
    return Policy.load(path, _check, wants="e.g. `misclassified: true` and `privacy:`")


def _check(tree: dict[str, Any], path: Path) -> list[Fault]:
    privacy = _privacy(tree)
    # a policy without a fault in it stands for the field that was looked at by itself
    faults = [*privacy, *against(Policy, {**tree, "privacy": "none"}, ())]
    if faults:
        return faults
    policy = Policy.model_validate(tree)
    return _whole(policy) or _program(policy, path.parent)


def _privacy(tree: dict[str, Any]) -> list[Fault]:
    if "privacy" not in tree:
        return [Fault((), f"`privacy:` is missing; {_SAY_NONE}")]
    value = tree["privacy"]
    if isinstance(value, dict):
        return against(Hide, value, ("privacy",))
    if value != "none":
        return [Fault(("privacy",), f"wants none, pixelate:, drop_classes: or command:, not {value!r}; {_SAY_NONE}")]
    return []


def _whole(policy: Policy) -> list[Fault]:
    hard = policy.misclassified or policy.least_margin is not None
    if policy.acquired is None:
        text = "asks for no images; add `misclassified: true`, `least_margin:` or `acquired:`"
        return [] if hard else [Fault((), text)]
    faults: list[Fault] = []
    if hard:
        faults.append(Fault(("acquired",), "nothing was predicted of these; leave misclassified and least_margin out"))
    if policy.labels != "leave out":
        faults.append(Fault(("acquired",), "nobody knows what these show; write `labels: leave out`"))
    if policy.hide is not None and policy.hide.drop_classes is not None:
        faults.append(Fault(("privacy", "drop_classes"), "nobody knows what acquired images show"))
    return faults


def _program(policy: Policy, folder: Path) -> list[Fault]:
    """Refuse a program that is not there, before a board is touched; one without a path is looked for when it runs."""
    command = policy.hide.command if policy.hide is not None else None
    if command is None or "/" not in command[0] or (folder / command[0]).is_file():
        return []
    return [Fault(("privacy", "command"), f"there is no {command[0]!r}; paths are relative to the policy's folder")]
