"""Who has a device file open, as far as this user may see."""

import os
from collections.abc import Iterator
from pathlib import Path

_SHOWN = 60


def holders(device: str) -> list[str]:
    """Return ``"process 4711 (picocom /dev/ttyUSB0)"`` for each process; other users' are seen by root alone."""
    wanted = os.path.realpath(device)
    processes = sorted(Path("/proc").glob("[0-9]*"), key=lambda folder: int(folder.name))
    return [_told(process) for process in processes if wanted in _open_files(process)]


def _told(process: Path) -> str:
    return "this process" if int(process.name) == os.getpid() else f"process {process.name} ({_command(process)})"


def _open_files(process: Path) -> Iterator[str]:
    try:
        for link in (process / "fd").iterdir():
            yield str(link.readlink())
    except OSError:  # it has ended, or is another user's
        return


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        words = ["ended meanwhile"]
    text = " ".join(words)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
