"""Folders and files."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, Field

from .step import Step, Target, checked_path

Path = Annotated[str, AfterValidator(checked_path)]
Mode = Annotated[str, Field(pattern=r"^0?[0-7]{3}$")]
"""Octal, as text: ``0755``."""


class Directory(Step):
    """A folder that belongs to the login."""

    path: Path
    mode: Mode = "0755"

    @property
    def title(self) -> str:
        """What it is about."""
        return f"directory {self.path}"

    def differs(self, target: Target) -> str:
        """Compare kind, rights and owner."""
        answer = target.ask(f"id -u; stat -c '%F|%a|%u' {target.quoted(self.path)}")
        login, _, found = answer.text.partition("\n")
        if not found:
            return "is not there"
        kind, mode, owner = found.split("|")
        wanted = {"kind": (kind, "directory"), "mode": (mode, self.mode.lstrip("0")), "owner": (owner, login)}
        return ", ".join(f"{what} is {got}, not {want}" for what, (got, want) in wanted.items() if got != want)

    def change(self, target: Target) -> None:
        """Make it, with all above it."""
        path = target.quoted(self.path)
        owner = target.shell.run('echo "$(id -u):$(id -g)"').text
        target.shell.sudo(f"mkdir -p {path} && chown {owner} {path} && chmod {self.mode} {path}")


class File(Step):
    """A file of the system with just this content."""

    path: Path
    content: str
    mode: Mode = "0644"

    @property
    def title(self) -> str:
        """What it is about."""
        return f"file {self.path}"

    def differs(self, target: Target) -> str:
        """Compare content and rights; root reads what the login may not."""
        path = target.quoted(self.path)
        answer = target.shell.sudo(f"sha256sum < {path} && stat -c %a {path}", check=False)
        if answer.exit_status:
            return "is not there"
        content, mode = answer.text.splitlines()
        differences = ["content differs"] if content.split()[0] != self._sha256() else []
        if mode != self.mode.lstrip("0"):
            differences.append(f"mode is {mode}, not {self.mode}")
        return ", ".join(differences)

    def change(self, target: Target) -> None:
        """Write it beside first, then rename: whoever reads it meanwhile sees the old or the new one."""
        path, beside = target.quoted(self.path), target.quoted(f"{self.path}.new")
        folder = target.quoted(self.path.rpartition("/")[0] or "/")
        script = f"mkdir -p {folder} && cat > {beside} && chmod {self.mode} {beside} && mv -f {beside} {path}"
        target.shell.sudo(script, stdin=self.content.encode())

    def _sha256(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()
