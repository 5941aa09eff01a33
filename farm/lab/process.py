"""Processes that outlive the command that started them: known by pid and start time, so never mixed up."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_POLL_S = 0.02
_KEPT = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR", "TZ"),
    *("FARM_IMAGES", "XDG_CACHE_HOME"),  # where QEMU twins find what they boot
)
"""What a Python needs to start and to write; nothing else is passed on, for whatever the process starts can read it
under ``/proc``: no password of the controller's may stand there."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process, and no later one that the kernel gave the same number."""

    pid: int
    started: int
    """Clock ticks after the machine's start, as ``/proc/PID/stat`` tells."""

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return the process that has this number now; None when there is none, or only its remains."""
        try:
            # the name, in brackets, may hold anything: what counts begins after the last bracket
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        state, started = fields[0], fields[19]  # proc(5): fields 3 and 22
        return None if state in "ZX" else cls(pid, int(started))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return ProcessId.of(self.pid) == self

    def wait_end(self, timeout_s: float) -> bool:
        """Wait for its end; False when it still runs after that time."""
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while self.alive:
            if time.monotonic_ns() > deadline_ns:
                return False
            time.sleep(_POLL_S)
        with contextlib.suppress(ChildProcessError):  # ours to bury only if it was our child
            os.waitpid(self.pid, os.WNOHANG)
        return True

    def end(self, patience_s: float = 5.0) -> None:
        """Ask it to end, and kill it if it does not within ``patience_s``. Nothing happens to any other process."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self.wait_end(patience_s):
                break
        self.wait_end(0)


def marked(entry: str) -> list[ProcessId]:
    """Return the processes whose environment holds ``NAME=value``, of those that we may look at."""
    found: list[ProcessId] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found += filter(None, [ProcessId.of(int(folder.name))])
    return found


def spawn(module: str, arguments: Sequence[str], *, log: Path) -> ProcessId:
    """Start ``python -m module`` in a session and an environment of its own; what it prints goes to ``log``.

    Raises:
        RuntimeError: it ended before it could be looked at; its log says why.
    """
    # -P: a folder of the caller's that is called "power" must not stand in for ours
    command = [sys.executable, "-P", "-m", module, *arguments]
    to_log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        sys.executable,
        command,
        {name: os.environ[name] for name in _KEPT if name in os.environ},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), to_log, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    process = ProcessId.of(pid)
    if process is None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        raise RuntimeError(f"{' '.join(command)} ended at once")
    return process
