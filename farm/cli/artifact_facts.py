"""What a manifest says, in the lines that several actions of ``farm artifact`` print."""

from typing import Any

from ..artifact.document import shown
from ..artifact.manifest import Manifest


def facts(manifest: Manifest) -> dict[str, str]:
    """Return what a person wants to know first, by its name."""
    given = manifest.input
    shape = "x".join(map(str, given.shape))
    steps = [f"{step.name}{_parameters(step.model_dump(exclude={'name'}))}" for step in manifest.preprocess.steps]
    bound = {} if manifest.bound_to is None else manifest.bound_to.model_dump(exclude_none=True)
    if manifest.architecture is not None:
        bound = {"architecture": manifest.architecture, **bound}
    if manifest.device is not None:
        bound = {"device": manifest.device, **bound}
    told = {
        "name": manifest.name,
        "model": f"{manifest.model}, {manifest.precision}, for {manifest.runtime}",
        **({"command": " ".join(manifest.command)} if manifest.command else {}),
        **({"clock": " ".join(manifest.clock)} if manifest.clock else {}),
        **({"runs on": ", ".join(f"{name} {value}" for name, value in bound.items())} if bound else {}),
        "input": f"{given.name} {shape} {given.dtype} {given.layout}",
        "made by": ", ".join(steps) or "the image as it is",
        **_scores(manifest),
        "compression": ", then ".join(s.name + _parameters(s.parameters) for s in manifest.compression) or "none",
        "files": ", ".join(f"{name} {facts.size:,} bytes" for name, facts in sorted(manifest.files.items())),
    }
    return {name: shown(text) for name, text in told.items()}


def accuracy(manifest: Manifest) -> str:
    """Return what an artifact states of its accuracy."""
    expected = manifest.expected
    if expected is None:
        return "none is stated: its manifest names no data set"
    return f"{expected.fraction:.2%} ({expected.correct} of {expected.total})"


def _scores(manifest: Manifest) -> dict[str, str]:
    dataset, baseline, expected = manifest.dataset, manifest.baseline, manifest.expected
    if dataset is None or baseline is None or expected is None:
        return {"accuracy": accuracy(manifest)}
    return {
        "data set": f"{dataset.name} {dataset.id[:12]}",
        "accuracy": accuracy(manifest),
        "baseline": f"{baseline.fraction:.2%} ({baseline.artifact}); loss {baseline.fraction - expected.fraction:.2%}",
    }


def _parameters(values: dict[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in values.items())})" if values else ""
