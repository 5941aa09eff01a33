"""``farm lease``, as a person types it."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from farm.cli.main import main
from farm.lab.lease import Wanted

FARM = Path(sys.executable).parent / "farm"


@pytest.fixture
def farm(shelf, capsys, monkeypatch):
    monkeypatch.chdir(shelf.folder)
    monkeypatch.delenv("FARM_OWNER", raising=False)

    def run(*words, owner=None):
        if owner is not None:
            monkeypatch.setenv("FARM_OWNER", owner)
        code = main(["lease", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_a_board_is_taken_listed_and_returned(farm):
    code, out, _ = farm("take", "model=jetson-tx2", "--for", "1h30m", "--reason", "driver work", owner="anna")
    assert code == 0
    assert re.match(r"tx2-01: reserved for anna until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", out)
    _, out, _ = farm("list")
    head, row = out.splitlines()
    assert head.split() == ["board", "lease", "holder", "process", "since", "until", "reason"]
    assert row.startswith("tx2-01  reservation  anna    -")
    assert row.endswith("driver work")
    assert farm("return", "tx2-01")[:2] == (0, "tx2-01: returned\n")
    assert farm("list")[1] == ""


def test_the_list_for_programs_has_the_line_too(farm, leases, shelf):
    with leases.use(Wanted(boards=("atom-01",)), reason="a trial"), shelf.waiter("atom-01"):
        code, out, _ = farm("list", "--json")
    found = json.loads(out)
    assert code == 0
    assert [(h["board"], h["kind"], h["pid"], h["reason"]) for h in found["held"]] == [
        ("atom-01", "use", os.getpid(), "a trial")
    ]
    assert [(w["position"], w["wanted"]) for w in found["waiting"]] == [(1, "atom-01")]


def test_what_is_not_there_to_be_had_is_a_lab_fault_and_what_never_can_be_is_usage(farm):
    farm("take", "atom-01", owner="anna")
    code, _, err = farm("take", "atom-01", "--wait", "0.2s", owner="bob")
    assert code == 3
    assert err.startswith("atom-01: in use by anna, who has reserved it until ")
    assert farm("return", "atom-01")[0] == 2
    assert farm("take", "model=jetson-tx3")[0] == 2
    assert farm("take", "atom-02", "--for", "soon")[0] == 2
    assert farm("take", "atom-02", "--for", "99999999999999d")[0] == 2
    assert farm("history", "atom-02", "--limit", "0")[0] == 2
    assert farm("list", "--", "true")[0] == 2


def test_a_reservation_that_ends_another_day_is_told_with_the_day(farm):
    farm("take", "atom-01", "--for", "3d", owner="anna")
    _, _, err = farm("take", "atom-01", owner="bob")
    assert re.search(r"who has reserved it until \d{4}-\d\d-\d\d \d\d:\d\d\n", err)


def test_stealing_is_recorded_with_who_and_why(farm):
    farm("take", "atom-01", owner="anna")
    code, out, err = farm("steal", "atom-01", "--reason", "the release is tonight", owner="bob")
    assert (code, out.partition(" until")[0]) == (0, "atom-01: reserved for bob")
    assert "taken from anna" in err
    _, out, _ = farm("history", "atom-01")
    assert "stolen by bob: the release is tonight" in out.splitlines()[2]
    with pytest.raises(SystemExit) as stopped:
        farm("steal", "atom-01")
    assert stopped.value.code == 2


def test_a_command_has_the_board_while_it_runs_and_its_status_is_ours(farm, leases, tmp_path):
    script = 'echo "$FARM_OWNER $FARM_BOARD" > said; exit 7'
    assert farm("take", "model=jetson-tx2", "--", "sh", "-c", script)[0] == 7
    owner, board = (tmp_path / "said").read_text().split()
    assert (owner.endswith(f"/{os.getpid()}"), board) == (True, "tx2-01")
    assert leases.held() == []
    assert leases.history("tx2-01")[0].held.reason == "runs sh"


def test_what_a_command_borrows_it_gets_and_others_do_not(farm, tmp_path):
    inner = (
        f"{FARM} lease take atom-02 > /dev/null; FARM_OWNER=bob {FARM} lease take atom-02 2> /dev/null; echo $? > other"
    )
    assert farm("take", "atom-02", "--", "sh", "-c", f"{FARM} lease list --json > list; {inner}")[0] == 0
    assert [held["board"] for held in json.loads((tmp_path / "list").read_text())["held"]] == ["atom-02"]
    assert (tmp_path / "other").read_text() == "3\n"


def test_a_command_that_is_not_there_is_usage_and_returns_the_board(farm, leases):
    code, _, err = farm("take", "atom-01", "--", "no-such-command")
    assert (code, leases.held()) == (2, [])
    assert "no-such-command: No such file" in err


def test_a_command_whose_board_is_taken_away_is_ended(shelf, leases, tmp_path):
    words = [FARM, "lease", "take", "atom-01", "--", "sh", "-c", "echo has; exec sleep 60"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "has\n"
        leases.steal("atom-01", "a test")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "was taken by" in err


def test_being_told_to_end_is_passed_on_to_the_command(leases, shelf, tmp_path):
    words = [FARM, "lease", "take", "atom-01", "--", "sh", "-c", "echo has; exec sleep 60"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "has\n"
        process.terminate()
        assert process.wait(30) == 128 + signal.SIGTERM
    assert leases.held() == []
