"""``farm completion``: what makes a shell complete the farm's command lines."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import Exit, UsageFault
from .common import RUNNING, SOURCE, database, unchecked
from .lab import BOARD_FAULTS, PART_FAULTS
from .output import say
from .run import LIMITS

if TYPE_CHECKING:
    from .candidates import Values

HELP = "print a script that makes bash, zsh or fish complete commands, options, boards and files"

_SCRIPTS = Path(__file__).with_name("scripts")
SHELLS = {
    "bash": """in ~/.bashrc: eval "$(farm completion bash)\"""",
    "zsh": """in ~/.zshrc, after compinit: eval "$(farm completion zsh)\"""",
    "fish": "farm completion fish > ~/.config/fish/completions/farm.fish",
}
"""Shell → how its script is used."""

FILES = ":files"
"""The line that asks the shell for files as well."""

_RECENT = 20


def arguments(parser: ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=tuple(SHELLS))
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["to use it:", *(f"  {shell:6}{how}" for shell, how in SHELLS.items())])


def run(args: Namespace) -> int:
    """Print the script."""
    say((_SCRIPTS / f"farm.{args.shell}").read_text(encoding="utf-8").rstrip())
    return Exit.PASS


def complete(words: Sequence[str]) -> int:
    """Print what may come next, one a line, with a tab and what it is; nothing when that cannot be found out.

    Args:
        words: the shell's name, and the command line after the program up to the cursor. bash takes ``=`` and
            ``:`` for words of their own, and is told only what comes after the last of them.
    """
    from .candidates import candidates
    from .main import COMMANDS, parser

    shell, *typed = words or ("",)
    typed = _rejoined(typed) if shell == "bash" else list(typed or ("",))
    if typed[0] == "help" and len(typed) > 1:
        typed = typed[1:]
    named = next((word for word in typed[:-1] if word in COMMANDS), None)
    found = candidates(parser([named]) if named else parser(COMMANDS, names_only=True), typed, _KNOWN)
    drop = max(typed[-1].rfind("="), typed[-1].rfind(":")) + 1 if shell == "bash" else 0
    for word, what in found.words.items():
        say(f"{word[drop:]}\t{what.partition(chr(10))[0]}".rstrip())
    if found.files:
        say(FILES)
    return Exit.PASS


def _rejoined(words: Sequence[str]) -> list[str]:
    """Put together again what bash has taken apart at ``=`` and ``:``."""
    whole: list[str] = []
    glue = False
    for word in words:
        breaks = word in ("=", ":", "::")
        if whole and (breaks or glue):
            whole[-1] += word
        else:
            whole.append(word)
        glue = breaks
    return whole or [""]


def _named(words: Sequence[str]) -> Path | None:
    """Return the inventory that the command line names."""
    named = None
    for word, after in pairwise((*words, "")):
        flag, _, value = word.partition("=")
        if flag == "--inventory":
            named = Path(value or after)
    return named


def _inventory(words: Sequence[str]) -> dict[str, Any]:
    """Return the inventory that a command line means, unchecked: it may be half written."""
    with suppress(UsageFault):
        return unchecked(_named(words) or (RUNNING if RUNNING.exists() else SOURCE))
    return {}


def _names(words: Sequence[str], *shelves: str) -> list[str]:
    """Return what stands on these shelves of the inventory and not in the command line already."""
    inventory = _inventory(words)
    return [str(name) for shelf in shelves for name in inventory.get(shelf) or () if name not in words[:-1]]


def _boards(words: Sequence[str]) -> list[str]:
    return _names(words, "boards")


def _wanted(words: Sequence[str]) -> list[str]:
    """Return boards, and the models and tags that a board may be wanted by."""
    boards = cast("dict[str, dict[str, Any]]", _inventory(words).get("boards") or {}).values()
    models = {f"model={entry.get('model')}" for entry in boards}
    return [*_boards(words), *sorted(models | {f"tag={tag}" for entry in boards for tag in entry.get("tags", ())})]


def _ids(words: Sequence[str], *tables: str) -> list[str]:
    """Return the newest ids of the command line's database.

    Asked without the store: loading that would take longer than a person waits.
    """
    import sqlite3

    with suppress(sqlite3.Error, UsageFault):
        where = database(_named(words))
        with closing(sqlite3.connect(f"file:{where}?mode=ro", uri=True)) as db:
            queries = [f"SELECT id FROM {table} ORDER BY number DESC LIMIT {_RECENT}" for table in tables]  # noqa: S608
            return [str(row[0]) for query in queries for row in db.execute(query)]
    return []


def _faults(words: Sequence[str]) -> list[str]:
    """Return what can go wrong with the twin that the command line names."""
    boards = _inventory(words).get("boards") or ()
    return [*(BOARD_FAULTS if any(word in boards for word in words[:-1]) else PART_FAULTS).split()]


_KNOWN: "dict[str, Values]" = {
    "board": _boards,
    "boards": _boards,
    "BOARD": _boards,
    "METER": lambda words: _names(words, "meters"),
    "WANTED": _wanted,
    "NAME=VALUE": lambda _: [f"{name}=" for name in LIMITS.split()],
    "name": lambda words: _names(words, "boards", "meters", "switches"),
    "fault": _faults,
    "id": lambda words: _ids(words, "records"),
    "RUN": lambda words: ["last", *_ids(words, "runs", "records")],
}
"""Arguments that have no list of choices, by metavar or name."""
