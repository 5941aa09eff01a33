"""Packages and services of a Debian-like system."""

from typing import Annotated

from pydantic import Field, model_validator

from .step import Step, Target

_FETCH_S = 300.0
"""For apt's lists over a slow link (assumed)."""
_INSTALL_S = 1200.0
"""For a package with everything below it on a Pi Zero's card (assumed)."""
_QUIET = "DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120"
"""Asks nothing, and waits for the updates that an image starts at boot."""

PackageName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+$")]
ServiceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9@._-]+$")]


class Packages(Step):
    """Debian packages that must be installed; their versions are the image's."""

    names: Annotated[list[PackageName], Field(min_length=1)]

    @property
    def title(self) -> str:
        """What it is about."""
        return f"packages {' '.join(self.names)}"

    def differs(self, target: Target) -> str:
        """Ask dpkg, which needs no network."""
        missing = self._missing(target)
        return f"not installed: {' '.join(missing)}" if missing else ""

    def change(self, target: Target) -> None:
        """Install what is missing; the lists are fetched first, for an image's are old."""
        missing = " ".join(self._missing(target))
        target.shell.sudo(f"{_QUIET} update", timeout_s=_FETCH_S)
        target.shell.sudo(f"{_QUIET} install --no-install-recommends {missing}", timeout_s=_INSTALL_S)

    def _missing(self, target: Target) -> list[str]:
        names = " ".join(self.names)
        answer = target.ask(f"dpkg-query -W -f '${{db:Status-Abbrev}} ${{Package}}\\n' {names}")
        installed = {line.split()[-1] for line in answer.text.splitlines() if line.startswith("ii ")}
        return [name for name in self.names if name not in installed]


class Service(Step):
    """A systemd service: whether it starts at boot, and whether it runs now."""

    name: ServiceName
    enabled: bool | None = None
    running: bool | None = None

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
        target.shell.sudo(" && ".join(lines), timeout_s=120.0)
