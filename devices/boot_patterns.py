"""What consoles print as a boot goes from stage to stage.

Each row says where it comes from. Patterns are held against a line without the stamps of capture tools and of the
kernel (:mod:`.boot_lines`).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Stage(StrEnum):
    """How far a boot has come, in this order."""

    FIRMWARE = "firmware"
    BOOTLOADER = "bootloader"
    KERNEL = "kernel"
    INITRAMFS = "initramfs"
    USERSPACE = "userspace"
    LOGIN = "login"
    SHELL = "shell"

    @property
    def place(self) -> int:
        """0 for the first."""
        return _PLACES[self]


_PLACES = {stage: place for place, stage in enumerate(Stage)}


WORD = re.compile(r"[A-Za-z]{2,}")
"""Each row names a word of every line it can know: looking words up is quicker than trying all rows."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A line that only this stage prints."""

    stage: Stage
    step: int
    """The place in a boot of a program's first words: they never come after a greater one, unless the board began
    anew. 0: a line that tells the stage and may come late, as those of the secure firmware do."""
    once: bool
    """The very same words twice are two boots."""
    word: str
    """One that is in every line that the pattern knows, or several with | between: rows are looked up by it."""
    where: str
    pattern: re.Pattern[str]


ROM, LOADS_LOADER, LOADER, SECOND_LOADER, STARTS_KERNEL, UNPACKS_KERNEL, KERNEL_CPU, KERNEL_BANNER, INIT = range(1, 10)
"""Steps: who speaks first."""


def _first(stage: Stage, step: int, word: str, where: str, pattern: str, *, once: bool = True) -> Sign:
    return Sign(stage, step, once, word, where, re.compile(pattern))


def _line(stage: Stage, word: str, where: str, pattern: str) -> Sign:
    return Sign(stage, 0, False, word, where, re.compile(pattern))


