"""fastboot: the right board of several, its own word for each partition, and nothing written to another.

The counterpart prints what fastboot 29.0.6 prints, taken from runs against U-Boot 2023.01.
"""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from devices.errors import BadImage, FlashFault, WrongBoard
from devices.flash import fastboot
from devices.flash.fastboot import Fastboot, FastbootConfig, Listed, parse_devices
from devices.flash.flasher import WHOLE, Image, no_progress

PROGRAM = """\
#!/bin/sh
echo "$*" >> {log}
case "$*" in
  "devices -l") cat {listed};;
  *"getvar product") echo "product: phanbell" >&2; echo "Finished. Total time: 0.000s" >&2;;
  *"getvar serialno") echo "serialno: 1b0741d6f0aabb01" >&2; echo "Finished. Total time: 0.000s" >&2;;
  *"getvar "*) echo "getvar:$4 FAILED (remote: 'Value not set')" >&2; exit 1;;
  *"flash hang "*) exec sleep 60;;
  *"flash nosuch "*)
    echo "Sending 'nosuch' (8192 KB)                         OKAY [  0.944s]" >&2
    echo "Writing 'nosuch'                                   FAILED (remote: 'invalid partition or device')" >&2
    echo "fastboot: error: Command failed" >&2; exit 1;;
  *"flash "*)
    echo "Sending sparse '$4' 1/2 (8192 KB)                  OKAY [  0.944s]" >&2
    echo "Writing '$4'                                       OKAY [  0.311s]" >&2
    echo "Sending sparse '$4' 2/2 (8192 KB)                  OKAY [  0.944s]" >&2
    echo "Writing '$4'                                       OKAY [  0.311s]" >&2
    md5sum < "$5" >> {log}
    echo "Finished. Total time: 2.51s" >&2;;
esac
"""
ONE = "1b0741d6f0aabb01       fastboot usb:1-4.2\n"


class Bus:
    """What `fastboot` sees, and what it was told to do."""

    def __init__(self, folder: Path) -> None:
        self.listed, self.log = folder / "listed", folder / "fastboot.log"
        self.listed.write_text(ONE)
        self.log.touch()

    @property
    def flashed(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if "flash " in line]


@pytest.fixture
def bus(tmp_path: Path, programs: Callable[[str, str], Path]) -> Bus:
    bus = Bus(tmp_path)
    programs("fastboot", PROGRAM.format(log=bus.log, listed=bus.listed))
    return bus


def board(**config: object) -> Fastboot:
    return Fastboot("b1", FastbootConfig.model_validate({"enter": "already", "appear_s": 0.2} | config))


def image(folder: Path, partition: str = "boot", name: str = "boot.img") -> Image:
    (folder / name).write_bytes((partition or "whole").encode() * 1000)
    return Image(partition, folder / name)


def test_the_list_of_boards_is_read_with_and_without_paths() -> None:
    text = "1b0741d6f0aabb01       fastboot usb:1-4.2\n0123456789ABCDEF\tfastboot\n\nno permissions (...)\n"
    assert parse_devices(text) == [Listed("1b0741d6f0aabb01", "usb:1-4.2"), Listed("0123456789ABCDEF", "")]


def test_partitions_are_written_in_the_order_they_are_named(bus, seat, tmp_path, told) -> None:
    images = [image(tmp_path, "rootfs", "rootfs.img"), image(tmp_path)]
    written = board(serial="1b0741d6f0aabb01").write(seat, images, lambda *what: told.append(what))
    assert [line.split()[:4] for line in bus.flashed] == [
        ["-s", "usb:1-4.2", "flash", "rootfs"],
        ["-s", "usb:1-4.2", "flash", "boot"],
    ]
    assert "own OKAY" in written.verified
    assert ("sending rootfs", 0.5) in told
    assert seat.did == ["begins", "ends"] * 2


def test_an_image_of_the_whole_medium_goes_to_the_partition_that_stands_for_it(bus, seat, tmp_path) -> None:
    board(whole="mmc0").write(seat, [image(tmp_path, WHOLE)], no_progress)
    assert bus.flashed[0].startswith("-s usb:1-4.2 flash mmc0 ")


def test_a_packed_image_arrives_unpacked(bus, seat, tmp_path) -> None:
    path = tmp_path / "root.img.gz"
    content = b"x" * 5000 + bytes(3 << 20)
    path.write_bytes(gzip.compress(content))
    board().write(seat, [Image("rootfs", path)], no_progress)
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() in bus.log.read_text()


