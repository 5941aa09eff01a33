"""What this machine lacks for a QEMU twin, each with its remedy: asked before anything is started."""

import shutil
from pathlib import Path

from .images import image
from .machines import MACHINES, U_BOOT, UEFI
from .uboot import uboot


def missing(model: str, *, flashed: bool = False) -> list[str]:
    """Return what a twin of a board model wants and has not here; empty when it can start.

    Args:
        model: the board's.
        flashed: it has an SD card that is flashed, so that it needs a U-Boot that boots from one.
    """
    machine = MACHINES[model]
    tools = {machine.program: machine.package, "qemu-img": "qemu-utils"}
    if machine.kind != "q35":
        tools["fdtput"] = "device-tree-compiler"
    found = [
        f"{tool} is not installed; apt-get install {package}"
        for tool, package in tools.items()
        if shutil.which(tool) is None
    ]
    if machine.kind == "virt" and not Path(U_BOOT).exists():
        found.append(f"{U_BOOT} is not there; apt-get install u-boot-qemu")
    if machine.kind == "q35" and not UEFI.exists():
        found.append(f"{UEFI} is not there; apt-get install ovmf")
    if flashed and not uboot().exists():
        found.append(f"no U-Boot with SD card and fastboot in {uboot().parent}; run `make images`")
    wanted = image(machine.arch)
    if not wanted.built:
        found.append(f"no image for {machine.arch} in {wanted.folder.parent}; run `make images`")
    return found
