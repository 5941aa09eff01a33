"""Makes one board's own files of an image: its disk, its seed, and the device tree that says which board it is."""

import os
import subprocess
from pathlib import Path

from .identity import Identity
from .images import Image
from .machines import U_BOOT, Machine, Parts

CARD = "card.img"
"""The SD card, in the board's folder while it is in the board's slot."""

_MAKE_S = 60.0
"""For a program that needs a tenth of a second; assumed, on a very busy machine."""


def make(machine: Machine, image: Image, folder: Path, identity: Identity, *, card: bool = False) -> Parts:
    """Write them into the board's folder, anew; what was on its disk, or its SD card, is gone.

    Raises:
        RuntimeError: a program refused: its words.
    """
    disk = folder / (CARD if card else "disk.qcow2")
    if card:  # whoever writes it on this host writes bytes, not qcow2
        _run("cp", "--reflink=auto", "--sparse=always", str(image.disk), str(disk))
        disk.chmod(0o600)
    else:
        _run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(disk))
    seed = folder / "seed.tar"
    archive = identity.seed()
    seed.write_bytes(archive)
    seed.chmod(0o600)  # it holds the password
    initrd, dtb = image.initrd, None
    if machine.kind == "virt":
        dtb = _virt_tree(machine, folder / "board.dtb")
    elif machine.kind == "raspi0":
        dtb = _raspi_tree(image, folder / "board.dtb")
        initrd = (
            folder / "initrd"
        )  # it has one disk only, so the seed comes with the initramfs; an archive begins at a multiple of four
        initrd.write_bytes(_padded(image.initrd.read_bytes()) + _cpio("seed.tar", archive))
        initrd.chmod(0o600)
    if dtb is not None:
        _run("fdtput", "-t", "s", str(dtb), "/", "model", machine.named)
        _run("fdtput", "-t", "s", str(dtb), "/", "serial-number", identity.serial_number)
    return Parts(disk, seed, initrd, dtb, card)


def _virt_tree(machine: Machine, dtb: Path) -> Path:
    """Write the tree that QEMU would give the machine itself: with a boot loader, for that has other parts."""
    line = [machine.program, "-M", f"virt,dumpdtb={dtb}", "-cpu", machine.cpu, "-m", str(machine.memory_mib)]
    _run(*line, "-smp", "1", "-nodefaults", "-display", "none", "-bios", str(U_BOOT))
    _run("fdtput", "-d", str(dtb), "/chosen", "kaslr-seed", "rng-seed")  # drawn once, they would serve every boot
    return dtb


def _raspi_tree(image: Image, dtb: Path) -> Path:
    """Write the board's tree as Debian ships it, less what QEMU's machine has not."""
    dtb.write_bytes(image.dtb.read_bytes())
    # no power bridge beside the watchdog: its driver would panic
    _run("fdtput", "-t", "x", str(dtb), "/soc/watchdog@7e100000", "reg", "7e100000", "114")
    # no Bluetooth behind the UART: its driver would take the console away
    _run("fdtput", "-r", str(dtb), "/soc/serial@7e201000/bluetooth")
    # no entropy at the start: sshd would wait for it
    words = [os.urandom(4).hex() for _ in range(16)]
    _run("fdtput", "-t", "x", str(dtb), "/chosen", "rng-seed", *words)
    return dtb


def _cpio(name: str, data: bytes) -> bytes:
    """Return an archive of one file that a kernel unpacks after the one before it (newc, cpio(5))."""

    def entry(path: bytes, mode: int, body: bytes) -> bytes:
        fields = (0, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(path) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + path + b"\0"
        return _padded(_padded(head) + body)

    return entry(name.encode(), 0o100600, data) + entry(b"TRAILER!!!", 0, b"")


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _run(*line: str) -> None:
    try:
        told = subprocess.run(line, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_MAKE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"{line[0]}: {error}") from error
    if told.returncode:
        said = told.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RuntimeError(f"{line[0]}: {said[-1] if said else f'ended with status {told.returncode}'}")
