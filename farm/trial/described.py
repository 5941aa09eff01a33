"""What a record says of release, data set, frames and controller, whoever ran them: a board, or this machine."""

import platform
from importlib.metadata import version

from ..artifact.dataset import IMAGES, Dataset
from ..artifact.deploy import Deployment
from ..artifact.manifest import Manifest
from ..artifact.unpack import Artifact
from ..store.predictions import Predictions
from ..store.record import AccuracyFacts, ArtifactFacts, DatasetFacts, HostFacts, RunnerFacts, ScenarioFacts
from .figures import Frames
from .predicted import predictions
from .remote import Run
from .scenario import MultiStream, Scenario


def artifact_facts(artifact: Artifact) -> ArtifactFacts:
    """Return which release it is."""
    manifest = artifact.manifest
    return ArtifactFacts(
        id=artifact.id,
        name=manifest.name,
        model=manifest.model,
        runtime=manifest.runtime,
        precision=manifest.precision,
        size_bytes=artifact.size_bytes,
    )


def dataset_facts(dataset: Dataset) -> DatasetFacts:
    """Return which images those are."""
    manifest = dataset.manifest
    return DatasetFacts(
        id=dataset.id,
        name=dataset.name,
        images=len(dataset.labels),
        images_sha256=manifest.files[IMAGES].sha256,
        value_max=manifest.value_max,
        classes=manifest.classes,
    )


def accuracy_facts(predictions: Predictions, manifest: Manifest, images: int) -> AccuracyFacts:
    """Return what is right; loss only over all ``images`` of the data set, as the baseline was counted."""
    fraction = predictions.correct / len(predictions)
    baseline = manifest.baseline.fraction if manifest.baseline and len(predictions) == images else None
    return AccuracyFacts(
        correct=predictions.correct,
        total=len(predictions),
        fraction=fraction,
        baseline_fraction=baseline,
        loss=None if baseline is None else baseline - fraction,
    )


def accuracy(run: Run, deployment: Deployment) -> AccuracyFacts | None:
    """Return what a run got right, each image once; None for an artifact that can be right about nothing."""
    manifest = deployment.artifact.manifest
    if manifest.baseline is None:
        return None
    return accuracy_facts(predictions(run, deployment), manifest, len(deployment.dataset.labels))


def scenario_facts(scenario: Scenario, run: Run, frames: Frames, start_ns: int) -> ScenarioFacts:
    """Return how frames were offered; ``start_ns``: the first one, on the controller's clock."""
    asked = scenario.plan()
    return ScenarioFacts(
        name=scenario.name,
        rate_hz=asked.get("rate_hz"),
        duration_s=frames.seconds,
        start_ns=start_ns,
        frames=run.offered,
        warmup_frames=scenario.warmup_frames,
        late=None if scenario.closed else asked.get("late", "queue"),
        seed=asked.get("seed"),
        samples_per_query=scenario.samples_per_query if isinstance(scenario, MultiStream) else None,
        queries=frames.queries,
        min_duration_s=asked["duration_s"],
        min_queries=asked.get("min_count", run.offered),
        part=scenario.part,
    )


def runner_facts(run: Run) -> RunnerFacts | None:
    """Return what the runner says that it takes itself, and how long its link was away; None: nothing of that."""
    told = run.hello.get("overhead")
    facts = RunnerFacts(
        frame_us=None if told is None else told["frame_ns"] / 1e3,
        latency_us=None if told is None else told["latency_ns"] / 1e3,
        writing_s=None if run.writing_ns is None else run.writing_ns / 1e9,
        link_away_s=run.away_s or None,
    )
    return facts if facts.model_dump(exclude_none=True) else None


def host_facts(lateness_max_ns: int) -> HostFacts:
    """Return what the controller is, and how late it was at worst."""
    return HostFacts(
        farm_version=version("edge-test-farm"),
        python=platform.python_version(),
        lateness_max_ms=lateness_max_ns / 1e6,
    )