# fmt: off
_FIRMWARE = (
    _first(Stage.FIRMWARE, ROM, "Bootcode", "Raspberry Pi: bootcode.bin with BOOT_UART=1", r"^Raspberry Pi Bootcode"),
    _first(Stage.FIRMWARE, ROM, "BOOTSYS", "Raspberry Pi 5: EEPROM", r"RPi: BOOTSYS release VERSION:\w+"),
    _first(Stage.FIRMWARE, LOADS_LOADER, "BOOTLOADER", "Raspberry Pi 4 and 5: EEPROM",
           r"RPi: BOOTLOADER release VERSION:\w+"),
    _line(Stage.FIRMWARE, "Starting|Loading|SDRAM|RSTS", "Raspberry Pi 4 and 5: EEPROM",
          r"^Starting \w+\.elf @|^Loading \w+\.elf hnd:|^Initialising SDRAM '|^PM_RSTS: 0x"),
    _first(Stage.FIRMWARE, LOADS_LOADER, "MESS", "Raspberry Pi: start.elf with uart_2ndstage=1",
           r"^MESS:\d\d:\d\d:\d\d\.\d+:", once=False),
    _first(Stage.FIRMWARE, ROM, "MB", "Tegra: MB1", r"^(?:I> )?MB1 \((?:prd-)?version: "),
    _first(Stage.FIRMWARE, ROM, "TegraBoot", "Tegra X1: nvtboot", r"^\[?TegraBoot\]? \(version "),
    _first(Stage.FIRMWARE, LOADS_LOADER, "MB", "Tegra: MB2", r"Welcome to MB2\b"),
    _first(Stage.FIRMWARE, LOADS_LOADER, "MB", "Tegra234: MB2", r"^I> MB2 \(version: "),
    _first(Stage.FIRMWARE, ROM, "DDR", "Rockchip: DDR blob", r"^DDR (?:[Vv]ersion )?V?\d+\.\d+"),
    _first(Stage.FIRMWARE, ROM, "BL", "Amlogic: boot ROM", r"^\w+:BL1:[0-9a-f]{6}:[0-9a-f]{6};"),
    _first(Stage.FIRMWARE, ROM, "HELLO", "Allwinner: boot0", r"^HELLO! BOOT0 is starting"),
    _first(Stage.FIRMWARE, ROM, "BOOT", "Allwinner: boot0",
           r"^(?:\[\d+\])?\[?BOOT0\]? (?:commit|is starting)|^\[\d+\]HELLO! BOOT0"),
    _first(Stage.FIRMWARE, ROM, "Log", "Qualcomm: XBL, SBL1", r"^Format: Log Type - Time"),
    _first(Stage.FIRMWARE, LOADS_LOADER, "TPL", "U-Boot: common/spl", r"^U-Boot TPL \d{4}\.[^\n]*"),
    _first(Stage.FIRMWARE, LOADS_LOADER, "SPL", "U-Boot: common/spl/spl.c", r"^U-Boot SPL .*\d{4}\.\d\d[^\n]*"),
    _line(Stage.FIRMWARE, "Trying", "U-Boot: common/spl/spl.c",
          r"^Trying to boot from (?:MMC|SPI|NAND|UART|USB|BOOTROM|RAM|NOR|Falcon)"),
    _first(Stage.FIRMWARE, ROM, "BL", "Trusted Firmware-A: BL1", r"^(?:NOTICE|INFO): +BL1: (?:v\d|Built)[^\n]*"),
    _first(Stage.FIRMWARE, LOADS_LOADER, "BL", "Trusted Firmware-A: BL2",
           r"^(?:NOTICE|INFO): +BL2: (?:v\d|Built)[^\n]*"),
    _line(Stage.FIRMWARE, "BL|SP|PSCI|TSP|Entry", "Trusted Firmware-A",
          r"^(?:NOTICE|INFO): +(?:BL\d|SP_MIN|PSCI|TSP|Entry point)"),
    _line(Stage.FIRMWARE, "TC", "OP-TEE: core", r"^[DIFM]/TC:"),
    _first(Stage.FIRMWARE, LOADS_LOADER, "OpenSBI", "OpenSBI: lib/sbi/sbi_init.c", r"^OpenSBI v\d+\.\d+[^\n]*"),
    _first(Stage.FIRMWARE, ROM, "coreboot", "coreboot: src/lib/bootblock.c and others",
           r"coreboot-\S+ .*\b(?:bootblock|verstage|romstage|postcar|ramstage)(?: \S+)? starting", once=False),
    _first(Stage.FIRMWARE, LOADS_LOADER, "coreboot", "PC Engines: coreboot's sign-on", r"^coreboot build \d{2}"),
    _first(Stage.FIRMWARE, LOADER, "SeaBIOS", "SeaBIOS: src/post.c", r"^SeaBIOS \(version "),
    _line(Stage.FIRMWARE, "Booting", "SeaBIOS: src/boot.c", r"^Booting from (?:Hard Disk|ROM|DVD/CD|Floppy|\w+:\w+)"),
    _first(Stage.FIRMWARE, ROM, "American", "Aptio UEFI sign-on",
           r"Version [\d.]+\. Copyright \(C\) \d+ American Megatrends"),
    _first(Stage.FIRMWARE, ROM, "Phoenix", "Phoenix sign-on", r"^Phoenix (?:SecureCore|TrustedCore|- Award)"),
    _first(Stage.FIRMWARE, LOADER, "UEFI", "EDK II for ARM: PrePi, Jetson", r"UEFI firmware \(version"),
    _line(Stage.FIRMWARE, "SecStartup|PEIM|PPI|PROGRESS", "EDK II: SEC, PEI and DXE with their debug messages",
          r"^>+ ?SecStartup|^Loading PEIM at 0x|^(?:Rei|I)nstall PPI: |^PROGRESS CODE: V"),
    _first(Stage.FIRMWARE, LOADER, "BdsDxe", "EDK II: BdsDxe", r"^BdsDxe: ", once=False),
    _first(Stage.FIRMWARE, LOADER, "Press", "PC firmware and EDK II",
           r"^Press (?:ESC|F2|DEL|<DEL>)[^\n]*(?:[Ss]etup|BIOS)", once=False),
    _first(Stage.FIRMWARE, LOADS_LOADER, "OPAL", "OpenPOWER: skiboot", r"OPAL \S+ starting"),
)

