"""What a step is, and what it acts on."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from devices.board import Board
from devices.shell import Result, Shell

from ..errors import LabFault
from ..lab.way import Over
from .values import Values

if TYPE_CHECKING:
    from ..lab.bench import Bench

WORKDIR = "workdir"
"""A path that begins so lies in the farm's own folder on the board."""

REBOOT_NOTE = "/run/edge-test-farm.reboot"
"""Which changes wait for a reboot; ``/run`` lives in memory, so the reboot itself takes it away."""

_PATH = re.compile(rf"(/|{WORKDIR}$|{WORKDIR}/)")


@dataclass(slots=True)
class History:
    """What this run has changed on the board since it booted."""

    changed: list[str] = field(default_factory=list[str])
    """Titles of steps; in check mode, of those that would change something."""
    reboot_follows: bool = False
    """Whether a later step reboots when something changed: then the board itself keeps note of changes."""
    remarks: list[str] = field(default_factory=list[str])
    """What the step that runs has to say beside what differs."""


@dataclass(frozen=True, slots=True)
class Target:
    """One board that a playbook acts on."""

    board: Board
    shell: Shell
    workdir: str
    """The farm's folder on the board, built from its root already."""
    bench: "Bench | None" = None
    """What is wired to it, for steps that flash or cycle its power."""
    folder: Path = Path()
    """Where the playbook lies: its files' names are relative to it."""
    values: Values = field(default_factory=Values)
    """What templates and commands may name."""
    history: History = field(default_factory=History)
    over: Over = "ssh"
    """The way that the shell takes onto the board."""
    tell: Callable[[str], None] = lambda _text: None
    """Told what a long step is at."""
    heed: Callable[[], object] = lambda: None
    """Asked again and again by a step that waits on this machine; what it raises ends the step."""
    restart: Callable[[float], object] | None = None
    """How it reboots within a time, where its shell does not outlive that: a console needs a new login."""

    def path(self, path: str) -> str:
        """Return where a playbook's path lies on this board; not quoted."""
        if path == WORKDIR or path.startswith(f"{WORKDIR}/"):
            return self.workdir + path.removeprefix(WORKDIR)
        return self.board.path(path)

    def quoted(self, path: str) -> str:
        """Return :meth:`path` as one word of a command line."""
        return quote(self.path(path))

    def ask(self, command: str) -> Result:
        """Run a command whose status is an answer, not a fault."""
        return self.shell.run(command, check=False)

    def reboot(self, timeout_s: float) -> None:
        """Reboot it, proven by its boot id; raises as :meth:`devices.board.Board.reboot`."""
        if self.bench is not None:
            self.bench.boot = None  # it is on another one from here on, which nobody times
        if self.restart is not None:
            self.restart(timeout_s)
        else:
            self.board.reboot(timeout_s=timeout_s)

    def about_to_change(self, title: str) -> None:
        """Have the board remember a change until its next boot, where one is to follow: a broken run forgets none."""
        if self.history.reboot_follows:
            self.shell.sudo(f"cat >> {self.quoted(REBOOT_NOTE)}", stdin=f"{title}\n".encode())


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a step stands, for what can be wrong with it before any board is touched."""

    folder: Path
    """The playbook's."""
    names: frozenset[str]
    """What a template may name."""
    secrets: frozenset[str]
    """Those of them that are secrets."""


class NotSo(LabFault):
    """A board is not as a step needs it, and the step cannot make it so; a step before it might have."""


class Step(BaseModel, ABC):
    """One thing that should be so on a board. Frozen, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
    lasts: ClassVar[bool] = True
    """Whether a reboot leaves it so."""
    boots: ClassVar[bool] = False
    """Whether its change ends with a boot of the board: what was changed before waits for none any more."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is about, on one short line."""

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """Yield field and text of what is wrong beyond the shape: a file that is not there, an unknown name."""
        del reading
        yield from ()

    @abstractmethod
    def differs(self, target: Target) -> str:
        """Look, change nothing, and return what is not as wanted; empty when all is.

        Raises:
            farm.errors.LabFault: it can neither be so nor be changed from here.
        """

    @abstractmethod
    def change(self, target: Target) -> None:
        """Make it so; called only where it differs.

        Raises:
            devices.errors.CommandFailed: the board refused.
        """

    def take(self, target: Target, *, check: bool) -> str:
        """Make it so unless it is, or only look, and return what differed; empty when nothing did.

        Raises:
            farm.errors.LabFault: the board took the change and did not keep it.
        """
        differed = self.differs(target)
        if differed and not check:
            target.about_to_change(self.title)
            self.change(target)
            if still := self.differs(target):
                hint = "look whether something on the board sets it back, or whether the image knows no such thing"
                raise LabFault(target.board.name, f"{self.title}: changed, and still {still}", hint=hint)
        return differed


def checked_path(path: str) -> str:
    """Return the path of a playbook, or say what is wrong with it."""
    if not _PATH.match(path):
        raise ValueError(f"begins at the top of the board's file system with /, or in {WORKDIR}")
    if ".." in path.split("/"):
        raise ValueError("must not contain ..; write where it leads")
    return path
