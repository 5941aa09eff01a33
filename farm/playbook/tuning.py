"""Clocks and power modes: what makes two trials comparable."""

from typing import Annotated, ClassVar

from pydantic import Field

from .step import Step, Target

_GOVERNORS = "/sys/devices/system/cpu/cpufreq"


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
