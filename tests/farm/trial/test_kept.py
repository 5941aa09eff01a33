"""How a run stands on a board, as the board's own shell sees it."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from farm.trial.kept import Kept, exit_status

ENDS_FIRST = """\
#!/bin/sh
kill -9 {number}
sleep 0.1
printf '\\n%s\\n' '{last}' >>{file}
exec {tr} "$@"
"""
CUT_AT_ZERO = """\
#!/bin/sh
case $* in */proc/*) exit 1 ;; esac
exec {grep} "$@"
"""
"""As busybox is built by default: to its grep a line ends with the first zero byte."""


@pytest.fixture
def runs(tmp_path):
    """A run that has told one line, and goes on."""
    kept = Kept(str(tmp_path))
    with subprocess.Popen(["/bin/sh", "-c", "read -r _", kept.name], stdin=subprocess.PIPE) as leader:
        (tmp_path / f"{kept.name}.leader").write_text(f"{leader.pid}\n")
        (tmp_path / f"{kept.name}.jsonl").write_text('{"event": "hello"}\n')
        yield kept, leader
        leader.kill()


def look(kept, path=""):
    env = os.environ | {"PATH": f"{path}:/usr/bin:/bin"}
    return kept.seen(
        subprocess.run(["/bin/sh", "-c", kept.look()], env=env, text=True, stdout=subprocess.PIPE, check=False).stdout
    )


def stand_in(folder, name, script):
    (folder / "bin").mkdir()
    (folder / "bin" / name).write_text(script)
    (folder / "bin" / name).chmod(0o755)
    return folder / "bin"


def test_a_run_that_has_told_its_end_has_ended_and_one_that_has_not_is_gone(runs, tmp_path):
    kept, leader = runs
    assert look(kept).state == "runs"
    leader.kill()
    leader.wait()
    assert look(kept).state == "gone"
    with (tmp_path / f"{kept.name}.jsonl").open("a") as file:
        file.write("\n" + json.dumps({"event": "exit", "status": 0}) + "\n")
    assert look(kept).state == "ended"


def test_a_run_that_ends_while_it_is_looked_at_is_not_taken_for_one_that_is_gone(runs, tmp_path):
    kept, leader = runs
    last, file = json.dumps({"event": "exit", "status": 0}), tmp_path / f"{kept.name}.jsonl"
    script = ENDS_FIRST.format(number=leader.pid, last=last, tr=shutil.which("tr"), file=file)
    assert look(kept, stand_in(tmp_path, "tr", script)).state == "ended"


def test_a_small_boards_grep_need_not_know_zero_bytes(runs, tmp_path):
    kept, _ = runs
    script = CUT_AT_ZERO.format(grep=shutil.which("grep"))
    assert look(kept, stand_in(tmp_path, "grep", script)).state == "runs"


def test_half_of_the_last_line_tells_no_status():
    last = b'{"event": "exit", "status": 137}'
    assert [exit_status(last[:end]) for end in (len(last), -1, -4, 10)] == [137, None, None, None]


def test_a_board_without_setsid_leaves_no_run_behind(tmp_path):
    programs, kept = tmp_path / "programs", Kept(str(tmp_path / "runs"))
    programs.mkdir()
    for name in ("cat", "grep", "mkdir", "rm", "sh", "sleep", "tr"):
        (programs / name).symlink_to(str(shutil.which(name)))

    def run(command):
        return subprocess.Popen(["/bin/sh", "-c", command], env={"PATH": str(programs)}, start_new_session=True)

    assert run(kept.clear()).wait(10) == 0
    with run(kept.start("exec sleep 60", keeps=True)) as started:
        number = tmp_path / "runs" / f"{kept.name}.pid"
        while not (number.exists() and number.read_text().strip()):
            assert started.poll() is None
        program = Path(f"/proc/{number.read_text().strip()}/exe")  # not there any more once it is dead
        assert run(kept.clear()).wait(10) == 0
    deadline = time.monotonic() + 5
    while program.exists():
        assert time.monotonic() < deadline, "it goes on"
