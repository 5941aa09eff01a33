"""The boards that a gate has out: no two seats on one, and all of them closed when the gate is told to end."""

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Lock

from ..errors import LabFault
from ..lab.bench import Bench, borrow_any
from ..lab.inventory import Lab
from ..lab.lease import Wanted


class Stopped(Exception):
    """The gate was told to end."""


class Lending:
    """Hands benches to the seats' threads. One a gate."""

    def __init__(self, lab: Lab, state: Path, reason: str, used: Callable[[], Collection[str]]) -> None:
        """Take the lab, what others see as the reason of a lease, and which boards have trials of this gate."""
        self.lab = lab
        self._state, self._reason, self._used = state, reason, used
        self._out: dict[str, Bench] = {}
        self._lock, self._stopped = Lock(), Event()

    @contextmanager
    def lend(self, boards: Sequence[str], *, wait_s: float, tell: Callable[[str], None]) -> Generator[Bench]:
        """Lend one of these boards: the first that is free, else whichever is free first.

        Never one that another seat has or had: each is judged on a board of its own.

        Raises:
            LabFault: none is left, or none was free within ``wait_s``; or the board was lost meanwhile.
            devices.errors.DeviceError: its console cannot be opened.
            Stopped: the gate was told to end.
        """
        with ExitStack() as stack:
            bench = self._first(boards, wait_s, tell, stack)
            with self._lock:
                self._out[bench.name] = bench
            try:
                yield bench
            finally:
                with self._lock:
                    del self._out[bench.name]

    def _first(self, boards: Sequence[str], wait_s: float, tell: Callable[[str], None], stack: ExitStack) -> Bench:
        bench: Bench | None = None
        while bench is None:
            self.heed()
            left = self._unused(boards)
            for board in left:  # the preferred one first
                try:
                    bench = self._claim((board,), 0.0, tell, stack)
                    break
                except LabFault:
                    continue
            else:
                bench = self._claim(left, wait_s, tell, stack)
        return bench

    def _unused(self, boards: Sequence[str]) -> tuple[str, ...]:
        used = self._used()
        left = tuple(board for board in boards if board not in used)
        if not left:
            hint = "give the policy a lower count, or the lab more boards of this model"
            raise LabFault(", ".join(boards), "all have run other seats of this gate", hint=hint)
        return left

    def _claim(
        self, boards: tuple[str, ...], wait_s: float, tell: Callable[[str], None], stack: ExitStack
    ) -> Bench | None:
        """Borrow one of these; None when another seat has run on it while it was waited for."""
        with ExitStack() as trying:
            wanted = Wanted(boards=boards)
            borrowed = borrow_any(
                self.lab,
                wanted,
                state=self._state,
                wait_s=wait_s,
                reason=self._reason,
                progress=tell,
                heed=self.heed,
            )
            bench = trying.enter_context(borrowed)
            if bench.name in self._used():
                return None
            stack.push(trying.pop_all())
            return bench

    def heed(self) -> None:
        """Raise Stopped once the gate was told to end; called wherever a seat can be left cleanly."""
        if self._stopped.is_set():
            raise Stopped

    def stop(self) -> None:
        """Let every seat end at its next step: what it has set on a board is restored on the way out."""
        self._stopped.set()

    def sever(self) -> None:
        """Close the links of boards that are still out: what waits on them ends with a fault."""
        with self._lock:
            out = list(self._out.values())
        for bench in out:
            bench.close()
