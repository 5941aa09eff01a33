"""What consoles print while a board boots, and what that means.

Taken from the sources of U-Boot, GRUB, Linux, systemd, initramfs-tools and agetty, and from public boot logs
of the boards; ``where`` says which.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from .console_text import LOGIN


class Stage(StrEnum):
    """How far a boot has come, in this order."""

    FIRMWARE = "firmware"
    BOOTLOADER = "bootloader"
    KERNEL = "kernel"
    INITRAMFS = "initramfs"
    USERSPACE = "userspace"
    LOGIN = "login"
    SHELL = "shell"


ORDER = list(Stage)

KERNEL_LINE = re.compile(r"\[ *\d+\.\d{6}\]")
"""printk's time stamp. Six decimals: Tegra's firmware stamps with three."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A line that only this stage prints."""

    stage: Stage
    pattern: re.Pattern[str]
    where: str


@dataclass(frozen=True, slots=True)
class Symptom:
    """A line that only a fault prints."""

    kind: str
    pattern: re.Pattern[str]
    fatal: bool
    hint: str
    where: str


def _sign(stage: Stage, pattern: str, where: str) -> Sign:
    return Sign(stage, re.compile(pattern), where)


SIGNS = (
    _sign(Stage.FIRMWARE, r"^\[\d{4}\.\d{3}\] ", "Tegra MB1, MB2 and cboot"),
    _sign(Stage.FIRMWARE, r"^U-Boot SPL \d{4}\.", "U-Boot: common/spl/spl.c"),
    _sign(Stage.FIRMWARE, r"^(NOTICE|INFO):  BL(1|2|31): ", "Trusted Firmware-A: plat and bl31 main"),
    _sign(Stage.FIRMWARE, r"^(Raspberry Pi Bootcode|MESS:\d\d:\d\d:\d\d\.\d+:)", "Raspberry Pi: uart_2ndstage=1"),
    _sign(Stage.FIRMWARE, r"^Version [\d.]+\. Copyright \(C\) \d+ American Megatrends", "Aptio UEFI sign-on"),
    _sign(Stage.FIRMWARE, r"^(BdsDxe: (loading|starting) |SeaBIOS \(version )", "EDK II and SeaBIOS"),
    _sign(Stage.BOOTLOADER, r"^U-Boot (?!SPL)\d{4}\.", "U-Boot: version string"),
    _sign(Stage.BOOTLOADER, r"^(Welcome to GRUB!| *GNU GRUB  version )", "GRUB: kern/main.c, normal/menu_text.c"),
    _sign(Stage.KERNEL, r"^Starting kernel \.\.\.", "U-Boot: arch/*/lib/bootm.c"),
    _sign(Stage.KERNEL, r"^Uncompressing Linux\.\.\.", "Linux: arch/arm/boot/compressed/misc.c"),
    _sign(Stage.KERNEL, r"^EFI stub: ", "Linux: drivers/firmware/efi/libstub"),
    _sign(Stage.KERNEL, r"^\[ *\d+\.\d{6}\] (Booting Linux on physical CPU|Linux version )", "Linux: init/main.c"),
    _sign(Stage.INITRAMFS, r"\] Run /init as init process", "Linux: init/main.c"),
    _sign(Stage.INITRAMFS, r"^(Loading, please wait\.\.\.|Begin: )", "initramfs-tools"),
    _sign(Stage.USERSPACE, r"\] Run /sbin/init as init process", "Linux: init/main.c"),
    _sign(Stage.USERSPACE, r"systemd\[1\]: systemd \S+ running in system mode", "systemd: src/core/main.c"),
    _sign(Stage.USERSPACE, r"^\[  OK  \] ", "systemd: status lines"),
    _sign(Stage.USERSPACE, r"^INIT: version \d", "sysvinit"),
)

