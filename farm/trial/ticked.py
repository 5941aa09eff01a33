"""Waiting for something without being kept from everything else."""

from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing")


class Ticked(Generic[_Thing]):
    """What a source yields, and None whenever nothing has come for so long.

    The source is drawn in a thread of its own; what it raises is raised here.
    """

    def __init__(self, source: Iterable[_Thing], every_s: float, name: str) -> None:
        """Begin to draw."""
        self._source, self._every_s = source, every_s
        self._drawn: SimpleQueue[tuple[_Thing | None, BaseException | None]] = SimpleQueue()
        self._thread = Thread(target=self._draw, name=name, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[_Thing | None]:
        """Yield until the source ends."""
        while True:
            try:
                thing, error = self._drawn.get(timeout=self._every_s)
            except Empty:
                yield None
                continue
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield thing

    def join(self) -> None:
        """Wait for the thread; whoever calls this has told the source to end, whatever ended the iteration."""
        self._thread.join()

    def _draw(self) -> None:
        over: BaseException = StopIteration()
        try:
            for thing in self._source:
                self._drawn.put((thing, None))
        except BaseException as error:  # noqa: BLE001 -- raised again by whoever waits
            over = error
        self._drawn.put((None, over))
