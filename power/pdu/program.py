"""Runs a program of the controller's with a deadline; whatever goes wrong is named, and nothing of it stays behind."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from ..errors import SwitchOffline


def run(name: str, argv: Sequence[str], *, timeout_s: float, hint: str) -> str:
    """Return what a program printed; no shell reads its arguments.

    Args:
        name: of the switch: what errors begin with.
        argv: the program and its arguments.
        timeout_s: after this it is killed, with all that it started.
        hint: where to look when it fails.

    Raises:
        SwitchOffline: no such program, it did not end in time, or it ended with an error. The last lines that it
            printed are quoted.
    """
    what = " ".join(argv)
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise SwitchOffline(name, f"{what}: {error.strerror}", hint=f"install {argv[0]}, or name its path") from error
    with process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise SwitchOffline(name, f"{what}: did not end within {timeout_s:g} s", hint=hint) from None
        finally:
            with suppress(ProcessLookupError):  # its children may still hold the pipes
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        said = _last_lines(err) or _last_lines(out) or "nothing"
        raise SwitchOffline(name, f"{what}: ended with {process.returncode} and said: {said}", hint=hint)
    return out.decode("utf-8", "replace")


def _last_lines(printed: bytes) -> str:
    lines = [line.strip() for line in printed.decode("utf-8", "replace").split("\n") if line.strip()]
    return "; ".join(lines[-2:])[-200:]
