"""The kernel's command line, in whichever file the board's boot loader keeps it."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ..errors import LabFault
from .files import read_text, rewrite
from .kernel_text import Edit, NotEditable, edited_cmdline, edited_extlinux, edited_grub, lacking
from .step import NotSo, Step, Target

_ARGUMENT = re.compile(r'[A-Za-z_-]([^\s"\'$`\\]|"[^"$`\\]*")*')


def _is_argument(text: str) -> str:
    if not _ARGUMENT.fullmatch(text):
        raise ValueError(
            "not a kernel argument; it begins with a letter, and between [ ] one with a comma wants quotes"
        )
    return text


Argument = Annotated[str, AfterValidator(_is_argument)]
Loader = Literal["cmdline.txt", "grub", "extlinux"]

_FILES: dict[Loader, tuple[str, ...]] = {
    "cmdline.txt": ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt"),
    "grub": ("/etc/default/grub",),
    "extlinux": ("/boot/extlinux/extlinux.conf",),
}
"""Where each lies; the first that is there counts. Raspberry Pi OS moved its own with Debian 12."""
_EDITS: dict[Loader, Edit] = {"cmdline.txt": edited_cmdline, "grub": edited_grub, "extlinux": edited_extlinux}
_GRUB_CFG = "/boot/grub/grub.cfg"
_UPDATE_GRUB_S = 300.0
"""It looks for other systems on every disk (assumed for a slow eMMC)."""


class KernelArguments(Step):
    """Arguments of the kernel's command line; they hold from the next boot on, so a ``reboot`` step follows."""

    loader: Loader
    """Whose file it is: a Raspberry Pi's ``cmdline.txt``, ``grub`` (``/etc/default/grub`` and ``update-grub``),
    or ``extlinux`` (``/boot/extlinux/extlinux.conf``, Jetsons and many U-Boot boards)."""
    present: list[Argument] = Field(default_factory=list[Argument])
    """Arguments that must stand there; ``name=value`` takes the place of another value of the name, except for names
    that may stand several times, such as ``console``."""
    absent: list[Argument] = Field(default_factory=list[Argument])
    """Arguments that must not: ``name=value``, or ``name`` for every value of it."""

    @model_validator(mode="after")
    def _wants_something(self) -> "KernelArguments":
        if not self.present and not self.absent:
            raise ValueError("wants nothing; add `present:` or `absent:`")
        if both := set(self.present) & set(self.absent):
            raise ValueError(f"{' '.join(sorted(both))} cannot be both present and absent")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return f"kernel arguments {' '.join([*self.present, *(f'-{argument}' for argument in self.absent)])}"

    def differs(self, target: Target) -> str:
        """Compare the boot loader's file, and for GRUB what was made of it."""
        path, text = self._read(target)
        if self._edited(target, path, text) != text:
            return f"not so in {path}"
        if self.loader == "grub" and lacking(read_text(target, _GRUB_CFG) or "", self.present, self.absent):
            return f"not so in {_GRUB_CFG}"
        return ""

    def change(self, target: Target) -> None:
        """Write the file anew, and have GRUB take it over."""
        path, text = self._read(target)
        if (wanted := self._edited(target, path, text)) != text:
            rewrite(target, path, wanted)
        if self.loader == "grub":
            target.shell.sudo("update-grub", timeout_s=_UPDATE_GRUB_S)

    def _read(self, target: Target) -> tuple[str, str]:
        for path in _FILES[self.loader]:
            if (text := read_text(target, path)) is not None:
                return path, text
        hint = "look which boot loader it has, and write that one under `loader:`"
        raise NotSo(target.board.name, f"has no {' or '.join(_FILES[self.loader])}", hint=hint)

    def _edited(self, target: Target, path: str, text: str) -> str:
        try:
            return _EDITS[self.loader](text, self.present, self.absent)
        except NotEditable as error:
            raise LabFault(target.board.name, f"{path}: {error}", hint="edit it by hand, once") from error
