"""Processor time as the board's kernel accounts for it: ``/proc/stat``, and ``/proc/PID/stat`` of its processes."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from .tree import write_atomically

_TICK_NS = 10_000_000  # USER_HZ is 100 on every architecture here
_OTHERS = 0.6  # share of all processors that others take, when they do; assumed


class Proc:
    """Written once a second, both kinds at one time: they are of one moment."""

    def __init__(self, root: Path, *, cores: int) -> None:
        self._folder, self._cores = root / "proc", cores
        self._pids: set[int] = set()
        self._last_ns = 0
        self._others_ns = 0
        self.others = False
        """Whether somebody else takes processors."""

    def write(self, board_ns: int, cpu_ns: int, by_process: Mapping[int, int]) -> None:
        """Write what the board's processes took in all (``cpu_ns``) and each, at a moment of its clock."""
        if self.others and board_ns > self._last_ns:
            self._others_ns += int(_OTHERS * self._cores * (board_ns - self._last_ns))
        self._last_ns = board_ns
        busy = (cpu_ns + self._others_ns) // _TICK_NS
        idle = max(0, self._cores * board_ns // _TICK_NS - busy)
        write_atomically(self._folder / "stat", f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\n")
        for pid, used_ns in by_process.items():
            line = f"{pid} (program) S 1 {pid} {pid} 0 -1 0 0 0 0 0 {used_ns // _TICK_NS} 0 0 0 20 0 1 0 0 0 0\n"
            write_atomically(self._folder / f"{pid}/stat", line)
        for gone in self._pids - by_process.keys():
            shutil.rmtree(self._folder / str(gone), ignore_errors=True)
        self._pids = set(by_process)
