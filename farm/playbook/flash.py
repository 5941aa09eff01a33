"""The image that a board is to have, and the one that brings it back when it does not boot."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import Field, model_validator

from devices.errors import BootFault, DeviceError, Unreachable

from ..errors import LabFault
from ..lab import flashing
from .step import Reading, Step, Target

if TYPE_CHECKING:
    from ..lab.bench import Bench

Up = TypeVar("Up")


class Flash(Step):
    """The image that the board is to run; written only where it runs another.

    What it was flashed with, the board keeps in ``/etc/edge-test-farm.image``, by the content's SHA-256; a system
    that was not put there by the farm is told by ``unless`` instead, or flashed once.
    """

    boots: ClassVar[bool] = True

    image: str = ""
    """File of the whole medium, seen from the playbook's folder; .gz, .xz and .zst too."""
    partitions: dict[str, str] = Field(default={})
    """Partition and file, in the order in which they are written."""
    unless: str = ""
    """A command on the board; where it succeeds, the board has the image already. For images that tell by a line of
    ``/etc/os-release`` which build they are."""

    @model_validator(mode="after")
    def _has_one_kind(self) -> "Flash":
        if bool(self.image) == bool(self.partitions):
            raise ValueError("wants one of `image:` and `partitions:`")
        return self

    @property
    def files(self) -> dict[str, str]:
        """What is written where, as an inventory names it."""
        return {flashing.IMAGE: self.image} if self.image else self.partitions

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """A file that is not there is found before any board is touched."""
        for name, file in self.files.items():
            if not (path := reading.folder / Path(file).expanduser()).is_file():
                yield ("image" if self.image else f"partitions.{name}"), f"{path} is not there"

    @property
    def title(self) -> str:
        """What it is about."""
        return f"flash {', '.join(Path(file).name for file in self.files.values())}"

    def differs(self, target: Target) -> str:
        """Compare the note on the board with the files here, or ask the board."""
        if self.unless and target.ask(self.unless).exit_status == 0:
            return ""
        wanted = flashing.digests(target.board.name, flashing.images_of(self.files, target.folder))
        has = flashing.noted(target.shell, target.board.path(flashing.NOTE))
        if has == wanted:
            return ""
        return "runs another image" if has else "nothing says which image it runs"

    def change(self, target: Target) -> None:
        """Flash it and wait for its boot; raises as :func:`farm.lab.flashing.flash`."""
        if target.bench is None:
            raise LabFault(
                target.board.name, f"{self.title}: nothing is known of its wiring", hint="use farm provision"
            )
        flashing.flash(target.bench, flashing.images_of(self.files, target.folder), progress=_teller(target))


def or_golden(bench: "Bench", bring_up: Callable[[], Up], tell: "flashing.Progress") -> tuple[Up, str]:
    """Bring a board up, with its golden image where it does not boot; return what that gives, and why it was needed.

    Once: a board that does not boot with its golden image either is a fault of the lab. One that boots and has no
    network is left as it is.

    Raises:
        LabFault: the golden image does not help; and whatever :func:`farm.lab.flashing.flash` raises.
        devices.errors.BootFault: it does not boot, and the inventory names no golden image.
    """
    try:
        return bring_up(), ""
    except (BootFault, Unreachable) as fault:
        entry = bench.entry.flash
        silent = isinstance(fault, Unreachable) and bench.entry.console is not None  # it came to its login
        if silent or entry is None or not entry.golden:
            raise
        first = str(fault).partition("\n")[0].removeprefix(f"{bench.name}: ")
    tell("does not boot: gets its golden image", None)
    try:
        flashing.flash(bench, flashing.golden(bench.inventory, bench.name), progress=tell)
        return bring_up(), f"was flashed with its golden image, for it {first}"
    except (BootFault, Unreachable) as still:
        hint = "the golden image does not help: look at the board itself, its supply and its medium"
        raise LabFault(bench.name, f"was flashed with its golden image and {_what(still)}", hint=hint) from still


def _what(fault: DeviceError) -> str:
    return str(fault).partition("\n  try: ")[0].removeprefix(f"{fault.device}: ")


def _teller(target: Target) -> "flashing.Progress":
    def tell(what: str, share: float | None) -> None:
        target.tell(what if share is None else f"{what}: {share:.0%}")

    return tell
