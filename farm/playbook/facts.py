"""What must be true of a board and cannot be made so from here."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from .files import Path
from .step import NotSo, Step, Target

_LAST_LINES = 3
_NAMES_A_PATH = re.compile(r"""(^|[\s<>|;&"'=])/""")


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


def _names_no_path(command: str) -> str:
    if _NAMES_A_PATH.search(command):
        raise ValueError("a path stands in `file:`, where it is built from the board's root")
    return command


class Expect(Step):
    """A file's content, or what a command prints, must match; otherwise the board is at fault."""

    what: Annotated[str, Field(min_length=1)]
    """What it is, in words."""
    file: Path | None = None
    """A file of the board; either this or ``command``."""
    command: Annotated[str, AfterValidator(_names_no_path)] | None = None
    """A command as root that changes nothing; a path stands in ``file``."""
    matches: Annotated[str, AfterValidator(_is_pattern)]
    """A regular expression, searched for in every line."""
    hint: str = ""
    """What a person in the lab should look at."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "Expect":
        if (self.file is None) == (self.command is None):
            raise ValueError("wants one of `file:` and `command:`")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return f"expect {self.what}"

    def differs(self, target: Target) -> str:
        """Look; this step changes nothing, so a difference is a fault."""
        command = f"cat {target.quoted(self.file)}" if self.file is not None else str(self.command)
        answer = target.shell.sudo(command, check=False)
        if re.search(self.matches, answer.text, re.MULTILINE):
            return ""
        errors = answer.stderr.decode("utf-8", "replace").strip()
        said = (answer.text or errors).splitlines()[-_LAST_LINES:]
        last = f"`{command}` last said: {' | '.join(said)}" if said else f"`{command}` said nothing"
        raise NotSo(target.board.name, f"no {self.what}: want a match of {self.matches!r}; {last}", hint=self.hint)

    def change(self, target: Target) -> None:
        """Is never called: :meth:`differs` raises."""
        raise NotSo(target.board.name, f"no {self.what}", hint=self.hint)
