"""The releases under test: which packed model goes on which board model; unpacked and checked, no board touched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ..artifact.dataset import Dataset
from ..artifact.feed import feed
from ..artifact.manifest import Manifest
from ..artifact.unpack import Artifact, open_artifact
from ..errors import UsageFault
from ..lab.shapes import against
from ..lab.words import kind_of, unknown
from ..lab.yaml_lines import Fault, read
from ..store.record import Role


class ReleaseFile(BaseModel):
    """A release that puts different models on different boards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    artifacts: dict[str, str] = Field(min_length=1)
    """Board model → packed artifact; paths from the file's folder."""
    duration_s: float | None = None
    """How the acceptance suite runs it; the gate's policy says how the gate does."""
    score_s: float | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """What one board model is to run."""

    artifact: Artifact
    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Releases:
    """Candidate, and baseline where one was named, by board model."""

    candidate: Mapping[str, Packed]
    baseline: Mapping[str, Packed] | None = None

    def of(self, role: Role, model: str) -> Packed:
        """Return what a board model runs in one role; KeyError where the role was not given."""
        packed = self.candidate if role == "candidate" else self.baseline
        return (packed or {})[model]

    def ids(self) -> dict[Role, dict[str, str]]:
        """Return role → board model → artifact id, for the run's record."""
        return {role: {model: packed.artifact.id for model, packed in models.items()} for role, models in self._roles()}

    def _roles(self) -> Iterator[tuple[Role, Mapping[str, Packed]]]:
        yield "candidate", self.candidate
        if self.baseline is not None:
            yield "baseline", self.baseline


def open_releases(
    candidate: Path,
    baseline: Path | None,
    models: Sequence[str],
    folder: Path,
    *,
    dataset: Path | None = None,
    accept: Callable[[Path, Manifest], None] | None,
) -> Releases:
    """Unpack and check what the board models of a policy are to run.

    Args:
        candidate: A packed artifact, for every model; or a YAML file that names one a model.
        baseline: Likewise; None: there is nothing to compare with.
        models: The board models.
        folder: Where to unpack; kept as long as the releases are used.
        dataset: The data set; without it the one that each artifact names, found near it.
        accept: What the lab takes, see :func:`farm.artifact.signed.acceptance`; None: it is not known, so anything.

    Raises:
        UsageFault: all that is wrong with either, a line each.
    """
    faults: list[str] = []
    opened: dict[Path, Packed | None] = {}

    def packed(path: Path) -> Packed | None:
        if path not in opened:
            try:
                opened[path] = _open(path, folder, dataset, accept)
            except UsageFault as fault:
                faults.extend(fault.faults)
                opened[path] = None
        return opened[path]

    found: list[dict[str, Packed]] = []
    for given in (candidate, baseline):
        try:
            paths = {} if given is None else _paths(given, models)
            if given is not None and not models and not _names_others(given):
                packed(given)  # a policy that cannot be read hides no fault of the release
        except UsageFault as fault:
            faults += fault.faults
            paths = {}
        found.append({model: put for model, path in paths.items() if (put := packed(path)) is not None})
    faults += _not_comparable(*found)
    if faults:
        raise UsageFault(list(dict.fromkeys(faults)))
    return Releases(found[0], None if baseline is None else found[1])


def _paths(given: Path, models: Sequence[str]) -> dict[str, Path]:
    """Return board model → packed artifact."""
    if not _names_others(given):
        return dict.fromkeys(models, given)
    document = read(given, what="release")
    faults = document.faults or _against(document.value, models)
    if faults:
        raise UsageFault(document.report(faults))
    named = ReleaseFile.model_validate(document.value).artifacts
    return {model: given.parent / named[model] for model in models}


def _names_others(given: Path) -> bool:
    return given.suffix in (".yaml", ".yml")


def _against(value: object, models: Sequence[str]) -> list[Fault]:
    if not isinstance(value, dict):
        return [Fault((), f"wants `artifacts:` at the top, not {kind_of(value)}")]
    if faults := against(ReleaseFile, value, ()):
        return faults
    named = ReleaseFile.model_validate(value).artifacts
    missing = [model for model in models if model not in named]
    return [Fault(("artifacts",), f"nothing for board model '{model}'; {unknown(model, named)}") for model in missing]


def _open(path: Path, folder: Path, dataset: Path | None, accept: Callable[[Path, Manifest], None] | None) -> Packed:
    artifact = open_artifact(path, folder, accept=accept)
    return Packed(artifact, feed(artifact, path, dataset))


def _not_comparable(candidate: Mapping[str, Packed], baseline: Mapping[str, Packed]) -> Iterator[str]:
    for model in candidate.keys() & baseline.keys():
        ours, theirs = candidate[model].dataset, baseline[model].dataset
        if ours.id != theirs.id:
            yield f"{model}: candidate and baseline name other data sets: {ours.name}, {theirs.name}; want one"
