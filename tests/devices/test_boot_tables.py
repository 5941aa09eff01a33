"""The tables of the boot watcher: each row is shown by a line, and is found by its word."""

from itertools import islice, product
from pathlib import Path
from re import _constants as op  # the only way to a pattern's alternatives
from re import _parser

import pytest

from devices.boot_lines import body, peeled
from devices.boot_patterns import CUES, SIGNS, WORD
from devices.boot_rows import rows_for
from devices.boot_symptoms import HINTS, SYMPTOMS

LINES = (Path(__file__).parents[1] / "wire" / "boot" / "lines.txt").read_text().splitlines()
SAID = [body(peeled(line) or "")[1] for line in LINES]
ROWS = (*CUES, *SIGNS, *SYMPTOMS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.pattern.pattern)
def test_each_row_is_found_by_its_word_in_a_line_that_it_knows(row):
    known = [said for said in SAID if row.pattern.search(said)]
    assert known
    assert all(row in rows_for(said) for said in known)


def _ways(tokens) -> list[str]:
    """Return a text for every way through a pattern: each alternative, each option with and without."""
    return ["".join(parts) for parts in islice(product(*(_of(*token) for token in tokens)), 2000)]


def _of(kind, value) -> list[str]:
    if kind is op.LITERAL:
        return [chr(value)]
    if kind is op.IN:
        return _in(value)
    if kind is op.BRANCH:
        return [way for tokens in value[1] for way in _ways(tokens)]
    if kind is op.SUBPATTERN:
        return _ways(value[3])
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        least, most, tokens = value
        if tokens[0][0] is op.ANY:
            return [" " * max(1, least)]
        return [way * n for n in {least, min(most, max(1, least))} for way in _ways(tokens)]
    return [" "] if kind in (op.ANY, op.NOT_LITERAL) else [""]  # what looks around takes nothing


def _in(choices) -> list[str]:
    kind, value = choices[0]
    letters = {op.CATEGORY_DIGIT: "1", op.CATEGORY_SPACE: " "}
    if kind is op.LITERAL:
        return [chr(value) for kind, value in choices if kind is op.LITERAL]
    if kind is op.RANGE:
        return [chr(value[0])]
    return [letters.get(value, "x") if kind is op.CATEGORY else "~"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.pattern.pattern)
def test_each_row_is_found_in_whatever_way_a_line_fits_it(row):
    known = [text for text in _ways(_parser.parse(row.pattern.pattern)) if row.pattern.search(text)]
    assert known
    assert [text for text in known if row not in rows_for(text)] == []


@pytest.mark.parametrize("line", LINES)
def test_each_line_is_known_by_a_row(line):
    said = body(peeled(line) or "")[1]
    assert any(row.pattern.search(said) for row in rows_for(said))


def test_each_row_names_its_source():
    assert all(row.where for row in ROWS)


def test_words_are_such_as_are_looked_up():
    assert all(WORD.fullmatch(word) for row in ROWS for word in row.word.split("|") if word)


def test_every_kind_that_ends_a_boot_says_what_to_look_at():
    assert {symptom.kind for symptom in SYMPTOMS if symptom.ends != "never"} <= set(HINTS)
