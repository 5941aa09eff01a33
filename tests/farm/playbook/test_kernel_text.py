"""Kernel arguments in boot loaders' files, as the images bring them along."""

import pytest

from farm.playbook.kernel_text import NotEditable, edited, edited_cmdline, edited_extlinux, edited_grub, lacking

PI = "console=serial0,115200 console=tty1 root=PARTUUID=738a4d67-02 rootfstype=ext4 fsck.repair=yes rootwait\n"
GRUB = """\
# If you change this file, run 'update-grub' afterwards.
GRUB_DEFAULT=0
GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"
GRUB_CMDLINE_LINUX=''
"""
JETSON = """\
TIMEOUT 30
LABEL primary
      LINUX /boot/Image
      APPEND ${cbootargs} quiet root=/dev/mmcblk0p1 rw rootwait
LABEL backup
\tappend ${cbootargs} root=/dev/mmcblk0p2 rw rootwait
"""


def test_what_is_so_already_stays_to_the_byte() -> None:
    assert edited("a  b=1   c", ["b=1"], ["d"]) == "a  b=1   c"
    assert edited_cmdline(PI, ["console=tty1"], ["quiet"]) == PI
    assert edited_extlinux(JETSON, ["rw"], ["splash"]) == JETSON


def test_a_value_takes_the_place_of_another_and_a_console_stands_beside_another() -> None:
    assert edited("isolcpus=1 quiet isolcpus=2", ["isolcpus=3"], []) == "isolcpus=3 quiet"
    assert edited("console=tty1", ["console=ttyS0,115200n8"], []) == "console=tty1 console=ttyS0,115200n8"


def test_an_absent_name_takes_every_value_and_an_absent_value_only_itself() -> None:
    assert edited("a=1 a=2 b", [], ["a"]) == "b"
    assert edited("a=1 a=2 b", [], ["a=2"]) == "a=1 b"


def test_blanks_in_double_quotes_belong_to_their_argument() -> None:
    line = 'dyndbg="file drivers/usb/* +p" quiet'
    assert edited(line, [], ["quiet"]) == 'dyndbg="file drivers/usb/* +p"'


def test_a_raspberrys_line_stays_one_line() -> None:
    out = edited_cmdline(PI, ["isolcpus=3"], ["fsck.repair"])
    assert out == PI.replace("fsck.repair=yes ", "").rstrip("\n") + " isolcpus=3\n"
    with pytest.raises(NotEditable, match="is empty"):
        edited_cmdline("\n", ["quiet"], [])


def test_every_grub_entry_gets_what_is_present_and_loses_what_is_absent() -> None:
    out = edited_grub(GRUB, ["console=ttyS0,115200n8", "mitigations=off"], ["splash"])
    assert 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"' in out
    assert 'GRUB_CMDLINE_LINUX="console=ttyS0,115200n8 mitigations=off"' in out
    assert out.startswith("# If you change")
    assert edited_grub(out, ["console=ttyS0,115200n8", "mitigations=off"], ["splash"]) == out


def test_grubs_second_line_cannot_win_over_the_first() -> None:
    """The kernel takes the last of two values, and the default's arguments come last."""
    out = edited_grub('GRUB_CMDLINE_LINUX_DEFAULT="isolcpus=1"\n', ["isolcpus=2"], [])
    assert out == 'GRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_CMDLINE_LINUX="isolcpus=2"\n'


def test_a_grub_line_that_computes_its_value_is_left_to_a_person() -> None:
    with pytest.raises(NotEditable, match="computes its kernel arguments"):
        edited_grub('GRUB_CMDLINE_LINUX="console=$(tty)"\n', ["quiet"], [])


def test_a_backup_entry_boots_with_the_same_arguments() -> None:
    out = edited_extlinux(JETSON, ["isolcpus=3-5"], ["quiet"])
    assert "APPEND ${cbootargs} root=/dev/mmcblk0p1 rw rootwait isolcpus=3-5\n" in out
    assert "\tappend ${cbootargs} root=/dev/mmcblk0p2 rw rootwait isolcpus=3-5\n" in out
    with pytest.raises(NotEditable, match="no APPEND line"):
        edited_extlinux("LABEL primary\n", ["quiet"], [])


def test_a_generated_menu_is_held_against_what_was_wanted_entry_by_entry() -> None:
    menu = "menuentry 'a' {\n\tlinux\t/boot/vmlinuz-5.10 root=/dev/sda2 ro quiet one=1\n}\n"
    memory_test = "menuentry 'm' {\n\tlinux16\t/boot/memtest86+.bin\n}\n"
    assert not lacking(menu + memory_test, ["one=1"], ["two"])
    assert lacking(menu, ["two=2"], [])
    assert lacking(menu, [], ["quiet"])
    assert lacking("", ["one=1"], [])
