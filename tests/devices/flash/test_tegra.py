"""Tegra recovery: the right board of several, the vendor's script heard line by line, its errors named."""

from pathlib import Path

import pytest

from devices.errors import BadImage, FlashFault
from devices.flash import tegra
from devices.flash.flasher import WHOLE, Image, no_progress
from devices.flash.tegra import Tegra, TegraConfig

SUCCESS = """\
printf '[   4.3841 ] Writing partition APP with system.img\\n'
printf '[   4.4349 ] [................                                ] 033%%\\r'
printf '[   9.0349 ] [................................................] 100%%\\n'
echo '*** The target t186ref has been flashed successfully. ***'
echo 'Reset the board to boot from internal eMMC.'
"""
NO_BOARD = """\
echo 'Error: probing the target board failed.'
echo '       Make sure the target board is connected through '
echo '       USB port and is in recovery mode.'
exit 1
"""


class L4T:
    """An unpacked Linux_for_Tegra whose flash.sh says what a test wants, and the USB buses beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.usb = folder / "Linux_for_Tegra", folder / "usb"
        (self.folder / "bootloader").mkdir(parents=True)
        self.usb.mkdir()
        (self.folder / "jetson-tx2.conf").touch()
        self.system = self.folder / "bootloader/system.img"
        self.system.write_text("the vendor's own")
        self.args = folder / "args"
        self.says(SUCCESS)

    def says(self, text: str, *, options: str = "# --usb-instance <id>") -> None:
        script = self.folder / "flash.sh"
        script.write_text(
            f'#!/bin/sh\n{options}\necho "$*" > {self.args}\ncat bootloader/system.img >> {self.args}\n{text}'
        )
        script.chmod(0o755)

    def in_recovery(self, path: str, product: str = "7c18") -> None:
        (self.usb / path).mkdir()
        (self.usb / path / "idVendor").write_text("0955\n")
        (self.usb / path / "idProduct").write_text(f"{product}\n")

    def board(self, **config: object) -> Tegra:
        given = {"folder": str(self.folder), "target": "jetson-tx2", "usb_root": str(self.usb), "appear_s": 0.2}
        return Tegra("b1", TegraConfig.model_validate(given | config))


@pytest.fixture
def l4t(tmp_path: Path) -> L4T:
    return L4T(tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> list[Image]:
    path = tmp_path / "mine.img"
    path.write_text("mine")
    return [Image(WHOLE, path)]


def test_the_script_gets_the_image_the_board_and_its_usb_path(l4t, images, seat, told) -> None:
    l4t.in_recovery("1-4")
    written = l4t.board().write(seat, images, lambda *what: told.append(what))
    assert l4t.args.read_text() == "--usb-instance 1-4 -r jetson-tx2 mmcblk0p1\nmine"
    assert l4t.system.read_text() == "the vendor's own"
    assert seat.did == ["reboot --force forced-recovery", "begins", "ends"]
    assert [what for what in told if what[0] == "writing APP"] == [
        ("writing APP", None),
        ("writing APP", 0.33),
        ("writing APP", 1.0),
    ]
    assert "reads nothing back" in written.verified


def test_two_boards_in_recovery_are_refused_and_both_named(l4t, images, seat) -> None:
    l4t.in_recovery("1-4")
    l4t.in_recovery("3-1.2", "7f21")
    with pytest.raises(FlashFault, match=r"2 boards in recovery .*: 0955:7c18 at 1-4, 0955:7f21 at 3-1\.2"):
        l4t.board().write(seat, images, no_progress)
    assert not l4t.args.exists()


def test_a_usb_path_tells_them_apart(l4t, images, seat) -> None:
    l4t.in_recovery("1-4")
    l4t.in_recovery("3-1.2")
    l4t.board(usb_path="3-1.2").write(seat, images, no_progress)
    assert l4t.args.read_text().startswith("--usb-instance 3-1.2 ")


def test_a_script_that_takes_any_board_gets_none_of_two(l4t, images, seat) -> None:
    l4t.says(SUCCESS, options="")
    l4t.in_recovery("1-4")
    l4t.in_recovery("3-1.2")
    with pytest.raises(FlashFault, match=r"takes any board in recovery mode, and there are several: 1-4, 3-1\.2"):
        l4t.board(usb_path="1-4").write(seat, images, no_progress)
    assert not l4t.args.exists()


def test_a_board_that_is_not_in_recovery_is_told(l4t, images, seat) -> None:
    l4t.in_recovery("2-1", "7020")  # a Jetson whose system runs shows another product
    with pytest.raises(FlashFault, match=r"not in recovery mode within 0\.2 s"):
        l4t.board(enter="by-hand").write(seat, images, no_progress)
    assert seat.did == []


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        (NO_BOARD, "finds no board in recovery mode", "hold REC"),
        ("echo '[ 0.25 ] ERROR: might be timeout in USB write.'; exit 3", "USB link broke", "power"),
        ("echo 'Error: The Actual SoC ID(0x18) mismatches'; exit 1", "another module", "right board"),
        ("echo 'flash.sh requires root privilege' >&2; exit 1", "wants to be root", "sudo"),
        ("echo 'tar: write error: No space left on device'; exit 2", "disk with the L4T folder is full", "GB"),
        ("echo something else; exit 9", "does not say that it has flashed", "status 9|console"),
        ("echo ended well", "does not say that it has flashed", "console"),
        (f"{SUCCESS}exit 1", "does not say that it has flashed", "console"),
    ],
)
def test_its_errors_are_named_with_a_remedy_and_its_last_words(l4t, images, seat, text, says, hint) -> None:
    l4t.says(text)
    l4t.in_recovery("1-4")
    with pytest.raises(FlashFault, match=says) as seen:
        l4t.board().write(seat, images, no_progress)
    assert "\n  | " in str(seen.value)
    assert any(word in seen.value.hint for word in hint.split("|"))
    assert l4t.system.read_text() == "the vendor's own"


def test_a_script_that_falls_silent_is_ended_with_all_it_started(l4t, images, seat, monkeypatch) -> None:
    monkeypatch.setattr(tegra, "_SILENT_S", 0.3)
    l4t.says("echo begins\nsleep 60 &\nsleep 60\n")
    l4t.in_recovery("1-4")
    with pytest.raises(FlashFault, match=r"flash.sh is not over and has been silent for 0\.3 s"):
        l4t.board().write(seat, images, no_progress)


def test_a_plan_names_the_command_and_touches_nothing(l4t, images) -> None:
    steps = l4t.board(usb_path="1-4").plan(images)
    assert steps[-1].endswith("./flash.sh --usb-instance 1-4 -r jetson-tx2 mmcblk0p1")
    assert not l4t.args.exists()


@pytest.mark.parametrize("missing", ["flash.sh", "jetson-tx2.conf"])
def test_a_folder_that_is_not_the_vendor_s_is_told(l4t, images, missing) -> None:
    (l4t.folder / missing).unlink()
    with pytest.raises(FlashFault, match=f"{missing} is not there"):
        l4t.board().plan(images)


def test_images_that_the_script_cannot_take_are_refused(l4t, tmp_path) -> None:
    packed = tmp_path / "x.img.gz"
    packed.touch()
    for images in ([], [Image("boot", packed)], [Image(WHOLE, packed)]):
        with pytest.raises(BadImage):
            l4t.board().plan(images)
