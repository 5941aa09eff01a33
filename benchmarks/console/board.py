"""A serial line in a process of its own: a shell at one end, a port at the other; kernel lines in between if wanted.

``python board.py [--chatter HZ [--no-times]] -- SHELL…`` prints the port's path and carries bytes until its input ends.
"""

import argparse
import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
import tty

_READ_BYTES = 65536
_PIECE_BYTES = 60
"""What a board prints is read in such pieces where a kernel prints too: its lines fall in between any two."""


def start(argv: list[str]) -> tuple[int, subprocess.Popen[bytes]]:
    """Start a shell on a terminal of its own and return the terminal's other end."""
    board, inner = pty.openpty()
    env = {"PATH": os.defpath, "PS1": "farm@tx2-01:~$ ", "TERM": "vt220", "HOME": "/"}
    child = subprocess.Popen(
        argv,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=env,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # no thread runs here
    )
    os.close(inner)
    return board, child


def carry(board: int, line: int, chatter_hz: float, *, times: bool) -> None:
    """Carry bytes both ways, and print kernel lines between any two pieces."""
    period_s = 1 / chatter_hz if chatter_hz else None
    began_s = next_s = time.monotonic()
    while True:
        wait_s = None if period_s is None else max(0.0, next_s - time.monotonic())
        ready = select.select([board, line, 0], [], [], wait_s)[0]
        if 0 in ready:
            return
        if board in ready:
            _write(line, os.read(board, _READ_BYTES if period_s is None else _PIECE_BYTES))
        if line in ready:
            _write(board, os.read(line, _READ_BYTES))
        if period_s is not None and time.monotonic() >= next_s:
            next_s += period_s
            stamp = f"[{time.monotonic() - began_s:12.6f}] " * times
            _write(line, f"{stamp}usb 1-1: new high-speed USB device number 7\r\n".encode())


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chatter", type=float, default=0.0)
    parser.add_argument("--no-times", action="store_true", help="a kernel that does not stamp its lines")
    parser.add_argument("shell", nargs="+")
    args = parser.parse_args()
    line, outer = pty.openpty()
    tty.setraw(outer)
    board, child = start(args.shell)
    print(os.ttyname(outer), flush=True)
    try:
        carry(board, line, args.chatter, times=not args.no_times)
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    sys.exit(main())
