"""One run of QEMU: from power on to power off."""

import contextlib
import logging
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from .qmp import Qmp, QmpFault

_QUIT_S = 5.0
"""For QEMU to end when it is told to; after that it is killed. Measured: 18 ms."""
_log = logging.getLogger(__name__)


class QemuProcess:
    """A running machine, with its console and its monitor on socket pairs: nothing lies in the file system."""

    def __init__(self, line: Sequence[str], *, marker: str, log: Path) -> None:
        """Start it; OSError when it cannot be.

        Args:
            line: from :func:`machines.command`.
            marker: ``NAME=value`` of its environment, by which it is found should we be killed.
            log: what it prints is appended there.
        """
        monitor, its_monitor = socket.socketpair()
        self.console, its_console = socket.socketpair()
        name, _, value = marker.partition("=")
        fds = (its_monitor.fileno(), its_console.fileno())
        with its_monitor, its_console, log.open("ab") as said:
            try:
                self._popen = subprocess.Popen(
                    [*line, *_chardev("monitor", fds[0]), "-mon", "chardev=monitor,mode=control",
                     *_chardev("console", fds[1]), "-serial", "chardev:console"],
                    stdin=subprocess.DEVNULL, stdout=said, stderr=said, pass_fds=fds, start_new_session=True,
                    env={**_environment(), name: value},
                )  # fmt: skip
            except OSError:
                monitor.close()
                self.console.close()
                raise
        self.qmp = Qmp(monitor)
        self._clock = (~self._popen.pid << 3) | 2  # CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) makes it
        self._lock = threading.Lock()
        self._used_ns = 0
        self._reaped = False

    @property
    def pid(self) -> int:
        """Of the emulator."""
        return self._popen.pid

    @property
    def status(self) -> int | None:
        """How it ended by itself, as :attr:`subprocess.Popen.returncode`; None while it runs."""
        with self._lock:
            self._look()
            return self._popen.returncode

    def cpu_ns(self) -> int:
        """Return the processor time it has used; it never falls, and stands still once it has ended."""
        with self._lock:
            if not self._reaped:
                with contextlib.suppress(OSError):
                    self._used_ns = max(self._used_ns, time.clock_gettime_ns(self._clock))
            return self._used_ns

    def end(self) -> None:
        """Cut the power: nothing in the machine gets a chance to say goodbye. Returns once it is gone."""
        with contextlib.suppress(QmpFault):
            if self.status is None:
                self.qmp.execute("quit")
        deadline_ns = time.monotonic_ns() + int(_QUIT_S * 1e9)
        pidfd = self._pidfd()
        if pidfd is not None:
            with os.fdopen(pidfd, "rb") as ended:
                left_s = (deadline_ns - time.monotonic_ns()) / 1e9
                if not _readable(ended.fileno(), left_s):
                    _log.warning("QEMU, process %d, does not quit: killed", self.pid)
                    os.kill(self.pid, signal.SIGKILL)
                    _readable(ended.fileno(), _QUIT_S)
        with self._lock:
            self._look()
        self.qmp.close()

    def _pidfd(self) -> int | None:
        with self._lock:
            self._look()
            return None if self._reaped else os.pidfd_open(self.pid)

    def _look(self) -> None:
        """Take note of its end, and of all the processor time it used. Call with the lock held."""
        if self._reaped:
            return
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self._reaped = True
            self._popen.returncode = os.waitstatus_to_exitcode(status)
            self._used_ns = max(self._used_ns, round((usage.ru_utime + usage.ru_stime) * 1e9))


def _chardev(name: str, descriptor: int) -> tuple[str, str]:
    return "-chardev", f"socket,id={name},fd={descriptor}"


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}


def _readable(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, round(timeout_s * 1000))))
