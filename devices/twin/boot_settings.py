"""What a kernel takes over from the board's disk as it boots: its command line, and the settings of sysctl.d."""

import re
from pathlib import Path

from .model import Model

_GRUB = re.compile(r"^\s*linux\s+\S+[ \t]*(.*)$", re.MULTILINE)
_EXTLINUX = re.compile(r"^[ \t]*APPEND[ \t]+(.*)$", re.MULTILINE)
_WITHOUT_A_FILE = "root=/dev/mmcblk0p3 rootwait rw"
"""Where the boot loader keeps it in its own environment."""


def take_over(root: Path, model: Model) -> None:
    """Write ``/proc/cmdline`` and ``/proc/sys`` as they are after a boot from this disk."""
    _put(root / "proc/cmdline", command_line(root) + "\n")
    settings = dict(model.sysctl)
    for file in sorted((root / "etc/sysctl.d").glob("*.conf")):
        for line in file.read_text().splitlines():
            key, equals, value = line.partition("=")
            if equals and not key.strip().startswith(("#", ";")):
                settings[key.strip()] = value.strip()
    for key, value in settings.items():
        _put(root / "proc/sys" / key.replace(".", "/"), value + "\n")


def command_line(root: Path) -> str:
    """Return what the boot loader gives to the kernel, from whichever file it reads."""
    if (file := root / "boot/cmdline.txt").exists():
        return file.read_text().partition("\n")[0].strip()
    for file, pattern in ((root / "boot/grub/grub.cfg", _GRUB), (root / "boot/extlinux/extlinux.conf", _EXTLINUX)):
        if file.exists() and (first := pattern.search(file.read_text())):
            return first[1].strip()
    return _WITHOUT_A_FILE


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
