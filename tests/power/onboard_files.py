"""Files as a board's kernel shows them, for tests of the sensors that a board has of its own."""

import time
from collections.abc import Sequence
from pathlib import Path

from power.testing import Clock, Replay


class FilesOnPort:
    """Files whose texts are lines of one answer of a port."""

    def __init__(self, port: Replay) -> None:
        self._port = port

    def read(self, path: str) -> str:
        raise AssertionError("a reading is one question")

    def read_all(self, paths: Sequence[str]) -> list[str | OSError]:
        self._port.discard()
        self._port.write(" ".join(paths).encode())
        return [self._port.read_line(b"\n", 0).decode("latin-1") for _ in paths]

    def glob(self, pattern: str) -> list[str]:
        return []

    def close(self) -> None:
        self._port.close()


class Past(Clock):
    """A clock that lies so far back that a first stretch ends now."""

    def __init__(self, seconds: float) -> None:
        self._now_ns = time.monotonic_ns() - round(seconds * 1e9)


def written(root: Path, files: dict[str, object]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return str(root)
