"""Clocks and power modes: what makes two trials comparable."""

import re
from typing import Annotated, ClassVar

from pydantic import Field

from ..errors import LabFault
from .step import Step, Target

_GOVERNORS = "/sys/devices/system/cpu/cpufreq"
_CLOCK = re.compile(
    r"^(?P<name>cpu\d+|GPU)\b:?(?:.*?\bOnline=(?P<online>\d))?.*?\bMinFreq=(?P<low>\d+)\b.*?\bMaxFreq=(?P<high>\d+)",
    re.MULTILINE,
)
"""A line of ``jetson_clocks --show``, L4T 32: ``cpu0: Online=1 Governor=… MinFreq=… MaxFreq=… CurrentFreq=…``. Not EMC:
the memory's clock is held by an override, and its lower limit stays where it was."""


class PowerMode(Step):
    """A Jetson's power mode; it survives a reboot."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
    """As ``nvpmodel -q`` prints it."""
    id: Annotated[int, Field(ge=0)]
    """As ``nvpmodel -m`` takes it."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"power mode {self.name}"

    def differs(self, target: Target) -> str:
        """Compare the name: the ids of another release may mean other modes."""
        mode = target.board.state().power_mode
        return "" if mode == self.name else f"is {mode or 'unknown'}"

    def change(self, target: Target) -> None:
        """Set it; where a release wants to reboot for it, the answer is no, and the step fails instead of hanging."""
        target.shell.sudo(f"nvpmodel -m {self.id}", stdin=b"no\n", timeout_s=60.0)


class Governor(Step):
    """The CPU frequency governor of every core that is on, until the next boot."""

    lasts: ClassVar[bool] = False

    name: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    """As the kernel names it."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"governor {self.name}"

    def differs(self, target: Target) -> str:
        """Read every policy; one whose cores are off cannot be read, and needs none."""
        answer = target.ask(f"cat {target.quoted(_GOVERNORS)}/policy*/scaling_governor 2>/dev/null")
        found = sorted(set(answer.text.split()))
        if found == [self.name]:
            return ""
        return f"is {', '.join(found)}" if found else "cannot be read"

    def change(self, target: Target) -> None:
        """Write every policy that can be read."""
        each = f"for f in {target.quoted(_GOVERNORS)}/policy*/scaling_governor"
        target.shell.sudo(f"{each}; do cat $f >/dev/null 2>&1 || continue; echo {self.name} > $f || exit 1; done")


class JetsonClocks(Step):
    """A Jetson's clocks held at their power mode's maxima, and its fan at full speed, until the next boot."""

    lasts: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """What it is about."""
        return "jetson_clocks"

    def differs(self, target: Target) -> str:
        """Look whether every clock's lower limit is at its upper one; cores that are off do not count."""
        answer = target.shell.sudo("jetson_clocks --show")
        clocks = list(_CLOCK.finditer(answer.text))
        if not clocks:
            raise LabFault(target.board.name, f"`jetson_clocks --show` names no clock: {answer.text[:200]!r}")
        free = [clock["name"] for clock in clocks if clock["online"] != "0" and clock["low"] != clock["high"]]
        return f"free to fall: {', '.join(free)}" if free else ""

    def change(self, target: Target) -> None:
        """Hold them."""
        target.shell.sudo("jetson_clocks", timeout_s=60.0)
