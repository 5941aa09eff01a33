"""Commands on this machine, under limits."""

import os
import select
from concurrent.futures import ThreadPoolExecutor

import pytest

from devices.errors import CommandFailed, ConnectionLost, DeadlineExceeded
from farm.trial.prediction.local import Held, LocalShell
from farm.trial.prediction.status import numbers

ONE = min(os.sched_getaffinity(0))


@pytest.fixture
def shell():
    return LocalShell("atom-e3930 on this controller", Held((ONE,), 500_000_000), dict(os.environ))


def test_a_command_has_the_cores_and_the_memory_that_it_was_given(shell):
    said = shell.run("grep Cpus_allowed_list /proc/self/status; ulimit -d").text.split()
    assert said == ["Cpus_allowed_list:", str(ONE), "488281"]  # KiB


def test_limits_that_are_refused_start_nothing():
    shell = LocalShell("here", Held((ONE,), join=("/nowhere/cgroup.procs",)), dict(os.environ))
    with pytest.raises(CommandFailed, match=r"status 125: limits refused: .*No such file"):
        shell.run("echo it ran")


def test_lines_come_with_the_last_one_that_has_no_end(shell):
    with shell.stream("printf 'one\\ntwo'; exit 3", timeout_s=30) as stream:
        assert [line.data for line in stream.lines(idle_timeout_s=10)] == [b"one", b"two"]
        assert stream.exit_status(timeout_s=10) == 3
        with pytest.raises(ConnectionLost):
            stream.readline(timeout_s=1)


def test_what_says_nothing_ends_with_its_stream_children_too(shell):
    with shell.stream("sleep 60 & echo $!; wait", timeout_s=30) as stream:
        child = os.pidfd_open(int(stream.readline(timeout_s=10).data))
        with pytest.raises(DeadlineExceeded):
            stream.readline(timeout_s=0.01)
    ended = select.select([child], [], [], 10)[0]
    os.close(child)
    assert ended


def test_whoever_reads_a_command_is_told_that_another_has_ended_it(shell):
    with ThreadPoolExecutor(1) as reader, shell.stream("echo begun; sleep 60", timeout_s=30) as stream:
        assert stream.readline(timeout_s=10).data == b"begun"
        waiting = reader.submit(stream.readline, timeout_s=20)
        stream.__exit__(None, None, None)
        with pytest.raises(ConnectionLost, match="the command was ended"):
            waiting.result(timeout=10)


def test_a_signal_is_told_as_a_shell_tells_it(shell):
    assert shell.run("kill -9 $$", check=False).exit_status == 137


def test_input_reaches_a_command_and_files_are_here(shell, tmp_path):
    assert shell.run("cat", stdin=b"so it is\n").text == "so it is"
    assert shell.upload(b"1234", str(tmp_path / "file"), mode=0o600) == 4
    assert shell.download(str(tmp_path / "file")) == b"1234"
    with pytest.raises(CommandFailed, match="nothing: No such file"):
        shell.download(str(tmp_path / "nothing"))
    with pytest.raises(CommandFailed, match="root is for boards"):
        shell.sudo("true")


def test_lists_of_cores_are_read_as_the_kernel_writes_them():
    assert numbers("0-2,5") == {0, 1, 2, 5}
    assert numbers("") == set()
