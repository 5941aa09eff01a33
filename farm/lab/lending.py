"""The boards that several threads have out: each its own, and all of them closed when the work is told to end."""

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Lock

from ..errors import LabFault
from .bench import Bench, borrow_any
from .inventory import Lab
from .lease import Wanted


class Stopped(Exception):
    """The work was told to end."""


class CutShort(LabFault):
    """A board was not up yet when there was no more use for it: that puts no board out of use.

    It may well have come up: it was within its own deadline.
    """

    def __init__(self, board: str, reached: str, why: str, *, hint: str = "") -> None:
        """Take how far its boot had come, and why nobody waits any longer."""
        super().__init__(board, f"was not up yet, {reached}: {why}", hint=hint)


class Lending:
    """Hands benches to threads. One a gate, or whatever else works on several boards at once."""

    def __init__(
        self, lab: Lab, state: Path, reason: str, used: Callable[[], Collection[str]], none_left: tuple[str, str]
    ) -> None:
        """Take the lab and what decides who gets a board.

        Args:
            lab: where the boards are.
            state: the farm's folder.
            reason: what others see as the reason of a lease.
            used: the boards that nobody of this work may have any more.
            none_left: what is said where all are used, and what to do.
        """
        self.lab = lab
        self._state, self._reason, self._used, self._none_left = state, reason, used, none_left
        self._out: dict[str, Bench] = {}
        self._lent: set[str] = set()
        """These, and those that are being put back as they were."""
        self._lock, self._stopped = Lock(), Event()

    @contextmanager
    def lend(
        self,
        boards: Sequence[str],
        *,
        wait_s: float,
        tell: Callable[[str], None],
        heed: Callable[[], object] = lambda: None,
    ) -> Generator[Bench]:
        """Lend one of these boards: the first that is free, else whichever is free first.

        Never one that is used, by another thread or before. ``heed`` is called while it waits; what it raises ends
        the wait.

        Raises:
            LabFault: none is left, or none was free within ``wait_s``; or the board was lost meanwhile.
            devices.errors.DeviceError: its console cannot be opened.
            Stopped: the work was told to end.
        """
        name = ""
        try:
            with ExitStack() as stack:
                bench = self._first(boards, wait_s, tell, heed, stack)
                name = bench.name
                with self._lock:
                    self._out[name] = bench
                    self._lent.add(name)
                try:
                    yield bench
                finally:
                    with self._lock:
                        del self._out[name]
        finally:
            with self._lock:
                self._lent.discard(name)

    def _first(
        self,
        boards: Sequence[str],
        wait_s: float,
        tell: Callable[[str], None],
        heed: Callable[[], object],
        stack: ExitStack,
    ) -> Bench:
        def heed_both() -> None:
            self.heed()
            heed()

        bench: Bench | None = None
        while bench is None:
            heed_both()
            left = self._unused(boards)
            for board in left:  # the preferred one first
                try:
                    bench = self._claim((board,), 0.0, tell, heed_both, stack)
                    break
                except LabFault:
                    continue
            else:
                bench = self._claim(left, wait_s, tell, heed_both, stack)
        return bench

    def _unused(self, boards: Sequence[str]) -> tuple[str, ...]:
        used = self._used()
        left = tuple(board for board in boards if board not in used)
        if not left:
            what, hint = self._none_left
            raise LabFault(", ".join(boards), what, hint=hint)
        return left

    def _claim(
        self,
        boards: tuple[str, ...],
        wait_s: float,
        tell: Callable[[str], None],
        heed: Callable[[], object],
        stack: ExitStack,
    ) -> Bench | None:
        """Borrow one of these; None when it was used by another thread while it was waited for."""
        with ExitStack() as trying:
            wanted = Wanted(boards=boards)
            borrowed = borrow_any(
                self.lab,
                wanted,
                state=self._state,
                wait_s=wait_s,
                reason=self._reason,
                progress=tell,
                heed=heed,
            )
            bench = trying.enter_context(borrowed)
            if bench.name in self._used():
                return None
            stack.push(trying.pop_all())
            return bench

    def heed(self) -> None:
        """Raise Stopped once the work was told to end; called wherever a thread can leave its board cleanly."""
        if self._stopped.is_set():
            raise Stopped

    def stop(self) -> None:
        """Let every thread end at its next step: what it has set on a board is restored on the way out."""
        self._stopped.set()

    def sever(self) -> None:
        """Close the links of boards that are still out: what waits on them ends with a fault."""
        with self._lock:
            out = list(self._out.values())
        for bench in out:
            bench.hang_up()

    @property
    def lent(self) -> list[str]:
        """The boards that are not given back yet."""
        with self._lock:
            return sorted(self._lent)
