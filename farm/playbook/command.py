"""A command of the user's own, taken only while its result is missing."""

import re
from shlex import quote
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ..errors import LabFault
from .files import Path
from .step import Step, Target

_LAST_LINES = 5
_HARMLESS = re.compile(r"/dev/(null|zero|stdin|stdout|stderr)\b")
_PATH = re.compile(r"""(^|[\s<>|;&"'=(])/""")


def names_no_path(command: str) -> str:
    """Return a command line, or say that it passes the board's root by."""
    if _PATH.search(_HARMLESS.sub("", command)):
        raise ValueError(
            "a path of the board begins with $root, as in \"$root/etc/hostname\": a twin's / is this machine's"
        )
    return command


Script = Annotated[str, Field(min_length=1), AfterValidator(names_no_path)]


class Shell(Step):
    """A command as root in the board's POSIX shell; it needs a way to see that it has been done already.

    ``$root`` and ``$workdir`` begin paths; ``vars:`` and ``secrets:`` are there as variables of their names.
    """

    run: Script
    """What is run, with ``set -eu``."""
    what: str = ""
    """What it is for, in words: how the step is called."""
    creates: Path | None = None
    """A path that is there once it has been done; either this or ``unless``."""
    unless: Script | None = None
    """A command that succeeds once it has been done, and changes nothing."""
    timeout_s: Annotated[float, Field(gt=0, le=7200)] = 300.0
    """How long it may take."""

    @model_validator(mode="after")
    def _can_see_its_result(self) -> "Shell":
        if (self.creates is None) == (self.unless is None):
            raise ValueError("wants one of `creates:` and `unless:`: else nobody could tell whether it has been done")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return self.what or f"shell {self.run.strip().splitlines()[0][:60]}"

    def differs(self, target: Target) -> str:
        """Look for the path, or ask ``unless``."""
        if self.creates is not None:
            there = target.shell.sudo(f"test -e {target.quoted(self.creates)}", check=False).exit_status == 0
            return "" if there else f"{self.creates} is not there"
        answer = _run(target, str(self.unless), self.timeout_s)
        return "" if answer[0] == 0 else f"`unless` ended with status {answer[0]}"

    def change(self, target: Target) -> None:
        """Run it."""
        status, said = _run(target, self.run, self.timeout_s)
        if status:
            raise LabFault(target.board.name, f"{self.title}: ended with status {status}; it last said: {said}")


def _run(target: Target, script: str, timeout_s: float) -> tuple[int, str]:
    """Run a script with the playbook's values; secrets go in by standard input: processes are listed."""
    known = {"root": target.board.root.rstrip("/"), "workdir": target.workdir, **target.values.known}
    given = "".join(f"{name}={quote(value)}; " for name, value in known.items())
    read = "".join(f"IFS= read -r {name}; " for name in target.values.secrets)
    names = " ".join([*known, *target.values.secrets])
    stdin = "".join(f"{secret}\n" for secret in target.values.secrets.values())
    line = f"set -eu; {given}{read}export {names}; {script}"
    answer = target.shell.sudo(line, stdin=stdin.encode(), timeout_s=timeout_s, check=False)
    said = (answer.stderr.decode("utf-8", "replace").strip() or answer.text).splitlines()[-_LAST_LINES:]
    return answer.exit_status, " | ".join(said) or "nothing"
