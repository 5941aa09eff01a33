"""Which QEMU machine stands for which board model, and how it is started.

``-M virt`` is no Tegra and no i.MX8M: it has their processor cores, and neither GPU nor Edge TPU, no clocks to set and
no thermal zones. What a machine lacks, the board does not tell; nothing is made up for it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .images import Arch, Image
from .uboot import uboot

U_BOOT = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
"""Debian's u-boot-qemu."""

UEFI = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
"""Debian's ovmf. What it would keep over a power cut (boot order) is lost with each: it looks for what there is."""

SLOT = "slot"
"""What QEMU calls the SD card's slot."""

ALONE = ",restrict=on"
"""The machine's network leads to what is forwarded, and nowhere else."""

_APPEND = "rw sysrq_always_enabled"
"""The last is for the fault ``kernel-panic``."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What QEMU is told to be."""

    arch: Arch
    kind: Literal["virt", "q35", "raspi0"]
    cpu: str
    """As ``-cpu`` takes it; empty where the machine knows."""
    named: str
    """What the board says it is: ``model`` of the device tree, or the product name of the firmware."""
    memory_mib: int = 1024

    @property
    def has_slot(self) -> bool:
        """Whether it can boot from an SD card that is taken out and written elsewhere: its U-Boot finds the kernel."""
        return self.kind == "virt"

    @property
    def program(self) -> str:
        """The emulator."""
        return {"arm64": "qemu-system-aarch64", "amd64": "qemu-system-x86_64", "armel": "qemu-system-arm"}[self.arch]

    @property
    def package(self) -> str:
        """The emulator's Debian package."""
        return "qemu-system-x86" if self.arch == "amd64" else "qemu-system-arm"


MACHINES: dict[str, Machine] = {
    "atom-e3930": Machine(
        "amd64",
        "q35",
        # Denverton is the Goldmont core of the E3900 family; the name is what /proc/cpuinfo shows
        "Denverton,model-id=Intel(R) Atom(TM) Processor E3930 @ 1.30GHz",
        "Atom x5-E3930",
    ),
    "coral-dev": Machine("arm64", "virt", "cortex-a53", "Freescale i.MX8MQ Phanbell"),
    "jetson-nano": Machine("arm64", "virt", "cortex-a57", "NVIDIA Jetson Nano Developer Kit"),
    "jetson-tx2": Machine("arm64", "virt", "cortex-a57", "quill"),
    "pi-zero-aiy": Machine("armel", "raspi0", "", "Raspberry Pi Zero W Rev 1.1", memory_mib=512),
}
"""Board model → its machine. One processor each: a lab of four boards must fit on two real ones."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of one board."""

    disk: Path
    """The board's own: qcow2, and the image under it is shared and stays as it is; or its SD card, raw."""
    seed: Path
    """A tar archive that makes the image this very board; see ``recipe/first-boot``."""
    initrd: Path
    """For machines without a boot loader."""
    dtb: Path | None
    """The device tree that it gets; None where it has none."""
    card: bool = False
    """Whether it boots from an SD card; where that is not at ``disk`` just now, the slot is empty."""


def command(
    machine: Machine, image: Image, parts: Parts, *, serial_number: str, ssh_port: int, netdev: str = ALONE
) -> list[str]:
    """Return QEMU's command line without its console and monitor.

    Nothing listens but SSH, on loopback, and what ``netdev`` says. The accelerator is always the emulator: a
    ``/dev/kvm`` that is there need not work, and runs no ARM.
    """
    line = [machine.program, "-accel", "tcg", "-M", machine.kind, "-m", str(machine.memory_mib), "-smp", "1"]
    line += ["-nodefaults", "-no-user-config", "-display", "none", "-action", "shutdown=pause,panic=none"]
    line += ["-cpu", machine.cpu] if machine.cpu else []
    line += ["-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{ssh_port}-:22{netdev}"]
    match machine.kind:
        case "virt":
            line += [*_virtio(parts), "-bios", str(uboot() if parts.card else U_BOOT), "-dtb", str(parts.dtb)]
        case "q35":
            line += [*_virtio(parts), "-drive", f"if=pflash,format=raw,readonly=on,file={UEFI}"]
            serial = serial_number.replace(",", ",,")
            line += ["-smbios", f"type=1,product={machine.named},serial={serial}"]
        case "raspi0":
            line += ["-drive", f"if=sd,format=qcow2,cache=unsafe,file={_escaped(parts.disk)}"]
            line += ["-usb", "-device", "usb-net,netdev=net", "-dtb", str(parts.dtb)]
            # Its timer compares for equality: a deadline that passes while this host is busy would come again after
            # 71 minutes. So the machine's time is counted in instructions, and none passes unseen.
            line += ["-icount", "shift=auto"]
            line += _kernel(image, parts, "console=ttyAMA0,115200 root=/dev/mmcblk0p1")
    return line


def _virtio(parts: Parts) -> list[str]:
    if parts.card:
        file = f",format=raw,cache=unsafe,file={_escaped(parts.disk)}" if parts.disk.exists() else ""
        line = ["-drive", f"if=none,id=card{file}", "-device", "sdhci-pci", "-device", f"sd-card,id={SLOT},drive=card"]
    else:
        line = ["-drive", f"if=none,id=disk,format=qcow2,cache=unsafe,file={_escaped(parts.disk)}"]
        line += ["-device", "virtio-blk-pci,drive=disk"]
    line += ["-drive", f"if=none,id=seed,format=raw,readonly=on,file={_escaped(parts.seed)}"]
    line += ["-device", "virtio-blk-pci,drive=seed,serial=seed"]
    return [*line, "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"]


def _kernel(image: Image, parts: Parts, append: str) -> list[str]:
    return ["-kernel", str(image.kernel), "-initrd", str(parts.initrd), "-append", f"{append} {_APPEND}"]


def _escaped(path: Path) -> str:
    """Return a path as it stands in an option of QEMU's: a comma there is doubled."""
    return str(path).replace(",", ",,")
