"""A playbook file as checked steps."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, create_model, model_validator

from devices.registry import known_boards

from ..errors import UsageFault
from ..lab.checks import against
from ..lab.fields import Secret
from ..lab.secret import reveal
from ..lab.words import kind_of, unknown
from ..lab.yaml_lines import Document, Fault, Where, read
from .account import User
from .aiy import AiyVision
from .ansible import Ansible
from .command import Shell
from .edgetpu import EdgeTpuRuntime
from .facts import Expect
from .files import Directory, File, Line, TemplateFile
from .flash import Flash
from .kernel_arguments import KernelArguments
from .packages import AptRepository, Packages
from .reboot import Reboot
from .service import Service
from .step import Reading, Step
from .sysctl import Sysctl
from .tuning import Governor, JetsonClocks, PowerMode
from .values import FROM_BOARD, FROM_INVENTORY

STEPS: dict[str, type[Step]] = {
    "expect": Expect,
    "flash": Flash,
    "directory": Directory,
    "file": File,
    "template": TemplateFile,
    "line": Line,
    "packages": Packages,
    "apt_repository": AptRepository,
    "service": Service,
    "user": User,
    "sysctl": Sysctl,
    "kernel_arguments": KernelArguments,
    "power_mode": PowerMode,
    "jetson_clocks": JetsonClocks,
    "governor": Governor,
    "edgetpu_runtime": EdgeTpuRuntime,
    "aiy_vision": AiyVision,
    "reboot": Reboot,
    "shell": Shell,
    "ansible": Ansible,
}
"""What may stand in ``steps:``. A new step is one class and one line here."""

ValueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class OneStep(BaseModel):
    """One item of ``steps:``, by its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="after")
    def _is_one_step(self) -> "OneStep":
        if (found := len(self._steps())) != 1:
            raise ValueError(f"wants one step, not {found}; begin each with `- ` of its own")
        return self

    @property
    def kind(self) -> str:
        """What it is called in the playbook."""
        return self._steps()[0][0]

    @property
    def step(self) -> Step:
        """The step that stands there."""
        return self._steps()[0][1]

    def _steps(self) -> list[tuple[str, Step]]:
        return [(kind, step) for kind, step in self if isinstance(step, Step)]


if TYPE_CHECKING:
    Entry = OneStep
else:  # a field for each line of the table
    Entry = create_model("Entry", __base__=OneStep, **{kind: (step | None, None) for kind, step in STEPS.items()})


class Playbook(BaseModel):
    """What a board of one model is to be like, in the order in which it is made so."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str
    """The board model it is for."""
    vars: dict[ValueName, str | int | float | bool] = {}
    """Values of one's own, for templates and commands."""
    secrets: dict[ValueName, Secret] = {}
    """Secrets for templates and commands, each as ``env:NAME`` or ``file:PATH``."""
    steps: list[Entry] = Field(min_length=1)
    _path: Path = PrivateAttr(default=Path("playbook"))

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._path

    @property
    def texts(self) -> dict[str, str]:
        """``vars:`` as templates write them: true and false in small letters."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in self.vars.items()
        }

    def revealed(self) -> dict[str, str]:
        """Return the secrets themselves.

        Raises:
            UsageFault: one cannot be read, or has several lines.
        """
        found = {name: reveal(where, f"secrets.{name}", self.path) for name, where in self.secrets.items()}
        if lines := [name for name, secret in found.items() if "\n" in secret]:
            raise UsageFault(
                [f"{self.path}: secrets.{name}: has several lines; one is what a step takes" for name in lines]
            )
        return found

    @classmethod
    def of(cls, document: Document) -> "Playbook":
        """Return the playbook of a document in which no fault was found."""
        playbook = cls.model_validate(document.value)
        playbook._path = document.path  # noqa: SLF001 -- its own constructor
        return playbook


def load(path: Path) -> Playbook:
    """Read and check a playbook, touching no board.

    Raises:
        UsageFault: one line for every fault: ``FILE:LINE: field: what is wrong; remedy``.
    """
    document = read(path, "playbook")
    if not document.unreadable:
        document.faults += _check(document.value, path.parent)
    if document.faults:
        raise UsageFault(document.report(document.faults))
    return Playbook.of(document)


def _check(value: object, folder: Path) -> list[Fault]:
    if not isinstance(value, dict):
        return [Fault((), f"wants `model:` and `steps:` at the top, not {kind_of(value)}")]
    tree = cast("dict[str, Any]", value)
    faults = against(Playbook, tree, ())
    model = tree.get("model")
    if isinstance(model, str) and model not in known_boards():
        faults.append(Fault(("model",), f"no board model '{model}'; {unknown(model, known_boards())}"))
    return [*faults, *_problems(tree, folder, {fault.where[:2] for fault in faults})]


def _problems(tree: dict[str, Any], folder: Path, misshapen: set[Where]) -> Iterator[Fault]:
    """Yield what is wrong beyond the shape: names, files, the order of steps; of what has its shape."""
    taken = {**FROM_INVENTORY, **FROM_BOARD}
    own, secret = _names(tree, "vars"), _names(tree, "secrets")
    for section, names in (("vars", own), ("secrets", secret)):
        for name in names:
            if name in taken or (section == "secrets" and name in own):
                yield Fault((section, name), "is the name of another value already; choose another")
    reading = Reading(folder, frozenset({*taken, *own, *secret}), frozenset(secret))
    steps = dict(_steps(tree, misshapen))
    for n, (kind, step) in steps.items():
        yield from (Fault(("steps", n, kind, field), text) for field, text in step.problems(reading))
        if not step.lasts and any(isinstance(later, Reboot) for m, (_, later) in steps.items() if m > n):
            yield Fault(("steps", n, kind), "a reboot further down would undo it; move it behind the reboot")


def _names(tree: dict[str, Any], section: str) -> list[str]:
    names = tree.get(section)
    return list(cast("dict[str, Any]", names)) if isinstance(names, dict) else []


def _steps(tree: dict[str, Any], misshapen: set[Where]) -> Iterator[tuple[int, tuple[str, Step]]]:
    steps = tree.get("steps")
    for n, item in enumerate(cast("list[Any]", steps) if isinstance(steps, list) else []):
        if not misshapen & {("steps",), ("steps", n)}:
            entry = Entry.model_validate(item)
            yield n, (entry.kind, entry.step)


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a playbook."""
    whole = Playbook.model_json_schema()
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "Provisioning playbook of an edge-test-farm lab"
    whole["properties"]["model"]["enum"] = sorted(known_boards())
    whole["$defs"]["Entry"] |= {"minProperties": 1, "maxProperties": 1}
    return whole
