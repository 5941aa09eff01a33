"""Waiting for something without being kept from everything else."""

from collections.abc import Generator, Iterable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

_Thing = TypeVar("_Thing")


def ticked(source: Iterable[_Thing], every_s: float, name: str) -> Generator[_Thing | None]:
    """Yield what a source yields, and None whenever nothing has come for so long.

    The source is drawn in a thread of its own; what it raises is raised here. Closing this waits for the thread:
    whoever closes it has told the source to end.
    """
    drawn: SimpleQueue[tuple[_Thing | None, BaseException | None]] = SimpleQueue()
    over = StopIteration()

    def draw() -> None:
        try:
            for thing in source:
                drawn.put((thing, None))
        except BaseException as error:  # noqa: BLE001 -- raised again by whoever waits
            drawn.put((None, error))
        else:
            drawn.put((None, over))

    thread = Thread(target=draw, name=name, daemon=True)
    thread.start()
    try:
        while True:
            try:
                thing, error = drawn.get(timeout=every_s)
            except Empty:
                yield None
                continue
            if error is over:
                return
            if error is not None:
                raise error
            yield thing
    finally:
        thread.join()
