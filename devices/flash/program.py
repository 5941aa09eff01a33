"""Programs of this host that flash: started, heard line by line, ended at their deadline."""

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import FlashFault

Heard = Callable[[str], None]
"""Told each line, also one that a carriage return ends: progress is printed so. May raise."""

_END_S = 5.0
"""From SIGTERM to SIGKILL (assumed)."""
_KEPT_LINES = 400


def find(device: str, program: str, *, install: str) -> str:
    """Return where a program lies; FlashFault, with what to install, where it does not."""
    if (path := shutil.which(program)) is None:
        raise FlashFault(device, f"no program {program!r} on this host", hint=f"install {install}")
    return path


def run(
    device: str,
    command: Sequence[str],
    *,
    timeout_s: float,
    silent_s: float | None = None,
    heard: Heard | None = None,
    folder: Path | None = None,
) -> tuple[int, str]:
    """Run a program to its end; return its status and all that it printed, errors included.

    Args:
        device: what errors begin with.
        command: program and arguments; no shell reads them.
        timeout_s: for the whole run.
        silent_s: how long it may print nothing.
        heard: told each line as it comes.
        folder: to run it in.

    Raises:
        FlashFault: it could not be started, or was not over in time, or silent for too long: it has been ended.
    """
    name = Path(command[0]).name
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,  # a vendor's script starts others, and all of them are to end
        )
    except OSError as error:
        raise FlashFault(device, f"{name} cannot be started: {error.strerror}") from error
    lines: list[str] = []
    try:
        _listen(device, name, child, timeout_s, silent_s, lines, heard)
        exit_status = child.wait(_END_S)
    except subprocess.TimeoutExpired as error:
        raise FlashFault(device, f"{name} closed its output and does not end{told(lines)}") from error
    finally:
        _end(child)
    return exit_status, "\n".join(lines)


def told(lines: Sequence[str], last: int = 6) -> str:
    """Return the last lines as the end of a message."""
    kept = [line.rstrip() for line in lines if line.strip()][-last:]
    return "; it last said:" + "".join(f"\n  | {line}" for line in kept) if kept else "; it said nothing"


def _listen(
    device: str,
    name: str,
    child: subprocess.Popen[bytes],
    timeout_s: float,
    silent_s: float | None,
    lines: list[str],
    heard: Heard | None,
) -> None:
    """Read until the program closes its output."""
    assert child.stdout is not None  # noqa: S101 -- a pipe was asked for
    deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
    tail = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            wait_s = left_s if silent_s is None else min(left_s, silent_s)
            if not selector.select(max(wait_s, 0.0)):
                waited = f"after {timeout_s:g} s" if wait_s == left_s else f"and has been silent for {silent_s:g} s"
                raise FlashFault(device, f"{name} is not over {waited}{told(lines)}")
            data = os.read(child.stdout.fileno(), 65536)
            *whole, tail = (tail + data).replace(b"\r", b"\n").split(b"\n")
            if not data and tail:
                whole, tail = [tail], b""
            for line in whole:
                text = line.decode("utf-8", "replace")
                lines.append(text)
                del lines[:-_KEPT_LINES]
                if heard is not None:
                    heard(text)
            if not data:
                return


def _end(child: subprocess.Popen[bytes]) -> None:
    """End what still runs, and all that it started."""
    if child.stdout is not None:
        child.stdout.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_END_S)
            return
