"""What there is: the inventory file as checked models.

A *source* inventory is what people write. Entries of it that are twins have no addresses yet; ``farm lab up``
starts them and writes a *resolved* copy that has, and which names its source. Everything else in the farm
reads only inventories without open addresses: see :func:`usable`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from devices.flash.registry import load_flasher
from devices.registry import load_shell
from power.calibrated import Calibration
from power.kind import Kind
from power.registry import load_meter

from ..errors import UsageFault
from ..store.disk import LEAST_FREE_BYTES
from .fields import Address, ConsolePort, HostKey, KeyFile, Name, Secret, Text
from .secret import revealed
from .twin_state import folders
from .words import unknown
from .yaml_lines import Document, Fault, Where, read

SOURCE = Path("inventory.yaml")
"""Where people write it, unless another file is named."""


class Part(BaseModel):
    """Frozen, closed to unknown keys, and never guesses a type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ConsoleEntry(Part):
    """A board's serial console."""

    port: ConsolePort
    """Device path, ``usb:PATH``, ``serial:NUMBER``, ``socket://host:port`` or ``rfc2217://host:port``."""
    baud: int = Field(default=115200, gt=0)
    user: Text | None = None
    """Login on the console; absent: nobody logs in there."""
    password: Secret | None = None


class SshEntry(Part):
    """How a board is reached over the network."""

    host: Address
    port: int = Field(default=22, ge=1, le=65535)
    user: Text
    key: KeyFile | None = None
    """``file:`` and the private key; absent: the SSH agent's."""
    password: Secret | None = None
    gateway: Text | None = None
    """``user@host:port`` to go through."""
    host_key: HostKey | None = None
    """The key the board must show, as in known_hosts; absent: the one that ``farm trust`` has noted."""


class ShellEntry(Part):
    """How a board is reached that has no SSH: by a driver that a package adds."""

    driver: Text
    options: dict[str, Any] = {}
    """The driver's own ``Config``."""

    def config(self) -> BaseModel:
        """Return the options as the driver wants them."""
        return load_shell(self.driver).Config.model_validate(self.options)


class AcceleratorEntry(Part):
    """One accelerator that hangs on a board."""

    kind: Text
    """One of :data:`devices.accelerator.KINDS`."""
    link: Literal["usb2", "usb3"] | None = None
    """The USB link that it must have; absent: the one that its data sheet promises."""
    port: Text | None = None
    """USB path such as ``2-1.4``, or PCI address; absent: anywhere on the board."""


class FlashEntry(Part):
    """How a new system gets onto a board."""

    driver: Text
    options: dict[str, Any] = {}
    """The driver's own ``Config``."""
    golden: dict[Text, Text] = {}
    """An image that is known to boot: ``image:`` with the file of the whole medium, or partition and file; seen from
    the inventory's folder."""

    def config(self) -> BaseModel:
        """Return the options as the driver wants them."""
        return load_flasher(self.driver).Config.model_validate(self.options)


