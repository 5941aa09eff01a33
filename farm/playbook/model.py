"""A playbook file as checked steps."""

from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from devices.registry import known_boards

from ..errors import UsageFault
from ..lab.checks import against
from ..lab.words import kind_of, unknown
from ..lab.yaml_lines import Document, Fault, read
from .facts import Expect
from .files import Directory, File
from .software import Packages, Service
from .step import Step
from .tuning import Governor, PowerMode


class Entry(BaseModel):
    """One item of ``steps:``, by its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    directory: Directory | None = None
    file: File | None = None
    packages: Packages | None = None
    service: Service | None = None
    power_mode: PowerMode | None = None
    governor: Governor | None = None
    expect: Expect | None = None

    @model_validator(mode="after")
    def _is_one_step(self) -> "Entry":
        if (found := len(self._steps())) != 1:
            raise ValueError(f"wants one step, not {found}; begin each with `- ` of its own")
        return self

    @property
    def step(self) -> Step:
        """The step that stands there."""
        return self._steps()[0]

    def _steps(self) -> list[Step]:
        return [step for _, step in self if isinstance(step, Step)]


class Playbook(BaseModel):
    """What a board of one model is to be like, in the order in which it is made so."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str
    """The board model it is for."""
    steps: list[Entry] = Field(min_length=1)
    _path: Path = PrivateAttr(default=Path("playbook"))

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._path

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
    document = read(path)
    if not document.faults:
        document.faults += _check(document.value)
    if document.faults:
        raise UsageFault(document.report(document.faults))
    return Playbook.of(document)


def _check(value: object) -> list[Fault]:
    if not isinstance(value, dict):
        return [Fault((), f"wants `model:` and `steps:` at the top, not {kind_of(value)}")]
    faults = against(Playbook, value, ())
    model = cast("dict[str, object]", value).get("model")
    if isinstance(model, str) and model not in known_boards():
        faults.append(Fault(("model",), f"no board model '{model}'; {unknown(model, known_boards())}"))
    return faults
