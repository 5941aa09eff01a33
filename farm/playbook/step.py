"""What a step is, and what it acts on."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from devices.board import Board
from devices.shell import Result, Shell

WORKDIR = "workdir"
"""A path that begins so lies in the farm's own folder on the board."""

_PATH = re.compile(rf"(/|{WORKDIR}$|{WORKDIR}/)")


@dataclass(frozen=True, slots=True)
class Target:
    """One board that a playbook acts on."""

    board: Board
    shell: Shell
    workdir: str
    """The farm's folder on the board, built from its root already."""

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


class Step(BaseModel, ABC):
    """One thing that should be so on a board. Frozen, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    lasts: ClassVar[bool] = True
    """Whether a reboot leaves it so."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is about, on one short line."""

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


def checked_path(path: str) -> str:
    """Return the path of a playbook, or say what is wrong with it."""
    if not _PATH.match(path):
        raise ValueError(f"begins at the top of the board's file system with /, or in {WORKDIR}")
    if ".." in path.split("/"):
        raise ValueError("must not contain ..; write where it leads")
    return path