_LOADERS = (
    _first(Stage.BOOTLOADER, LOADER, "Boot", "U-Boot: version string",
           r"^(?:[\w.-]+ )?U-Boot (?!SPL|TPL|script|code)(?:\S+ )?\S*\d+\.\d+[^\n]*\(.*\d\d:\d\d:\d\d[^\n]*"),
    _first(Stage.BOOTLOADER, LOADER, "Boot", "U-Boot: version string", r"^U-Boot (?:\d{4}\.\d\d|1\.\d+\.\d+)[^\n]*"),
    _first(Stage.BOOTLOADER, LOADER, "Boot", "U-Boot: version string of vendors",
           r"^U-Boot [\w.-]*\.g[0-9a-f]{7,}[^\n]*"),
    _first(Stage.BOOTLOADER, LOADER, "boot", "U-Boot: version string, Amlogic's",
           r"^U-boot ?\([\w@.-]+\) \(.*\d\d:\d\d:\d\d[^\n]*"),
    _first(Stage.BOOTLOADER, LOADER, "autoboot|Autoboot", "U-Boot: common/autoboot.c",
           r"(?:Hit|Press) .{0,30}to stop autoboot|^Autoboot in \d+ second", once=False),
    _first(Stage.BOOTLOADER, LOADER, "Version", "U-Boot: Ralink, MediaTek",
           r"^(?:Ralink|Media[Tt]ek) U-?Boot Version:"),
    _line(Stage.BOOTLOADER, "System|Boot", "U-Boot: menu of Ralink's; of OpenWrt's",
          r"^\d: System (?:Boot|Load) |\) +(?:\[[\w-]+\] +)?U-Boot \d{4}\.\d\d"),
    _line(Stage.BOOTLOADER, "default", "U-Boot: env/common.c", r"bad CRC, using default environment"),
    _line(Stage.BOOTLOADER, "Retrieving", "U-Boot: boot/pxe_utils.c", r"^Retrieving file: "),
    _line(Stage.BOOTLOADER, "image|Image|kernel", "U-Boot: boot/image-board.c",
          r"^## (?:Booting|Loading) .*(?:kernel|image|Image)"),
    _line(Stage.BOOTLOADER, "kernel", "U-Boot: boot/bootm.c", r"^## Loading kernel "),
    _first(Stage.BOOTLOADER, LOADER, "TBoot", "Tegra: cboot of TX2", r"Welcome to TBoot-CPU Bootloader"),
    _first(Stage.BOOTLOADER, LOADER, "Cboot", "Tegra: cboot", r"Welcome to (?:L4T )?Cboot"),
    _first(Stage.BOOTLOADER, LOADER, "CBoot", "Tegra X1: cboot", r"^CBoot Version: "),
    _line(Stage.BOOTLOADER, "Launcher|TLauncher", "Jetson UEFI: L4TLauncher", r"^L4T ?Launcher: |^L4TLauncher: "),
    _first(Stage.BOOTLOADER, SECOND_LOADER, "GRUB", "GRUB: kern/main.c", r"^\s*Welcome to GRUB!", once=False),
    _first(Stage.BOOTLOADER, SECOND_LOADER, "GRUB", "GRUB: normal/menu_text.c", r"GNU GRUB +version ", once=False),
    _line(Stage.BOOTLOADER, "GRUB", "GRUB: boot sector", r"^GRUB (?:loading|Loading)"),
    _first(Stage.BOOTLOADER, SECOND_LOADER, "iPXE", "iPXE", r"^iPXE (?:initialising|\d+\.\d+\.\d+)", once=False),
    _first(Stage.BOOTLOADER, SECOND_LOADER, "SYSLINUX|ISOLINUX|PXELINUX|EXTLINUX", "Syslinux",
           r"^(?:SYS|ISO|PXE|EXT)LINUX \d+\.\d+", once=False),
    _first(Stage.BOOTLOADER, LOADER, "depthcharge", "depthcharge: src/vboot", r"^Starting depthcharge on "),
    _first(Stage.BOOTLOADER, LOADER, "barebox", "barebox: common/version.c", r"^barebox \d{4}\.\d\d[^\n]*"),
    _first(Stage.BOOTLOADER, LOADER, "lk", "Little Kernel: kernel/main.c", r"welcome to lk"),
    _first(Stage.BOOTLOADER, LOADER, "Android", "Little Kernel: Qualcomm",
           r"^Android Bootloader - UART_DM Initialized"),
    _line(Stage.BOOTLOADER, "fastboot", "Little Kernel: app/aboot/fastboot.c",
          r"^fastboot: (?:[a-z]+:|[a-z]+$|processing)"),
    _first(Stage.BOOTLOADER, LOADER, "CFE", "Broadcom CFE", r"^CFE version [\d.]+"),
    _first(Stage.BOOTLOADER, LOADER, "RedBoot", "RedBoot", r"^RedBoot\(tm\) bootstrap"),
    _first(Stage.BOOTLOADER, LOADER, "RouterBOOT", "MikroTik", r"^RouterBOOT (?:booter|backup)"),
    _first(Stage.BOOTLOADER, LOADER, "Recovery", "Breed", r"^Boot and Recovery Environment for Embedded Devices"),
)

