"""Settings of the running kernel."""

from typing import Annotated

from pydantic import Field

from .files import read_text, write
from .step import NotSo, Step, Target

_KEY = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*([./][A-Za-z0-9_-]+)+$")]


class Sysctl(Step):
    """A kernel setting, now and after each boot."""

    key: _KEY
    """As ``sysctl`` names it: ``vm.swappiness``."""
    value: str | int
    """What it is to be."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"sysctl {self.key}"

    def differs(self, target: Target) -> str:
        """Compare what holds now and what will at the next boot."""
        now = target.ask(f"cat {target.quoted(self._kernels())}")
        if now.exit_status:
            hint = "look for a typing error, or for a kernel module that must be loaded first"
            raise NotSo(target.board.name, f"its kernel has no setting {self.key}", hint=hint)
        wrong = [] if now.text.split() == self._words() else [f"is {' '.join(now.text.split()) or 'empty'}"]
        if read_text(target, self._file()) != self._line():
            wrong.append("does not last")
        return ", ".join(wrong)

    def change(self, target: Target) -> None:
        """Write it for the next boot, then to the kernel: it refuses what it cannot take."""
        write(target, self._file(), self._line().encode(), "0644")
        target.shell.sudo(f"cat > {target.quoted(self._kernels())}", stdin=f"{self.value}\n".encode())

    def _words(self) -> list[str]:
        return str(self.value).split()

    def _line(self) -> str:
        return f"{self.key} = {' '.join(self._words())}\n"

    def _kernels(self) -> str:
        """Return the kernel's file; as sysctl(8), a / in the key stands for a dot in a name."""
        if "/" in self.key:
            return f"/proc/sys/{self.key}"
        return f"/proc/sys/{self.key.replace('.', '/')}"

    def _file(self) -> str:
        """Return a file of its own: two steps never fight over one. 98: after the image's, before an operator's 99."""
        return f"/etc/sysctl.d/98-edge-test-farm-{self.key.replace('/', '.')}.conf"
