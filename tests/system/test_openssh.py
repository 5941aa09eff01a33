"""The shell against the SSH server that boards really run."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices.errors import ConnectionLost, DeadlineExceeded, HostKeyMismatch
from devices.shell import Shell
from devices.ssh_keys import fetch_host_key
from devices.testing import ShellConformance, StreamConformance

from .conftest import OpenSsh, make_key


class TestOverOpenSsh(ShellConformance, StreamConformance):
    """What every shell must do."""

    file_bytes = 3_000_000


def alive(pid: int) -> bool:
    """Whether a process is there and not merely unburied."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_output_errors_and_status_come_apart(shell: Shell) -> None:
    result = shell.run("printf out; printf err >&2; exit 7", check=False)
    assert (result.exit_status, result.stdout, result.stderr) == (7, b"out", b"err")


def test_standard_input_arrives_whole(shell: Shell) -> None:
    data = os.urandom(3_000_000)
    assert shell.run("cat", stdin=data).stdout == data


def test_a_file_comes_back_as_it_went(shell: Shell, tmp_path: Path) -> None:
    data, path = os.urandom(20_000_000), str(tmp_path / "on board.bin")
    assert shell.upload(data, path, mode=0o640) == len(data)
    assert Path(path).stat().st_mode & 0o777 == 0o640
    assert shell.download(path) == data


def test_lines_come_while_the_command_still_runs(shell: Shell) -> None:
    with shell.stream("echo one; read answer; echo got $answer; exit 3", timeout_s=20) as stream:
        assert stream.readline(timeout_s=10).data == b"one"
        stream.send(b"two\n")
        assert stream.readline(timeout_s=10).data == b"got two"
        assert stream.exit_status(timeout_s=10) == 3


def test_a_command_past_its_deadline_is_ended_on_the_board(shell: Shell, tmp_path: Path) -> None:
    """OpenSSH leaves a command alone when its channel closes: the shell has to end it."""
    with pytest.raises(DeadlineExceeded):
        shell.run(f"echo $$ > {tmp_path}/pid; sleep 300 & wait", timeout_s=1.5)
    assert not alive(int((tmp_path / "pid").read_text(encoding="utf-8")))


def test_a_command_that_is_left_is_ended_on_the_board(shell: Shell, tmp_path: Path) -> None:
    with shell.stream(f"echo $$ | tee {tmp_path}/pid; sleep 300", timeout_s=60) as stream:
        pid = int(stream.readline(timeout_s=10).data)
        assert alive(pid)
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_more_commands_than_one_connection_carries_run_at_once(shell: Shell) -> None:
    """MaxSessions is 10 where nobody changed it."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: shell.run(f"sleep 1; echo {n}").text, range(16)))
    assert answers == [str(n) for n in range(16)]


def test_a_connection_that_ends_under_a_command_is_no_exit_status(shell: Shell) -> None:
    with pytest.raises(ConnectionLost):
        shell.run("kill -9 $PPID; sleep 30", timeout_s=20)


def test_a_killed_command_is_a_status_and_no_lost_connection(shell: Shell) -> None:
    assert shell.run("sh -c 'kill -9 $$'", check=False).exit_status == 137


def test_the_next_call_after_a_lost_connection_connects_again(shell: Shell) -> None:
    with pytest.raises(ConnectionLost):
        shell.run("kill -9 $PPID; sleep 30", timeout_s=20)
    assert shell.run("echo back").text == "back"


def test_the_key_that_is_fetched_is_the_one_that_is_then_trusted(server: OpenSsh) -> None:
    fetched = fetch_host_key("127.0.0.1", server.port)
    assert fetched.split()[:2] == server.host_key.split()[:2]
    with server.open(fetched) as shell:
        assert shell.run("echo in").text == "in"


def test_another_host_key_is_refused(server: OpenSsh, tmp_path: Path) -> None:
    with server.open(make_key(tmp_path / "another")) as shell, pytest.raises(HostKeyMismatch):
        shell.run("true")


def test_a_short_command_does_not_wait_for_nagle(shell: Shell) -> None:
    """44 ms a command without TCP_NODELAY; the bound leaves room for a busy machine."""
    shell.run("true")
    taken = []
    for _ in range(20):
        began = time.monotonic()
        shell.run("true")
        taken.append(time.monotonic() - began)
    assert min(taken) < 0.035
