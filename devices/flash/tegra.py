"""NVIDIA Jetsons in USB recovery mode: drives the ``flash.sh`` of the vendor's L4T folder, and watches what it says."""

import os
import re
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self, cast

from pydantic import BaseModel, Field

from ..errors import BadImage, ConnectionLost, DeadlineExceeded, FlashFault
from . import program
from .flasher import WHOLE, Image, Options, Progress, Seat, Written
from .image import PACKED, inspect
from .usb import ROOT, UsbDevice, plugged_in

_VENDOR = "0955"
_RECOVERY = frozenset({"7721", "7f21", "7c18", "7418", "7018", "7019", "7e19"})
"""NVIDIA Corp. APX: TX1, Nano, TX2, TX2 4 GB, TX2i, AGX Xavier, Xavier NX (L4T: Quick Start)."""

_SYSTEM = "bootloader/system.img"
"""What ``flash.sh -r`` writes instead of building an image."""
_SILENT_S = 600.0
"""flash.sh prints nothing while it makes or sends a system image (assumed: 14 GB at 30 MB/s and some)."""
_COMMAND_S = 20.0
_LOOK_S = 0.5

_STEP = re.compile(r"Writing partition (\S+) with")
_PERCENT = re.compile(r"\] (\d{3})%")
_DONE = re.compile(r"The target \S+ has been (?:flashed|updated) successfully")


@dataclass(frozen=True, slots=True)
class Known:
    """A line by which flash.sh and its tools say what is wrong."""

    pattern: re.Pattern[str]
    what: str
    hint: str


KNOWN = (
    Known(
        re.compile(r"Error: probing the target board failed"),
        "flash.sh finds no board in recovery mode",
        "hold REC while RESET is pressed, with the data cable in the recovery port; no hub between",
    ),
    Known(
        re.compile(r"might be timeout in USB write|USB communication failed"),
        "the USB link broke while it was written",
        "cut the board's power and enter recovery anew; another cable, no hub, USB autosuspend off",
    ),
    Known(
        re.compile(r"The Actual SoC ID\(\S+\) mismatches|Unrecognized module SKU"),
        "another module than the one it is flashed as is in recovery mode",
        "is it the right board, and `target` its configuration?",
    ),
    Known(
        re.compile(r"flash\.sh requires root privilege|Permission denied"),
        "flash.sh wants to be root",
        "set `sudo: true`, and let this user run it without a password",
    ),
    Known(
        re.compile(r"No space left on device"),
        "the disk with the L4T folder is full",
        "it needs some 30 GB free for a system image",
    ),
    Known(
        re.compile(r"Error: [Ii]nvalid target board|Error: missing "),
        "the L4T folder is not complete, or has no such target",
        "`target` as in TARGET.conf there; was apply_binaries.sh run?",
    ),
)
"""From flash.sh of L4T 32 and 35, and what users report of tegraflash and tegrarcm."""


class TegraConfig(Options):
    """Which L4T folder, which board of it, and how the board is told apart and put into recovery mode."""

    folder: str = Field(pattern="^/", examples=["/opt/Linux_for_Tegra"])
    """``Linux_for_Tegra``, as unpacked from the vendor."""
    target: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._/-]+$", examples=["jetson-tx2"])
    """As flash.sh calls the board: ``jetson-tx2``."""
    root_device: str = Field(default="mmcblk0p1", pattern=r"^[a-z0-9]+$", examples=["mmcblk0p1"])
    usb_path: str | None = Field(default=None, pattern=r"^\d+-\d+(\.\d+)*$", examples=["1-4.2"])
    """Bus and ports of the recovery cable, such as ``3-1.4``: needed where two boards can be in recovery at once."""
    enter: Literal["linux", "by-hand"] = "linux"
    """How it gets into recovery mode: told by its own system, or by somebody at the buttons."""
    linux_command: str = Field(default="reboot --force forced-recovery", min_length=1)
    """L4T's own."""
    appear_s: float = Field(default=60.0, gt=0, strict=False)
    """Until it is seen on USB; give ``by-hand`` as long as a person takes to walk there."""
    sudo: bool = False
    """Run flash.sh through ``sudo -n``."""
    timeout_s: float = Field(default=3600.0, gt=0, strict=False)
    """For all of it; a TX2 takes 10 to 20 minutes."""
    usb_root: str = Field(default=str(ROOT), pattern="^/")


