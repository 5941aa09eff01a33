"""Makes the sample data set and the sample artifacts. See README.md beside it for how to run it."""

import json
import logging
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
import onnxruntime
import torch
import write_onnx
import write_tflite
from compress import INPUT_SCALE, WEIGHT_MAX, Quantised, exact_predictions, prune, quantise, share
from nets import Conv, Dense, Layer, Pool, Task, layers_of, lenet5, lenet_300_100, oversampled, train
from scoring import predictions
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from farm.artifact.dataset import Dataset, load_dataset, save_dataset
from farm.artifact.document import check
from farm.artifact.manifest import Manifest
from farm.artifact.pack import pack
from farm.artifact.preprocess import tensor, tensor_sha256

SEED = 20
TEST_IMAGES = 540
"""30 % of the 1,797 digits, as many of each class as its share."""

EPOCHS, RETRAIN_EPOCHS, WIDE_EPOCHS = 60, 30, 25
SHARED_VALUES = 16
FINE = [16, 16]
"""One frame of lenet5-fine costs 0.16 billion multiplications: work that a power meter sees."""
OVERSAMPLE = [16, 48]
"""One frame of lenet5-x4 costs 9 billion multiplications: far over 150 ms on one core of 2020 or later."""

RUNTIMES = {
    "onnx": f"onnxruntime {onnxruntime.__version__}",
    "tflite": f"ai_edge_litert {ai_edge_litert.__version__}",
}
log = logging.getLogger("train")


@dataclass(frozen=True)
class Net:
    """An architecture, the size of the image it takes, and its sparsity once pruned."""

    name: str
    model: str
    side: int
    sparsity: float = 0.0


LENET_300_100 = Net("lenet-300-100", "LeNet-300-100", 28, sparsity=0.9)
LENET5 = Net("lenet5", "LeNet-5", 32, sparsity=0.7)
LENET5_FINE = Net("lenet5-fine", "LeNet-5 fine", 32)
LENET5_X4 = Net("lenet5-x4", "LeNet-5 x4", 32)


@dataclass(frozen=True)
class Variant:
    """One model file and what its manifest will say."""

    net: Net
    form: str
    runtime: str
    data: bytes
    precision: str = "float32"
    compression: tuple[dict[str, Any], ...] = ()
    integers: tuple[Quantised | Pool, ...] = ()
    """The layers of an int8 model: its predictions must be those of exact arithmetic."""
    twice: bool = True
    """Scored with the runtime's optimisations on and off; the heavy one only with."""

    @property
    def name(self) -> str:
        return f"{self.net.name}-{self.form}-{self.runtime}"

    @property
    def baseline(self) -> str:
        return f"{self.net.name}-float-{self.runtime}"


def split(folder: Path) -> tuple[np.ndarray, np.ndarray, Dataset]:
    """Return training images and labels, and the test images as the data set that goes to boards."""
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    parts = train_test_split(images, labels, test_size=TEST_IMAGES, stratify=labels, random_state=SEED)
    learn_images, test_images, learn_labels, test_labels = parts
    source = f"scikit-learn load_digits (UCI optdigits, test part): stratified hold-out of 540, random_state {SEED}"
    save_dataset(folder, test_images, test_labels, name=folder.name, source=source)
    return learn_images, learn_labels, load_dataset(folder)


def task_of(images: np.ndarray, labels: np.ndarray, net: Net) -> Task:
    """Make training data with the very preprocessing that boards do."""
    at = np.arange(net.side) * images.shape[1] // net.side
    large = images[:, at][:, :, at].astype(np.float32)[:, None] * np.float32(INPUT_SCALE)
    return Task(torch.from_numpy(large), torch.from_numpy(labels.astype(np.int64)))


def written(net: Net, form: str, layers: list[Layer], *, shared_values: int = 0, **facts: Any) -> Iterator[Variant]:
    """Write float layers for both runtimes."""
    onnx = write_onnx.write_float(layers, [1, 1, net.side, net.side], shared_values=shared_values)
    yield Variant(net, form, "onnx", onnx, **facts)
    yield Variant(net, form, "tflite", write_tflite.write_float(layers, [1, net.side, net.side, 1]), **facts)


