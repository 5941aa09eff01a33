"""The boot watcher: stages and faults out of bytes that may be cut anywhere."""

import random

import pytest

from devices.boot import BootWatcher, Stage
from devices.boot_patterns import STALL_S

SECOND = 10**9

TX2 = b"""\
[0000.244] I> Welcome to MB2(TBoot-BPMP)(version: 01.00.160913-t186-M-00.00-mobile)\r
[0000.402] I> Welcome to TBoot-CPU Bootloader\r
\r
U-Boot 2020.04-g4335beb (Jul 26 2021 - 12:08:44 -0700)\r
Hit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 \r
Starting kernel ...\r
\r
[    0.000000] Booting Linux on physical CPU 0x0000000100 [0x411fd073]\r
[    0.000000] Linux version 4.9.253-tegra (buildbrain@mobile-u64-5294-d8000) (gcc version 7.3.1)\r
[    2.962210] Run /init as init process\r
[    3.611809] systemd[1]: systemd 237 running in system mode. (+PAM +AUDIT +SELINUX)\r
Welcome to \x1b[0;31mUbuntu 18.04.5 LTS\x1b[0m!\r
[\x1b[0;32m  OK  \x1b[0m] Started OpenBSD Secure Shell server.\r
\r
Ubuntu 18.04.5 LTS tegra-ubuntu ttyS0\r
\r
tegra-ubuntu login: """

CORAL = b"""\
U-Boot SPL 2017.03.3 (Feb 07 2020 - 01:46:46)\r
NOTICE:  BL31: v1.5(release):5b47d98\r
U-Boot 2017.03.3 (Feb 07 2020 - 01:46:46 +0000)\r
Starting kernel ...\r
[    0.000000] Booting Linux on physical CPU 0x0\r
[    1.822010] Run /sbin/init as init process\r
Mendel GNU/Linux 4 mendel ttymxc0\r
mendel login: """

ATOM = b"""\
Version 2.18.1263. Copyright (C) 2020 American Megatrends, Inc.\r
Press <DEL> or <ESC> to enter setup.\r
Welcome to GRUB!\r
error: no suitable video mode found.\r
\x1b[2J\x1b[04;26HGNU GRUB  version 2.06-3~deb11u5\r
[    0.000000] Linux version 5.10.0-21-amd64 (debian-kernel@lists.debian.org)\r
[    0.000000] efi: EFI v2.50 by American Megatrends\r
[    1.522018] Run /init as init process\r
Loading, please wait...\r
Begin: Running /scripts/init-bottom ... done.\r
[    2.104022] systemd[1]: systemd 247.3-7+deb11u1 running in system mode. (+PAM +AUDIT)\r
pico-itx login: """

QUIET_PI = b"\r\nRaspbian GNU/Linux 10 raspberrypi ttyS0\r\n\r\nraspberrypi login: "

ALL = [Stage.FIRMWARE, Stage.BOOTLOADER, Stage.KERNEL, Stage.INITRAMFS, Stage.USERSPACE, Stage.LOGIN]
BOOTS = {
    "tx2": (TX2, ALL),
    "coral": (CORAL, [s for s in ALL if s is not Stage.INITRAMFS]),
    "atom": (ATOM, ALL),
    "quiet pi": (QUIET_PI, [Stage.LOGIN]),
}


def watch(*pieces: bytes) -> BootWatcher:
    watcher = BootWatcher(0)
    for n, piece in enumerate(pieces, 1):
        watcher.feed(piece, n * SECOND)
    return watcher


@pytest.mark.parametrize("boot", BOOTS)
def test_a_boot_goes_through_its_stages(boot):
    data, stages = BOOTS[boot]
    report = watch(data).report()
    assert (report.stages, report.faults) == (stages, [])


@pytest.mark.parametrize("boot", BOOTS)
def test_chunks_may_be_cut_anywhere(boot):
    data, stages = BOOTS[boot]
    dice = random.Random(boot)
    for _ in range(20):
        watcher, rest = BootWatcher(0), data
        while rest:
            n = dice.randint(1, 40)
            watcher.feed(rest[:n], 1)
            rest = rest[n:]
        assert (watcher.report().stages, watcher.faults) == (stages, [])


@pytest.mark.parametrize("boot", BOOTS)
def test_garbage_between_the_lines_hides_no_login_and_invents_no_fault(boot):
    data, _ = BOOTS[boot]
    dice = random.Random(boot)
    watcher = BootWatcher(0)
    for line in data.splitlines(keepends=True):
        watcher.feed(dice.randbytes(300).replace(b"\n", b"") + b"\n", 1)
        watcher.feed(line, 1)
    assert watcher.stage is Stage.LOGIN
    assert watcher.fatal is None


def test_the_time_of_each_stage_is_that_of_its_first_line():
    report = watch(b"U-Boot 2020.04 x\n", b"Starting kernel ...\n", b"[    0.000000] Linux version\n").report()
    assert report.reached_s == {Stage.BOOTLOADER: 1.0, Stage.KERNEL: 2.0}


def test_a_login_prompt_with_a_kernel_line_behind_it_is_one():
    watcher = watch(TX2[:-1], b" [    9.814402] random: cr", b"ng init done\r\n")
    assert watcher.stage is Stage.LOGIN


def test_last_login_is_no_login_prompt():
    assert watch(b"[    1.000000] x\r\nLast login: ").stage is Stage.KERNEL


@pytest.mark.parametrize(
    "prompt",
    [b"root@mendel:~# ", b"farm@tx2-01:~$ ", b"[root@pico ~]# ", b"/ # ", b"\x1b[?2004hnvidia@tegra:~$ "],
)
def test_a_shell_without_a_login_is_up(prompt):
    assert watch(b"[    1.000000] x\r\n" + prompt).up


