"""A real terminal for what only a terminal shows: a pty, and the screen that its bytes draw."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

FARM = "import sys; from farm.cli.main import main; sys.exit(main(sys.argv[1:]))"


class Terminal:
    """A process on a pty of its own, and everything that it wrote."""

    def __init__(self, words, *, columns=80, rows=24, env=None, cwd=None):
        self.columns, self.rows, self.written = columns, rows, b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # a session's leader that opens a terminal is controlled by it: job control, Ctrl-C and a hang-up work
        words = ["/bin/sh", "-c", f'exec "$0" "$@" <>{os.ttyname(slave)} >&0 2>&0', *words]
        self.process = subprocess.Popen(words, env=env, cwd=cwd, start_new_session=True)
        self._until_opened(slave)

    def _until_opened(self, slave):
        """Hold the pty open until its process does; it would hang up in between."""
        deadline = time.monotonic() + 10
        link = Path(f"/proc/{self.process.pid}/fd/2")
        while link.exists() and link.readlink() != Path(os.ttyname(slave)):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.close(slave)

    def type(self, text):
        os.write(self._master, text.encode())

    def until(self, pattern, *, timeout_s=30):
        """Return what came up to and with ``pattern``, from where the last call ended."""
        deadline = time.monotonic() + timeout_s
        begin = len(self.written)
        while not (found := re.search(pattern, self.written[begin:])):
            if time.monotonic() > deadline or not self._read(0.1):
                raise AssertionError(f"no {pattern!r} in {self.written[begin:]!r}")
        return self.written[begin : begin + found.end()]

    def end(self, *, timeout_s=60):
        """Read until the process has ended and return its exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(0.1):
            assert time.monotonic() < deadline, self.written
        return self.process.wait(timeout_s)

    def _read(self, wait_s):
        """Read what there is; False once the other side is closed."""
        if not select.select([self._master], [], [], wait_s)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.written += data
        return bool(data)

    def screen(self):
        """Return the lines that a person sees, drawn from all that was written."""
        return drawn(self.written.decode("utf-8", "replace"), self.columns)

    def close(self):
        for stat in Path("/proc").glob("[0-9]*/stat"):  # what a shell has started is in groups of its own
            with suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[3]) == self.process.pid:
                    os.kill(int(stat.parent.name), signal.SIGKILL)
        self.process.wait(60)
        os.close(self._master)


def drawn(text, columns):
    """Draw as a VT100 does: the few controls that we use, and wrapping at the last column."""
    lines, row, column = [""], 0, 0
    for control, letter in re.findall(r"\x1b\[([0-9;]*[A-Za-z])|(.)", text, re.DOTALL):
        if control.endswith("A"):
            row = max(0, row - int(control[:-1] or 1))
        elif control.endswith("J"):
            lines[row:] = [lines[row][:column]]
        elif control.endswith("m"):
            continue
        elif control:
            raise AssertionError(f"a control that this terminal does not know: {control!r}")
        elif letter == "\r":
            column = 0
        elif letter == "\n":
            row += 1
        else:
            if column == columns:
                row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
            lines[row] = lines[row].ljust(column)[:column] + letter + lines[row][column + 1 :]
            column += 1
        lines += [""] * (row + 1 - len(lines))
    return lines


@pytest.fixture
def terminal():
    """Start processes on terminals of their own; all are ended and closed."""
    opened = []

    def start(words, **options):
        opened.append(Terminal(words, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def farm_on_path(tmp_path_factory):
    """Return a folder in which `farm` is this checkout's."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "farm"
    script.write_text(f"#!{sys.executable}\n{FARM}\n")
    script.chmod(0o755)
    return Path(folder)
