"""Services of systemd."""

from typing import Annotated

from pydantic import Field, model_validator

from .step import Step, Target

ServiceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9@._-]+$")]


class Service(Step):
    """A systemd service: whether it starts at boot, and whether it runs now."""

    name: ServiceName
    """Of its unit; ``.service`` may be left out."""
    enabled: bool | None = None
    """Whether it starts at boot."""
    running: bool | None = None
    """Whether it runs now."""

    @model_validator(mode="after")
    def _wants_something(self) -> "Service":
        if self.enabled is None and self.running is None:
            raise ValueError("wants nothing; add `enabled:` or `running:`")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return f"service {self.name}"

    def differs(self, target: Target) -> str:
        """Ask systemd; a service that is not there is neither enabled nor running."""
        answer = target.ask(f"systemctl is-enabled {self.name} || echo; systemctl is-active {self.name}")
        words = answer.text.split()
        is_so = {"enabled": not {"enabled", "static"}.isdisjoint(words), "running": "active" in words}
        wanted = {"enabled": self.enabled, "running": self.running}
        differing = [what for what, want in wanted.items() if want is not None and want != is_so[what]]
        return ", ".join(f"is not {what}" if wanted[what] else f"is {what}" for what in differing)

    def change(self, target: Target) -> None:
        """Start or stop it now, and at boot."""
        verbs = {"enabled": ("disable", "enable"), "running": ("stop", "start")}
        wanted = {"enabled": self.enabled, "running": self.running}
        lines = [f"systemctl {verbs[what][want]} {self.name}" for what, want in wanted.items() if want is not None]
        # a unit file that a step before this one wrote is not known yet
        target.shell.sudo(" && ".join(["systemctl daemon-reload", *lines]), timeout_s=120.0)
