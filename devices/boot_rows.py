"""The rows of all boot tables that may know a line, found by the words that are in it."""

import re
from collections.abc import Iterable

from .boot_lines import body, peeled
from .boot_patterns import CUES, INIT, LOADER, SIGNS, WORD, Cue, Sign
from .boot_symptoms import SYMPTOMS, Symptom

Row = Sign | Symptom | Cue


def _by_word(rows: Iterable[Row]) -> dict[str, list[tuple[int, Row]]]:
    table: dict[str, list[tuple[int, Row]]] = {}
    for place, row in enumerate(rows):
        for word in row.word.split("|"):
            table.setdefault(word, []).append((place, row))
    return table


_ROWS = _by_word((*CUES, *SIGNS, *SYMPTOMS))
_WORDS = frozenset(_ROWS)
_PROMPT = re.compile(r"(?:[#$>]|login:|[Pp]assword:) ?")
"""How a prompt ends."""
_LONGEST_PROMPT = 80
"""Letters; assumed."""


def rows_for(said: str) -> list[Row]:
    """Return the rows of the tables that may know a line, in the tables' order."""
    found = _WORDS.intersection(WORD.findall(said))
    if not found:
        return []
    return list(dict(sorted((place, row) for word in found for place, row in _ROWS[word])).values())


def behind_prompt(text: str) -> int:
    """Return where in a line, behind a prompt that nobody answered, the first words of a boot begin; 0 for nowhere."""
    if not any(_begins_boot(row) for row in rows_for(text)):
        return 0
    for prompt in _PROMPT.finditer(text, 0, _LONGEST_PROMPT):
        said = body(text[prompt.end() :])[1]
        if any(_begins_boot(row) and row.pattern.match(said) for row in rows_for(said)):
            return prompt.end()
    return 0


def _begins_boot(row: Row) -> bool:
    return isinstance(row, Sign) and 0 < row.step <= LOADER


def begins_anew(text: str) -> str:
    """Return the first line that tells of a board that goes down, has panicked or boots; empty where none does."""
    for line in text.splitlines():
        said = body(peeled(line) or "")[1]
        if any(row.pattern.search(said) and _ends_a_shell(row) for row in rows_for(said)):
            return said.strip()
    return ""


def _ends_a_shell(row: Row) -> bool:
    match row:
        case Sign():
            return 0 < row.step < INIT
        case Cue():
            return row.name in ("ordered", "loader resets", "handed on")
        case Symptom():
            return row.kind == "panic"
