"""What compression did: a net's layers and their weights as figures, beside those of its float parent."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from ..errors import UsageFault
from .document import identity
from .manifest import Manifest
from .model.compiled import told
from .model.entropy import Spread, spread
from .model.layers import Layer, layers_and_rest
from .model.malformed import Malformed
from .model.net import Net
from .model.read import read_net
from .model.tflite import EDGETPU_OPERATOR
from .unpack import Artifact, open_artifact, read_manifest

T = TypeVar("T", int, float)


@dataclass(frozen=True, slots=True)
class WeightFacts:
    """The weights of one layer, or of all. What a file does not tell is None."""

    weights: int
    zeros: int | None
    distinct: int | None
    stored_bytes: int
    """In the model file, with tables, scales and zero points; before the archive is compressed."""
    entropy_bits: float | None
    """Shannon's bound for a weight, each layer with a code of its own."""
    huffman_bits: float | None
    """What a Huffman code takes for a weight, its table of words not counted."""

    @property
    def sparsity(self) -> float | None:
        """Share of the weights that are 0."""
        return None if self.zeros is None or not self.weights else self.zeros / self.weights

    @property
    def stored_bits(self) -> float | None:
        """Bits a weight in the file."""
        return self.stored_bytes * 8 / self.weights if self.weights else None


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer."""

    name: str
    operator: str
    shape: tuple[int, ...]
    """Of its weights; empty where it has none, or they are not found."""
    dtype: str
    """As they are stored."""
    parameters: int
    macs: int | None
    """Multiplications of one inference."""
    weights: WeightFacts | None


@dataclass(frozen=True, slots=True)
class NetFacts:
    """All of a net."""

    format: str
    layers: tuple[LayerFacts, ...]
    operators: dict[str, int]
    """How often each is there, the most frequent first."""
    compiled: bool
    """Some of it went into an operator of the Edge TPU, where nothing can be counted: no sum over layers is known."""
    parameters: int | None
    """Weights and biases of the layers."""
    macs: int | None
    macs_not_zero: int | None
    """Of these, those by a weight that is not 0: what a runtime could do that skips the others."""
    weights: WeightFacts | None
    """Of all layers; None where there are none, or not all can be seen."""
    other_bytes: int
    """Constants that are no layer's weights or biases: scales, tables, numbers of operators that are none of these."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """One packed artifact."""

    path: Path
    manifest: Manifest
    id: str
    packed_bytes: int
    model_bytes: int
    """Of the model file; with its numbers, where they lie in another."""
    net: NetFacts | None
    why_no_net: str = ""
    """Why the model's inside is not told; empty where it is."""


def inspect(path: Path) -> Inspected:
    """Unpack into nowhere, check every hash, and look inside.

    Raises:
        UsageFault: not an artifact, or not what its manifest says.
    """
    with TemporaryDirectory(prefix="farm-") as folder:
        artifact = open_artifact(path, Path(folder))
        entry = artifact.manifest.entry
        why = told(entry, artifact.model_path.read_bytes())
        net, why = None, why or f"a model for {artifact.manifest.runtime} does not tell what is inside"
        try:
            found = net_of(artifact)
            if found is not None:
                net, why = facts(found), ""
        except Malformed as error:
            why = f"{entry}: {error}"
        sizes = sum(one.size for one in artifact.manifest.files.values())
        return Inspected(path, artifact.manifest, artifact.id, artifact.size_bytes, sizes, net, why)


def net_of(artifact: Artifact) -> Net | None:
    """Return the net of an unpacked artifact; as :func:`.model.read.read_net`."""

    def beside(name: str) -> bytes | None:
        return artifact.files[name].read_bytes() if name in artifact.files else None

    manifest = artifact.manifest
    return read_net(manifest.entry, artifact.model_path.read_bytes(), beside, runtime=manifest.runtime)


def facts(net: Net) -> NetFacts:
    """Return a net's figures."""
    found, other_bytes = layers_and_rest(net)
    compiled = any(node.operator == EDGETPU_OPERATOR for node in net.nodes)
    unseen = compiled or any(layer.unseen for layer in found)
    spreads = [_spread(layer) for layer in found]
    told = [_layer(layer, spread) for layer, spread in zip(found, spreads, strict=True)]
    zeros = [layer.zeros() for layer in found]
    effective = [
        None if layer.macs is None or zero is None else layer.macs - layer.macs * zero // _count(layer)
        for layer, zero in zip(found, zeros, strict=True)
        if _count(layer)
    ]
    of_layers = [layer.weights for layer in told if layer.weights is not None]
    return NetFacts(
        net.format,
        tuple(told),
        dict(Counter(node.operator for node in net.nodes).most_common()),
        compiled,
        None if unseen else sum(layer.parameters for layer in found),
        None if compiled else _sum([layer.macs for layer in found]),
        None if unseen else _sum(effective),
        None if unseen or not of_layers else _all(of_layers),
        other_bytes,
    )


def _count(layer: Layer) -> int:
    return prod(layer.weights.shape) if layer.weights is not None else 0


def _spread(layer: Layer) -> Spread | None:
    if layer.weights is None or layer.weights.values is None:
        return None
    return spread(layer.weights.values)


def _layer(layer: Layer, spread: Spread | None) -> LayerFacts:
    weights = None
    if layer.weights is not None:
        weights = WeightFacts(
            _count(layer),
            layer.zeros(),
            None if spread is None else spread.distinct,
            layer.weights.stored_bytes,
            None if spread is None else spread.entropy_bits,
            None if spread is None else spread.huffman_bits,
        )
    shape, dtype = (layer.weights.shape, layer.weights.dtype) if layer.weights is not None else ((), "")
    return LayerFacts(layer.name, layer.operator, shape, dtype, layer.parameters, layer.macs, weights)


def _all(of_layers: list[WeightFacts]) -> WeightFacts:
    """Return the sum over layers; bits a weight are the mean over all weights, each layer with its own code."""
    count = sum(one.weights for one in of_layers)

    def mean(of: Callable[[WeightFacts], float | None]) -> float | None:
        bits = _sum([None if (value := of(one)) is None else value * one.weights for one in of_layers])
        return None if bits is None or not count else bits / count

    return WeightFacts(
        count,
        _sum([one.zeros for one in of_layers]),
        None,
        sum(one.stored_bytes for one in of_layers),
        mean(lambda one: one.entropy_bits),
        mean(lambda one: one.huffman_bits),
    )


def _sum(values: list[T | None]) -> T | None:
    """Return the sum; None where one of them is unknown, or there is none."""
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


def find_parent(path: Path, manifest: Manifest) -> Path | None:
    """Return the packed float parent that lies beside an artifact; None where it names none, or is its own.

    It is known by the identity that the manifest names, else by the name of its baseline.
    """
    folder = path.resolve().parent
    if manifest.parent is not None:
        for other in sorted(folder.glob("*.tar.zst")):
            if _identity(other) == manifest.parent:
                return other
        return None
    if manifest.baseline is None or manifest.baseline.artifact == manifest.name:
        return None
    named = folder / f"{manifest.baseline.artifact}.tar.zst"
    return named if named.is_file() else None


def _identity(path: Path) -> str:
    try:
        return identity(read_manifest(path))
    except UsageFault:
        return ""  # whatever else lies there is not the parent


def not_comparable(ours: Inspected, parent: Inspected) -> str:
    """Return why a parent is none of this artifact; empty where it may be."""
    if ours.manifest.parent is not None and ours.manifest.parent != parent.id:
        return f"{ours.path}: its parent is {ours.manifest.parent[:12]}, {parent.path} is {parent.id[:12]}"
    return ""
