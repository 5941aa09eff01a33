"""Short questions through one shell that stays: as exact as a command of its own."""

import time

import pytest

from devices.errors import CommandFailed, ConnectionLost, DeadlineExceeded
from devices.standing import Standing


@pytest.fixture
def standing(shell):
    with Standing(shell) as one:
        yield one


def test_output_errors_and_status_come_apart(standing):
    result = standing.run("printf out; printf err >&2; exit 7", check=False)
    assert (result.exit_status, result.stdout, result.stderr) == (7, b"out", b"err")
    assert standing.run("true").stderr == b""


@pytest.mark.parametrize("output", [b"", b"\n", b"a", b"a\n", b"a\n\n", b"\0\xff\r\n \x1e\n", b"\x1e1 0\n"])
def test_output_is_exact_to_the_byte(standing, output):
    octal = "".join(f"\\{byte:03o}" for byte in output)
    assert standing.run(f"printf '{octal}'").stdout == output


def test_no_command_changes_anything_for_the_next(standing):
    here = standing.run("pwd").stdout
    mask = standing.run("umask").stdout
    standing.run("cd /; x=1; umask 077; exec >/dev/null")
    assert standing.run('pwd; umask; echo "[$x]"').stdout == here + mask + b"[]\n"


def test_a_command_that_is_no_shell_syntax_fails_alone(standing):
    with pytest.raises(CommandFailed, match=r"Unterminated|unexpected EOF|unterminated"):
        standing.run("echo 'half")
    with pytest.raises(CommandFailed, match="ended with status 3"):
        standing.run("exit 3")
    assert standing.run("echo 'whole\nlines' # and a comment").text == "whole\nlines"


def test_a_command_has_no_standard_input_to_steal(standing):
    assert standing.run("cat; read x; echo end").text == "end"


def test_a_command_past_its_deadline_is_ended_and_the_next_one_runs(standing):
    standing.run("true")
    with pytest.raises(DeadlineExceeded, match=r"board-1: `sleep 300` is not over after 3 s"):
        standing.run("sleep 300", timeout_s=3.0)
    assert standing.run("echo on").text == "on"


def test_what_was_left_running_is_found_out_and_never_taken_for_an_answer(standing, tmp_path):
    standing.run(f"(while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; echo stray; : > {tmp_path}/said) & :")
    (tmp_path / "go").touch()
    until = time.monotonic() + 20
    while not (tmp_path / "said").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    with pytest.raises(ConnectionLost, match="an earlier command still speaks: b'stray'"):
        standing.run("echo mine")
    assert standing.run("echo mine").text == "mine"


def test_a_link_that_breaks_is_no_exit_status(standing, sshd):
    standing.run("true")
    sshd.drop()
    with pytest.raises(ConnectionLost):
        standing.run("true")
    assert standing.run("echo back").text == "back"
