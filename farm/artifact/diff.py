"""In what two artifacts differ: what they say of themselves, their files, and the numbers inside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import numpy as np

from .inspect import NetFacts, facts, net_of
from .manifest import Manifest
from .model.malformed import Malformed
from .model.net import Constant, Net
from .unpack import Artifact, open_artifact

What = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not the same; None on the side that lacks it."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, slots=True)
class TensorChange:
    """One tensor that is not the same."""

    name: str
    what: What
    a: str
    """Type and shape; empty where it is not there."""
    b: str
    changed: int | None
    """Numbers that differ; None where types or shapes do, or they are not read."""
    total: int
    largest: float | None
    """Largest difference of two numbers; None where a changed one is none (NaN), or infinite."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two."""

    path: Path
    id: str
    manifest: Manifest
    packed_bytes: int
    net: NetFacts | None


@dataclass(frozen=True, slots=True)
class Difference:
    """All of it."""

    a: Side
    b: Side
    fields: tuple[Change, ...]
    """Of the manifests, by their path in it; files are told apart."""
    files: tuple[Change, ...]
    """Sizes in bytes; equal ones where the content alone is another."""
    operators: tuple[Change, ...]
    tensors: tuple[TensorChange, ...]
    same_tensors: int
    unread: tuple[str, ...]
    """Why models were not looked into."""

    @property
    def same(self) -> bool:
        """Whether both are the same artifact."""
        return self.a.id == self.b.id


def diff(a: Path, b: Path) -> Difference:
    """Unpack both into nowhere and compare; raises UsageFault where one is no artifact."""
    with TemporaryDirectory(prefix="farm-") as one, TemporaryDirectory(prefix="farm-") as other:
        first, second = open_artifact(a, Path(one)), open_artifact(b, Path(other))
        unread: list[str] = []
        nets = [_net(path, artifact, unread) for path, artifact in ((a, first), (b, second))]
        left, right = nets
        tensors: list[TensorChange] = []
        same = 0
        if left is not None and right is not None:
            tensors = list(_tensors(left.constants, right.constants))
            same = len(left.constants.keys() & right.constants.keys()) - sum(one.what == "changed" for one in tensors)
        sides = [
            Side(path, artifact.id, artifact.manifest, artifact.size_bytes, None if net is None else facts(net))
            for path, artifact, net in ((a, first, left), (b, second, right))
        ]
        return Difference(
            sides[0],
            sides[1],
            tuple(_fields(first.manifest, second.manifest)),
            tuple(_files(first.manifest, second.manifest)),
            tuple(_operators(sides[0].net, sides[1].net)),
            tuple(tensors),
            same,
            tuple(unread),
        )


def _net(path: Path, artifact: Artifact, unread: list[str]) -> Net | None:
    try:
        net = net_of(artifact)
    except Malformed as error:
        unread.append(f"{path}: {artifact.manifest.entry}: {error}")
        return None
    if net is None:
        unread.append(f"{path}: a model for {artifact.manifest.runtime} does not tell what is inside")
    return net


def _fields(a: Manifest, b: Manifest) -> Iterator[Change]:
    ours, theirs = (dict(_leaves(m.model_dump(mode="json", exclude_none=True, exclude={"files"}))) for m in (a, b))
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if ours.get(name) != theirs.get(name):
            yield Change(name, ours.get(name), theirs.get(name))


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in cast("Mapping[str, object]", value).items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _files(a: Manifest, b: Manifest) -> Iterator[Change]:
    for name in sorted(a.files.keys() | b.files.keys()):
        ours, theirs = a.files.get(name), b.files.get(name)
        if ours != theirs:
            yield Change(name, ours and ours.size, theirs and theirs.size)


def _operators(a: NetFacts | None, b: NetFacts | None) -> Iterator[Change]:
    if a is None or b is None:
        return
    for name in [*a.operators, *(name for name in b.operators if name not in a.operators)]:
        ours, theirs = a.operators.get(name, 0), b.operators.get(name, 0)
        if ours != theirs:
            yield Change(name, ours, theirs)


def _tensors(a: Mapping[str, Constant], b: Mapping[str, Constant]) -> Iterator[TensorChange]:
    for name in [*a, *(name for name in b if name not in a)]:
        ours, theirs = a.get(name), b.get(name)
        if ours is None or theirs is None:
            there = ours or theirs
            total = 0 if there is None else prod(there.shape)
            yield TensorChange(
                name, "removed" if theirs is None else "added", _kind(ours), _kind(theirs), None, total, None
            )
            continue
        changed, largest = _changed(ours, theirs)
        if changed != 0:
            yield TensorChange(name, "changed", _kind(ours), _kind(theirs), changed, prod(theirs.shape), largest)


def _kind(one: Constant | None) -> str:
    return "" if one is None else f"{one.dtype} {'x'.join(map(str, one.shape)) or 'scalar'}"


def _changed(a: Constant, b: Constant) -> tuple[int | None, float | None]:
    if a.shape != b.shape or a.dtype != b.dtype or a.values is None or b.values is None:
        return None, None
    both_nan = (a.values != a.values) & (b.values != b.values)
    differ = (a.values != b.values) & ~both_nan
    count = int(np.count_nonzero(differ))
    if not count:
        return 0, None
    largest = float(np.abs(a.values[differ].astype(np.float64) - b.values[differ].astype(np.float64)).max())
    return count, largest if isfinite(largest) else None
