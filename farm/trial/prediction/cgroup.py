"""Control groups of this machine: where one may be made, and one that holds a command to a quota.

Version 2 bounds processor time, memory and cores; of version 1 only processor time is used. A group is made below the
one that this process is in, or beside it, never elsewhere, and is gone when it is left.
"""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ...errors import LabFault
from .status import numbers

_PREFIX = "farm-predict"
_GONE_S = 5.0
"""A group whose processes were killed can be removed within moments (assumed)."""
_DELEGATE = "systemd-run {user}--scope -p Delegate=yes farm predict …"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a group may be made."""

    version: int
    folder: Path
    controllers: frozenset[str]
    """That a group made there has, of ``cpu``, ``memory`` and ``cpuset``."""
    alone: bool = False
    """It holds this process and no other: which must move into a group of its own first, says the kernel."""


@dataclass(frozen=True, slots=True)
class Quota:
    """So much processor time in each period."""

    quota_us: int
    period_us: int


def places(proc: Path = Path("/proc/self"), pid: int | None = None) -> tuple[Place | None, str]:
    """Return where a group may be made, or none and why.

    Args:
        proc: Of the process that will ask.
        pid: Its number.
    """
    try:
        mounts = list(_mounts((proc / "mountinfo").read_text(encoding="utf-8")))
        mine = dict(_mine((proc / "cgroup").read_text(encoding="utf-8")))
    except OSError as error:
        return None, f"no control groups: {error.strerror}"
    reasons: list[str] = []
    for controller, of in (("", _version_2), ("cpu", _version_1)):
        for folder, root, kind, options in mounts:
            if controller not in mine or kind != ("cgroup" if controller else "cgroup2"):
                continue
            if controller and controller not in options:
                continue
            below = mine[controller].removeprefix(root.rstrip("/")).lstrip("/")
            found = of(folder, folder / below, os.getpid() if pid is None else pid)
            if isinstance(found, Place):
                return found, ""
            reasons.append(found)
    return None, "; ".join(reasons) or "no control groups are mounted"


def _version_2(mount: Path, own: Path, pid: int) -> Place | str:
    """Look at the group of this process, then at the one above: in one of them the controllers may be switched on."""
    if "cpu" not in _words(mount / "cgroup.controllers") and "cpu" not in _words(own / "cgroup.controllers"):
        return "cgroup v2 is without the cpu controller here"
    if _words(own / "cgroup.procs") == [str(pid)] and _ours(own) and own != mount:
        return Place(2, own, _usable(_words(own / "cgroup.controllers")), alone=True)
    for folder in (own, *([own.parent] if own != mount else [])):
        if "cpu" in _words(folder / "cgroup.subtree_control") and _ours(folder):
            return Place(2, folder, _usable(_words(folder / "cgroup.subtree_control")))
    delegate = _DELEGATE.format(user="" if os.geteuid() == 0 else "--user ")
    return f"cgroup v2: {own} is not delegated to this user, or read-only; `{delegate}` gives it away"


def _version_1(_mount: Path, own: Path, _pid: int) -> Place | str:
    if not (own / "cpu.cfs_quota_us").exists() or not _ours(own):
        return f"cgroup v1: {own} may not be written"
    return Place(1, own, frozenset({"cpu"}))


def _ours(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)


def _usable(controllers: list[str]) -> frozenset[str]:
    return frozenset(controllers) & {"cpu", "memory", "cpuset"}


def _mounts(text: str) -> Iterator[tuple[Path, str, str, list[str]]]:
    """Yield mount point, root, kind and the options of the super block: see proc(5)."""
    for line in text.splitlines():
        mount, dash, rest = line.partition(" - ")
        if dash:
            words, more = mount.split(), rest.split()
            yield Path(words[4]), words[3], more[0], more[-1].split(",")


def _mine(text: str) -> Iterator[tuple[str, str]]:
    """Yield controller and the path of this process's group; version 2 has the controller ``""``."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []


def _same(name: str, has: str, given: str) -> bool:
    """Tell whether the kernel holds what it was given; it tells memory in whole pages, and cores in ranges."""
    if name == "memory.max":
        return has.isdigit() and 0 <= int(given) - int(has) < os.sysconf("SC_PAGE_SIZE")
    return numbers(has) == numbers(given) if name == "cpuset.cpus" else has == given