@pytest.mark.parametrize(
    ("printed", "kind"),
    [
        (b"[    1.904402] Kernel panic - not syncing: VFS: Unable to mount root fs on sda1\r\n", "panic"),
        (b"Gave up waiting for root device.  Common problems:\r\n", "root-wait"),
        (b"You are in emergency mode. After logging in, type ...\r\n", "rescue-shell"),
        (b"BusyBox v1.30.1 built-in shell (ash)\r\n\r\n(initramfs) ", "rescue-shell"),
        (b"error: no such partition.\r\nEntering rescue mode...\r\ngrub rescue> ", "boot-stop"),
        (b"U-Boot 2020.04 x\r\nWrong Image Format for bootm command\r\n", "bad-image"),
        (b"U-Boot 2020.04 x\r\nTegra186 (P2771-0000-500) # ", "boot-stop"),
        (b"U-Boot 2017.03.3 x\r\nu-boot=> ", "boot-stop"),
    ],
)
def test_what_cannot_come_up_any_more_is_fatal_and_named(printed, kind):
    watcher = watch(printed)
    watcher.end()
    fault = watcher.fatal
    assert fault
    assert fault.kind == kind
    assert fault.hint


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"[   12.104402] Internal error: Oops: 96000005 [#1] PREEMPT SMP\r\n", "oops"),
        (b"[   12.104402] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\r\n", "lockup"),
        (b"[   12.104402] Under-voltage detected! (0x00050005)\r\n", "under-voltage"),
        (b"[   12.104402] EXT4-fs error (device mmcblk0p2): ext4_lookup:1602\r\n", "file-system"),
        (b"[   12.104402] Out of memory: Killed process 512 (python3)\r\n", "out-of-memory"),
    ],
)
def test_what_a_boot_survives_is_reported_and_not_fatal(line, kind):
    watcher = watch(b"[    1.000000] x\r\n", line, b"host login: ")
    assert [fault.kind for fault in watcher.report().faults] == [kind]
    assert watcher.up
    assert watcher.fatal is None


def test_a_fault_in_an_unfinished_line_is_told_once():
    watcher = watch(*(bytes([byte]) for byte in b"\r\n(initramfs) "), b"")
    assert [fault.kind for fault in watcher.faults] == ["rescue-shell"]


def test_a_short_prompt_is_one_when_nothing_follows_it():
    watcher = watch(b"[    1.000000] x\r\n# ")
    assert not watcher.up
    watcher.tick(2 * SECOND)
    assert watcher.up


def test_a_reset_begins_the_stages_anew():
    report = watch(TX2[:600], TX2).report()
    assert set(report.stages) == set(ALL)
    assert report.resets == 1
    assert [fault.kind for fault in report.faults] == ["reset"]
    assert report.reached_s[Stage.FIRMWARE] == 2.0


def test_resets_without_an_end_are_a_boot_loop():
    fault = watch(*[TX2[:600]] * 3).fatal
    assert fault
    assert fault.kind == "boot-loop"


def test_silence_is_a_fault_of_the_stage_it_falls_in():
    watcher = watch(b"U-Boot 2020.04 x\r\n")
    limit_s = int(STALL_S[Stage.BOOTLOADER])
    watcher.tick((limit_s + 1) * SECOND)
    assert watcher.fatal is None
    watcher.tick((limit_s + 2) * SECOND)
    assert watcher.fatal
    assert (watcher.stage, watcher.fatal.kind) == (Stage.BOOTLOADER, "stall")


def test_a_board_that_never_says_a_byte_points_at_power_and_cable():
    watcher = BootWatcher(0)
    watcher.tick(3600 * SECOND)
    assert watcher.fatal
    assert "not one byte" in watcher.fatal.text
    assert "power" in watcher.fatal.hint


def test_bytes_that_mean_nothing_point_at_the_baud_rate():
    watcher = watch(b"\xfe\x80\xe0\xfe\x00")
    watcher.tick(3600 * SECOND)
    assert watcher.fatal
    assert "baud rate" in watcher.fatal.hint


def test_a_login_that_waits_is_no_stall():
    watcher = watch(TX2)
    watcher.tick(3600 * SECOND)
    assert watcher.faults == []


def test_a_line_without_an_end_costs_no_more_than_its_length():
    watcher = BootWatcher(0)
    for _ in range(300):
        watcher.feed(b"x" * 1000, 1)
    assert len(watcher._lines._tail) <= 4096


def test_silence_names_what_a_board_waited_for():
    watcher = watch(b"[    1.402114] Waiting for root device /dev/mmcblk0p2...\r\n")
    assert watcher.fatal is None
    watcher.tick(3600 * SECOND)
    assert watcher.fatal
    assert watcher.fatal.kind == "root-wait"


def test_a_wait_that_ended_is_never_told():
    watcher = watch(
        b"[    1.402114] Waiting for root device /dev/mmcblk0p2...\r\n",
        b"[    1.902114] EXT4-fs (mmcblk0p2): mounted filesystem with ordered data mode\r\n",
    )
    watcher.tick(3600 * SECOND)
    assert [fault.kind for fault in watcher.faults] == ["stall"]


def test_an_error_can_show_the_last_200_lines():
    watcher = watch(b"".join(b"[    1.000000] line %d\r\n" % n for n in range(500)))
    assert watcher.last_lines[0] == "[    1.000000] line 300"
    assert len(watcher.last_lines) == 200
