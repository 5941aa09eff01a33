"""Image files, packed or not, as a stream of their content."""

import gzip
import hashlib
import io
import lzma
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import zstandard

from ..errors import BadImage

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_PIECE_BYTES = 1 << 20
_ZSTD_BYTES = 1024
"""Taken at once: a block of zeros unpacks 4 bytes to 128 KiB, and an image is full of them."""

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
        if isinstance(error, OSError) and error.strerror:
            raise _unreadable(device, path, error) from error
        raise BadImage(device, f"{path}: {error}", hint="is the file whole? Fetch it again") from error


def inspect(device: str, path: Path) -> Facts:
    """Read an image to its end: what is damaged is found before anything is written. A second time it is known.

    Raises:
        BadImage: it is not there, empty or damaged.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise _unreadable(device, path, error) from error
    return _inspect(device, path.resolve(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=32)
def _inspect(device: str, path: Path, *_version: int) -> Facts:
    digest, size = hashlib.sha256(), 0
    with content(device, path) as stream:
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    if not size:
        raise BadImage(device, f"{path}: is empty", hint="was it fetched or built to its end?")
    return Facts(size, digest.hexdigest())


def _unreadable(device: str, path: Path, error: OSError) -> BadImage:
    return BadImage(device, f"{path}: {error.strerror}", hint="name an image file that this user may read")


def _unpacked(file: IO[bytes], suffix: str) -> IO[bytes]:
    match suffix:
        case ".gz":
            return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        case ".xz":
            return cast("IO[bytes]", lzma.LZMAFile(file))
        case ".zst":
            return cast("IO[bytes]", io.BufferedReader(_Zstd(file), _PIECE_BYTES))
        case _:
            return file


class _Zstd(io.RawIOBase):
    """Frames of zstd one after the other. zstandard's own reader takes a file that was cut for a whole one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._ready = file, memoryview(b"")
        self._frame, self._begun = zstandard.ZstdDecompressor().decompressobj(), False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer", /) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready:
            if not (data := self._file.read(_ZSTD_BYTES)):
                if self._begun:
                    raise EOFError("ends in the middle of its data")
                return 0
            self._ready = memoryview(self._unpacked(data))
        taken = min(len(view), len(self._ready))
        view[:taken], self._ready = self._ready[:taken], self._ready[taken:]
        return taken

    def _unpacked(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        while data:
            parts.append(self._frame.decompress(data))
            self._begun, data = not self._frame.eof, self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        return b"".join(parts)
