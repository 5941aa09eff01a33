"""How a run stands on a board, as the board's own shell sees it."""

import json
import os
import shutil
import subprocess

import pytest

from farm.trial.kept import Kept

ENDS_FIRST = """\
#!/bin/sh
kill -9 {number}
sleep 0.1
printf '\\n%s\\n' '{last}' >>{file}
exec {grep} "$@"
"""


@pytest.fixture
def runs(tmp_path):
    """A run that has told one line, and goes on."""
    kept = Kept(str(tmp_path))
    with subprocess.Popen(["/bin/sh", "-c", "sleep 60; true", kept.name]) as leader:
        (tmp_path / f"{kept.name}.leader").write_text(f"{leader.pid}\n")
        (tmp_path / f"{kept.name}.jsonl").write_text('{"event": "hello"}\n')
        yield kept, leader
        leader.kill()


def look(kept, path=""):
    env = os.environ | {"PATH": f"{path}:/usr/bin:/bin"}
    return kept.seen(
        subprocess.run(["/bin/sh", "-c", kept.look()], env=env, text=True, stdout=subprocess.PIPE, check=False).stdout
    )


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
    grep = tmp_path / "bin" / "grep"
    grep.parent.mkdir()
    last = json.dumps({"event": "exit", "status": 0})
    grep.write_text(
        ENDS_FIRST.format(number=leader.pid, last=last, grep=shutil.which("grep"), file=tmp_path / f"{kept.name}.jsonl")
    )
    grep.chmod(0o755)
    assert look(kept, str(grep.parent)).state == "ended"
