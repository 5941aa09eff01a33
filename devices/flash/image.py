"""Image files, packed or not, as a stream of their content."""

import gzip
import hashlib
import lzma
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard

from ..errors import BadImage

_PIECE_BYTES = 1 << 20

PACKED = (".gz", ".xz", ".zst")
"""Endings of files that are unpacked on the way."""

_DAMAGED = (OSError, EOFError, gzip.BadGzipFile, lzma.LZMAError, zstandard.ZstdError)


@dataclass(frozen=True, slots=True)
class Facts:
    """What an image holds once it is unpacked."""

    size_bytes: int
    sha256: str


@contextmanager
def content(device: str, path: Path) -> Generator[IO[bytes]]:
    """Open an image for reading, unpacked where its name ends with .gz, .xz or .zst.

    Raises:
        BadImage: it is not there, or what is read turns out damaged.
    """
    try:
        with path.open("rb") as file, _unpacked(file, path.suffix) as stream:
            yield stream
    except _DAMAGED as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadImage(device, f"{path}: {why}", hint="is the file whole? Fetch it again") from error


def inspect(device: str, path: Path) -> Facts:
    """Read an image to its end: what is damaged is found before anything is written.

    Raises:
        BadImage: it is not there, empty or damaged.
    """
    digest, size = hashlib.sha256(), 0
    with content(device, path) as stream:
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    if not size:
        raise BadImage(device, f"{path}: is empty")
    return Facts(size, digest.hexdigest())


def _unpacked(file: IO[bytes], suffix: str) -> IO[bytes]:
    match suffix:
        case ".gz":
            return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        case ".xz":
            return cast("IO[bytes]", lzma.LZMAFile(file))
        case ".zst":
            return cast("IO[bytes]", zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
        case _:
            return file
