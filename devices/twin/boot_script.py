"""A boot text: what to print, where to wait, and the points at which a boot can go wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

from .model import Model, fill

_PANIC = """\
[    1.996014] VFS: Cannot open root device "(null)" or unknown-block(0,0): error -6
[    1.997120] Please append a correct "root=" boot option; here are the available partitions:
[    1.998204] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)
[    1.999310] CPU: 0 PID: 1 Comm: swapper/0 Not tainted @KERNEL@ @KERNEL_VERSION@
[    2.000411] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) ]---
"""
_PANIC_WHILE_UP = """\
[  812.204011] Unable to handle kernel paging request at virtual address dead000000000100
[  812.205120] Internal error: Oops: 96000044 [#1] SMP
[  812.206204] Kernel panic - not syncing: Fatal exception in interrupt
[  812.207310] ---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---
"""


@dataclass(frozen=True, slots=True)
class Print:
    """Send these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Point:
    """A place with a name: ``hang``, ``panic``, ``late``."""

    name: str


Step = Print | Pause | Point


def parse(text: str) -> Iterator[Step]:
    """Read a boot text: lines as they are, and ``%% pause S``, ``%% raw TEXT``, ``%% point NAME``, ``%% late``.

    Raises:
        ValueError: a directive that there is not.
    """
    for line in text.splitlines():
        if not line.startswith("%%"):
            yield Print(as_lines(line))
            continue
        _, verb, *rest = line.split(" ", 2)
        match verb, rest:
            case "pause", [seconds]:
                yield Pause(float(seconds))
            case "raw", [raw]:
                yield Print(raw.encode().decode("unicode_escape").encode())
            case "point", [name]:
                yield Point(name)
            case "late", []:
                yield Point("late")
            case _:
                raise ValueError(f"boot text: {line!r} is no directive")


def kernel_lines(text: str) -> str:
    """Return the kernel's own lines of a boot text: what ``dmesg`` prints afterwards."""
    return "".join(line + "\n" for line in text.splitlines() if line.startswith("[ ") and not line.startswith("[  OK"))


def panic(model: Model, *, up: bool) -> bytes:
    """Return a panic's last words, before the root file system is there or while the board is up."""
    return as_lines(fill(_PANIC_WHILE_UP if up else _PANIC, model.values("")))


def as_lines(text: str) -> bytes:
    """Return text as a terminal line discipline sends it."""
    return b"".join(line.encode() + b"\r\n" for line in text.split("\n")[: text.count("\n") or None])