_KERNELS = (
    _first(Stage.KERNEL, STARTS_KERNEL, "Starting", "U-Boot: arch/*/lib/bootm.c",
           r"^Starting kernel \.\.\."),
    _first(Stage.KERNEL, STARTS_KERNEL, "Starting|jumping", "OpenWrt: lzma-loader; RouterBOOT",
           r"^Starting kernel at [0-9a-f]{8}\.\.\.|^jumping to kernel code", once=False),
    _first(Stage.KERNEL, STARTS_KERNEL, "Transferring", "U-Boot: arch/mips, arch/powerpc",
           r"^## Transferring control to Linux"),
    _first(Stage.KERNEL, STARTS_KERNEL, "linux|Linux", "Little Kernel: app/aboot",
           r"^[Bb]ooting [Ll]inux\.\.\.|^booting linux @ 0x", once=False),
    _first(Stage.KERNEL, UNPACKS_KERNEL, "Uncompressing", "Linux: arch/arm/boot/compressed/misc.c",
           r"^Uncompressing Linux\b", once=False),
    _first(Stage.KERNEL, UNPACKS_KERNEL, "EFI", "Linux: drivers/firmware/efi/libstub", r"^EFI stub: ", once=False),
    _first(Stage.KERNEL, KERNEL_CPU, "physical", "Linux: arch/arm*/kernel/setup.c", r"^Booting Linux on physical CPU"),
    _first(Stage.KERNEL, KERNEL_BANNER, "Linux", "Linux: init/version.c", r"^Linux version \d+\.\d+\S*"),
)

_INITRAMFS = (
    _line(Stage.INITRAMFS, "init", "Linux: init/main.c", r"^Run /init as init process"),
    _line(Stage.INITRAMFS, "Loading", "initramfs-tools: init", r"^Loading, please wait\.\.\."),
    _line(Stage.INITRAMFS, "Begin", "initramfs-tools: scripts/functions",
          r"^Begin: (?:Loading|Running|Mounting|Waiting|Will|Retrying|Resume|Assembling)"),
    _line(Stage.INITRAMFS, "dracut", "dracut", r"^dracut(?:-[a-z-]+)?(?:\[\d+\])?: "),
    _line(Stage.INITRAMFS, "Stage", "NixOS", r"<<< NixOS Stage 1 >>>"),
    _line(Stage.INITRAMFS, "Root|Rootfs", "L4T: initrd", r"^Root device found: |^Rootfs mounted over "),
    _line(Stage.INITRAMFS, "running", "mkinitcpio", r":: running (?:early )?hook \["),
)

