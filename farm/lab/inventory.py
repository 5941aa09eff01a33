"""What there is: the inventory file as checked models.

A *source* inventory is what people write. Entries of it that are twins have no addresses yet; ``farm lab up``
starts them and writes a *resolved* copy that has, and which names its source. Everything else in the farm
reads only inventories without open addresses: see :func:`usable`.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, PrivateAttr

from ..errors import UsageFault
from ..store.disk import LEAST_FREE_BYTES
from .entries import (
    SOURCE,
    AcceleratorEntry,
    ArtifactsEntry,
    BoardEntry,
    ConsoleEntry,
    FlashEntry,
    MeterEntry,
    Part,
    ProofEntry,
    Resolved,
    ShellEntry,
    SshEntry,
    SwitchEntry,
)
from .fields import Name, Text
from .twin_state import folders
from .words import unknown
from .yaml_lines import Document, Fault, Where, read

__all__ = [
    "SOURCE",
    "AcceleratorEntry",
    "ArtifactsEntry",
    "BoardEntry",
    "ConsoleEntry",
    "FlashEntry",
    "Lab",
    "MeterEntry",
    "Part",
    "ProofEntry",
    "Resolved",
    "ShellEntry",
    "SshEntry",
    "SwitchEntry",
    "load",
    "resolved_path",
    "usable",
]


class Lab(Part):
    """All that an inventory holds."""

    lab: Name
    boards: dict[Name, BoardEntry] = Field(min_length=1)
    meters: dict[Name, MeterEntry] = {}
    switches: dict[Name, SwitchEntry] = {}
    artifacts: ArtifactsEntry = ArtifactsEntry()
    calibration_required: bool = False
    """A meter without a calibration is warned of, in records too."""
    least_free_bytes: int = Field(default=LEAST_FREE_BYTES, ge=0)
    """With less left on the disk of the records no trial begins, and one that runs is ended."""
    state: Text | None = None
    """Folder of the lab's leases, health and records, seen from the inventory's own; absent: ``.farm`` where one works.
    Whoever shares boards from several folders or checkouts needs one."""
    resolved: Resolved | None = None
    """Written by ``farm lab up`` alone."""
    _path: Path = PrivateAttr(default=SOURCE)
    _sha256: str = PrivateAttr(default="")

    @property
    def path(self) -> Path:
        """The file it was read from: what ``file:`` references in it are relative to."""
        return self._path

    @property
    def sha256(self) -> str:
        """Of that file's bytes."""
        return self._sha256

    def home(self, working: Path) -> Path:
        """Return the folder of the lab's leases, health and records; ``working`` is the one of the working folder.

        Without ``state:``, those of twins lie where their lab came up, whichever folder they are used from.
        """
        if self.state is not None:
            return self.path.parent / Path(self.state).expanduser()
        return self.twins_home(working)

    @property
    def folder(self) -> Path:
        """The folder of what people wrote: files that an inventory or its playbooks name are seen from it."""
        return (Path(self.resolved.source) if self.resolved else self.path).parent

    def database(self, working: Path) -> Path:
        """Return the file of the lab's one database, under :meth:`home`."""
        return self.home(working) / "results.sqlite"

    def twins_home(self, working: Path) -> Path:
        """Return the folder in which the lab's twins came up."""
        return self.path.parent.parent if self.resolved else working

    @property
    def twins(self) -> list[str]:
        """The boards that are twins."""
        return [name for name, board in self.boards.items() if board.twin]

    def fault(self, where: Where, text: str) -> UsageFault:
        """Return what is wrong at a place of what people wrote, with file and line."""
        source = Path(self.resolved.source) if self.resolved else self.path
        return UsageFault(read(source).report([Fault(where, text)]))

    def require(self, boards: Iterable[str]) -> None:
        """Raise UsageFault, a line each, for boards that it does not have."""
        if strange := [name for name in boards if name not in self.boards]:
            raise UsageFault([f"{self.path}: no board '{name}'; {unknown(name, self.boards)}" for name in strange])

    @classmethod
    def of(cls, document: Document) -> "Lab":
        """Return the lab of a document in which no fault was found."""
        lab = cls.model_validate(document.value)
        lab._path, lab._sha256 = document.path, document.sha256  # noqa: SLF001 -- its own constructor
        for name, meter in lab.meters.items():
            meter.stands_at(f"meters.{name}.options", document.path)
        return lab


def load(path: Path) -> Lab:
    """Read and check an inventory, touching no hardware.

    Raises:
        UsageFault: one line for every fault: ``FILE:LINE: field: what is wrong; remedy``.
    """
    from .checks import check  # it needs the models above

    document = read(path)
    faults = document.faults if document.unreadable else [*document.faults, *check(document.value)]
    if faults:
        raise UsageFault(document.report(faults))
    return Lab.of(document)


def resolved_path(state: Path) -> Path:
    """Return where ``farm lab up`` writes the resolved inventory."""
    return state / "lab" / "inventory.yaml"


def usable(path: Path | None = None, *, state: Path = Path(".farm")) -> Lab:
    """Return the lab to work with: one in which every address is known.

    Args:
        path: the inventory; without it the running twins' lab, else ``inventory.yaml``.
        state: where a running lab has its resolved inventory.

    Raises:
        UsageFault: it is wrong, or its twins are not up, or it has changed since they were started.
    """
    running = resolved_path(state)
    if path is None:
        path = running if running.exists() else SOURCE
    lab = load(path)
    if lab.resolved is None and lab.twins and running.exists():
        up = load(running)
        if up.resolved and Path(up.resolved.source) == path.resolve():
            lab = up
    if lab.resolved is not None:
        _check_running(lab, lab.resolved, state)
    elif lab.twins:
        raise _not_up(path, lab)
    return lab


def _check_running(lab: Lab, resolved: Resolved, state: Path) -> None:
    source = Path(resolved.source)
    if source.exists() and read(source).sha256 != resolved.sha256:
        raise UsageFault(_fault(source, "has changed since its twins were started; run `farm lab down`, `farm lab up`"))
    # ended in order, by `farm lab down` or with their keeper; a process that died is the lab's fault, and left a note
    if lab.path.resolve() == resolved_path(state).resolve() and not folders(state):
        raise _not_up(source, lab)


def _not_up(path: Path, lab: Lab) -> UsageFault:
    return UsageFault(_fault(path, f"{', '.join(lab.twins)} are twins and not up; run `farm lab up`"))


def _fault(path: Path, text: str) -> list[str]:
    return Document(path).report([Fault((), text)])