class BoardEntry(Part):
    """One board, and what is wired to it."""

    model: Text
    twin: Literal["process", "qemu"] | None = None
    """``process``: a program with a board's SSH and console; ``qemu``: an emulated machine that really boots."""
    serial_number: Text | None = None
    """What the board must say of itself; absent, and no ``machine_id`` either: any board will do."""
    machine_id: Text | None = None
    """The same for a board without a serial number: what its ``/etc/machine-id`` holds."""
    root: str = Field(default="/", pattern="^/")
    """Every path that the farm uses on the board begins here."""
    workdir: str = Field(default="/opt/edge-test-farm", pattern="^/.")
    """Where models go, below ``root``."""
    boot_timeout_s: float | None = Field(default=None, gt=0)
    """From power on to a login, at worst; absent: the model's. For a slow card, or an emulated board."""
    tags: list[Text] = []
    console: ConsoleEntry | None = None
    """Absent: nobody sees it boot."""
    ssh: SshEntry | None = None
    shell: ShellEntry | None = None
    """Instead of ``ssh``, for a board that does not speak it."""
    switch: Name | None = None
    """The power switch on its supply."""
    flash: FlashEntry | None = None
    """Absent: it is flashed by hand."""
    accelerators: list[AcceleratorEntry] = []
    """What infers on it and is not part of it; each must be there, on its link, before a trial begins."""
    meters: list[Name] = []
    """Its meters; the first one's watts stand for the board, none are ever added."""
    ambient: Text | None = None
    """A command on the board that prints the air's temperature, °C: of a sensor that hangs on it."""

    @property
    def reached(self) -> str:
        """How it is reached, for whatever is printed: ``user@host:port``, or the driver's name."""
        if self.ssh is not None:
            return f"{self.ssh.user}@{self.ssh.host}:{self.ssh.port}"
        return "nowhere" if self.shell is None else self.shell.driver


class MeterEntry(Part):
    """One meter on the shelf."""

    driver: Text
    rail: Text
    """What it measures, in words: ``19 V barrel jack``."""
    kind: Kind | None = None
    """``wall`` (the mains, with the supply's losses), ``inlet`` (the board's input), ``rail`` (one rail behind it) or
    ``chip`` (what a chip counts for itself); absent: what the driver usually measures, else ``inlet``."""
    within: Name | None = None
    """The meter of the same board whose watts hold these; absent: the nearest that must, by kind and Jetson's rails."""
    volts_from: Name | None = None
    """The meter on the same rail that tells its volts: of one that measures amps only. No board names that one."""
    volts: float | None = Field(default=None, gt=0)
    """What stands on it when all is well; absent: of a board's input, what its model takes."""
    volts_tolerance: float = Field(default=0.05, gt=0, lt=0.5)
    """How far off they may be under load, as a fraction: 5 % is what USB and ATX supplies keep."""
    twin: Literal["process"] | None = None
    options: dict[str, Any] = {}
    """The driver's own ``Config``."""
    calibration: Calibration | None = None
    """What its certificate says: readings are corrected by it."""

    _place: tuple[str, Path] = PrivateAttr(default=("meters", SOURCE))
    """Where it stands, and in which file: what its secrets are told and looked for by."""

    def stands_at(self, where: str, file: Path) -> None:
        """Note the place; once, by whoever has read it."""
        self._place = (where, file)

    def config(self) -> BaseModel:
        """Return the options as the driver wants them, with the secrets that they name.

        Raises:
            UsageFault: a secret cannot be read.
        """
        model = load_meter(self.driver).Config
        return model.model_validate(revealed(model, self.options, *self._place))


class ProofEntry(Part):
    """What proves that a switch has switched: the watts that a meter of the same board reads."""

    meter: Name
    off_below_watts: float = Field(default=0.2, gt=0)
    """Less is off. Assumed: below what any board takes at rest, above what a meter shows for nothing."""


class SwitchEntry(Part):
    """One power switch."""

    driver: Text
    twin: Literal["process"] | None = None
    options: dict[str, Any] = {}
    """The driver's own ``Config``; where that wants a secret, ``env:NAME`` or ``file:PATH``."""
    proof: ProofEntry | None = None
    """Needed by a switch that cannot be asked; a second look for others."""


class ArtifactsEntry(Part):
    """Which packed models the lab takes."""

    allowed_signers: Text | None = None
    """A file of OpenSSH's ``allowed_signers``, seen from the inventory's folder: what none of them has signed is
    refused before any board is touched. Absent: unsigned ones are taken."""
    keep: int = Field(default=3, ge=1)
    """How many artifacts stay on a board, the current one among them: so far can be gone back."""


class Resolved(Part):
    """Stands in the copy that ``farm lab up`` writes: what it was made from."""

    source: str
    """Absolute path."""
    sha256: str


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
