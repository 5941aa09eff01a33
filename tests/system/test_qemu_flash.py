"""A Jetson Nano and a Coral Dev Board that really boot are flashed, side by side, and boot what they were flashed with.

Each boots twice: as it comes, and after its flashing. In between its power is cut.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices.twin.qemu.images import RECIPE, Image, image
from devices.twin.qemu.machines import MACHINES
from devices.twin.qemu.missing import missing
from farm.lab.bench import Bench, borrow
from farm.lab.inventory import load, usable

from .test_qemu_main_job import SOURCE, Farm

BOARDS = ["nano-qemu", "coral-qemu"]
CORES = {"nano-qemu": "0xd07", "coral-qemu": "0xd03"}
"""Cortex-A57 and Cortex-A53, as ``/proc/cpuinfo`` numbers them."""
STAGES = "bootloader, kernel, initramfs, userspace, login"
PROGRAMS = {"bmaptool": "bmap-tools", "debugfs": "e2fsprogs", "fastboot": "fastboot", "mke2fs": "e2fsprogs"}
ROOTFS_OFFSET = 1 << 20
PLAIN_EXT4 = ["-q", "-t", "ext4", "-O", "^metadata_csum,^64bit"]
"""As U-Boot writes to it."""

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("qemu")]


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """The lab of both, powered off."""
    if lacks := [f"{one}: apt-get install {package}" for one, package in PROGRAMS.items() if shutil.which(one) is None]:
        pytest.skip(f"not installed: {', '.join(lacks)}")
    for board in BOARDS:
        if lacks := missing(load(SOURCE).boards[board].model, flashed=True):
            pytest.skip(f"no QEMU twin of {board} here: {'; '.join(lacks)}")
    farm = Farm(tmp_path, BOARDS[0])
    boards = [word for board in BOARDS for word in ("--board", board)]
    up = farm.run("lab", "up", *boards, "--inventory", SOURCE)
    assert up.returncode == 0, up.stdout + up.stderr
    yield farm
    down = farm.run("lab", "down")
    assert down.returncode == 0, down.stdout + down.stderr


def make(*line: str | Path, said: str = "") -> None:
    subprocess.run(line, check=True, input=said, text=True, capture_output=True, timeout=120)


def new_card(folder: Path, base: Image) -> Path:
    """The image with one more file in its root, and a block map of it by the program that boards are shipped with."""
    card = folder / "card.img"
    make("cp", "--sparse=always", base.disk, card)
    (folder / "new-system").write_text("new\n")
    make(
        "debugfs",
        "-w",
        "-f",
        "-",
        f"{card}?offset={ROOTFS_OFFSET}",
        said=f"write {folder}/new-system /etc/new-system\n",
    )
    make("bmaptool", "create", card, "-o", folder / "card.bmap")
    return card


def new_boot(folder: Path, base: Image) -> Path:
    """The image's boot partition, smaller, and with one more word on the kernel's command line."""
    tree = folder / "boot"
    (tree / "extlinux").mkdir(parents=True)
    shutil.copyfile(base.kernel, tree / "Image")
    shutil.copyfile(base.initrd, tree / "initrd.gz")
    config = (RECIPE / "extlinux.conf").read_text("ascii").rstrip("\n")
    (tree / "extlinux/extlinux.conf").write_text(f"{config} farm.system=new\n", "ascii")
    make("mke2fs", *PLAIN_EXT4, "-d", tree, folder / "boot.img", "40M")
    return folder / "boot.img"


def as_it_comes(farm: Farm, board: str) -> str:
    """Boot it, see which board it is, leave a file on it; return its boot id."""
    on = farm.run("power", "on", board)
    assert on.returncode == 0, on.stdout + on.stderr
    assert f"{board} (qemu twin): booted: {STAGES}" in on.stdout
    with lent(farm, board) as bench:
        told = bench.shell.run(
            "tr '\\0' '\\n' < /proc/device-tree/model; grep 'CPU part' /proc/cpuinfo; touch ~/before; sync; "
            "ls /etc/new-system; cat /proc/cmdline",
            timeout_s=120,
            check=False,
        ).text
        assert told.startswith(MACHINES[bench.entry.model].named + "\n")
        assert CORES[board] in told
        assert "new" not in told
        return bench.board.boot_id(timeout_s=60)


def flashed(farm: Farm, board: str, *images: str | Path) -> dict[str, str]:
    """Flash it as a user does, and return what is told of it."""
    told = farm.answer("flash", board, *images, "--leave-on")
    serial_number = load(SOURCE).boards[board].serial_number
    assert told["proven_before"] == f"serial number {serial_number}, by its own system"
    assert told["proven_after"] == f"serial number {serial_number}"
    assert ", ".join(told["stages"]) == STAGES
    return told


def lent(farm: Farm, board: str):
    return borrow(usable(state=farm.state), board, state=farm.state)


def text(bench: Bench, command: str) -> str:
    return bench.shell.run(command, timeout_s=120, check=False).text


def coral(farm: Farm, folder: Path) -> None:
    """Its card is taken out, written on this host, read back, and put in again."""
    board = "coral-qemu"
    card = new_card(folder, image("arm64"))
    boot_id = as_it_comes(farm, board)
    assert flashed(farm, board, card)["verified"] == "read back from the card"
    with lent(farm, board) as bench:
        assert bench.board.boot_id(timeout_s=60) != boot_id
        assert text(bench, "cat /etc/new-system; ls -d ~/before; grep -o 'mmcblk[^ ]* / ' /proc/mounts").split() == [
            "new", "mmcblk0p1", "/",
        ]  # fmt: skip


def nano(farm: Farm, folder: Path) -> None:
    """Its U-Boot takes a new boot partition over the network; the rest of the card stays."""
    board = "nano-qemu"
    boot = new_boot(folder, image("arm64"))
    boot_id = as_it_comes(farm, board)
    told = flashed(farm, board, "--partition", f"boot={boot}")
    assert "the boot loader's own OKAY" in told["verified"]
    with lent(farm, board) as bench:
        assert bench.board.boot_id(timeout_s=60) != boot_id
        assert text(bench, "grep -o farm.system=new /proc/cmdline; ls ~") == "farm.system=new\nbefore"


def test_a_coral_boots_the_card_and_a_nano_the_partition_that_it_was_flashed_with(farm: Farm, tmp_path: Path) -> None:
    works: list[Callable[[Farm, Path], None]] = [coral, nano]
    with ThreadPoolExecutor(len(works)) as pool:
        for ended in [pool.submit(work, farm, tmp_path) for work in works]:
            ended.result()
