"""Prompts: what stands in a line that nobody has ended, and what is left of it once somebody has typed."""

import re
from dataclasses import dataclass

from .boot_patterns import Stage

_HOST_TOOLS = r"minicom|picocom|microcom|screen|tio|cu|kermit|putty|telnet|ssh|socat|labgrid-client|qemu-\S+"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question, or a shell's wish."""

    pattern: re.Pattern[str]
    where: str


def _prompt(pattern: str, where: str) -> Prompt:
    return Prompt(re.compile(pattern), where)


LOGINS = (
    _prompt(r"^\s*(?!Last |Automatic )[\w.()@-]+ login:(?= |$)", "agetty, BusyBox getty"),
    _prompt(r"^login:(?: |$)", "BusyBox getty without a host name"),
    _prompt(r"^\s*Please press Enter to activate this console", "BusyBox init: askfirst; a shell comes after"),
)
"""The system is up and asks for somebody."""

SHELLS = (
    _prompt(r"^\[?[\w.-]+@[\w.-]+(?::| )[^#$>]{0,60}\]?[#$](?: |$)", "bash: PS1 of most distributions"),
    _prompt(r"^\(?[\w-]+\)?:(?:~|/)[\w./-]{0,60} ?[#$](?: |$)", "Alpine, Android, BusyBox ash"),
    _prompt(r"^(?:~|/[\w./-]{0,60}) [#$](?: |$)", "BusyBox ash"),
    _prompt(r"^-?(?:bash|sh|ash|dash|zsh)-\d+\.\d+[#$](?: |$)", "a shell without PS1"),
)
"""A shell of the system. Held against finished lines too: what was typed stands behind the prompt."""

BARE_SHELL = re.compile(r"^[#$] ?$")
"""dash, BusyBox sh: too short to be told from text, unless nothing comes after it."""

LOADERS = (
    _prompt(
        r"^(?:=>(?= ?$| [a-z])|u-boot=>|U-Boot ?>|Tegra\w* \([^)]+\) #|grub>|grub rescue>) ?",
        "U-Boot, GRUB",
    ),
    _prompt(r"^barebox(?:@[^:]+)?:/\S*(?: |$)", "barebox"),
    _prompt(
        r"^[A-Za-z(][\w()-]{1,23}(?: [\w().-]{1,16}){0,2} ?(?:=+>|(?<!-)>>?|#)(?: ?$| (?=[a-z?]))",
        "U-Boot: CONFIG_SYS_PROMPT of vendors",
    ),
)
"""A boot loader that takes commands; only while one runs."""

UEFI = _prompt(r"^(?:Shell>|FS\d+:\\[^>]*>) ?", "EDK II: ShellPkg")
"""The firmware's own shell."""

RESCUES = (
    _prompt(r"^\(initramfs\) ?", "initramfs-tools"),
    _prompt(r"^(?:dracut|switch_root|emergency|initqueue|pre-\w+|cmdline)?:/\S*#(?: |$)", "dracut"),
    _prompt(r"^\[rootfs \S*\][#$](?: |$)", "mkinitcpio"),
)
"""An initramfs that could not go on."""

_TYPED_ON_HOST = re.compile(rf"[#$] (?:sudo )?(?:{_HOST_TOOLS})\b")


def shows(prompts: tuple[Prompt, ...], text: str) -> str:
    """Return the prompt at the beginning of a line; empty where there is none."""
    for prompt in prompts:
        if seen := prompt.pattern.search(text):
            return seen.group().strip()
    return ""


def asks(text: str, stage: Stage | None) -> Stage | None:
    """Return LOGIN or SHELL if the line shows such a prompt; a boot loader's is neither."""
    if ("login:" in text or "press Enter" in text) and shows(LOGINS, text):
        return Stage.LOGIN
    if ("#" not in text and "$" not in text) or stage in (Stage.FIRMWARE, Stage.BOOTLOADER):
        return None
    if stage is None and _TYPED_ON_HOST.search(text):
        return None  # whoever captured began with his own shell
    return Stage.SHELL if shows(SHELLS, text) else None