_USERSPACE = (
    _line(Stage.USERSPACE, "init", "Linux: init/main.c", r"^Run (?!/init )\S+ as init process"),
    _line(Stage.USERSPACE, "systemd", "systemd: src/core/main.c", r"systemd\[1\]: systemd \S+ running in system mode"),
    _line(Stage.USERSPACE, "systemd", "systemd: src/core, to the kernel's log", r"systemd\[1\]: "),
    _line(Stage.USERSPACE, "OK", "systemd: status lines",
          r"^\[? *OK +\] (?:Started|Reached|Mounted|Listening|Created|Finished|Stopped|Found|Set|Closed"
          r"|Activated|Reloaded|Removed)"),
    _line(Stage.USERSPACE, "Welcome", "systemd: src/core/main.c", r"^Welcome to .+!$"),
    _line(Stage.USERSPACE, "INIT", "sysvinit", r"^INIT: (?:version \d|Entering runlevel)"),
    _line(Stage.USERSPACE, "init", "BusyBox: init", r"^init started: ?BusyBox"),
    _line(Stage.USERSPACE, "starting", "BusyBox: init", r"^starting pid \d+, tty "),
    _line(Stage.USERSPACE, "procd", "OpenWrt: procd", r"^procd: - (?:early|ubus|init|watchdog) -"),
    _line(Stage.USERSPACE, "init|preinit", "OpenWrt: procd, preinit",
          r"^init: (?:Console is alive|- watchdog -|- preinit -)|^- (?:pre)?init -"),
    _line(Stage.USERSPACE, "Starting", "Buildroot, sysvinit: init scripts",
          r"^Starting [\w /().-]{2,40}: ?(?:OK|FAIL|done)"),
    _line(Stage.USERSPACE, "Starting", "OpenRC, LSB", r"^ ?\* Starting .{2,60}(?:\.\.\.|\[ ?ok ?\])"),
    _line(Stage.USERSPACE, "starting", "OpenRC", r"OpenRC \S+ is starting up"),
    _line(Stage.USERSPACE, "runit", "runit", r"^- ?runit: (?:enter|leave) stage"),
    _line(Stage.USERSPACE, "Stage", "NixOS", r"<<< NixOS Stage 2 >>>"),
    _line(Stage.USERSPACE, "init", "Android: system/core/init",
          r"^init: (?:init (?:first|second) stage started|init second|Loading /|Starting service"
          r"|starting service|Parsing)"),
    _line(Stage.USERSPACE, "init", "Android, Chromium OS: init, to the kernel's log", r"^init: [A-Za-z]"),
    _line(Stage.USERSPACE, "mknod|chmod|insmod|ifconfig|mkdir|killall|brctl|route", "BusyBox: applets in init scripts",
          r"^(?:mknod|chmod|insmod|ifconfig|mkdir|killall|brctl|route): "),
)
# fmt: on

SIGNS = (*_FIRMWARE, *_LOADERS, *_KERNELS, *_INITRAMFS, *_USERSPACE)


CueName = Literal[
    "in initramfs",
    "leaves initramfs",
    "hands over",
    "once more",
    "ordered",
    "loader resets",
    "handed on",
    "init runs",
    "replays",
]


@dataclass(frozen=True, slots=True)
class Cue:
    """A line that says how to take the next ones."""

    name: CueName
    word: str
    where: str
    pattern: re.Pattern[str]


def _cue(name: CueName, word: str, where: str, pattern: str) -> Cue:
    return Cue(name, word, where, re.compile(pattern))


