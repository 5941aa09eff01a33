"""The processes of one board: started, counted, ended.

The process that hosts a twin is their subreaper, so that daemons stay its descendants and none outlives
the board's power. Other children of that process are left alone.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from .cpu import CpuAccount

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class PowerLost(Exception):
    """The board is off: nothing can be started on it."""


class Process:
    """A direct child: the leader of a session of its own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended = threading.Event()
        self.status = 0
        """As :attr:`subprocess.Popen.returncode`: below 0 for a signal; valid once :attr:`ended` is set."""

    def signal(self, number: int) -> None:
        """Send a signal to the process group, as long as its leader lives."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class Processes:
    """Every process of one board."""

    def __init__(self, marker: str, folder: Path) -> None:
        """Take what only this board's processes have: ``NAME=value`` in their environment, and a folder."""
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._lock = threading.RLock()
        self._account = CpuAccount(marker.encode(), folder)
        self._children: dict[int, Process] = {}
        self._accepting = False
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._closing = False
        self._final_ns = 0
        self._reaper = threading.Thread(target=self._reap, name="twin-reaper", daemon=True)
        self._reaper.start()

    def allow(self) -> None:
        """Let processes be started: the board is up."""
        with self._lock:
            self._accepting = True

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: dict[str, str],
        cwd: Path,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> Process:
        """Start a session leader.

        Raises:
            PowerLost: the board is off or going down.
            OSError: it cannot be started.
        """
        with self._lock:
            if not self._accepting:
                raise PowerLost("the board is off")
            popen = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
            )
            popen.returncode = 0  # ours to reap, with its resource usage; Popen shall not wait for it
            process = Process(popen.pid)
            self._watch(process)
        return process

    def cpu_ns(self) -> int:
        """Return the CPU time of all processes since the twin began; it never falls."""
        with self._lock:
            if self._closing:
                return self._final_ns
            self._adopt()
            return self._account.walk()

    def usage(self) -> tuple[int, dict[int, int]]:
        """Return :meth:`cpu_ns`, and the CPU time of each process at that moment, by its number."""
        with self._lock:
            total_ns = self.cpu_ns()
            return total_ns, {} if self._closing else self._account.usage()

    def count(self) -> int:
        """Return how many processes the board has."""
        with self._lock:
            self._adopt()
            self._account.walk(deep=True)
            return len(self._account.living())

    def kill_all(self, *, timeout_s: float = 5.0) -> bool:
        """End every process at once; True when none is left. Nothing starts until :meth:`allow`."""
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while time.monotonic_ns() < deadline_ns:
            with self._lock:
                self._accepting = False
                self._adopt()
                self._account.walk(deep=True)
                for pid in self._account.living():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                if not self._children:
                    return True
            time.sleep(0.002)  # for the reaper
        return False

    def terminate_all(self) -> None:
        """Ask every process to end, as a shutdown does."""
        with self._lock:
            self._adopt()
            self._account.walk(deep=True)
            for pid in self._account.living():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    def close(self) -> None:
        """End every process and stop watching. May be called twice."""
        if self._closing:
            return
        self.kill_all()
        with self._lock:
            self._final_ns = self._account.walk()
            self._closing = True
        os.write(self._wake_write, b"x")
        self._reaper.join()
        self._selector.close()
        self._account.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _watch(self, process: Process) -> None:
        self._children[process.pid] = process
        self._account.add_root(process.pid)
        self._selector.register(os.pidfd_open(process.pid), selectors.EVENT_READ, process)

    def _adopt(self) -> None:
        for pid in self._account.orphans(self._children):
            with suppress(ProcessLookupError):
                self._watch(Process(pid))

    def _reap(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if isinstance(key.data, Process):
                    self._bury(key.fd, key.data)
                else:
                    os.read(self._wake_read, 64)

    def _bury(self, pidfd: int, process: Process) -> None:
        with self._lock:
            self._adopt()  # what it left behind came to us when it exited
            _, status, usage = os.wait4(process.pid, 0)
            self._account.ended(process.pid, round((usage.ru_utime + usage.ru_stime) * 1e9))
            del self._children[process.pid]
            self._selector.unregister(pidfd)
            os.close(pidfd)
        process.status = os.waitstatus_to_exitcode(status)
        process.ended.set()
