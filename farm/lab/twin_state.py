"""What is on disk of a running lab of twins: a folder a board, with who runs it and where it listens."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from .control import Door
from .process import ProcessId, marked

_LAST_WORDS_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Running:
    """What a bench process says of itself once its twins answer."""

    door: Door
    ssh_port: int
    console: str
    host_key: str
    root: str
    devices: dict[str, dict[str, str]]
    """Meter or switch → the option values that lead to its twin."""
    flash: dict[str, str] = field(default_factory=dict[str, str])
    """The option values that lead a flashing driver to the board twin."""

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """Return what :func:`dataclasses.asdict` made of it."""
        rest = dict(value)
        return cls(door=Door(**rest.pop("door")), **rest)


@dataclass(frozen=True, slots=True)
class TwinFolder:
    """One board's folder in a running lab."""

    path: Path

    @property
    def board(self) -> str:
        """The board's name."""
        return self.path.name

    @property
    def log(self) -> Path:
        """What the bench process printed."""
        return self.path / "log"

    @property
    def password(self) -> Path:
        """The password on the board's console."""
        return self.path / "password"

    @property
    def board_folder(self) -> Path:
        """What the board twin keeps: its root, its programs."""
        return self.path / "board"

    def left_behind(self) -> list[ProcessId]:
        """Return the board's own processes; they outlive a bench process that was killed."""
        return marked(f"BOARD_TWIN={self.board_folder.resolve()}")  # a board twin marks all that it starts

    def process(self) -> ProcessId | None:
        """Return the process that was started for the board; None when there is no such note."""
        note = _read(self.path / "process.json")
        return None if note is None else ProcessId(**note)

    def note_process(self, process: ProcessId) -> None:
        """Note whom to end; first thing after the start, so that none is ever forgotten."""
        write_private(self.path / "process.json", json.dumps(asdict(process)))

    def running(self) -> Running | None:
        """Return where the twins listen; None while they do not yet."""
        note = _read(self.path / "running.json")
        return None if note is None else Running.of(note)

    def note_running(self, running: Running) -> None:
        """Note where the twins listen."""
        write_private(self.path / "running.json", json.dumps(asdict(running)))

    @property
    def alive(self) -> bool:
        """Whether the board's process still runs."""
        process = self.process()
        return process is not None and process.alive

    def last_words(self) -> str:
        """Return the last line that the process printed."""
        try:
            lines = self.log.read_bytes()[-_LAST_WORDS_BYTES:].decode("utf-8", "replace").split("\n")
        except OSError:
            return "nothing"
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")

    def forget(self) -> None:
        """Drop the notes; log and files stay to be looked at."""
        for name in ("process.json", "running.json"):
            (self.path / name).unlink(missing_ok=True)


def folders(state: Path) -> list[TwinFolder]:
    """Return the boards that a lab here was started with, by name."""
    return [TwinFolder(note.parent) for note in sorted((state / "lab").glob("*/process.json"))]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; readers see the old one or the new one, never half."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
