"""The entries of an inventory: what is said of a board, a meter, a switch, and of packed models."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from devices.flash.registry import load_flasher
from devices.registry import load_shell
from power.calibrated import Calibration
from power.kind import Kind
from power.registry import load_meter

from .fields import Address, ConsolePort, HostKey, KeyFile, Name, Secret, Text
from .secret import revealed

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
