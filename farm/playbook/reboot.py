"""A reboot, where what was changed wants one; proven by the kernel's boot id."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .files import Path, read_text
from .step import REBOOT_NOTE, Step, Target


class Reboot(Step):
    """A reboot that is waited for, only where something asks for it; it is proven by a new boot id.

    Put it behind the steps that need it and before those that a reboot undoes: clocks and governors.
    """

    boots: ClassVar[bool] = True

    when: Literal["changed"] | None = None
    """``changed``: a step before it, since the last boot, has changed something; the board keeps note of that until
    its next boot, so that a run which broke off in between forgets nothing."""
    file: Path | None = None
    """A file whose presence asks for one, such as ``/run/reboot-required`` on Debian and Ubuntu."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """How long the board may take; absent: what its model takes to boot."""

    @model_validator(mode="after")
    def _has_a_reason(self) -> "Reboot":
        if self.when is None and self.file is None:
            raise ValueError("would reboot every time; add `when: changed`, or `file:` whose presence asks for it")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return "reboot"

    def differs(self, target: Target) -> str:
        """Look at what this run changed, at the board's own note, and for the file."""
        why: list[str] = []
        if self.when is not None:
            noted = (read_text(target, REBOOT_NOTE) or "").splitlines()
            why += [f"{title} changed" for title in dict.fromkeys([*noted, *target.history.changed])]
        if (
            self.file is not None
            and target.shell.sudo(f"test -e {target.quoted(self.file)}", check=False).exit_status == 0
        ):
            why.append(f"{self.file} asks for it")
        return "; ".join(why)

    def change(self, target: Target) -> None:
        """Reboot and wait for the new boot."""
        target.reboot(self.timeout_s or target.board.boot_timeout_s)

    def take(self, target: Target, *, check: bool) -> str:
        """Reboot where something asks for it; a file that still does afterwards is the board's affair, and told."""
        differed = self.differs(target)
        if differed and not check:
            self.change(target)
        return differed
