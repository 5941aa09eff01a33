"""``farm health`` as it is typed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from farm.cli.main import main
from farm.lab.twins import inject

FARM = [sys.executable, "-c", "import sys; from farm.cli.main import main; sys.exit(main(sys.argv[1:]))"]


@pytest.fixture
def farm(twins, capsys):
    """Run a command in the twins' folder: exit code, what it printed, what it said beside."""

    def run(*words):
        code = main(list(words))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def all_off(farm):
    for board in ("zero-01", "atom-01"):
        assert farm("power", "off", board)[0] == 0


def test_a_row_a_board_and_twins_are_called_twins(farm, all_off):
    code, out, err = farm("health")
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split()[:4] == ["board", "model", "made", "state"]
    assert [row.split()[:5] for row in rows] == [
        ["zero-01", "pi-zero-aiy", "process", "twin", "off"],
        ["atom-01", "atom-e3930", "process", "twin", "off"],
    ]


def test_a_fault_exits_with_3_and_names_the_component(farm, twins, all_off):
    inject(twins.state, "relay-atom", "silent")
    code, out, err = farm("health", "atom-01")
    assert (code, err.startswith("relay-atom: ")) == (3, True)
    assert "  try: " in err
    code, out, _ = farm("health", "atom-01", "--json")
    inject(twins.state, "relay-atom", "silent", False)
    (atom,) = json.loads(out)
    assert (code, atom["state"], atom["powered"], atom["made"]) == (3, "faulty", None, "process twin")
    assert atom["reason"].startswith("relay-atom: ")


def test_history_and_release_of_a_quarantine(farm, twins, all_off):
    assert farm("health", "--history")[:2] == (0, "nothing happened to them yet\n")
    inject(twins.state, "atom-01", "hang-at-boot")
    twins.policy.write_text("quarantine_after: 1\nmodels:\n  atom-e3930:\n    max_celsius: 5\n")
    inject(twins.state, "atom-01", "hang-at-boot", False)
    code, out, err = farm("health", "--check", "atom-01")
    assert code == 3
    assert "atom-01: in quarantine: a fault, the last: atom-01: " in err
    assert [line.split()[:4] for line in out.splitlines()[1:]] == [
        ["atom-01", "process", "twin", "identity"],
        ["atom-01", "process", "twin", "limits"],
    ]
    code, out, _ = farm("health", "atom-01")
    assert (code, "quarantined" in out) == (3, True)
    code, _, err = farm("lease", "take", "model=atom-e3930")
    assert (code, "quarantine" in err) == (3, True)
    assert farm("health", "--release", "atom-01")[0] == 2
    assert farm("health", "--release", "atom-01", "--reason", "too strict")[:2] == (
        0,
        "atom-01: is out of quarantine\n",
    )
    code, out, _ = farm("health", "--history", "atom-01")
    assert [line.split()[3] for line in out.splitlines()[1:]] == ["release", "look:", "quarantine", "check:"]
    assert "too strict" in out
    assert farm("health", "atom-01")[0] == 0


def test_due_checks_run_once(farm, twins, all_off):
    twins.policy.write_text("models:\n  atom-e3930:\n    max_celsius: 95\n")
    code, out, err = farm("health", "--due", "--json")
    assert (code, [check["outcome"] for check in json.loads(out)]) == (0, ["passed"])
    assert "atom-01: it was never checked" in err
    assert farm("health", "--due")[:2] == (0, "no board is due for a check\n")


def test_what_does_not_go_together_is_refused(farm):
    code, _, err = farm("health", "--check")
    assert (code, "name the boards" in err) == (2, True)
    assert farm("health", "--due", "--history")[0] == 2
    assert farm("health", "--watch", "--every", "0")[0] == 2
    assert farm("health", "--notify", "no-such-program-here")[0] == 2
    assert farm("health", "nobody")[0] == 2


def test_prometheus_text_is_printed_instead_of_the_table(farm, all_off):
    code, out, _ = farm("health", "--prometheus", "-")
    assert code == 0
    assert out.startswith("# HELP farm_board")
    assert 'farm_board_powered{board="atom-01"} 0.0' in out


def test_watching_prints_a_line_for_each_change_and_tells_who_wants_to_know(twins, all_off, tmp_path):
    told = tmp_path / "told"
    words = ["health", "atom-01", "--watch", "--every", "0.2", "--prometheus", str(tmp_path / "farm.prom")]
    words += ["--notify", f"sh -c 'echo $FARM_BOARD $FARM_WAS $FARM_STATE >> {told}'"]
    with subprocess.Popen(
        [*FARM, *words], stdout=subprocess.PIPE, text=True, env=os.environ | {"FARM_OWNER": "watcher"}
    ) as watcher:
        first = watcher.stdout.readline()
        inject(twins.state, "relay-atom", "silent")
        second = watcher.stdout.readline()
        inject(twins.state, "relay-atom", "silent", False)
        third = watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(30) == 130
        assert watcher.stdout.read() == ""
    assert first.endswith("atom-01 (process twin): off\n")
    assert "atom-01 (process twin): faulty: relay-atom: " in second
    assert third.endswith("atom-01 (process twin): off\n")
    assert told.read_text() == "atom-01 ok faulty\n"
    assert 'farm_board_state{board="atom-01",state="off"} 1.0' in (tmp_path / "farm.prom").read_text()


def test_watching_with_due_runs_the_checks_that_come_due(twins, all_off):
    twins.policy.write_text("models:\n  atom-e3930:\n    max_celsius: 95\n")
    words = ["health", "atom-01", "--watch", "--due", "--every", "0.2"]
    with subprocess.Popen([*FARM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as watcher:
        until_s = time.monotonic() + 60
        lines = []
        while not any("passed" in line for line in lines) and time.monotonic() < until_s:
            lines.append(watcher.stderr.readline())
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(30) == 130
    assert lines[0].endswith("atom-01: health check: it was never checked\n")
    assert lines[-1].endswith("atom-01: health check passed\n")
