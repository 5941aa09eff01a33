"""Images by their index: from the data set's folder here, or from what a board has of it, of which no more is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from shlex import quote
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from devices.shell import Shell

from ...errors import LabFault, UsageFault
from ..dataset import IMAGES, Dataset, parse_idx_head

Array = NDArray[np.uint8]

_GONE = 66
"""EX_NOINPUT of sysexits.h."""
_HEAD_BYTES = 20
"""Of an IDX file with four dimensions; one with three is longer than that by its first image."""
_HASH_S = 600.0
"""For a data set of 5 GB on a card that reads 10 MB/s (assumed)."""
_READ_S = 300.0
_LOOK = """\
cd {folder} 2>/dev/null && [ -r {file} ] || exit {gone}
sha256sum <{file} && head -c {head} {file}
"""
_READ = "tail -c +{begin} {file} | head -c {size}\n"
"""Each stretch by itself: any POSIX system has both programs, and tail does not read what it leaves out."""


class Images(Protocol):
    """Where images can be had."""

    def read(self, indices: Sequence[int]) -> Array:
        """Return images, shape (n, h, w) or (n, h, w, 3)."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """A data set that this machine has."""

    dataset: Dataset

    def read(self, indices: Sequence[int]) -> Array:
        """Return images."""
        return self.dataset.images[list(indices)]


@dataclass(frozen=True, slots=True)
class OnBoard:
    """A data set that a board has."""

    shell: Shell
    workdir: str
    dataset: str
    """Id."""
    images_sha256: str
    """What the file of its images must hash to."""

    @property
    def folder(self) -> str:
        """Where it lies there."""
        return f"{self.workdir}/datasets/{self.dataset}"

    def read(self, indices: Sequence[int]) -> Array:
        """Return images, once the board has hashed all of them.

        Raises:
            NotThere: the board has them no more.
            LabFault: what it has is damaged.
            devices.errors.DeviceError: the board.
        """
        shape, begin = self._looked()
        size = prod(shape[1:])
        stretches = "".join(
            _READ.format(begin=begin + first * size + 1, file=IMAGES, size=count * size)
            for first, count in _stretches(indices)
        )
        script = f"cd {quote(self.folder)} || exit 1\n{stretches}"
        data = self.shell.run("sh -s", stdin=script.encode(), timeout_s=_READ_S).stdout
        if len(data) != len(indices) * size:
            raise self._damaged(f"gave {len(data):,} bytes of {len(indices) * size:,}")
        return np.frombuffer(data, np.uint8).reshape(len(indices), *shape[1:])

    def _looked(self) -> tuple[tuple[int, ...], int]:
        """Return the shape of all images, and where the first begins."""
        script = _LOOK.format(folder=quote(self.folder), file=IMAGES, gone=_GONE, head=_HEAD_BYTES)
        done = self.shell.run("sh -s", stdin=script.encode(), timeout_s=_HASH_S, check=False)
        if done.exit_status == _GONE:
            raise NotThere(self.shell.name, f"has data set {self.dataset[:12]} no more")
        found, _, head = done.stdout.partition(b"\n")
        if found[:64].decode("ascii", "replace") != self.images_sha256:
            raise self._damaged(f"hashes to {found[:12].decode('ascii', 'replace')}…, not {self.images_sha256[:12]}…")
        try:
            return parse_idx_head(head)
        except ValueError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, what: str) -> LabFault:
        hint = "deploy a model with it again, which mends it; or name the data set's folder here: --dataset"
        return LabFault(self.shell.name, f"{self.folder}/{IMAGES}: {what}", hint=hint)


class NotThere(LabFault):
    """The board does not have the data set any more: another one may."""


def _stretches(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first index and count of indices that follow each other; UsageFault where they are not in order."""
    first, count = -1, 0
    for index in indices:
        if count and index < first + count:
            raise UsageFault(f"image {index} stands after image {first + count - 1}")
        if count and index == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = index, 1
    if count:
        yield first, count
