"""A QEMU twin's SD card without QEMU: the multiplexer is driven as the real one is, and the card is in one place."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.errors import FlashFault
from devices.flash.flasher import WHOLE, Image, no_progress
from devices.flash.registry import load_flasher
from devices.flash.sd_mux import SdMux, SdMuxConfig
from devices.twin.qemu import images, machines
from devices.twin.qemu.multiplexer import Multiplexer
from devices.twin.qemu.port import reserved_udp_port
from devices.twin.qemu.ways import WAYS

CARD_BYTES = 4 << 20


class Slot:
    """A board's slot: tells what was moved, and holds the card fast if told to."""

    def __init__(self, folder: Path) -> None:
        self.card = folder / "card.img"
        self.card.write_bytes(b"\xee" * CARD_BYTES)
        self.stuck = False

    def move(self, source: Path, target: Path) -> None:
        if self.stuck:
            raise RuntimeError("QEMU refuses eject: it is stuck")
        source.rename(target)


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    return Slot(tmp_path)


@pytest.fixture
def mux(tmp_path: Path, slot: Slot) -> Iterator[Multiplexer]:
    folder = tmp_path / "a folder whose name is so long that no socket's name could hold it" / ("x" * 60)
    folder.mkdir(parents=True)
    made = Multiplexer(folder, "twin-b1", slot.card, slot.move)
    yield made
    made.close()


@pytest.fixture
def driver(mux: Multiplexer) -> SdMux:
    return SdMux("b1", SdMuxConfig(serial=mux.serial, program=str(mux.program), root=str(mux.root)))


def run(mux: Multiplexer, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([mux.program, *words], check=False, capture_output=True, text=True, timeout=30)


def control(mux: Multiplexer) -> str:
    return str(mux.root / "dev/usb-sd-mux" / f"id-{mux.serial}")


def test_the_flashing_driver_writes_the_card_and_the_board_has_it_back(driver, mux, slot, seat, tmp_path) -> None:
    image = tmp_path / "new.img"
    image.write_bytes(b"new" + bytes(1 << 20))
    images = [Image(WHOLE, image)]
    assert "to the card of SD multiplexer twin-b1" in driver.plan(images)[0]
    written = driver.write(seat, images, no_progress)
    assert written.verified == "read back from the card"
    assert slot.card.read_bytes()[:3] == b"new"
    assert mux.side == "dut"


def test_the_card_is_on_one_side_and_never_on_both(mux, slot) -> None:
    here = mux.root / "dev/sda"
    for side, at_board in (("host", False), ("host", False), ("dut", True), ("dut", True)):
        assert run(mux, control(mux), side).returncode == 0
        assert (slot.card.exists(), here.exists()) == (at_board, not at_board)
        assert run(mux, control(mux), "get").stdout == f"{side}\n"
        sectors = (mux.root / "sys/class/block/sda/size").read_text()
        assert int(sectors) == (0 if at_board else CARD_BYTES // 512)


def test_a_card_that_does_not_come_out_is_told_and_stays_where_it_is(driver, mux, slot, seat, tmp_path) -> None:
    slot.stuck = True
    asked = run(mux, control(mux), "host")
    assert (asked.returncode, asked.stderr) == (1, f"usbsdmux: {control(mux)}: QEMU refuses eject: it is stuck\n")
    (tmp_path / "new.img").write_bytes(b"new")
    with pytest.raises(FlashFault, match=r"usbsdmux ended with status 1(.|\n)*it is stuck"):
        driver.write(seat, [Image(WHOLE, tmp_path / "new.img")], no_progress)
    assert slot.card.read_bytes() == b"\xee" * CARD_BYTES


def test_what_the_program_does_not_know_it_does_not_do(mux, slot) -> None:
    assert run(mux, control(mux), "off").returncode == 2
    assert run(mux, control(mux)).returncode == 2
    gone = run(mux, str(mux.root / "dev/usb-sd-mux/id-other"), "host")
    assert gone.returncode == 1
    assert "No such file" in gone.stderr
    assert slot.card.exists()


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_flashing_tells_its_driver_where_the_twin_is(way, slot, tmp_path) -> None:
    made = WAYS[way](tmp_path, "twin-b1", slot.card, slot.move)
    try:
        load_flasher(way).Config.model_validate(made.addresses)
        machine = machines.MACHINES["coral-dev"]
        files = machines.Parts(slot.card, tmp_path / "seed.tar", tmp_path / "initrd", tmp_path / "board.dtb", card=True)
        arguments = {"serial_number": "1", "ssh_port": 2222, "netdev": made.netdev}
        there = machines.command(machine, images.image(machine.arch), files, **arguments)
        assert any(word.endswith(str(slot.card)) and word.startswith("if=none,id=card,format=raw") for word in there)
        assert "sd-card,id=slot,drive=card" in there
        slot.card.unlink()
        assert "if=none,id=card" in machines.command(machine, images.image(machine.arch), files, **arguments)
    finally:
        made.close()


def test_a_udp_port_that_is_kept_is_free_for_udp_and_no_other_twin_s() -> None:
    first, second = reserved_udp_port(), reserved_udp_port()
    with first, second, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as emulator:
        assert first.getsockname() != second.getsockname()
        emulator.bind(first.getsockname())
