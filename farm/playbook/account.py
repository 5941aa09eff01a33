"""Who may log in on a board."""

import re
from collections.abc import Iterator
from shlex import quote
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .step import Reading, Step, Target

_KEY = re.compile(r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA[A-Za-z0-9+/]+={0,2}( [^\n]*)?")
_NAME = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


def _is_public_key(text: str) -> str:
    if not text.startswith("file:") and not _KEY.fullmatch(text):
        raise ValueError("not a public key; write it as in authorized_keys, 'ssh-ed25519 AAAA…', or file:PATH")
    return text


PublicKey = Annotated[str, AfterValidator(_is_public_key)]


class User(Step):
    """A login of the system, its groups, and the keys that open it; its password stays as it is."""

    name: _NAME
    """The login."""
    state: Literal["present", "absent"] = "present"
    """Whether there is one; an absent one's home stays on the board."""
    groups: list[_NAME] = Field(default_factory=list[_NAME])
    """Groups that it must be in; others stay."""
    login_shell: Annotated[str, Field(pattern=r"^/[A-Za-z0-9/._-]+$")] | None = None
    """Its shell; absent: whatever it has."""
    authorized_keys: list[PublicKey] = Field(default_factory=list[PublicKey])
    """Public keys that must open it: ``ssh-ed25519 AAAA…``, or ``file:PATH`` seen from the playbook's folder.
    Others stay."""

    @model_validator(mode="after")
    def _absent_has_nothing(self) -> "User":
        if self.state == "absent" and self.name == "root":
            raise ValueError("root stays; without it nothing on the board can be changed or mended")
        if self.state == "absent" and (self.groups or self.authorized_keys or self.login_shell):
            raise ValueError("a login that is absent has neither groups, keys nor shell; remove them")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return f"user {self.name}" + " absent" * (self.state == "absent")

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """See that key files are there and hold public keys: a private one must never get onto a board."""
        for key in self.authorized_keys:
            if not key.startswith("file:"):
                continue
            path = reading.folder / key.removeprefix("file:")
            if not path.is_file():
                yield "authorized_keys", f"no file {path}; its name is seen from the playbook's folder"
            elif not _KEY.fullmatch(path.read_text(encoding="utf-8", errors="replace").strip()):
                yield "authorized_keys", f"{path} holds no public key; name the file that ends with .pub"

    def differs(self, target: Target) -> str:
        """Ask the system's own lookup, and read the keys as that user."""
        entry = target.ask(f"getent passwd {self.name}").text.split(":")
        there = entry[0] == self.name
        if self.state == "absent":
            return "is there" if there else ""
        if not there:
            return "is not there"
        wrong: list[str] = []
        if missing := self._missing_groups(target):
            wrong.append(f"is not in {', '.join(missing)}")
        if self.login_shell is not None and entry[6] != self.login_shell:
            wrong.append(f"has the shell {entry[6] or 'none'}, not {self.login_shell}")
        if missing_keys := self._missing_keys(target):
            wrong.append(f"{len(missing_keys)} of {len(self.authorized_keys)} keys do not open it")
        return ", ".join(wrong)

    def change(self, target: Target) -> None:
        """Make the login, add it to groups, add keys as that user; or take it away."""
        if self.state == "absent":
            target.shell.sudo(f"userdel {self.name}", timeout_s=60.0)
            return
        shell = f"-s {self.login_shell}" if self.login_shell else ""
        target.shell.sudo(
            f"getent passwd {self.name} >&2 || useradd -m {shell or '-s /bin/sh'} {self.name}", timeout_s=60.0
        )
        if shell:
            target.shell.sudo(f"usermod {shell} {self.name}")
        if missing := self._missing_groups(target):
            each = " && ".join(f"{{ getent group {g} >&2 || groupadd {g}; }}" for g in missing)
            target.shell.sudo(f"{each} && usermod -a -G {','.join(missing)} {self.name}")
        if keys := self._missing_keys(target):
            folder = f"{self._home(target)}/.ssh"
            file = quote(f"{folder}/authorized_keys")
            begun = f'[ -z "$(tail -c 1 {file} 2>/dev/null)" ] || echo >> {file}'  # else two keys get onto one line
            script = f"umask 077 && mkdir -p {quote(folder)} && {{ {begun}; }} && cat >> {file} && chmod 600 {file}"
            self._as_user(target, script, "".join(f"{key}\n" for key in keys))

    def _missing_groups(self, target: Target) -> list[str]:
        if not self.groups:
            return []
        lines = [line.split(":") for line in target.ask("getent group").text.splitlines()]
        primary = target.ask(f"getent passwd {self.name}").text.split(":")[3:4]
        mine = {line[0] for line in lines if self.name in line[-1].split(",") or line[2:3] == primary}
        return [group for group in self.groups if group not in mine]

    def _missing_keys(self, target: Target) -> list[str]:
        wanted = [self._key(key, target) for key in self.authorized_keys]
        if not wanted:
            return []
        file = quote(f"{self._home(target)}/.ssh/authorized_keys")
        lines = target.shell.sudo(f"cat {file}", check=False).text.splitlines()
        known = {tuple(line.split()[:2]) for line in lines}
        return [key for key in wanted if tuple(key.split()[:2]) not in known]

    def _home(self, target: Target) -> str:
        home = target.ask(f"getent passwd {self.name}").text.split(":")[5]
        return target.path(home)

    def _as_user(self, target: Target, script: str, stdin: str) -> None:
        """Run as that user: what is made is that user's, and a link there leads no further than that user may go."""
        target.shell.sudo(f"sudo -n -u {self.name} sh -c {quote(script)}", stdin=stdin.encode())

    @staticmethod
    def _key(key: str, target: Target) -> str:
        if not key.startswith("file:"):
            return key
        return (target.folder / key.removeprefix("file:")).read_text(encoding="utf-8").strip()
