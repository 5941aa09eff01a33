"""An image onto a block device, and read back past the cache: what is on the card, not what is in memory."""

import fcntl
import hashlib
import mmap
import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import BadImage, FlashFault
from .bmap import Bmap
from .flasher import Progress
from .image import Facts

_PIECE_BYTES = 1 << 20
_SYNC_BYTES = 64 << 20
"""Assumed: what a slow card takes in some seconds; progress is then true, and a lost board noticed."""
_BLKFLSBUF = 0x1261
"""Linux: include/uapi/linux/fs.h; throws away what is cached of a block device."""

Piece = tuple[int, bytes]
"""Offset in the image, and what stands there."""


def pieces(device: str, stream: IO[bytes], bmap: Bmap | None) -> Iterator[Piece]:
    """Yield the image's content in order: all of it, or what a block map names, its checksums held against it.

    Raises:
        BadImage: a checksum differs, or the image ends early. What was yielded before may be of the bad range.
    """
    if bmap is None:
        yield from enumerate_bytes(stream)
        return
    at = 0
    for one in bmap.ranges:
        start, end = bmap.span(one)
        while at < start:
            at += len(_some(device, stream, start - at))
        digest = hashlib.sha256()
        while at < end:
            piece = _some(device, stream, end - at)
            digest.update(piece)
            yield at, piece
            at += len(piece)
        if digest.hexdigest() != one.sha256:
            hint = "they belong to different images, or the image is damaged"
            raise BadImage(device, f"blocks {one.first}-{one.last} are not what the block map says", hint=hint)


def enumerate_bytes(stream: IO[bytes], piece_bytes: int = _PIECE_BYTES) -> Iterator[Piece]:
    """Yield a stream's content with offsets, in full pieces but the last."""
    at = 0
    while piece := _full(stream, piece_bytes):
        yield at, piece
        at += len(piece)


class Card:
    """An open block device."""

    def __init__(self, device: str, path: Path, handle: int) -> None:
        """Take it; see :meth:`opened`."""
        self._device, self._path, self._handle = device, path, handle

    @classmethod
    @contextmanager
    def opened(cls, device: str, path: Path) -> Generator["Card"]:
        """Open it for ourselves alone: the kernel refuses while any part is mounted.

        Raises:
            FlashFault: it is not there, in use, write-protected, or fails under our hands.
        """
        try:
            handle = os.open(path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
            try:
                yield cls(device, path, handle)
            finally:
                os.close(handle)
        except OSError as error:
            hint = "is the card write-protected or worn, the reader plugged in, this user allowed to write to it?"
            raise FlashFault(device, f"{path}: {error.strerror}", hint=hint) from error

    def write(self, content: Iterator[Piece], total_bytes: int, progress: Progress, still: Callable[[], None]) -> int:
        """Write pieces where they belong, and have the card say that it has them; return their bytes.

        Zeros are read first, and written only where something else stands: most of a fresh image is zeros.
        ``still`` is called now and then; what it raises ends the writing.
        """
        done = unsynced = 0
        for at, piece in content:
            if any(piece) or os.pread(self._handle, len(piece), at) != piece:
                self._put(at, piece)
                unsynced += len(piece)
            done += len(piece)
            if unsynced >= _SYNC_BYTES:
                os.fdatasync(self._handle)
                unsynced = 0
                still()
            progress("writing", done / total_bytes)
        os.fsync(self._handle)
        return done

    def verify(self, wanted: "list[tuple[int, int, str]]", progress: Progress) -> None:
        """Read spans back from the medium itself and hold them against their SHA-256; raises FlashFault."""
        self._forget()
        total, done = sum(end - start for start, end, _ in wanted), 0
        with self._past_cache() as handle, mmap.mmap(-1, _PIECE_BYTES) as buffer:  # a whole page: O_DIRECT wants it
            for start, end, sha256 in wanted:
                digest, at = hashlib.sha256(), start
                while at < end:
                    got = min(os.preadv(handle, [buffer], at), end - at)
                    if not got:
                        raise FlashFault(self._device, f"{self._path}: ends at byte {at}, and was longer before")
                    digest.update(memoryview(buffer)[:got])
                    at += got
                    done += got
                    progress("reading back", done / total)
                if digest.hexdigest() != sha256:
                    what = f"{self._path}: bytes {start} to {end} do not read back as they were written"
                    raise FlashFault(self._device, what, hint="is the card worn, or smaller than it says? Try another")

    def _put(self, at: int, piece: bytes) -> None:
        view = memoryview(piece)
        while view:
            wrote = os.pwrite(self._handle, view, at)
            at, view = at + wrote, view[wrote:]

    def _forget(self) -> None:
        """Have the kernel forget what it has of the card."""
        if stat.S_ISBLK(os.fstat(self._handle).st_mode):
            fcntl.ioctl(self._handle, _BLKFLSBUF)
        else:
            os.posix_fadvise(self._handle, 0, 0, os.POSIX_FADV_DONTNEED)

    @contextmanager
    def _past_cache(self) -> Generator[int]:
        """Open it a second time, to read from the medium; a plain file that knows no such reading is read as it is."""
        direct = os.O_DIRECT if stat.S_ISBLK(os.fstat(self._handle).st_mode) else 0
        handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | direct)
        try:
            yield handle
        finally:
            os.close(handle)


def spans(facts: Facts, bmap: Bmap | None) -> list[tuple[int, int, str]]:
    """Return what of a card must read back: from, to (bytes), SHA-256."""
    if bmap is None:
        return [(0, facts.size_bytes, facts.sha256)]
    return [(*bmap.span(one), one.sha256) for one in bmap.ranges]


def _some(device: str, stream: IO[bytes], most: int) -> bytes:
    if not (piece := stream.read(min(most, _PIECE_BYTES))):
        raise BadImage(device, "the image ends before its block map does", hint="is the file whole?")
    return piece


def _full(stream: IO[bytes], size: int) -> bytes:
    """Read until there is so much, or the end: unpackers give what they have."""
    parts: list[bytes] = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
