"""farm bootlog: a captured log in, what it says out."""

import gzip
import io
import json
from pathlib import Path

import pytest

from farm.cli.main import main

LOGS = Path(__file__).parents[2] / "wire" / "boot"
PANIC = LOGS / "panic-no-root.log"


def test_a_log_that_was_read_is_a_success_whatever_is_in_it(capsys):
    assert main(["bootlog", str(PANIC)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("did not come up: panic, line ")
    assert "\n  try: " in out


def test_programs_get_the_whole_report(capsys):
    assert main(["bootlog", str(PANIC), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["furthest", "stages", "faults", "resets", "stalled"]
    assert told["stages"] == ["firmware", "bootloader", "kernel"]
    assert (told["furthest"], told["resets"], told["stalled"]) == ("kernel", 0, False)
    assert [list(fault) for fault in told["faults"]] == [["kind", "line", "text", "fatal"]] * 2


def test_nothing_recognised_is_null_and_not_a_stage(capsys):
    main(["bootlog", str(LOGS / "nothing-at-all.log"), "--json"])
    assert json.loads(capsys.readouterr().out)["furthest"] is None


@pytest.mark.parametrize("packed", [False, True])
def test_a_log_comes_from_standard_input_gzipped_or_not(packed, capsys, monkeypatch):
    data = gzip.compress(PANIC.read_bytes()) if packed else PANIC.read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
    assert main(["bootlog", "-"]) == 0
    assert "root-mount" in capsys.readouterr().out


def test_a_boot_that_came_up_says_so(capsys):
    main(["bootlog", str(LOGS / "silent-reset-then-good-boot.log")])
    out = capsys.readouterr().out
    assert out.startswith("came up\nstages: firmware → bootloader → kernel → userspace → login; began anew 1 time\n")


def test_a_log_that_cannot_be_read_is_wrong_input(tmp_path, capsys):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(PANIC.read_bytes())[:-20])
    for name in ("absent.log", ".", "cut.gz"):
        assert main(["bootlog", str(tmp_path / name)]) == 2
        assert "cannot be read: " in capsys.readouterr().err
