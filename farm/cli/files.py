"""Files that a command writes its result to, beside what it prints."""

import os
from collections.abc import Iterable
from pathlib import Path

from .output import warn

STDOUT = Path("-")
"""What an option that may lack its FILE stands for."""


def unwritable(files: Iterable[tuple[str, Path | None]]) -> list[str]:
    """Return what is wrong with the files that options name: one looks before boards are used for half an hour."""
    faults: list[str] = []
    for option, path in files:
        if path is None or path == STDOUT:
            continue
        if not path.parent.is_dir():
            faults.append(f"{option} {path}: no folder {path.parent}; make it first")
        elif path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            faults.append(f"{option} {path}: cannot be written; name another file")
    return faults


def written(path: Path, content: bytes, *, of: str, append: bool = False) -> bool:
    """Write a file, and tell whether it could be; where not that is said, and that the result ``of`` all stands."""
    try:
        with path.open("ab" if append else "wb") as file:
            file.write(content)
    except OSError as error:
        warn(f"{path}: cannot be written: {error.strerror}; the {of} stands above")
        return False
    return True
