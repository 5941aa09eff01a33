"""Which machine's sensors a driver reads: those of this one, or of a board at the other end of a shell."""

from collections.abc import Sequence
from typing import Protocol, Self, cast, runtime_checkable

from pydantic import BaseModel

from ..meter import Meter
from ..port import Port
from ..program_port import ProgramPort
from .files import Files, LocalFiles


class Reach(Protocol):
    """The way to one machine's files and programs. Nothing is asked before they are."""

    def files(self, root: str) -> Files:
        """Return the files below ``root``, a folder of that machine."""
        ...

    def program(self, words: Sequence[str]) -> Port:
        """Start a program and return its output; OSError when it cannot be started. It ends with the port."""
        ...

    def stamped(self, words: Sequence[str]) -> Port:
        """Do the same; where lines may be long on their way, the port is :class:`Stamping`."""
        ...


@runtime_checkable
class Stamping(Port, Protocol):
    """A port that knows when each line was written; of another, when it is read is when it was written."""

    def moment(self) -> tuple[int, int]:
        """Return when the last line that was read was written: monotonic here, and how far that may be off, ns."""
        ...


class Here:
    """This machine."""

    def files(self, root: str) -> Files:
        """Return the files below ``root``."""
        return LocalFiles(root)

    def program(self, words: Sequence[str]) -> Port:
        """Start a program."""
        return ProgramPort(words)

    def stamped(self, words: Sequence[str]) -> Port:
        """Start a program."""
        return ProgramPort(words)


class OnBoard(Meter, Protocol):
    """A driver that reads sensors of the very board that it measures: it says so by having :meth:`open_on`."""

    @classmethod
    def open_on(cls, name: str, config: BaseModel, reach: Reach) -> Self:
        """Find the sensors of a machine; raises as :meth:`power.meter.Meter.open`, which finds this machine's."""
        ...


def on_board(driver: type[Meter]) -> type[OnBoard] | None:
    """Return the driver where it reads its board's own sensors; None for an instrument."""
    return cast("type[OnBoard]", driver) if hasattr(driver, "open_on") else None
