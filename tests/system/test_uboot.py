"""A real U-Boot: its prompt, and an image that it fetches, writes, and reads back over TFTP."""

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.errors import DeadlineExceeded, FlashFault, UBootFault, WrongBoard
from devices.flash.flasher import WHOLE, Image, no_progress
from devices.flash.uboot_netboot import UBootNetboot, UBootNetbootConfig
from devices.uboot import UBoot

from .uboot_machine import Machine, machine

DISK_BYTES = 24 << 20


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("disk") / "disk.img"
    path.write_bytes(b"\xee" * DISK_BYTES)
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What QEMU's own TFTP server serves."""
    return tmp_path_factory.mktemp("tftp")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, disk: Path, served: Path) -> Iterator[Machine]:
    network = ["-netdev", f"user,id=n0,restrict=on,tftp={served}", "-device", "virtio-net-pci,netdev=n0"]
    drive = ["-drive", f"if=none,id=d0,file={disk},format=raw", "-device", "virtio-blk-pci,drive=d0"]
    with machine(tmp_path_factory.mktemp("qemu"), *network, *drive) as made:
        yield made


@pytest.fixture(scope="module")
def uboot(board: Machine) -> UBoot:
    return UBoot.caught(board.console, since=board.restart(), timeout_s=60)


def test_text_and_status_are_exact(uboot: UBoot) -> None:
    assert uboot.status("echo hi") == (0, "hi")
    assert uboot.status("echo -n") == (0, "")
    assert uboot.status("echo a; echo; echo") == (0, "a\n\n")
    assert uboot.status("false") == (1, "")
    assert uboot.status("nosuch") == (1, "Unknown command 'nosuch' - try 'help'")
    assert uboot.run("version").splitlines()[0].startswith("U-Boot 20")
    assert len(uboot.run("help").splitlines()) > 50


@pytest.mark.parametrize("value", ["a b", "it's", "a\\b", '$x ${y} "q" ; && # z', "\\'", "a" * 300, " lead", "'"])
def test_a_variable_reads_back_as_it_was_set(uboot: UBoot, value: str) -> None:
    uboot.setenv("farm", value)
    assert uboot.getenv("farm") == value
    assert uboot.getenv("nosuch") is None


def test_what_is_not_a_whole_line_is_told_and_the_prompt_is_there_again(uboot: UBoot) -> None:
    with pytest.raises(UBootFault, match="waits for the rest"):
        uboot.run("if true then")
    with pytest.raises(UBootFault, match="does not echo what is typed"):
        uboot.run(f"echo {'x' * 1100}")
    with pytest.raises(DeadlineExceeded, match="`sleep 60` in U-Boot is not over after 1 s"):
        uboot.run("sleep 60", timeout_s=1)
    assert uboot.run("echo again") == "again"


def test_a_reset_in_between_is_told(uboot: UBoot) -> None:
    with pytest.raises(UBootFault, match="started anew during `reset`"):
        uboot.run("reset", timeout_s=60)


def netboot(served: Path, **config: object) -> UBootNetboot:
    given = {"folder": str(served), "medium": "virtio 0"}
    return UBootNetboot("qemu", UBootNetbootConfig.model_validate(given | config))


def test_an_image_is_on_the_disk_afterwards_and_was_read_back(
    board: Machine, disk: Path, served: Path, tmp_path
) -> None:
    content = os.urandom(5 << 20) + bytes(13 << 20) + os.urandom(700)  # two pieces, and half a block
    (tmp_path / "disk.img").write_bytes(content)
    written = netboot(served).write(board, [Image(WHOLE, tmp_path / "disk.img")], no_progress)
    after = disk.read_bytes()
    assert after[: len(content)] == content
    assert not any(after[len(content) : -(-len(content) // 512) * 512])
    assert after[-(1 << 20) :] == b"\xee" * (1 << 20)
    assert "read back" in written.verified
    assert board.events == ["begins", "ends"]
    assert list(served.iterdir()) == []


def test_a_disk_that_is_too_small_is_told(board: Machine, served: Path, tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(bytes(DISK_BYTES + 512))
    with pytest.raises((FlashFault, UBootFault)):
        netboot(served).write(board, [Image(WHOLE, tmp_path / "disk.img")], no_progress)


def test_another_board_is_not_written(board: Machine, disk: Path, served: Path, tmp_path: Path) -> None:
    before = disk.read_bytes()
    (tmp_path / "disk.img").write_bytes(os.urandom(512))
    one = netboot(served, serialno="1234")
    with pytest.raises(WrongBoard, match="serial# is not set, the inventory says 1234; nothing was written"):
        one.write(board, [Image(WHOLE, tmp_path / "disk.img")], no_progress)
    assert disk.read_bytes() == before


def test_a_kernel_is_started_from_memory_and_not_typed_at(board: Machine, served: Path, tmp_path: Path) -> None:
    (tmp_path / "Image").write_bytes(os.urandom(1000))  # no kernel: U-Boot says so, which is all that is wanted here
    packed = gzip.compress(bytes(5000))
    (tmp_path / "initrd.gz").write_bytes(packed)
    images = [Image("kernel", tmp_path / "Image"), Image("initrd", tmp_path / "initrd.gz")]
    written = netboot(served).write(board, images, no_progress)
    assert written.size_bytes == 1000 + len(packed)  # as it is: the kernel unpacks it
    assert written.started_ns is not None
    assert "as it was" in written.verified
    deadline = time.monotonic() + 20
    while b"Bad Linux ARM64 Image magic!" not in board.console.log():
        assert time.monotonic() < deadline
        time.sleep(0.05)