@dataclass(slots=True)
class Group:
    """A group of its own for one command; leaving its ``with`` block ends what runs in it, and removes it."""

    place: Place
    quota: Quota
    memory_bytes: int
    cores: tuple[int, ...]
    folder: Path = field(init=False)
    _leaf: Path | None = field(default=None, init=False)
    _turned_on: list[str] = field(default_factory=list[str], init=False)

    def __post_init__(self) -> None:
        """Name it; nothing is made yet."""
        self.folder = self.place.folder / f"{_PREFIX}-{os.getpid()}-{secrets.token_hex(3)}"

    @property
    def joined_by(self) -> Path:
        """The file that takes the number of a process that is to join."""
        return self.folder / "cgroup.procs"

    def killed_for_memory(self) -> bool:
        """Tell whether the kernel ended one of its processes because its memory was used up."""
        words = _words(self.folder / "memory.events")
        return int(dict(zip(words[::2], words[1::2], strict=False)).get("oom_kill", "0")) > 0

    def __enter__(self) -> Self:
        """Make it; LabFault where the kernel refuses, or holds other limits than it was given."""
        try:
            self._make()
        except BaseException as error:
            self.__exit__(None, None, None)
            if isinstance(error, OSError):
                refused = f"control group refused: {error.strerror}: {error.filename}"
                raise LabFault(str(self.folder), refused) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it; LabFault where it stays, which is told with its path."""
        until_ns = time.monotonic_ns() + int(_GONE_S * 1e9)
        while self.folder.exists():
            for pid in _words(self.folder / "cgroup.procs"):
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            with suppress(OSError):
                self.folder.rmdir()
                break
            if time.monotonic_ns() > until_ns:
                raise LabFault(str(self.folder), "the control group stays", hint="end what is in it, then rmdir it")
            time.sleep(0.01)
        self._step_back()

    def _make(self) -> None:
        self._sweep()
        if self.place.alone:
            self._step_aside()
        self.folder.mkdir()
        for name, value in self._settings().items():
            self._set(name, value)

    def _settings(self) -> dict[str, str]:
        if self.place.version == 1:
            return {"cpu.cfs_period_us": str(self.quota.period_us), "cpu.cfs_quota_us": str(self.quota.quota_us)}
        found = {"cpu.max": f"{self.quota.quota_us} {self.quota.period_us}"}
        if "memory" in self.place.controllers:
            found |= {"memory.max": str(self.memory_bytes)}
            found |= {"memory.swap.max": "0"} if (self.folder / "memory.swap.max").exists() else {}
        if "cpuset" in self.place.controllers:
            found["cpuset.cpus"] = ",".join(map(str, self.cores))
        return found

    def _set(self, name: str, value: str) -> None:
        """Write a setting and read it back: a limit that does not hold would be a wrong figure."""
        file = self.folder / name
        file.write_text(value, encoding="ascii")
        if not _same(name, has := " ".join(_words(file)), value):
            raise LabFault(str(file), f"holds {has}, was given {value}")

    def _sweep(self) -> None:
        """Remove groups that a farm left which was killed: empty ones, whose maker is no more."""
        for left in self.place.folder.glob(f"{_PREFIX}-*-*"):
            pid = left.name.split("-")[2]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                with suppress(OSError):
                    left.rmdir()

    def _step_aside(self) -> None:
        """Move this process into a group below, so that the group it was in may give controllers away."""
        self._leaf = self.place.folder / f"{_PREFIX}-{os.getpid()}-self"
        self._leaf.mkdir()
        (self._leaf / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
        control = self.place.folder / "cgroup.subtree_control"
        on = _words(control)
        for controller in sorted(self.place.controllers - set(on)):
            control.write_text(f"+{controller}", encoding="ascii")
            self._turned_on.append(controller)

    def _step_back(self) -> None:
        """Undo :meth:`_step_aside`."""
        if self._leaf is None:
            return
        with suppress(OSError):  # what stays, stays in a group that was given to this user, and ends with it
            for controller in self._turned_on:
                (self.place.folder / "cgroup.subtree_control").write_text(f"-{controller}", encoding="ascii")
            (self.place.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
            self._leaf.rmdir()
        self._leaf = None
