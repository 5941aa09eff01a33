"""Cuts large contents into chunks while the board is asked, sent to, and writes to its disk."""

import threading
import time
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from .chunks import LARGE_BYTES, bytes_of, lengths, recipe
from .wanted import Blob


class Recipes:
    """Where large contents are cut, found by a thread that begins at once and ends with the block.

    Whether that is needed only the board can say; on the controller there is nothing else to do until it does.
    """

    large_bytes: int
    """What is smaller is not cut."""
    needed: Collection[str]
    """The contents that are cut, by their hashes."""
    seconds: float
    """Of the processor, that the thread has spent on them."""

    def __init__(self, blobs: Sequence[Blob]) -> None:
        """Take contents; those that are not large are passed over."""
        self.large_bytes, self.seconds = LARGE_BYTES, 0.0
        self._blobs = {blob.sha256: blob for blob in blobs if blob.size >= LARGE_BYTES}
        self._cut: dict[str, Future[list[int]]] = {name: Future() for name in self._blobs}
        self.needed = list(self._blobs)
        self._may_go = threading.Event()
        self._may_go.set()
        self._thread = threading.Thread(target=self._run, name="recipes")

    def only(self, needed: Collection[str]) -> None:
        """Cut no others, by their hashes; what is half cut is left."""
        self.needed = needed

    @contextmanager
    def resting(self) -> Generator[None]:
        """Leave the processor to whatever is done within: a link that outruns it comes first."""
        self._may_go.clear()
        try:
            yield
        finally:
            self._may_go.set()

    def lengths(self, sha256: str) -> list[int]:
        """Wait for the lengths of a content's chunks; it must be needed. Raises OSError where it cannot be read."""
        return self._cut[sha256].result()

    def whole(self, sha256: str) -> bytes:
        """Return the recipe of a content: the chunks' hashes too. It must be needed; raises as :meth:`lengths`."""
        return recipe(self._blobs[sha256].source, self.lengths(sha256))

    def __enter__(self) -> Self:
        """Begin."""
        if self._blobs:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.only(())
        if self._blobs:
            self._thread.join()

    def _run(self) -> None:
        for name, blob in self._blobs.items():
            begun_ns = time.thread_time_ns()
            found: list[int] = []
            try:
                for length in lengths(bytes_of(blob.source)):
                    self._may_go.wait()
                    if name not in self.needed:
                        break
                    found.append(length)
                self._cut[name].set_result(found)
            except Exception as error:  # noqa: BLE001 -- raised again by whoever asks for them
                self._cut[name].set_exception(error)
            self.seconds += (time.thread_time_ns() - begun_ns) / 1e9