class Tegra:
    """Puts a Jetson into recovery mode and has ``flash.sh`` write it."""

    Config: ClassVar[type[BaseModel]] = TegraConfig

    def __init__(self, name: str, config: TegraConfig) -> None:
        """Take the board's name and what the inventory says."""
        self.name, self._config = name, config
        self._folder = Path(config.folder)

    @classmethod
    def of(cls, name: str, config: BaseModel) -> Self:
        """Return the flasher of a board."""
        return cls(name, cast("TegraConfig", config))

    def ties(self) -> str | None:
        """The recovery cable's USB path, where one is named."""
        return f"USB path {self._config.usb_path}" if self._config.usb_path else None

    def plan(self, images: Sequence[Image]) -> list[str]:
        """See that folder, target and image are there; see :class:`devices.flash.flasher.Flasher`."""
        image = self._system(images)
        for file in ("flash.sh", f"{self._config.target}.conf", "bootloader"):
            if not (self._folder / file).exists():
                hint = "`folder` is the unpacked Linux_for_Tegra, `target` one of its .conf files"
                raise FlashFault(self.name, f"{self._folder / file} is not there", hint=hint)
        if not os.access(self._folder / "flash.sh", os.X_OK):
            raise FlashFault(self.name, f"{self._folder / 'flash.sh'} cannot be executed", hint="chmod +x flash.sh")
        size_bytes = inspect(self.name, image).size_bytes
        where = f" at USB path {self._config.usb_path}" if self._config.usb_path else ""
        entering = "its system's reboot" if self._config.enter == "linux" else "its buttons"
        return [
            f"enter recovery mode by {entering}{where}",
            f"write {image.name}, {size_bytes:,} bytes, as {_SYSTEM}: {' '.join(self._command(None))}",
        ]

    def write(self, seat: Seat, images: Sequence[Image], progress: Progress) -> Written:
        """See :class:`devices.flash.flasher.Flasher`."""
        image = self._system(images)
        self._enter(seat, progress)
        board = self._in_recovery()
        with _as_system_image(self._folder / _SYSTEM, image), seat.writing() as still:
            self._run(board, progress)
            still()
        return Written(image.stat().st_size, "flash.sh says that all partitions were written; it reads nothing back")

    def _system(self, images: Sequence[Image]) -> Path:
        if len(images) != 1 or images[0].partition not in (WHOLE, "APP"):
            raise BadImage(self.name, "tegra writes one system image (partition APP); flash.sh adds all others")
        if images[0].path.suffix in PACKED:
            raise BadImage(self.name, f"{images[0].path}: flash.sh wants it unpacked", hint="unpack it first")
        return images[0].path

    def _enter(self, seat: Seat, progress: Progress) -> None:
        if self._config.enter == "linux":
            with suppress(ConnectionLost, DeadlineExceeded):  # it goes down with the board
                seat.shell.sudo(self._config.linux_command, timeout_s=_COMMAND_S, check=False)
            progress("waiting for recovery mode", None)
        else:
            progress("hold REC and press RESET now: waiting for recovery mode", None)

    def _in_recovery(self) -> UsbDevice:
        """Wait for the one board in recovery mode that can be meant."""
        wanted, deadline_ns = self._config.usb_path, time.monotonic_ns() + int(self._config.appear_s * 1e9)
        while True:
            there = plugged_in(_VENDOR, _RECOVERY, root=Path(self._config.usb_root))
            meant = [one for one in there if wanted in (None, one.path)]
            if len(meant) > 1:
                names = ", ".join(f"{one.vendor_id}:{one.product_id} at {one.path}" for one in meant)
                what = f"{len(meant)} boards in recovery mode could be it: {names}; nothing was written"
                raise FlashFault(self.name, what, hint="name its cable in the board's `flash:`: `usb_path:`")
            if meant:
                return meant[0]
            if time.monotonic_ns() > deadline_ns:
                others = ", ".join(one.path for one in there)
                seen = f"; in recovery mode are those at {others}" if others else ""
                what = f"it is not in recovery mode within {self._config.appear_s:g} s{seen}"
                hint = "hold REC while RESET is pressed; is the recovery port's cable in?"
                raise FlashFault(self.name, what, hint=hint)
            time.sleep(_LOOK_S)

    def _command(self, board: UsbDevice | None) -> list[str]:
        """Return the command; the script is told the USB path where this release of it can be."""
        knows_paths = b"--usb-instance" in (self._folder / "flash.sh").read_bytes()
        if board is not None and not knows_paths:
            there = plugged_in(_VENDOR, _RECOVERY, root=Path(self._config.usb_root))
            if len(there) > 1:
                paths = ", ".join(one.path for one in there)
                what = f"this flash.sh takes any board in recovery mode, and there are several: {paths}"
                raise FlashFault(
                    self.name, what, hint="unplug the others, or take an L4T whose flash.sh has --usb-instance"
                )
        path = board.path if board is not None else self._config.usb_path
        at = ["--usb-instance", path] if knows_paths and path else []
        become = ["sudo", "-n"] if self._config.sudo else []
        return [*become, "./flash.sh", *at, "-r", self._config.target, self._config.root_device]

    def _run(self, board: UsbDevice, progress: Progress) -> None:
        known: list[Known] = []
        done = False
        partition = "the board"

        def heard(line: str) -> None:
            nonlocal done, partition
            done = done or _DONE.search(line) is not None
            known.extend(one for one in KNOWN if one.pattern.search(line))
            if step := _STEP.search(line):
                partition = step[1]
                progress(f"writing {partition}", None)
            elif percent := _PERCENT.search(line):
                progress(f"writing {partition}", int(percent[1]) / 100)

        exit_status, said = program.run(
            self.name,
            self._command(board),
            timeout_s=self._config.timeout_s,
            silent_s=_SILENT_S,
            heard=heard,
            folder=self._folder,
        )
        if exit_status == 0 and done:
            return
        what = known[0].what if known else "flash.sh does not say that it has flashed the board"
        hint = known[0].hint if known else "its output above, and the board's console, tell more"
        raise FlashFault(self.name, f"{what} (status {exit_status}){program.told(said.splitlines())}", hint=hint)


@contextmanager
def _as_system_image(place: Path, image: Path) -> Generator[None]:
    """Have an image stand where flash.sh looks for it; what stood there is back afterwards."""
    kept = place.with_name(f"{place.name}.kept")
    if place.exists() or place.is_symlink():
        place.rename(kept)
    try:
        place.symlink_to(image.resolve())
        yield
    finally:
        place.unlink(missing_ok=True)
        if kept.exists() or kept.is_symlink():
            kept.rename(place)
