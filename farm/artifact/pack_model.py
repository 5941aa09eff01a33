"""A model file, or a folder without a manifest, becomes an artifact: described, scored and packed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import UsageFault
from .dataset import Dataset
from .describe import describe
from .document import check
from .kind import require_kind_of
from .manifest import Manifest
from .model.malformed import Malformed
from .model.onnx import external_files, read_onnx
from .pack import Content, content_of, contents_of, pack_contents
from .preprocess import tensor_sha256
from .reference import reference_of
from .said import Said
from .score import EXTRAS, score, scores_here

_FEWEST = 2
"""Scores that one can be the highest of."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a model scores, counted elsewhere."""

    correct: int
    by: str | None = None


def pack_model(
    source: Path, said: Said, out: Path, *, dataset: Dataset | None = None, known: Known | None = None
) -> str:
    """Pack a model and return the artifact's identity.

    Args:
        source: A model file, or a folder with one.
        said: What its file does not tell.
        out: The file to write.
        dataset: What it is scored on; None: the artifact states no accuracy.
        known: The score; None: it is counted here, with the model's own runtime.

    Raises:
        UsageFault: something is missing or wrong, every fault on a line.
    """
    if said.parent is not None and said.parent.compression:
        raise UsageFault(f"{source}: --parent {said.parent.name} is compressed itself; name the float one")
    contents = contents_of(source) if source.is_dir() else _with_numbers(source)
    if said.runtime == "numpy" and source.suffix == ".onnx":
        contents = _reference(source, contents)
    shown = None if dataset is None else dataset.images.shape[1:]
    described = describe(contents, said, str(source), shown=shown)
    if dataset is not None:
        described |= _scored(described, contents, said, dataset, known, str(source))
    elif known is not None:
        raise UsageFault(f"{source}: a score on no data set; say --dataset")
    return pack_contents(described, contents, out, str(source))


def _with_numbers(source: Path) -> dict[str, Content]:
    """Return a model file, with the files beside it that hold its numbers."""
    contents = {source.name: content_of(source)}
    others: list[str] = []
    if source.suffix == ".xml":
        others = [source.with_suffix(".bin").name]
    elif source.suffix == ".onnx":
        try:
            others = external_files(contents[source.name].data)
        except Malformed as error:
            raise UsageFault(f"{source}: no ONNX file: {error}") from error
    for name in others:
        if Path(name).name != name or not name.isprintable() or not name:
            raise UsageFault(f"{source}: keeps numbers in {name!r}; want a file beside it")
        contents[name] = content_of(source.with_name(name))
    return contents


def _reference(source: Path, contents: Mapping[str, Content]) -> dict[str, Content]:
    """Return what the NumPy backend reads, in place of an ONNX model and its numbers."""
    try:
        net = read_onnx(contents[source.name].data, lambda name: contents[name].data if name in contents else None)
    except Malformed as error:
        raise UsageFault(f"{source}: {error}") from error
    return {source.with_suffix(".npz").name: Content(reference_of(net, str(source)))}


def _scored(
    described: Mapping[str, Any],
    contents: Mapping[str, Content],
    said: Said,
    dataset: Dataset,
    known: Known | None,
    where: str,
) -> dict[str, Any]:
    """Return the fields that belong to a data set."""
    files = {name: {"sha256": "0" * 64, "size": len(content.data)} for name, content in contents.items()}
    executables = {name: {"executable": True} for name, content in contents.items() if content.executable}
    manifest = check(Manifest, {**described, "files": {n: f | executables.get(n, {}) for n, f in files.items()}}, where)
    require_kind_of(manifest, contents[manifest.entry].data, where)
    if manifest.runtime != "command" and prod(manifest.output.shape) < _FEWEST:
        raise UsageFault(f"{where}: gives one score, and the class is the highest of several; want one score a class")
    try:
        sha256 = tensor_sha256(dataset.images, manifest)
    except ValueError as error:
        what = f"images of this data set do not become its input: {error}"
        raise UsageFault(f"{where}: {what}; say --upscale, or name one of its size and colours") from error
    preprocess = {**described["preprocess"], "sha256": sha256}
    total = len(dataset.labels)
    if known is not None:
        correct, by = known.correct, known.by
    else:
        correct, by = _count({**described, "preprocess": preprocess}, contents, manifest, dataset, where)
    expected = {"correct": correct, "total": total}
    return {
        "preprocess": preprocess,
        "dataset": {"id": dataset.id, "name": dataset.name},
        "expected": expected,
        "baseline": _baseline(manifest, said.parent, dataset, expected, where),
        **({"scored_with": by} if by else {}),
    }


def _count(
    described: Mapping[str, Any], contents: Mapping[str, Content], manifest: Manifest, dataset: Dataset, where: str
) -> tuple[int, str]:
    if not scores_here(manifest.runtime):
        extra = EXTRAS.get(manifest.runtime)
        install = f"pip install 'edge-test-farm[{extra}]', or " if extra else ""
        raise UsageFault(
            f"{where}: {manifest.runtime} cannot be scored here; {install}say --correct, counted elsewhere"
        )
    with TemporaryDirectory(prefix="farm-") as name:
        folder = Path(name)
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.data)
        (folder / "manifest.json").write_text(json.dumps(described))
        scored = score(folder / manifest.entry, folder / "manifest.json", dataset)
    return scored.correct, scored.by


def _baseline(
    manifest: Manifest, parent: Manifest | None, dataset: Dataset, expected: dict[str, int], where: str
) -> dict[str, Any]:
    """Return the float parent's score; a float model without a parent is its own."""
    if parent is None:
        if not manifest.precision.startswith("float") or manifest.compression:
            raise UsageFault(f"{where}: is compressed; say --parent, the float artifact that its loss is against")
        return {**expected, "artifact": manifest.name}
    if parent.expected is None or parent.dataset is None:
        raise UsageFault(f"{where}: --parent {parent.name} states no accuracy, so there is no loss against it")
    if parent.dataset.id != dataset.id:
        theirs = f"{parent.dataset.name} {parent.dataset.id[:12]}"
        raise UsageFault(
            f"{where}: --parent {parent.name} was scored on {theirs}, not on {dataset.name} {dataset.id[:12]}"
        )
    return {**parent.expected.model_dump(), "artifact": parent.name}
