"""The tables of the boot watcher: each row is shown by a line, and is found by its word."""

from pathlib import Path

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
