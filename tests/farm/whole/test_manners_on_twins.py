"""Whole sessions that are ended in the middle, and what they leave: boards as they were, records of what ran."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

HOLD = """
    import os, time
    from pathlib import Path
    import pytest

    @pytest.mark.board()
    def test_it(bench, board):
        bench.settings.governor("performance")
        Path("holding.new").write_text(str(os.getpid()))
        Path("holding.new").rename("holding")
        time.sleep(60)
"""


def governor(whole) -> str:
    cpu = whole.folder / ".farm" / "lab" / whole.board / "board" / "root" / "sys/devices/system/cpu"
    return (cpu / "cpufreq/policy0/scaling_governor").read_text().strip()


def powered(whole) -> str:
    told = whole.farm("power", "status", whole.board).stdout
    return told.removeprefix(f"{whole.board} (process twin): ").partition(":")[0].strip()


def wait_for(happened, seconds=150.0):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("words", "told", "whom", "exit_code"),
    [
        ([], signal.SIGINT, "main", 130),
        ([], signal.SIGTERM, "main", 130),
        (["-n1"], signal.SIGTERM, "main", 130),
        (["-n1"], signal.SIGTERM, "worker", 130),
        (["-n1"], signal.SIGKILL, "main", -signal.SIGKILL),
    ],
)
def test_a_session_that_is_ended_leaves_the_board_as_it_was(bare_zero, words, told, whom, exit_code):
    zero, holding = bare_zero, bare_zero.folder / "holding"
    with zero.start(HOLD, *words) as session:
        wait_for(holding.exists)
        worker = int(holding.read_text())
        assert (governor(zero), session.poll()) == ("performance", None)
        os.kill(session.pid if whom == "main" else worker, told)
        session.communicate(timeout=150)
    assert session.returncode == exit_code
    wait_for(lambda: not Path(f"/proc/{worker}").exists())  # it outlives a killed main process by what it puts back
    assert (governor(zero), powered(zero)) == ("ondemand", "off")


def test_a_session_that_is_killed_leaves_records_of_what_ran_and_the_next_puts_its_board_back(zero):
    source = zero.trial(artifact="lenet-300-100-pruned-int8-tflite", how="rate_hz=5, duration_s=2, idle_s=0.5")
    source = source.replace(
        "outcome.check()",
        'bench.settings.governor("powersave"); Path("holding").touch();\n                import time; time.sleep(60)',
    )
    with zero.start(source) as session:
        wait_for((zero.folder / "holding").exists)
        session.kill()
        session.communicate(timeout=150)
    (kept,) = zero.records()
    runs = zero.farm("results", "list", "--runs")
    assert kept["record"]["run_id"][:8] in runs.stdout, runs.stderr
    assert governor(zero) == "powersave"
    again = zero.pytest(
        "import pytest\n@pytest.mark.board()\ndef test_it(board): assert board.state().governor == 'performance'\n"
    )
    assert again.exit == 0, again.output
    assert powered(zero) == "off"


def test_a_session_is_one_run_whose_name_it_prints(zero):
    source = zero.trial(
        artifact="lenet-300-100-pruned-int8-tflite", how="rate_hz=5, duration_s=2, idle_s=0.5", check="max_p99_ms=500"
    )
    session = zero.decided(source, "-n1")
    assert session.exit == 0, session.output
    said = re.search(
        r"^run ([0-9a-f]{8}), 1 record: `farm report \1 --html report.html` draws it$", session.output, re.M
    )
    assert said, session.output
    (kept,) = zero.records()
    assert kept["record"]["run_id"].startswith(said[1])
