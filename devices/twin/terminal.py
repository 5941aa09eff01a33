"""A program on a terminal of its own: the console's shell, or SSH with a pty."""

import fcntl
import os
import select
import struct
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .processes import Process, Processes

_TAKE_TERMINAL = 'exec 0<>"$1" 1>&0 2>&0; shift; exec "$@"'
"""Run by a session leader: the first terminal that it opens becomes its controlling one, as tty(4) says."""
_POLL_MS = 100


class Terminal:
    """The master side of the pty on which a program runs."""

    def __init__(
        self, processes: Processes, argv: Sequence[str], *, size: tuple[int, int], env: dict[str, str], cwd: Path
    ) -> None:
        """Start the program on a terminal of ``size`` columns and rows; raises as :meth:`Processes.spawn`."""
        self._master, self._slave = os.openpty()
        os.set_blocking(self._master, False)
        self.resize(*size)  # before the program can ask
        line = ["/bin/sh", "-c", _TAKE_TERMINAL, "sh", os.ttyname(self._slave), *argv]
        try:
            self.process: Process = processes.spawn(line, env=env, cwd=cwd)
        except BaseException:
            self.close()
            raise

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program the size of the screen."""
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, data: bytes) -> None:
        """Type; what does not fit is lost, as at a terminal whose program does not read."""
        with suppress(BlockingIOError):
            os.write(self._master, data)

    def read(self) -> bytes:
        """Wait for output; empty once the program has ended and everything is read."""
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        while True:
            over = self.process.ended.is_set()
            if poll.poll(0 if over else _POLL_MS):
                with suppress(OSError):
                    return os.read(self._master, 65536)
            if over:
                return b""

    def close(self) -> None:
        """Hang up."""
        os.close(self._master)
        os.close(self._slave)