# fmt: off
CUES = (
    # systemd runs, and not yet the one of the root file system
    _cue("in initramfs", "systemd", "systemd: src/core/main.c",
         r"systemd\[1\]: Running in init(?:rd| ?ramfs|ial RAM disk)"),
    _cue("in initramfs", "initrd|dracut", "systemd: units of the initramfs; dracut",
         r"\binitrd(?:-(?:fs|root-fs|root-device))?\.target|unit=dracut-(?:initqueue|pre-\w+)\b"),
    _cue("in initramfs", "Initramfs|initramfs", "dracut: initrd-release", r"^Welcome to .*\([Ii]nitramfs\)"),
    _cue("leaves initramfs", "root|Root", "systemd: initrd-switch-root; dracut", r"Switching root|Switch Root"),
    # the secure firmware comes up between two programs of one name: TI K3 runs an SPL on either side of it
    _cue("hands over", "BL", "Trusted Firmware-A", r"^(?:NOTICE|INFO): +BL31: "),
    _cue("hands over", "TC", "OP-TEE", r"^[DI]/TC:"),
    # it has looked where to boot from, and begins again from there
    _cue("once more", "card", "Raspberry Pi: bootcode.bin", r"^Found SD card, config\.txt = "),
    # somebody wants the restart that follows
    _cue("ordered", "reboot", "Linux: kernel/reboot.c; shells",
         r"reboot: (?:Restarting system|Power down|machine restart)|[#$] (?:sudo )?reboot\b"),
    _cue("ordered", "Restarting", "Linux: kernel/reboot.c", r"^Restarting system"),
    _cue("ordered", "system", "sysvinit, BusyBox: init",
         r"^The system is going down|^Requesting system (?:reboot|poweroff)"),
    _cue("ordered", "processes", "BusyBox: init", r"^Sent SIG(?:TERM|KILL) to all processes"),
    _cue("ordered", "Rebooting|rebooting", "systemd, BusyBox, sysupgrade",
         r"\b[Rr]ebooting(?:\.+$| (?:the )?(?:system|now))"),
    _cue("ordered", "Reached", "systemd: reboot.target", r"Reached target .*(?:Reboot|Shutdown)"),
    _cue("ordered", "Resetting", "Linux: drivers/tty/sysrq.c", r"^sysrq: Resetting"),
    _cue("ordered", "INIT", "sysvinit", r"^INIT: Switching to runlevel: [06]"),
    _cue("loader resets", "resetting", "U-Boot: cmd/boot.c", r"^resetting \.\.\."),
    # one kernel starts the next
    _cue("handed on", "kernel", "Linux: kernel/kexec_core.c", r"^(?:kexec\w*: )?Starting (?:new|crashdump) kernel"),
    # from here on, what the kernel does not stamp is its init's
    _cue("init runs", "Freeing", "Linux: mm/page_alloc.c, init/main.c", r"^Freeing (?:unused|init)\b"),
    # a console that comes up may print once more what was printed before
    _cue("replays", "console|bootconsole", "Linux: kernel/printk/printk.c",
         r"(?:boot)?console \[\w+\] (?:enabled|disabled)"),
)
# fmt: on

SHOWS_LOG = re.compile(r"[#$] .*\b(?:dmesg|journalctl|logread|kmsg|messages|syslog|version|[\w-]+\.log)\b")
"""A command that prints the kernel's log once more."""

STALL_S: dict[Stage | None, float] = {
    None: 60.0,  # a Pi with a quiet kernel prints nothing until its login
    Stage.FIRMWARE: 60.0,  # the last that is heard before a quiet kernel, on a Pi with uart_2ndstage=1
    Stage.BOOTLOADER: 30.0,  # Debian's kernel after GRUB is quiet too, but on a PC: a login within this, assumed
    Stage.KERNEL: 60.0,
    Stage.INITRAMFS: 60.0,
    Stage.USERSPACE: 100.0,  # systemd waits 90 s for a unit before it goes on (DefaultTimeoutStartSec)
}
"""How long a stage may print nothing before the boot counts as stuck; assumed where no reason stands."""