def test_two_boards_of_one_serial_number_are_refused_and_both_named(bus, seat, tmp_path) -> None:
    bus.listed.write_text("0123456789ABCDEF fastboot usb:1-4.2\n0123456789ABCDEF fastboot usb:1-4.3\n")
    with pytest.raises(FlashFault, match=r"2 boards in fastboot could be it: .*1-4\.2; .*1-4\.3") as seen:
        board(serial="0123456789ABCDEF").write(seat, [image(tmp_path)], no_progress)
    assert "usb_path" in seen.value.hint
    assert not bus.flashed


def test_a_usb_path_tells_boards_of_one_serial_number_apart(bus, seat, tmp_path) -> None:
    bus.listed.write_text("1b0741d6f0aabb01 fastboot usb:1-4.2\n1b0741d6f0aabb01 fastboot usb:1-4.3\n")
    board(usb_path="1-4.3").write(seat, [image(tmp_path)], no_progress)
    assert bus.flashed[0].startswith("-s usb:1-4.3 flash boot ")


def test_a_board_that_does_not_appear_names_those_that_did(bus, seat, tmp_path) -> None:
    with pytest.raises(
        FlashFault, match=r"not seen in fastboot within 0\.2 s; there are 1b0741d6f0aabb01 at usb:1-4\.2"
    ):
        board(serial="other").write(seat, [image(tmp_path)], no_progress)
    assert not bus.flashed


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"serialno": "ffff"}, "getvar serialno says 1b0741d6f0aabb01, the inventory says ffff; nothing was written"),
        ({"product": "enterprise"}, "getvar product says phanbell, the inventory says enterprise"),
        ({"host": "udp:127.0.0.1:9", "serialno": "ffff"}, "udp:127.0.0.1:9: getvar serialno says 1b07"),
    ],
)
def test_another_board_is_not_written(bus, seat, tmp_path, config, says) -> None:
    with pytest.raises(WrongBoard, match=says):
        board(**config).write(seat, [image(tmp_path)], no_progress)
    assert not bus.flashed
    assert seat.did == []


def test_what_the_board_refuses_is_told_in_its_words(bus, seat, tmp_path) -> None:
    with pytest.raises(FlashFault, match="fastboot flash nosuch: remote: 'invalid partition or device'"):
        board().write(seat, [image(tmp_path, "nosuch"), image(tmp_path)], no_progress)
    assert len(bus.flashed) == 1


def test_a_board_that_never_answers_ends_at_the_deadline(bus, seat, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(fastboot, "_FLASH_S", 0.3)
    with pytest.raises(FlashFault, match="fastboot is not over after"):
        board().write(seat, [image(tmp_path, "hang")], no_progress)


def test_a_board_that_is_another_s_is_not_written(bus, seat, tmp_path) -> None:
    seat.ours = False
    with pytest.raises(RuntimeError):
        board().write(seat, [image(tmp_path)], no_progress)
    assert not bus.flashed


def test_a_running_system_is_told_to_go_there(bus, seat, tmp_path) -> None:
    board(enter="linux", linux_command="reboot-bootloader").write(seat, [image(tmp_path)], no_progress)
    assert seat.did[0] == "reboot-bootloader"


def test_a_plan_reads_the_images_and_touches_nothing(bus, tmp_path) -> None:
    steps = Fastboot("b1", FastbootConfig()).plan([image(tmp_path, "rootfs", "root.img")])
    assert steps == ["enter fastboot by U-Boot's `fastboot 0`", "flash rootfs with root.img, 6,000 bytes"]
    assert bus.log.read_text() == ""


def test_a_plan_without_an_image_or_with_one_that_is_not_there_is_refused(bus, tmp_path) -> None:
    with pytest.raises(BadImage, match="nothing to flash"):
        board().plan([])
    with pytest.raises(BadImage, match="No such file"):
        board().plan([Image("boot", tmp_path / "none.img")])


def test_without_the_program_its_package_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FlashFault, match="no program 'fastboot'") as seen:
        board().plan([])
    assert "Debian package fastboot" in seen.value.hint


@pytest.mark.parametrize(
    "config",
    [{"host": "udp:127.0.0.1:1", "serial": "x"}, {"usb_path": "1:4"}, {"host": "127.0.0.1"}, {"enter": "magic"}],
)
def test_an_address_that_cannot_be_is_refused_with_the_inventory(config) -> None:
    with pytest.raises(ValidationError):
        FastbootConfig.model_validate(config)


@pytest.mark.parametrize(
    ("config", "ties"),
    [
        ({}, None),
        ({"host": "udp:127.0.0.1:1"}, None),
        ({"serial": "a"}, "fastboot serial number a"),
        ({"host": "udp:127.0.0.1:1", "serialno": "b"}, "fastboot serial number b"),
        ({"usb_path": "1-4"}, "USB path 1-4"),
    ],
)
def test_it_says_whether_it_can_tell_a_board_from_its_like(config, ties) -> None:
    assert board(**config).ties() == ties
