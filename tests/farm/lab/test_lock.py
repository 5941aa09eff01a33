import os
import subprocess
import sys

import pytest

from farm.errors import LabFault
from farm.lab.lock import hold

HOLD = """
import sys
from pathlib import Path
from farm.lab.lock import hold
with hold(Path(sys.argv[1]), "tx2-01"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_user_is_told_who_holds_the_board(tmp_path):
    path = tmp_path / "locks" / "tx2-01.lock"
    told = pytest.raises(LabFault, match=rf"^tx2-01: in use by process {os.getpid()} \(")
    with hold(path, "tx2-01"), told, hold(path, "tx2-01"):
        pass


def test_what_is_let_go_can_be_taken_again(tmp_path):
    for _ in range(2):
        with hold(tmp_path / "a.lock", "a"):
            assert (tmp_path / "a.lock").exists()
        assert list(tmp_path.iterdir()) == []


def test_a_holder_that_is_killed_lets_go(tmp_path):
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(LabFault, match=f"process {other.pid} "), hold(path, "tx2-01"):
            pass
        other.kill()
        other.wait()
        with hold(path, "tx2-01"):
            pass


def test_waiting_ends_when_the_holder_lets_go(tmp_path):
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        other.stdin.close()
        with hold(path, "tx2-01", wait_s=20):
            pass


def test_a_lock_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "locks").write_text("a file where a folder should be")
    told = pytest.raises(LabFault, match=r"^zero-01: cannot be locked: .*zero-01\.lock: ")
    with told, hold(tmp_path / "locks" / "zero-01.lock", "zero-01"):
        pass
