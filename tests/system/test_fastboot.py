"""fastboot over UDP: Debian's program against a real U-Boot, and what is on its card afterwards."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.errors import FlashFault, WrongBoard
from devices.flash.fastboot import Fastboot, FastbootConfig
from devices.flash.flasher import WHOLE, Image, no_progress
from devices.twin.qemu.uboot import uboot as fastboot_uboot

from .uboot_machine import Machine, free_udp_port, machine

CARD_BYTES = 64 << 20
CONTENT = os.urandom(1 << 20) + bytes(2 << 20) + os.urandom(1 << 20)
SERIAL = "farm-0001"
pytestmark = pytest.mark.skipif(shutil.which("fastboot") is None, reason="no fastboot; install the package fastboot")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("card") / "card.img"
    path.write_bytes(b"\xee" * CARD_BYTES)
    return path


@pytest.fixture(scope="module")
def port() -> int:
    return free_udp_port()


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, card: Path, port: int) -> Iterator[Machine]:
    # not restrict=on: that drops the answers to forwarded datagrams
    network = ["-netdev", f"user,id=n0,hostfwd=udp:127.0.0.1:{port}-:5554", "-device", "virtio-net-pci,netdev=n0"]
    drive = ["-device", "sdhci-pci", "-drive", f"if=none,id=c0,file={card},format=raw", "-device", "sd-card,drive=c0"]
    with machine(tmp_path_factory.mktemp("qemu"), *network, *drive, bios=fastboot_uboot()) as made:
        yield made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "card.img").write_bytes(CONTENT)
    return tmp_path / "card.img"


def fastboot(port: int, serial: str = SERIAL, **config: str) -> Fastboot:
    before = [
        f"setenv serial# {SERIAL}",
        "setenv fastboot_raw_partition_all 0x0 0x20000",
        "setenv fastboot_raw_partition_half 0x10000 0x10000",
        "setenv autoload no",
        "dhcp",
    ]
    given = {"host": f"udp:127.0.0.1:{port}", "serialno": serial, "product": "qemu-arm"}
    more = {"uboot_command": "fastboot udp", "uboot": {"before": before}}
    return Fastboot("qemu", FastbootConfig.model_validate(given | more | config))


@pytest.mark.parametrize("whole", ["all", "mmc0"])
def test_an_image_is_on_the_card_afterwards(board: Machine, card: Path, port: int, image: Path, whole: str) -> None:
    card.write_bytes(b"\xee" * CARD_BYTES)
    rest = card.read_bytes()[len(CONTENT) :]
    written = fastboot(port, whole=whole).write(board, [Image(WHOLE, image)], no_progress)
    assert card.read_bytes() == CONTENT + rest
    assert written.size_bytes == len(CONTENT)


def test_another_board_is_not_written(board: Machine, card: Path, port: int, image: Path) -> None:
    before = card.read_bytes()
    with pytest.raises(WrongBoard, match=f"serialno says {SERIAL}, the inventory says other; nothing was written"):
        fastboot(port, "other").write(board, [Image(WHOLE, image)], no_progress)
    assert card.read_bytes() == before


def test_a_partition_that_it_does_not_have_is_told_and_those_before_are_written(
    board: Machine, card: Path, port: int, image: Path
) -> None:
    with pytest.raises(FlashFault, match="fastboot flash nosuch: remote: "):
        fastboot(port).write(board, [Image("half", image), Image("nosuch", image)], no_progress)
    assert card.read_bytes()[32 << 20 :].startswith(CONTENT)