def pruned_int8(net: Net, trained: nn.Sequential, task: Task) -> Iterator[Variant]:
    """Prune, retrain, and turn into integers."""
    pruned = deepcopy(trained)
    prune(pruned, task, sparsity=net.sparsity, epochs=RETRAIN_EPOCHS, seed=SEED)
    whole = quantise(layers_of(pruned), task.images.numpy())
    ranges = {"weights": "int8 per tensor, symmetric", "weight_max": WEIGHT_MAX, "ranges": "maximum over training set"}
    steps = (
        {"name": "prune", "parameters": {"by": "magnitude", "sparsity": net.sparsity, "layers": "all but the last"}},
        {"name": "retrain", "parameters": {"epochs": RETRAIN_EPOCHS}},
        {"name": "quantise", "parameters": ranges},
    )
    facts = {"precision": "int8", "compression": steps, "integers": tuple(whole)}
    onnx = write_onnx.write_int8(whole, [1, 1, net.side, net.side])
    yield Variant(net, "pruned-int8", "onnx", onnx, **facts)
    yield Variant(net, "pruned-int8", "tflite", write_tflite.write_int8(whole, [1, net.side, net.side, 1]), **facts)


def weight_shared(net: Net, trained: nn.Sequential, task: Task, fine: Net | None = None) -> Iterator[Variant]:
    """Share weights and retrain the shared values; with ``fine``, the same at its resolution too."""
    shared = deepcopy(trained)
    share(shared, task, values=SHARED_VALUES, epochs=RETRAIN_EPOCHS, seed=SEED)
    steps = (
        {"name": "share-weights", "parameters": {"by": "k-means", "values_per_layer": SHARED_VALUES}},
        {"name": "retrain", "parameters": {"epochs": RETRAIN_EPOCHS, "what": "shared values"}},
    )
    layers = layers_of(shared)
    yield from written(net, "shared", layers, shared_values=SHARED_VALUES, compression=steps)
    if fine is not None:
        yield from written(fine, "float", oversampled(layers_of(trained), FINE))
        spread = oversampled(layers, FINE)
        yield from written(fine, "shared", spread, shared_values=SHARED_VALUES, compression=steps)


def halved(layers: list[Layer]) -> list[Layer]:
    """Round weights to half precision, still stored as float32: packs to half the size."""

    def half(layer: Layer) -> Layer:
        if isinstance(layer, Conv | Dense):
            return replace(layer, weight=layer.weight.astype(np.float16).astype(np.float32))
        return layer

    return [half(layer) for layer in layers]


def variants(images: np.ndarray, labels: np.ndarray) -> Iterator[Variant]:
    """Train and yield everything, each net's baselines before its compressed forms."""
    for net, build, fine in ((LENET_300_100, lenet_300_100, None), (LENET5, lenet5, LENET5_FINE)):
        task = task_of(images, labels, net)
        torch.manual_seed(SEED)
        trained = build()
        train(trained, task, epochs=EPOCHS, seed=SEED)
        yield from written(net, "float", layers_of(trained))
        yield from pruned_int8(net, trained, task)
        yield from weight_shared(net, trained, task, fine)
    torch.manual_seed(SEED + 1)
    yield from written(LENET5, "random", layers_of(lenet5()))
    torch.manual_seed(SEED)
    wide = lenet5(width=4)
    train(wide, task_of(images, labels, LENET5_X4), epochs=WIDE_EPOCHS, seed=SEED)
    yield from written(LENET5_X4, "float", oversampled(halved(layers_of(wide)), OVERSAMPLE), twice=False)


