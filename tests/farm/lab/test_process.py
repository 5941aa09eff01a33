import os
import subprocess
import sys
from dataclasses import replace

import pytest

from farm.lab.process import ProcessId, spawn


@pytest.fixture
def sleeper():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_is_alive_until_it_is_ended(sleeper):
    process = ProcessId.of(sleeper.pid)
    assert process.alive
    process.end()
    assert not process.alive


def test_a_later_process_with_the_same_number_is_left_alone(sleeper):
    earlier = replace(ProcessId.of(sleeper.pid), started=1)
    assert not earlier.alive
    earlier.end()
    assert ProcessId.of(sleeper.pid).alive


def test_one_that_does_not_listen_is_killed(tmp_path):
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        ProcessId.of(process.pid).end(patience_s=0.1)
        assert ProcessId.of(process.pid) is None


def test_there_is_no_process_zero_and_the_remains_of_one_do_not_count(tmp_path):
    assert ProcessId.of(0) is None
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, not buried
        assert ProcessId.of(process.pid) is None


def test_what_is_spawned_writes_its_log_and_has_no_terminal_of_ours(tmp_path):
    process = spawn("platform", [], log=tmp_path / "log")
    assert process.wait_end(20)
    assert (tmp_path / "log").read_text().strip()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
