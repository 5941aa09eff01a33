"""CPU time of a tree of processes, in nanoseconds, summed so that nothing is lost when one ends.

A living process counts with its own CPU clock and with what its parent-to-be has inherited: the usage of
children that it waited for (``cutime``, ``cstime`` of proc(5), resolved to a tick, usually 10 ms). One that
ended counts with the usage that wait4(2) reports, which holds its waited-for descendants too.
"""

import os
import time
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_DEEP_EVERY = 25  # walks; assumed: 0.25 to 0.5 s at the rate that a meter twin asks
_LOST_AFTER = 3  # walks a shortfall must last before it counts as usage that nobody waited for; assumed


class _Node:
    """One process: its /proc files stay open, so that a recycled pid is never mistaken for it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.others: list[int] = []
        """Children that threads other than the first one started."""
        self._clock = (~pid << 3) | 2  # CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) makes it
        self._stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._children = os.open(f"/proc/{pid}/task/{pid}/children", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._stat)
            raise

    def read(self) -> tuple[int, list[int], bool]:
        """Return usage in ns, child pids, and whether it is a zombie; OSError when it is gone.

        Inherited usage is read before the children's: one that ends in between is counted once or, for
        this one walk, not at all, but never twice.
        """
        fields = os.pread(self._stat, 1024, 0).rpartition(b")")[2].split()
        inherited = (int(fields[13]) + int(fields[14])) * _TICK_NS
        children = [int(pid) for pid in os.pread(self._children, 65536, 0).split()]
        return time.clock_gettime_ns(self._clock) + inherited, children + self.others, fields[0] in b"ZX"

    def look_deeper(self) -> None:
        """Find the children of its other threads."""
        self.others = []
        with suppress(OSError):
            for task in Path(f"/proc/{self.pid}/task").iterdir():
                if task.name != str(self.pid):
                    self.others += _children_of(self.pid, int(task.name))

    def close(self) -> None:
        os.close(self._stat)
        os.close(self._children)


class CpuAccount:
    """The tree below some roots, which are children of this process. Not for two threads at once."""

    def __init__(self, marker: bytes, folder: Path) -> None:
        """Take what tells the board's processes: an entry of their environment, and where they work."""
        self._marker, self._folder = marker, folder
        self._mine = os.open(f"/proc/{os.getpid()}/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
        self._listed = b""
        self._nodes: dict[int, _Node] = {}
        self._living: list[int] = []
        self._usage: dict[int, int] = {}
        self._roots: set[int] = set()
        self._sessions: set[int] = set()
        self._strangers: set[int] = set()
        self._ended_ns = 0
        self._high_ns = 0
        self._short_walks = 0
        self._walks = 0

    def add_root(self, pid: int) -> None:
        """Count this child and its descendants."""
        self._roots.add(pid)
        self._sessions.add(pid)

    def ended(self, pid: int, usage_ns: int) -> None:
        """Book a root that was waited for."""
        self._roots.discard(pid)
        if node := self._nodes.pop(pid, None):
            node.close()
        self._ended_ns += usage_ns

    def living(self) -> list[int]:
        """Return the pids that the last walk found, zombies left out."""
        return list(self._living)

    def usage(self) -> dict[int, int]:
        """Return the CPU time in ns by pid, of those that the last walk found."""
        return dict(self._usage)

    def walk(self, *, deep: bool = False) -> int:
        """Look at every process; return the CPU time so far, which never falls."""
        self._walks += 1
        deep = deep or self._walks % _DEEP_EVERY == 0
        total, seen, todo = self._ended_ns, set[int](), list(self._roots)
        self._living, self._usage = [], {}
        while todo:
            pid = todo.pop()
            if pid in seen:
                continue
            try:
                node = self._nodes.get(pid) or _Node(pid)
                self._nodes[pid] = node
                if deep:
                    node.look_deeper()
                usage, children, zombie = node.read()
            except (OSError, IndexError):  # gone between two looks
                continue
            seen.add(pid)
            todo += children
            total += usage
            self._usage[pid] = usage
            if not zombie:
                self._living.append(pid)
        if len(seen) < len(self._nodes):
            for pid in self._nodes.keys() - seen:
                self._nodes.pop(pid).close()
        return self._never_falling(total)

    def orphans(self, known: Container[int]) -> list[int]:
        """Return children of this process that are the board's, but not among the known.

        Orphans go to the first thread of their subreaper, so its list is the one to read.
        """
        listed = os.pread(self._mine, 65536, 0)
        if listed == self._listed:  # everything in it was looked at before
            return []
        self._listed = listed
        mine = [pid for pid in map(int, listed.split()) if pid not in known]
        self._strangers &= set(mine)
        found: list[int] = []
        for pid in mine:
            if pid in self._strangers:
                continue
            marked = pid in self._nodes or self._is_marked(pid)
            if marked is None:
                self._listed = b""  # look again
            elif marked:
                found.append(pid)
            else:
                self._strangers.add(pid)
        return found

    def close(self) -> None:
        """Let go of the files."""
        for node in self._nodes.values():
            node.close()
        self._nodes.clear()
        os.close(self._mine)

    def _is_marked(self, pid: int) -> bool | None:
        """Ask its folder and its environment; a zombie has neither, but still its session, which a root leads.

        One that is just being replaced by another program has no environment for a moment: None, nobody can tell.
        """
        with suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink().is_relative_to(self._folder):
                return True
        with suppress(OSError):
            if environment := Path(f"/proc/{pid}/environ").read_bytes():
                return self._marker in environment.split(b"\0")
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            return int(fields[3]) in self._sessions or (False if fields[0] in b"ZX" else None)
        return False

    def _never_falling(self, total: int) -> int:
        """Hide shortfalls of a tick; book one that stays: its parent ignored SIGCHLD."""
        short = self._high_ns - total
        self._short_walks = self._short_walks + 1 if short > 5 * _TICK_NS else 0
        if self._short_walks >= _LOST_AFTER:
            self._ended_ns += short
            self._short_walks = 0
        self._high_ns = max(self._high_ns, total)
        return self._high_ns


def _children_of(pid: int, tid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{tid}/children").read_bytes().split()]
    return []