def describe(variant: Variant, dataset: Dataset, correct: dict[str, int], sha256: str = "0" * 64) -> dict[str, Any]:
    """Return the manifest, without its list of files."""
    side, onnx, whole = variant.net.side, variant.runtime == "onnx", variant.precision == "int8"
    scores = "float32" if onnx or not whole else "int8"
    steps = [{"name": "upscale-nearest", "height": side, "width": side}]
    given = {
        "name": write_onnx.INPUT,
        "shape": [1, 1, side, side] if onnx else [1, side, side, 1],
        "dtype": ("uint8" if onnx else "int8") if whole else "float32",
        "layout": "NCHW" if onnx else "NHWC",
    }
    if whole:
        given |= {"scale": INPUT_SCALE, "zero_point": 0}  # the grey value itself: no step needed
    else:
        steps.append({"name": "scale", "factor": INPUT_SCALE, "offset": 0.0})
    total = len(dataset.labels)
    baseline = {"correct": correct.get(variant.baseline, 0), "total": total, "artifact": variant.baseline}
    return {
        "name": variant.name,
        "model": variant.net.model,
        "runtime": variant.runtime,
        "precision": variant.precision,
        "entry": f"model.{variant.runtime}",
        "input": given,
        "output": {"name": write_onnx.OUTPUT, "shape": [1, 10], "dtype": scores},
        "preprocess": {"steps": steps, "sha256": sha256},
        "decode": "argmax",
        "dataset": {"id": dataset.id, "name": dataset.name},
        "baseline": baseline,
        "expected": {"correct": correct.get(variant.name, 0), "total": total},
        "scored_with": RUNTIMES[variant.runtime],
        "compression": list(variant.compression),
    }


def score(variant: Variant, dataset: Dataset) -> tuple[int, str]:
    """Return how many images are right, and the hash of the tensors they became."""
    entry = {f"model.{variant.runtime}": {"sha256": "0" * 64, "size": 0}}
    manifest = check(Manifest, describe(variant, dataset, {}) | {"files": entry}, variant.name)
    tensors = np.stack([tensor(image, manifest) for image in dataset.images])
    begun_ns = time.monotonic_ns()
    found = predictions(variant.runtime, variant.data, tensors)
    frame_ms = (time.monotonic_ns() - begun_ns) / 1e6 / len(tensors)
    if variant.twice and found != predictions(variant.runtime, variant.data, tensors, plain=True):
        raise ValueError(f"{variant.name}: {variant.runtime} answers differently without its optimisations")
    if variant.integers:
        grey = tensors.reshape(-1, 1, variant.net.side, variant.net.side)
        rounded = manifest.output.dtype == "int8"
        if found != exact_predictions(list(variant.integers), grey, scores_rounded=rounded):
            raise ValueError(f"{variant.name}: {variant.runtime} differs from exact arithmetic")
    right = int((np.array(found) == dataset.labels).sum())
    log.info("%-34s %3d/%d  %7.3f ms a frame", variant.name, right, len(found), frame_ms)
    return right, tensor_sha256(dataset.images, manifest)


def keep(made: Iterable[Variant], dataset: Dataset, folder: Path) -> None:
    """Score each variant and pack it."""
    folder.mkdir(parents=True, exist_ok=True)
    correct: dict[str, int] = {}
    for variant in made:
        correct[variant.name], sha256 = score(variant, dataset)
        with tempfile.TemporaryDirectory() as name:
            source = Path(name)
            (source / f"model.{variant.runtime}").write_bytes(variant.data)
            (source / "manifest.json").write_text(json.dumps(describe(variant, dataset, correct, sha256)))
            out = folder / f"{variant.name}.tar.zst"
            pack(source, out)
        log.info("%-34s %9s bytes, packed %9s", "", f"{len(variant.data):,}", f"{out.stat().st_size:,}")


def main() -> None:
    """Write ``datasets/digits-540`` and ``artifacts/*.tar.zst``."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1], help="default: tests/lab")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    images, labels, dataset = split(arguments.out / "datasets" / "digits-540")
    keep(variants(images, labels), dataset, arguments.out / "artifacts")


if __name__ == "__main__":
    main()
