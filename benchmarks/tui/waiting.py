"""Whether the machine let the screen work: a key pressed while other programs held the processors says nothing."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FAIR_MS = 10.0
"""Assumed: a tenth of the limit. Who waited longer for a processor, any of its threads, is void."""


@dataclass(frozen=True, slots=True)
class Press:
    """One key."""

    took_ms: float
    """Until its repaint."""
    waited_ms: float
    """What all threads together waited on run queues meanwhile."""

    @property
    def void(self) -> bool:
        """Whether other programs held the processors."""
        return self.waited_ms > FAIR_MS


class Waiting:
    """What processes have waited for a processor, from now on."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self._before = dict(self._read())

    def ms(self) -> float:
        """Return the milliseconds of all threads that are still there."""
        return sum(now_ns - self._before.get(thread, 0) for thread, now_ns in self._read()) / 1e6

    def _read(self) -> Iterator[tuple[str, int]]:
        for pid in self._pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):  # it has just ended
                    yield task.name, int((task / "schedstat").read_text().split()[1])  # proc(5): run_delay, ns