PROMPTS = (
    _sign(Stage.LOGIN, rf"^{LOGIN}", "agetty and busybox getty"),
    _sign(Stage.SHELL, r"^(\[?[\w.-]+@[\w.-]+[: ][^\r\n]{0,60}[#$]|/ #|[#$]) $", "bash, dash and busybox prompts"),
)
"""Held against an unfinished line. Only userspace can show them."""


def _symptom(kind: str, pattern: str, hint: str, where: str, *, fatal: bool = True) -> Symptom:
    return Symptom(kind, re.compile(pattern), fatal, hint, where)


SYMPTOMS = (
    _symptom("panic", r"Kernel panic - not syncing: .*", "the lines above it name the cause", "Linux: kernel/panic.c"),
    _symptom(
        "no root file system",
        r"VFS: Unable to mount root fs|Gave up waiting for root (file system )?device|Give up waiting for root device",
        "is the card or disk there, and does root= name it?",
        "Linux: init/do_mounts.c; initramfs-tools",
    ),
    _symptom(
        "emergency shell",
        r"You are in (emergency|rescue) mode|Dropping to a shell!",
        "log in on the console: the journal names the unit or disk that failed",
        "systemd: emergency.service; initramfs-tools",
    ),
    _symptom(
        "no bootable system",
        r"^(error: (no such (device|partition)|unknown filesystem)|Wrong Image Format for boot)"
        r"|No bootable (device|medium)|can't get kernel image!|Bad Linux ARM64 Image magic!",
        "the boot loader found nothing to start: flash the board anew",
        "GRUB, U-Boot: cmd/boot*.c, SeaBIOS",
    ),
    _symptom(
        "oops", r"Internal error: .*|Unable to handle kernel .*|Oops: .*", "", "Linux: arch/*/mm/fault.c", fatal=False
    ),
    _symptom(
        "lockup",
        r"watchdog: BUG: soft lockup|rcu: INFO: .* detected stall|blocked for more than \d+ seconds",
        "",
        "Linux: kernel/watchdog.c, rcu/tree_stall.h, hung_task.c",
        fatal=False,
    ),
    _symptom("out of memory", r"Out of memory: Kill(ed)? process", "", "Linux: mm/oom_kill.c", fatal=False),
    _symptom("file system", r"EXT4-fs error|I/O error, dev ", "", "Linux: fs/ext4, block/blk-core.c", fatal=False),
    _symptom("under-voltage", r"Under-?voltage detected!", "", "Linux: drivers/hwmon/raspberrypi-hwmon.c", fatal=False),
    _symptom("failed unit", r"^\[FAILED\] .*", "", "systemd: status lines", fatal=False),
)

STUCK_AT = (
    _symptom(
        "emergency shell", r"^\(initramfs\) $", "its root file system did not come: card or disk?", "initramfs-tools"
    ),
    _symptom("no bootable system", r"^grub rescue> ?$", "GRUB finds no system: flash the board anew", "GRUB"),
    _symptom(
        "stopped in the boot loader",
        r"^((u-boot)?=> ?|Tegra\d+ \([^)]+\) # ?|grub> ?)$",
        "a key stopped the countdown (noise on the cable?), or there is nothing to boot",
        "U-Boot: CONFIG_SYS_PROMPT; GRUB",
    ),
)
"""Prompts that wait for somebody: held against an unfinished line."""

STALL_S: dict[Stage | None, float] = {
    None: 60.0,  # a Pi with a quiet kernel prints nothing until its login
    Stage.FIRMWARE: 60.0,  # the last that is heard before a quiet kernel, on a Pi with uart_2ndstage=1
    Stage.BOOTLOADER: 30.0,  # Debian's kernel after GRUB is quiet too, but on a PC: a login within this, assumed
    Stage.KERNEL: 60.0,
    Stage.INITRAMFS: 60.0,
    Stage.USERSPACE: 100.0,  # systemd waits 90 s for a unit before it goes on (DefaultTimeoutStartSec)
}
"""How long a stage may print nothing before the boot counts as stuck; assumed where no reason stands."""
