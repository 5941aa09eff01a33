"""What consoles print when a boot goes wrong.

Each row says where it comes from. A row ends a boot at once, or if nothing came after it, or not at all; what shows
that the boot got past it takes it back.
"""

import re
from dataclasses import dataclass
from typing import Literal

from .boot_patterns import Stage

Ends = Literal["at once", "if last", "if silent", "never"]
"""``if last``: it ends a boot that does not get past it. ``if silent``: the boot ends with its report."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """A line that only a fault prints."""

    kind: str
    ends: Ends
    word: str
    """As of :class:`.boot_patterns.Sign`."""
    until: Stage | None
    """A boot that reaches this afterwards got past it; None: only another boot can."""
    where: str
    pattern: re.Pattern[str]
    shows: Stage | None = None
    """Whoever prints it runs in this stage: a kernel and what comes after it whatever was seen before, firmware and
    boot loaders where nothing was. systemd in the initramfs prints what it prints later."""


HINTS = {
    "panic": "the lines above it name the cause",
    "root-mount": "does root= name it, is its driver in the kernel, is the file system whole?",
    "root-wait": "is the card or disk there, and does root= name it?",
    "rescue-shell": "log in on the console: the journal names the unit or disk that failed",
    "login-refused": "the user and password of console: in the inventory; a board just up may refuse for a while",
    "boot-stop": "the boot loader waits for somebody: a key (noise on the cable?), or there is nothing to boot",
    "bad-image": "what it would start is not what it should be: flash the board anew",
    "boot-loop": "supply too weak, a watchdog, or a kernel that dies early: see the lines before each reset",
    "reset": "nothing told it to: supply, watchdog, or a crash that could not be printed",
    "oops": "the kernel died of it: see its call trace",
    "lockup": "the kernel hangs: see its call trace",
}
"""What to look at."""


def _now(kind: str, word: str, until: Stage | None, where: str, pattern: str, *, shows: Stage | None = None) -> Symptom:
    return Symptom(kind, "at once", word, until, where, re.compile(pattern), shows)


def _last(
    kind: str, word: str, until: Stage | None, where: str, pattern: str, *, shows: Stage | None = None
) -> Symptom:
    return Symptom(kind, "if last", word, until, where, re.compile(pattern), shows)


def _image(word: str, where: str, pattern: str) -> Symptom:
    return _last("bad-image", word, Stage.KERNEL, where, pattern, shows=Stage.BOOTLOADER)


def _rescue(shows: Stage, word: str, where: str, pattern: str) -> Symptom:
    return Symptom("rescue-shell", "at once", word, Stage.LOGIN, where, re.compile(pattern), shows)


def _report(kind: str, word: str, where: str, pattern: str) -> Symptom:
    return Symptom(kind, "if silent", word, None, where, re.compile(pattern), Stage.KERNEL)


def _note(kind: str, word: str, where: str, pattern: str) -> Symptom:
    return Symptom(kind, "never", word, None, where, re.compile(pattern), Stage.KERNEL)


# fmt: off
_PANIC = (
    _now("panic", "panic", None, "Linux: kernel/panic.c",
         r"""(?<!['"(|/\w])Kernel panic(?: - not syncing(?=[:\s]|$)|: )""", shows=Stage.KERNEL),
    _now("panic", "handler", None, "U-Boot: arch/arm/lib/interrupts_64.c",
         r'^"(?:Synchronous Abort|Error|Irq|Fiq)" handler\b', shows=Stage.FIRMWARE),
    _now("panic", "abort|instruction", None, "U-Boot: arch/arm/lib/interrupts.c",
         r"^(?:(?:data|prefetch) abort|undefined instruction)$", shows=Stage.FIRMWARE),
    _now("panic", "exception", None, "U-Boot: arch/riscv/lib/interrupts.c", r"^Unhandled exception: "),
    _now("panic", "ASSERT|PANIC", None, "Trusted Firmware-A: plat/common/aarch64/crash_console",
         r"^(?:ASSERT|PANIC)(?: at PC| in EL\d)\b"),
    _now("panic", "Unhandled", None, "Trusted Firmware-A: bl31/aarch64/crash_reporting.S",
         r"^Unhandled (?:Exception|External Abort|Interrupt Exception) (?:in|from|received on) "),
    _now("panic", "Panic", None, "OP-TEE: core/kernel/panic.c", r"^E/TC:\S* .*\bPanic\b"),
    _now("panic", "hart", Stage.LOGIN, "OpenSBI: lib/sbi/sbi_trap.c, sbi_hart.c",
         r"^sbi_(?:trap_error|hart_hang): hart\d+: .*(?:failed|hang)"),
    _now("panic", "Exception", None, "EDK II: CpuExceptionHandlerLib, ArmPkg; Tegra: cboot",
         r"^!!!! .*Exception Type|^Synchronous Exception(?: at 0x|: )"),
    _now("panic", "ASSERT", None, "EDK II: DebugLib", r"^ASSERT(?:_EFI_ERROR)? [\[(]"),
)

_ROOT = (
    _now("root-mount", "VFS", None, "Linux: init/do_mounts.c",
         r"Kernel panic - not syncing: VFS: Unable to mount root", shows=Stage.KERNEL),
    _last("root-mount", "VFS", Stage.USERSPACE, "Linux: init/do_mounts.c",
          r"^VFS: (?:Cannot open root device|Unable to mount root fs)", shows=Stage.KERNEL),
    _last("root-mount", "sysroot", Stage.USERSPACE, "systemd: sysroot.mount in the initramfs",
          r"Failed to (?:start .*)?mount /sysroot|Failed at step .* /sysroot|mount.*/sysroot.*failed",
          shows=Stage.INITRAMFS),
    _last("root-mount", "mounting", Stage.USERSPACE, "BusyBox mount in an initramfs",
          r"^mount: mounting \S+ on (?:/root|/mnt/root|/rootfs|/new_?root|/sysroot) failed", shows=Stage.INITRAMFS),
    _last("root-mount", "requested", Stage.USERSPACE, "initramfs-tools: init",
          r"^Target filesystem doesn't have requested ", shows=Stage.INITRAMFS),
    _last("root-mount", "init", Stage.USERSPACE, "initramfs-tools: init",
          r"^No init found\. Try passing init=", shows=Stage.INITRAMFS),
    _last("root-mount", "real", Stage.USERSPACE, "mkinitcpio: init", r"ERROR: Failed to mount the real root device",
          shows=Stage.INITRAMFS),
    _last("root-mount", "ERROR", Stage.USERSPACE, "L4T: initrd",
          r"^ERROR: (?:\S+ mount fail|(?:mmcblk|nvme|sd)\w+ not found|(?:Unable|Failed) to mount root)",
          shows=Stage.INITRAMFS),
    _last("root-wait", "Waiting", Stage.INITRAMFS, "Linux: init/do_mounts.c",
          r"^(?:md: )?Waiting for root ?(?:device|fs|filesystem|file system)\b", shows=Stage.KERNEL),
    _last("root-wait", "Waiting", Stage.USERSPACE, "Linux: rootdelay=; initramfs of Yocto and others",
          r"^Waiting (?:\d+ ?sec before mounting root|for (?:the )?(?:device )?/dev/)"),
    _last("root-wait", "removable", Stage.USERSPACE, "OpenEmbedded: initramfs-live-boot",
          r"^Waiting for removable media\.\.\.", shows=Stage.INITRAMFS),
    _last("root-wait", "Waiting", Stage.USERSPACE, "initramfs-tools: scripts/local",
          r"^Begin: Waiting for root file ?system", shows=Stage.INITRAMFS),
    _last("root-wait", "waiting", Stage.USERSPACE, "initramfs-tools: scripts/local",
          r"^(?:done\.\s*)?G[ai]ve up waiting for root", shows=Stage.INITRAMFS),
    _last("root-wait", "initqueue", Stage.USERSPACE, "dracut: dracut-initqueue.sh",
          r"dracut-initqueue.*\b(?:timeout|timed out)\b", shows=Stage.INITRAMFS),
    _last("root-wait", "job", Stage.LOGIN, "systemd: src/core/manager.c",
          r"A start job is running for (?:/dev/|dev-|.*\.device)"),
    _last("root-wait", "waiting", Stage.LOGIN, "systemd: src/core/job.c", r"Timed out waiting for device "),
    _last("root-wait", "Retrying", Stage.USERSPACE, "Linux: net/ipv4/ipconfig.c", r"Retrying forever \(NFS root\)"),
)

_RESCUE = (
    _rescue(Stage.USERSPACE, "mode", "systemd: emergency.service; dracut",
            r"(?:You are in|Welcome to|^Entering) (?:emergency|rescue) mode(?!\.\.\.)"),
    _rescue(Stage.USERSPACE, "maintenance", "util-linux: sulogin",
            r"^(?:Give root password for|Press Enter for) (?:system )?maintenance"),
    _rescue(Stage.USERSPACE, "Control", "util-linux: sulogin", r"press Control-D to continue"),
    _rescue(Stage.USERSPACE, "locked", "util-linux: sulogin",
            r"^Cannot open access to console, the root account is locked"),
    _rescue(Stage.USERSPACE, "Emergency", "systemd: emergency.target",
            r"(?:Reached target|Started) Emergency (?:Mode|Shell)"),
    _rescue(Stage.USERSPACE, "shell", "Debian: checkroot.sh, checkfs.sh; KISS: init",
            r"(?i)\b(?:start(?:ing|ed)|launching|spawning) (?:an? |the )?(?:emergency|rescue|maintenance) shell"
            r"|^A maintenance shell will now be started"),
    _rescue(Stage.INITRAMFS, "shell", "initramfs-tools: scripts/functions; mkinitcpio; OpenEmbedded",
            r"[Dd]ropp(?:ing|ed) (?:you )?(?:in)?to (?:an? |the )?(?:(?:emergency|rescue|debug|busybox) )*shell"),
    _rescue(Stage.INITRAMFS, "shell", "Alpine: mkinitfs", r"initramfs emergency recovery shell launched"),
    _rescue(Stage.INITRAMFS, "root", "Gentoo: genkernel's linuxrc",
            r"^(?:!! )?(?:Could not find the root block device in|The root block device is unspecified)"
            r"|^root block device\(.*\) ::"),
    _rescue(Stage.INITRAMFS, "stage", "NixOS", r"^An error occurred in stage 1 of the boot process"),
    _rescue(Stage.USERSPACE, "stage", "NixOS", r"^An error occurred in stage 2 of the boot process"),
    _rescue(Stage.USERSPACE, "failsafe", "OpenWrt: preinit", r"^(?:procd: )?- failsafe -"),
)

_LOGIN = (
    _last("login-refused", "incorrect", Stage.SHELL, "login(1)", r"^Login incorrect"),
    _last("login-refused", "tries", Stage.SHELL, "util-linux: login", r"^Maximum number of tries exceeded"),
    _last("login-refused", "Unprivileged", Stage.SHELL, "systemd: nologin",
          r"Unprivileged users are not permitted to log in"),
    _last("login-refused", "login", Stage.SHELL, "login(1), BusyBox",
          r"login(?:\[\d+\])?: (?:FAILED LOGIN|invalid password)|^root login refused"),
    _last("login-refused", "account|Account", Stage.SHELL, "Linux-PAM; nologin(8)",
          r"^(?:Your account has expired|This account is currently not available|Account locked)"),
)

_STOPPED = (
    _now("boot-stop", "RESET", Stage.KERNEL, "U-Boot: lib/hang.c", r"^### ERROR ### Please RESET the board ###"),
    _now("boot-stop", "rescue", Stage.KERNEL, "GRUB: kern/rescue_reader.c", r"^Entering rescue mode\.\.\."),
    _last("boot-stop", "boot|bootable", Stage.KERNEL, "U-Boot: common/spl/spl.c; others",
          r"(?:[Uu]nable|[Ff]ailed) to boot\b|^Could not boot|[Nn]o boot device|no boot(?:able)? (?:media|image"
          r"|partition)"),
    _last("boot-stop", "load", Stage.KERNEL, "Trusted Firmware-A: bl1_main.c, bl_common.c",
          r"^ERROR: +(?:BL\w+: )?Failed to load (?:BL\w+ |image )"),
    _last("boot-stop", "bootable|BootDevice", Stage.KERNEL, "SeaBIOS, EDK II, Tegra MB1",
          r"[Nn]o bootable (?:device|medium|media|option|slot|partition|image|disk)|[Nn]ot a bootable disk"
          r"|BootDevice.*[Nn]ot [Ff]ound"),
    _last("boot-stop", "Boot|BootDevice", Stage.KERNEL, "PC firmware, EDK II",
          r"^Boot [Ff]ailed|Reboot and Select proper Boot device|^No Boot Device|BootDevice Not Found"),
    _last("boot-stop", "system|System|SYSTEM", Stage.KERNEL, "PC boot sector",
          r"(?i)^(?:operating system not found|missing operating system)"),
    _last("boot-stop", "error", Stage.KERNEL, "GRUB: kern",
          r"^error: (?:no such (?:partition|device|disk)|unknown filesystem|disk `.*' not found)"),
    _last("boot-stop", "Shell", Stage.KERNEL, "EDK II: ShellPkg", r"^UEFI Interactive Shell v"),
    _last("boot-stop", "BdsDxe", Stage.KERNEL, "EDK II: BdsDxe", r"^BdsDxe: (?:failed to (?:load|start)|No bootable) "),
    _last("boot-stop", "PXE", Stage.KERNEL, "Intel PXE boot agent, EDK II", r"^PXE-[EM]\w\w:"),
    _last("boot-stop", "exceeded", Stage.KERNEL, "U-Boot: net/net.c", r"^Retry (?:count|time) exceeded"),
    _last("boot-stop", "keys", Stage.KERNEL, "GRUB: normal/menu_text.c",
          r"Use the \S+ and \S+ (?:arrow )?keys to (?:select|change|move)"),
    _last("boot-stop", "Menu|ENTER|default", Stage.KERNEL, "U-Boot: cmd/bootmenu.c; its entries in OpenWrt",
          r"\*\*\* U-Boot Boot Menu \*\*\*|^Press UP/DOWN to move, ENTER|^1\. Run default boot command"),
    _last("boot-stop", "HTTP", Stage.KERNEL, "U-Boot: recovery by a web page, of several vendors",
          r"^HTTP server is (?:starting|ready)"),
    _last("boot-stop", "choice", Stage.KERNEL, "U-Boot: boot/pxe_utils.c", r"^Enter choice: ?$"),
    _last("boot-stop", "Highlight", Stage.KERNEL, "EDK II: CustomizedDisplayLib", r"=Move Highlight"),
    _last("boot-stop", "any", Stage.KERNEL, "GRUB, EDK II",
          r"^Press any key to (?:continue|reboot|restart|enter the Boot Manager)"),
    _last("boot-stop", "Fastboot|fastboot|FastBoot|fastBoot", Stage.KERNEL, "Little Kernel, U-Boot: cmd/fastboot.c",
          r"(?:[Ee]nter(?:ing)?|^USB|^starting) [Ff]ast[Bb]oot(?: mode)?\b|[Ff]astboot mode started"
          r"|^fastboot: processing commands"),
    _last("boot-stop", "Launcher|TLauncher", Stage.KERNEL, "Jetson UEFI: L4TLauncher",
          r"^L4T ?Launcher: (?:Unable|Failed) to (?:boot|process|load|start)"),
    _last("boot-stop", "recovery", Stage.KERNEL, "Tegra: boot ROM and MB1",
          r"(?:Entering|Enter|boot into) (?:RCM|USB|forced?)[ -]recovery|^Processing in recovery mode"),
    _last("boot-stop", "passphrase", Stage.LOGIN, "cryptsetup, systemd-ask-password",
          r"(?:[Pp]lease )?[Ee]nter (?:the )?passphrase (?:for|or)\b"),
    _last("boot-stop", "unlock", Stage.LOGIN, "cryptsetup-initramfs", r"^(?:.*)Please unlock disk "),
    _last("boot-stop", "manual", Stage.LOGIN, "mountall", r"Press S to skip mounting or M for manual recovery"),
    _last("boot-stop", "not|newer", Stage.KERNEL, "Raspberry Pi: bootcode.bin, EEPROM",
          r"^(?:start\w*\.elf|Firmware|recovery\.elf)\b.*\b(?:not found|not compatible)"
          r"|This board requires newer software"),
    _last("boot-stop", "Fail|fail|Failed|failed|Error|error|Could|Invalid|invalid|not", Stage.KERNEL,
          "Tegra: MB1, MB2, cboot: critical", r"^C> .*\b(?:[Ff]ail(?:ed)?|[Ee]rror|Could|[Ii]nvalid|not)\b"),
)

_IMAGE = (
    _image("Wrong", "U-Boot: boot/bootm.c", r"^Wrong (?:Ramdisk )?Image (?:Format|Type)"),
    _image("format", "U-Boot: cmd/source.c, bootm.c", r"^Unknown image format!"),
    _image("magic", "U-Boot: arch/*/lib/image.c, zimage.c",
          r"Bad Linux \w+ z?Image magic|^zimage: Bad magic!"),
    _image("kernel", "U-Boot: boot/bootm.c; GRUB",
          r"can't get kernel image!|you need to load the kernel first"),
    _image("Bad", "U-Boot: boot/image-board.c, image-fit.c",
          r"^Bad (?:Magic Number|Header Checksum|Data CRC)|Verifying .*\.\.\. +Bad "
          r"|Bad (?:FIT kernel image format|hash (?:value|in FIT))"),
    _image("Hash", "U-Boot: boot/image-fit.c",
          r"Verifying Hash Integrity .*(?:error|[Bb]ad hash)"),
    _image("device|Device", "U-Boot: boot/image-fdt.c",
          r"Could not find a valid device tree|Did not find a cmdline Flattened Device Tree"
          r"|No valid [Dd]evice [Tt]ree"),
    _now("bad-image", "ATAGS", None, "U-Boot: arch/arm/lib/bootm.c", r"FDT and ATAGS support not compiled in"),
    _image("fdt", "U-Boot: boot/image-fdt.c",
          r"image is not a fdt|ERROR: fdt .*(?:fail|invalid)|libfdt fdt_check_header\(\)"),
    _image("RESET", "U-Boot: boot/bootm.c", r"must RESET (?:the )?board to recover"),
    _image("corrupt", "U-Boot: boot/image-board.c", r"Ramdisk image is corrupt or invalid"),
    _image("uncompress", "U-Boot: boot/bootm.c", r"uncompress.*error"),
    _image("FIT", "U-Boot: boot/image-fit.c", r"[Cc]an't get FIT|ERROR: .*FIT "),
    _image("signature", "U-Boot: boot/image-fit-sig.c; GRUB",
          r"Failed to verify required signature|bad shim signature"),
    _image("error", "GRUB: loader",
          r"^error: (?:invalid (?:magic|arch)|file `.*(?:linu[xz]|[Ii]mage|initr).*' not found"
          r"|premature end of file|not a valid)"),
    _image("DTB|Blob|Tree", "Little Kernel: app/aboot, platform/msm_shared/dev_tree.c",
          r"DTB offset is incorrect|Appended (?:DTB|Device Tree Blob) not found|Device Tree (?:Blob )?not found"),
    _image("boot", "Little Kernel: app/aboot",
          r"[Ii]nvalid boot image|boot image (?:is )?(?:invalid|corrupt)"),
    _now("bad-image", "halted", None, "Linux: arch/*/boot/compressed", r"^ *-- System halted", shows=Stage.KERNEL),
    _now("bad-image", "unrecognized", None, "Linux: arch/arm/kernel/head-common.S",
         r"^Error: (?:invalid dtb and )?unrecognized/unsupported ", shows=Stage.KERNEL),
)

_REPORTS = (
    _report("oops", "Internal", "Linux: arch/arm*/kernel/traps.c", r"^Internal error: "),
    _report("oops", "handle", "Linux: arch/*/mm/fault.c", r"^(?:BUG: )?[Uu]nable to handle (?:kernel |page fault)"),
    _report("oops", "Oops", "Linux: arch/*/kernel/traps.c", r"^Oops(?: - [\w ]+)?(?::|\[#|$)"),
    _report("oops", "fault|abort", "Linux: arch/arm/mm/fault.c, arch/x86/kernel/traps.c",
            r"^(?:Unhandled fault: |general protection fault\b.*\[#|Unhandled prefetch abort)"),
    _report("oops", "BUG", "Linux: lib/bug.c", r"^[Kk]ernel BUG (?:at|in) "),
    _report("oops", "mode", "Linux: arch/arm64/kernel/traps.c", r"^Bad mode in .* handler detected"),
    _report("lockup", "lockup", "Linux: kernel/watchdog.c, workqueue.c", r"BUG: (?:soft|workqueue) lockup"),
    _report("lockup", "LOCKUP", "Linux: kernel/watchdog.c", r"detected hard LOCKUP"),
    _report("lockup", "detected", "Linux: kernel/rcu/tree_stall.h",
            r"rcu\w*:? .*(?:self-detected stall|detected (?:expedited )?stalls? on|detected stalls)"),
    _note("hung-task", "blocked", "Linux: kernel/hung_task.c", r"INFO: task .* blocked for more than \d+ seconds"),
    _note("warning", "WARNING", "Linux: kernel/panic.c, kernel/locking/lockdep.c",
          r"^WARNING: (?:CPU: \d+|at |possible |suspicious |inconsistent )"),
    _note("bug", "BUG", "Linux: kernel/sched/core.c and others",
          r"^BUG: (?:sleeping function|scheduling while atomic|spinlock|Bad page"
          r"|using smp_processor_id|non-zero|KFENCE)"),
    _note("sanitizer", "BUG", "Linux: mm/kasan/report.c, kernel/kcsan", r"^BUG: K(?:A|C|M)SAN: "),
    _note("sanitizer", "UBSAN", "Linux: lib/ubsan.c", r"^UBSAN: "),
    _note("out-of-memory", "memory", "Linux: mm/oom_kill.c", r"^Out of memory: Kill(?:ed)? process"),
    _note("file-system", "fs", "Linux: fs/ext4", r"^EXT[234]-fs error \(device"),
    _note("under-voltage", "voltage|Undervoltage", "Linux: drivers/hwmon/raspberrypi-hwmon.c",
          r"Under-?voltage detected!"),
)
# fmt: on

SYMPTOMS = (*_PANIC, *_ROOT, *_RESCUE, *_LOGIN, *_STOPPED, *_IMAGE, *_REPORTS)

GOT_PAST: dict[str, re.Pattern[str]] = {
    "root-wait": re.compile(
        r"^VFS: Mounted root|: mounted filesystem|^Freeing (?:unused|init)|^IP-Config: (?:Complete|Got)"
    ),
    "boot-stop": re.compile(
        r"executed automatically in|started automatically|[Bb]oot(?:ing)? (?:in|automatically)"
        r"|Hit any key to stop autoboot:|^Enter choice: \S|^Booting from |^BdsDxe: (?:loading|starting) "
    ),
}
"""By kind, a line that shows the boot got past what waited: Linux init/do_mounts.c, fs/ext4; menus that count down;
firmware that tries the next device."""
