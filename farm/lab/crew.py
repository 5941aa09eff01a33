"""Work on several boards at once: a thread each, and an end that leaves every board in order."""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Generic, TypeVar

from .lending import Lending, Stopped

_GRACE_S = 3.0
"""Within this a thread that was told to end has come to its next step, and restores its board over open links."""
_CLOSED_S = 4.0
"""Within this what waited on a link that was closed has noticed. A CI kills a cancelled job after some 10 s."""

_T = TypeVar("_T")


def work(lending: Lending, parts: Mapping[str, Callable[[], _T]], done: Callable[[str], object]) -> dict[str, _T]:
    """Do all parts at once, each in a thread, and return what came of each; what one meets keeps no other from its end.

    Args:
        lending: what the parts borrow their boards from.
        parts: by name.
        done: told the name of each that has ended, in its thread.

    Raises:
        KeyboardInterrupt: whoever waited was interrupted; by then every part has ended, and its board is returned.
        Stopped: a part was told to end by somebody else.
        Exception: what a part raised.
    """
    threads = {name: _Part(name, part, done) for name, part in parts.items()}
    begun: list[_Part[_T]] = []
    try:
        for thread in threads.values():
            begun.append(thread)  # before it runs: an interruption must not miss one that has just taken its board
            thread.start()
        for thread in threads.values():
            thread.ended.wait()
    except BaseException as interruption:
        _end(lending, begun)
        for board in lending.lent:
            interruption.add_note(f"{board}: did not end in time: whoever has it next puts back what was set on it")
        raise
    for thread in threads.values():
        thread.join()
    return {name: thread.result() for name, thread in threads.items()}


def _end(lending: Lending, threads: "Sequence[_Part[_T]]") -> None:
    """Let all leave their boards in order; those that do not come to it, by closing their links."""
    lending.stop()
    if not _all_ended(threads, _GRACE_S):
        lending.sever()
        _all_ended(threads, _CLOSED_S)


def _all_ended(threads: "Sequence[_Part[_T]]", within_s: float) -> bool:
    until_s = time.monotonic() + within_s
    for thread in threads:
        if thread.ended.wait(max(0.0, until_s - time.monotonic())):
            thread.join()  # it has nothing left to do
    return all(thread.ended.is_set() for thread in threads)


class _Part(Thread, Generic[_T]):
    """One part's thread. A daemon: one that hangs on a board keeps nobody from leaving."""

    def __init__(self, name: str, part: Callable[[], _T], done: Callable[[str], object]) -> None:
        super().__init__(name=f"board of {name}", daemon=True)
        self._part, self._done, self._key = part, done, name
        self._results: list[_T] = []
        self._error: BaseException | None = None
        self.ended = Event()
        """Waited on instead of the thread itself: an interruption must reach who waits."""

    def run(self) -> None:
        """Do the part and keep what it ends with."""
        try:
            self._results.append(self._part())
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised again where the result would be
            self._error = error
        finally:
            self._done(self._key)
            self.ended.set()

    def result(self) -> _T:
        """Return what came of it; raises what went wrong."""
        if self._error is not None:
            raise self._error
        if not self._results:
            raise Stopped
        return self._results[0]
