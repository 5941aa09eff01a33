"""The rows of all boot tables that may know a line, found by the words that are in it."""

from collections.abc import Iterable

from .boot_patterns import CUES, SIGNS, WORD, Cue, Sign
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


def rows_for(said: str) -> list[Row]:
    """Return the rows of the tables that may know a line, in the tables' order."""
    found = _WORDS.intersection(WORD.findall(said))
    if not found:
        return []
    return list(dict(sorted((place, row) for word in found for place, row in _ROWS[word])).values())
