"""The card behind a multiplexer: which block device it is, proven by sysfs, and whether it may be written at all."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import FlashFault

MUXES = "dev/usb-sd-mux"
"""Where usbsdmux' udev rule links each multiplexer's control device: ``id-SERIAL`` → ``../sgN``."""

_SECTOR_BYTES = 512
"""The unit of sysfs' ``size``, whatever the disk's own sectors are."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A whole block device."""

    name: str
    """The kernel's, such as ``sdb``; it may be another one's after the next replug."""
    node: Path
    size_bytes: int
    """0 while there is no card, or the card is at the board."""


@dataclass(frozen=True, slots=True)
class Mux:
    """A multiplexer of the usbsdmux type, by the serial number that is printed on it."""

    device: str
    """Whose it is: what errors begin with."""
    serial: str
    root: Path = Path("/")
    """Where ``dev``, ``sys`` and ``proc`` begin."""

    @property
    def control(self) -> Path:
        """The device that the program ``usbsdmux`` takes."""
        return self.root / MUXES / f"id-{self.serial}"

    def check(self) -> None:
        """Raise FlashFault unless the multiplexer is plugged in."""
        if not self.control.exists():
            there = sorted(one.name.removeprefix("id-") for one in (self.root / MUXES).glob("id-*"))
            hint = f"plugged in are {', '.join(there) or 'none'}; usbsdmux' udev rule makes these links"
            raise FlashFault(self.device, f"no SD multiplexer {self.serial} ({self.control})", hint=hint)

    def disk(self) -> Disk:
        """Return its card reader.

        Raises:
            FlashFault: nothing, or more than one thing, can be told to be it.
        """
        self.check()
        generic = self.root / "sys/class/scsi_generic" / self.control.resolve().name / "device"
        if (found := _usb_serial(generic, self.root)) != self.serial:
            what = f"{generic.parent.name}, which {self.control} leads to, has serial number {found}"
            raise FlashFault(self.device, f"{what}, not {self.serial}", hint="is the udev rule usbsdmux' own?")
        disks = sorted(one.name for one in (generic / "block").glob("*"))
        if len(disks) != 1:
            raise FlashFault(self.device, f"multiplexer {self.serial} has {', '.join(disks) or 'no'} block device")
        sectors = _read(self.root / "sys/class/block" / disks[0] / "size")
        return Disk(disks[0], self.root / "dev" / disks[0], int(sectors or 0) * _SECTOR_BYTES)

    def check_free(self, disk: Disk) -> None:
        """See that nobody uses the disk, and that its node is the kernel's: writing there harms no other.

        Raises:
            FlashFault: it is mounted, swapped on, part of something, or another device's node.
        """
        sysfs = self.root / "sys/class/block" / disk.name
        node = disk.node.stat()
        if (of_node := f"{os.major(node.st_rdev)}:{os.minor(node.st_rdev)}") != _read(sysfs / "dev"):
            what = f"{disk.node} is device {of_node}, and {disk.name} is {_read(sysfs / 'dev')}"
            raise FlashFault(self.device, what, hint="was it replugged meanwhile?")
        parts = {_read(one / "dev"): one.name for one in [sysfs, *sysfs.glob(f"{disk.name}*")]}
        for line in (_read(self.root / "proc/self/mountinfo") or "").splitlines():
            if (part := parts.get(line.split()[2])) is not None:
                where = line.split()[4]
                what = "is the disk of this host's own system" if where == "/" else f"is mounted on {where}"
                hint = f"umount {where}; does the desktop mount cards by itself?" if where != "/" else ""
                raise FlashFault(self.device, f"{part} {what}; it is not written", hint=hint)
        swaps = (_read(self.root / "proc/swaps") or "").split()
        for name in parts.values():
            if f"/dev/{name}" in swaps:
                raise FlashFault(self.device, f"{name} is this host's swap; it is not written")
            if holders := sorted(one.name for one in (self.root / "sys/class/block" / name / "holders").glob("*")):
                raise FlashFault(self.device, f"{name} is part of {', '.join(holders)}; it is not written")


def _usb_serial(device: Path, root: Path) -> str | None:
    """Return the serial number of the USB device that something in sysfs hangs on; None where it is on none."""
    top = (root / "sys").resolve()
    for folder in (resolved := device.resolve(), *resolved.parents):
        if folder == top:
            return None
        if (folder / "idVendor").exists():
            return _read(folder / "serial")
    return None


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return None
