"""What every way of flashing offers, and what it needs of whoever has the board."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict

from ..console import Console
from ..shell import Shell

WHOLE = ""
"""The partition of an image that is the whole medium."""

Progress = Callable[[str, float | None], None]
"""Told what is done now, and which share of it is behind (0 to 1; None: not known)."""


class Options(BaseModel):
    """What a driver is told in the inventory: frozen, closed to unknown keys, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Image:
    """One file that is to be written."""

    partition: str
    """Its name on the board; :data:`WHOLE` for an image of the whole medium."""
    path: Path


@dataclass(frozen=True, slots=True)
class Written:
    """What was done to the board."""

    size_bytes: int
    """Of the images' content that was sent."""
    verified: str
    """How it is known to be there, in words: what was read back, or whose word it is."""
    started_ns: int | None = None
    """When it was started already, from memory: nothing was written, and a power cycle would end it. Monotonic."""


class Seat(Protocol):
    """The board in the hands of who flashes it, and nobody else."""

    name: str
    """The board's: what errors begin with."""

    @property
    def console(self) -> Console:
        """Its serial console, captured since before it was lent."""
        ...

    @property
    def shell(self) -> Shell:
        """Commands on the system that runs there; each raises a DeviceError where none does."""
        ...

    def off(self) -> None:
        """Switch the supply off, confirmed."""
        ...

    def restart(self) -> int:
        """Switch the supply on, off first where it is on; return a time before it came on (monotonic, ns)."""
        ...

    def writing(self) -> AbstractContextManager[Callable[[], None]]:
        """Do inside what cannot be undone: raises where the board is not ours, and keeps its next holder waiting.

        Gives what is to be called now and then while it lasts: it raises once the board has been taken away.
        Power is not switched inside.
        """
        ...


class Flasher(Protocol):
    """One way of getting an image onto a board."""

    Config: ClassVar[type[BaseModel]]

    @classmethod
    def of(cls, name: str, config: BaseModel) -> Self:
        """Return the flasher of the board ``name``."""
        ...

    def ties(self) -> str | None:
        """Return in words how it tells this board from its like before it writes; None where it cannot.

        A board that does not boot cannot say who it is: then this alone keeps the image from a wrong one.
        """
        ...

    def plan(self, images: Sequence[Image]) -> list[str]:
        """Look at images, programs and this host, touch no board; return what would be done, a line each.

        Raises:
            BadImage: an image is not there, damaged, or not for this way of flashing.
            FlashFault: a program or a device of the host is missing.
        """
        ...

    def write(self, seat: Seat, images: Sequence[Image], progress: Progress) -> Written:
        """Write them. The board's supply may be on or off before; afterwards the caller switches it off and on.

        Raises:
            FlashFault: it was not written, or does not read back.
            DeviceError: the board or its console.
        """
        ...


def no_progress(what: str, share: float | None) -> None:
    """Tell nobody."""
