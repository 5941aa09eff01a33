"""Folders, files, templates, and single lines of files that belong to others."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .step import NotSo, Reading, Step, Target, checked_path
from .values import names_in, unknown_in

Path = Annotated[str, AfterValidator(checked_path)]
Mode = Annotated[str, Field(pattern=r"^0?[0-7]{3}$")]
"""Octal, as text: ``0755``."""
Source = Annotated[str, Field(min_length=1)]
"""A file of this machine, seen from the playbook's folder."""

_SEND_S = 300.0
"""For a file of some megabytes over a slow link (assumed)."""


class Directory(Step):
    """A folder that belongs to the login."""

    path: Path
    """Where it is, or ``workdir``, the farm's own folder."""
    mode: Mode = "0755"
    """Its rights, octal."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"directory {self.path}"

    def differs(self, target: Target) -> str:
        """Compare kind, rights and owner, of what a link leads to where it is one.

        Raises:
            NotSo: it is a link that leads nowhere.
        """
        path = target.quoted(self.path)
        answer = target.ask(f"id -u; stat -L -c '%F|%a|%u' {path} || readlink {path}")
        login, _, found = answer.text.partition("\n")
        if not found:
            return "is not there"
        if "|" not in found:
            hint = "make what it leads to, in a step before this one or by hand, or take the link away"
            raise NotSo(target.board.name, f"{self.title}: is a link to {found}, and nothing is there", hint=hint)
        kind, mode, owner = found.split("|")
        wanted = {"kind": (kind, "directory"), "mode": (mode, self.mode.lstrip("0")), "owner": (owner, login)}
        return ", ".join(f"{what} is {got}, not {want}" for what, (got, want) in wanted.items() if got != want)

    def change(self, target: Target) -> None:
        """Make it, with all above it."""
        path = target.quoted(self.path)
        owner = target.shell.run('echo "$(id -u):$(id -g)"').text
        target.shell.sudo(f"mkdir -p {path} && chown {owner} {path} && chmod {self.mode} {path}")


class _Written(Step):
    """A file of the system with just the content that a subclass makes."""

    path: Path
    """Where it is on the board."""
    content: str | None = None
    """What it holds, to the byte; either this or ``source``."""
    source: Source | None = None
    """A file that holds it, seen from the playbook's folder."""
    mode: Mode = "0644"
    """Its rights, octal."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "_Written":
        if (self.content is None) == (self.source is None):
            raise ValueError("wants one of `content:` and `source:`")
        return self

    @abstractmethod
    def wanted(self, target: Target) -> bytes:
        """Return what it is to hold on this board."""

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """See that the source is there."""
        if self.source is not None and not (reading.folder / self.source).is_file():
            yield "source", f"no file {reading.folder / self.source}; its name is seen from the playbook's folder"

    def differs(self, target: Target) -> str:
        """Compare content and rights; root reads what the login may not."""
        path = target.quoted(self.path)
        answer = target.shell.sudo(f"sha256sum < {path} && stat -c %a {path}", check=False)
        if answer.exit_status:
            return "is not there"
        content, mode = answer.text.splitlines()
        wanted = hashlib.sha256(self.wanted(target)).hexdigest()
        differences = ["content differs"] if content.split()[0] != wanted else []
        if mode != self.mode.lstrip("0"):
            differences.append(f"mode is {mode}, not {self.mode}")
        return ", ".join(differences)

    def change(self, target: Target) -> None:
        """Write it beside first, then rename: whoever reads it meanwhile sees the old or the new one."""
        write(target, self.path, self.wanted(target), self.mode)

    def _raw(self, folder_of: Target | Reading) -> bytes:
        if self.source is not None:
            return (folder_of.folder / self.source).read_bytes()
        return str(self.content).encode()


class File(_Written):
    """A file of the system with just this content."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"file {self.path}"

    def wanted(self, target: Target) -> bytes:
        """Return it as it stands in the playbook."""
        return self._raw(target)


class TemplateFile(_Written):
    """A file of the system with facts of the board, ``vars:`` and ``secrets:`` in the place of ``${name}``."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"template {self.path}"

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """See that every name has a value, and that no secret becomes readable for all."""
        found = list(super().problems(reading))
        yield from found
        if found:
            return
        field = "content" if self.source is None else "source"
        try:
            text = self._raw(reading).decode()
        except UnicodeDecodeError:
            yield field, "is no UTF-8 text; `file:` takes any bytes"
            return
        names, form = unknown_in(text, reading.names)
        if form:
            yield field, form
        for name in names:
            yield field, f"no value is known as ${{{name}}}; there are {', '.join(sorted(reading.names))}"
        if self.mode[-1] != "0" and not reading.secrets.isdisjoint(names_in(text)):
            yield "mode", "whoever logs in there could read a secret; write 0600"

    def wanted(self, target: Target) -> bytes:
        """Return it with this board's values."""
        return target.values.fill(self._raw(target).decode(), target.board).encode()


class Line(Step):
    """One line of a file that the image brings along; the other lines stay as they are."""

    path: Path
    """The file; it is made where it is not there, unless the line is to be absent."""
    line: Annotated[str, Field(pattern=r"^[^\n]+$")]
    """The whole line."""
    state: Literal["present", "absent"] = "present"
    """Whether it stands there."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"line in {self.path}: {self.line}"

    def differs(self, target: Target) -> str:
        """Look for the very line."""
        found = self.line in (read_text(target, self.path) or "").splitlines()
        if found == (self.state == "present"):
            return ""
        return "stands there" if found else "does not stand there"

    def change(self, target: Target) -> None:
        """Add it at the end, or take every one of it away."""
        text = read_text(target, self.path) or ""
        kept = [line for line in text.splitlines() if line != self.line]
        lines = [*kept, self.line] if self.state == "present" else kept
        rewrite(target, self.path, "".join(f"{line}\n" for line in lines))


def read_text(target: Target, path: str) -> str | None:
    """Return a file's text as root reads it; None when there is none."""
    answer = target.shell.sudo(f"cat {target.quoted(path)}", check=False)
    return None if answer.exit_status else answer.stdout.decode("utf-8", "surrogateescape")


def write(target: Target, path: str, data: bytes, mode: str) -> None:
    """Put a file of the system in the place of what was there, whole or not at all."""
    place, beside = target.quoted(path), target.quoted(f"{path}.new")
    folder = target.quoted(path.rpartition("/")[0] or "/")
    # nobody else reads it before it has its rights: it may hold a secret
    script = (
        f"mkdir -p {folder} && rm -f {beside} && (umask 077; cat > {beside}) && {_whole(beside, data)}"
        f" && chmod {mode} {beside} && mv -f {beside} {place}"
    )
    target.shell.sudo(script, stdin=data, timeout_s=_SEND_S)


def rewrite(target: Target, path: str, text: str) -> None:
    """Give a file of the image another content, whole or not at all; rights and owner stay."""
    place, beside = target.quoted(path), target.quoted(f"{path}.new")
    data = text.encode("utf-8", "surrogateescape")
    script = (
        f"{{ [ ! -e {place} ] || cp -p {place} {beside}; }} && cat > {beside} && {_whole(beside, data)}"
        f" && sync && mv -f {beside} {place}"
    )
    target.shell.sudo(script, stdin=data, timeout_s=_SEND_S)


def _whole(path: str, data: bytes) -> str:
    """Return a condition: all of it has arrived. A link that breaks ends the input, and the board's shell goes on."""
    return f'[ "$(wc -c < {path})" -eq {len(data)} ]'
