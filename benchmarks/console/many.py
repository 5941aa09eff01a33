"""Sixty-four consoles at once: what they cost, and what they lose."""

import os
import pty
import subprocess
import sys
import tempfile
import time
import tty
from contextlib import ExitStack
from dataclasses import dataclass

from devices.console import Console

_BYTES_PER_S = 11_520
"""115200 baud, 8N1."""
_SLICE_S = 0.01
"""A UART's FIFO is emptied about so often."""


@dataclass(frozen=True)
class Many:
    """What many consoles have cost."""

    consoles: int
    seconds: float
    core_share: float
    """Processor time of this process by wall time."""
    lost_bytes: int


def many(consoles: int, seconds: float) -> Many:
    """Print on as many ports at full rate from another process, and capture and copy to files here, as a lab does."""
    pairs = [pty.openpty() for _ in range(consoles)]
    for _, outer in pairs:
        tty.setraw(outer)
    opened = [Console.open(f"board-{n}", os.ttyname(outer)) for n, (_, outer) in enumerate(pairs)]
    masters = [master for master, _ in pairs]
    stack = ExitStack()  # a console copies for as long as it is open
    copies = [stack.enter_context(tempfile.TemporaryFile(buffering=0)) for _ in pairs]  # noqa: SIM115
    for console, copy in zip(opened, copies, strict=True):
        console.copy_to(copy.write)
    argv = [sys.executable, "-m", __name__, str(seconds), *map(str, masters)]
    cpu_s, began_s = time.process_time(), time.perf_counter()
    printed = int(subprocess.run(argv, pass_fds=masters, stdout=subprocess.PIPE, check=True).stdout)
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    deadline_s = time.monotonic() + 10
    while sum(len(console.log()) for console in opened) < printed and time.monotonic() < deadline_s:
        time.sleep(0.05)
    wanted = text(printed // consoles)
    for console in opened:
        console.close()
    lost = sum(_missing(console.log(), wanted) for console in opened)
    for copy in copies:
        copy.seek(0)
        lost += _missing(copy.read(), wanted)
    stack.close()
    for pair in pairs:
        for fd in pair:
            os.close(fd)
    return Many(consoles, wall_s, cpu_s / wall_s, lost)


def _missing(got: bytes, wanted: bytes) -> int:
    return 0 if got == wanted else max(1, len(wanted) - len(got))


def text(size: int) -> bytes:
    """Return the log that each console prints."""
    lines = b"".join(b"[%12.6f] line %d of a boot that never ends\r\n" % (n / 50, n) for n in range(size // 40 + 1))
    return lines[:size]


def main() -> None:
    seconds, fds = float(sys.argv[1]), [int(fd) for fd in sys.argv[2:]]
    total = int(seconds * _BYTES_PER_S)
    log = text(total)
    began_s, sent = time.monotonic(), 0
    while sent < total:
        time.sleep(_SLICE_S)
        upto = min(total, int((time.monotonic() - began_s) * _BYTES_PER_S))
        for fd in fds:
            piece = log[sent:upto]
            while piece:
                piece = piece[os.write(fd, piece) :]
        sent = upto
    print(total * len(fds))


if __name__ == "__main__":
    main()
