"""What a board must hold for an artifact: folders of names, and the contents behind them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ..dataset import IMAGES, Dataset
from ..document import MANIFEST, SIGNATURE, canonical
from ..unpack import Artifact

PIECE_BYTES = 262_144
"""Read and sent at once: paramiko copies what is left of a ``bytes`` after every packet, and whole megabytes take it
quadratic time."""

Stretch = tuple[int, int]
"""Offset and length."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One content, known by its hash."""

    sha256: str
    size: int
    source: bytes | Path
    executable: bool = False

    def pieces(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a stretch of it, or all, in pieces."""
        left = self.size - offset if length is None else length
        if isinstance(self.source, bytes):
            yield self.source[offset : offset + left]
            return
        with self.source.open("rb") as file:
            file.seek(offset)
            while left and (piece := file.read(min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that one deployment puts on a board."""

    artifact: str
    """Identity; of the data set likewise, and the hash of the runner's files."""
    dataset: str
    runner: str
    folders: dict[str, dict[str, Blob]]
    """Folder as seen from the work folder → name in it → content."""

    @property
    def blobs(self) -> dict[str, Blob]:
        """Contents by hash, each once; executable if any of its names is."""
        found: dict[str, Blob] = {}
        for files in self.folders.values():
            for blob in files.values():
                if blob.executable or blob.sha256 not in found:
                    found[blob.sha256] = blob
        return found


def wanted(artifact: Artifact, dataset: Dataset) -> Wanted:
    """Return what a board must hold. Labels are not among it: a board cannot know what it should have answered."""
    model = {
        name: Blob(facts.sha256, facts.size, artifact.files[name], executable=bool(facts.executable))
        for name, facts in artifact.manifest.files.items()
    }
    model[MANIFEST] = _blob(canonical(artifact.manifest))
    if artifact.signature is not None:
        model[SIGNATURE] = _blob(artifact.signature)
    sources = (resources.files("farm") / "runner").iterdir()
    runner = {file.name: _blob(file.read_bytes()) for file in sources if file.name.endswith(".py")}
    listing = "".join(f"{blob.sha256} {name}\n" for name, blob in sorted(runner.items()))
    runner_hash = hashlib.sha256(listing.encode()).hexdigest()
    folders = {
        f"artifacts/{artifact.id}": model,
        f"datasets/{dataset.id}": {IMAGES: _blob(dataset.images_path.read_bytes())},
        f"runner/{runner_hash}": runner,
    }
    return Wanted(artifact.id, dataset.id, runner_hash, folders)


def _blob(data: bytes) -> Blob:
    return Blob(hashlib.sha256(data).hexdigest(), len(data), data)
