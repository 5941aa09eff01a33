"""How long a process waited for a processor that others held: what the machine owes, not the screen."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Press:
    """One key."""

    raw_ms: float
    """Until its repaint."""
    waited_ms: float
    """Of these, waiting for a processor."""

    @property
    def unstarved_ms(self) -> float:
        """Until its repaint, had nobody else held the processors."""
        return max(0.0, self.raw_ms - self.waited_ms)


def waited_ms(*pids: int) -> float:
    """Return the milliseconds that the first threads of these processes have waited on a run queue, all together."""
    return sum(int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) for pid in pids) / 1e6


def own() -> int:
    """Return this process's number."""
    return os.getpid()
