"""Files of ``/proc`` in which each line is a name, a colon and a value."""

from pathlib import Path


def status_of(path: Path) -> dict[str, str]:
    """Return the values by name; nothing of a process that has ended."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def numbers(ranges: str) -> set[int]:
    """Return what a list such as ``0-2,5`` names."""
    ends = [part.split("-") for part in ranges.split(",") if part]
    return {number for end in ends for number in range(int(end[0]), int(end[-1]) + 1)}
