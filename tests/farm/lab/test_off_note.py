"""Since when a switch is off, for every process of this machine."""

import re
import subprocess
import sys
import time

import pytest

from farm.errors import LabFault
from farm.lab.off_note import OffNote

NOTED_THERE = """
import sys
from pathlib import Path
from farm.lab.off_note import OffNote
OffNote(Path(sys.argv[1]), "r").note()
"""


def test_what_one_process_notes_another_one_knows(tmp_path):
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", NOTED_THERE, str(tmp_path)], check=True)
    seconds = OffNote(tmp_path, "r").seconds()
    assert seconds is not None
    assert 0 <= seconds <= time.monotonic() - began_s


def test_nothing_is_known_of_a_switch_that_nobody_switched_off_or_that_is_on_again(tmp_path):
    note = OffNote(tmp_path, "r")
    assert note.seconds() is None
    note.note()
    assert OffNote(tmp_path, "other").seconds() is None
    note.forget()
    note.forget()
    assert note.seconds() is None


def test_a_wall_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    note = OffNote(tmp_path, "r")
    note.note()
    monkeypatch.setattr(time, "time", lambda: 9e9)
    monkeypatch.setattr(time, "time_ns", lambda: 9 * 10**18)
    assert note.seconds() < 60


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"kernel": "an earlier boot", "boottime_ns": 1}', '{"kernel": "K"}', '"x"']
)
def test_a_note_that_says_nothing_of_this_boot_counts_as_just_now(tmp_path, monkeypatch, text):
    monkeypatch.setattr("farm.lab.off_note.kernel", lambda: "K")
    OffNote(tmp_path, "r").note()
    (tmp_path / "off" / "r").write_text(text)
    assert OffNote(tmp_path, "r").seconds() == 0.0


def test_a_note_that_cannot_be_written_is_a_lab_fault_that_names_the_file(tmp_path):
    (tmp_path / "off").write_text("in the way")
    with pytest.raises(LabFault, match=rf"^r: its off cannot be noted: {re.escape(str(tmp_path))}/off/r: "):
        OffNote(tmp_path, "r").note()
