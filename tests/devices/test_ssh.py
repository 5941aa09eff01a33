"""Commands over SSH: what comes back, and what ends when it should."""

import os
import time
from pathlib import Path

import pytest

from devices.errors import (
    CommandFailed,
    ConnectionLost,
    DeadlineExceeded,
)


def gone(pid: int, within_s: float = 60.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_command_returns_output_error_output_and_status(shell):
    result = shell.run("echo out; echo err >&2; exit 3", check=False)
    assert (result.exit_status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")


def test_a_failed_command_says_what_it_said(shell):
    with pytest.raises(CommandFailed, match=r"board-1: `ls /nowhere` ended with status 2: .*nowhere") as seen:
        shell.run("ls /nowhere")
    assert seen.value.exit_status == 2
    assert "nowhere" in seen.value.stderr


def test_output_is_bytes_and_may_be_no_text(shell):
    assert shell.run(r"printf 'a\000\377\r\n\033[0m'").stdout == b"a\0\xff\r\n\x1b[0m"


def test_a_command_of_several_lines_runs_as_it_stands(shell):
    command = "for i in 1 2; do\n  echo \"it's $i\"\ndone # end\ncat <<X\n'here'\nX"
    assert shell.run(command).stdout == b"it's 1\nit's 2\n'here'\n"


def test_a_command_killed_by_a_signal_has_a_status_and_is_no_lost_connection(shell):
    assert shell.run("sh -c 'kill -9 $$'", check=False).exit_status == 137


@pytest.mark.parametrize(("name", "status"), [("KILL", 137), ("TERM", 143), ("SIG@openssh.com", 128)])
def test_a_signal_that_the_server_tells_is_a_status_too(shell, sshd, name, status):
    sshd.signal_name = name
    assert shell.run("kill -9 $$", check=False).exit_status == status


def test_a_command_that_closes_its_output_is_waited_for(shell):
    assert shell.run("exec >/dev/null 2>&1; sleep 0.5; exit 3", check=False).exit_status == 3


def test_a_command_that_closes_its_output_and_does_not_end_is_late_and_no_lost_connection(shell):
    with pytest.raises(DeadlineExceeded, match=r"not over after 3 s"):
        shell.run("exec >/dev/null 2>&1; sleep 60", timeout_s=3.0)


def test_what_the_login_shell_prints_of_itself_is_no_output(shell, sshd):
    sshd.rc = "echo welcome to this board; echo '=====' "
    assert shell.run("echo mine").stdout == b"mine\n"


def test_input_reaches_the_command_and_ends(shell):
    assert shell.run("cat; echo end", stdin=b"in\n").stdout == b"in\nend\n"


def test_a_command_that_takes_no_input_is_no_fault(shell):
    assert shell.run("head -c 3", stdin=b"x" * 4_000_000).stdout == b"xxx"


def test_input_and_output_larger_than_any_window_do_not_wait_for_each_other(shell):
    data = os.urandom(6_000_000)
    assert shell.run("cat", stdin=data, timeout_s=60).stdout == data


def test_a_flood_of_output_with_error_output_full_ends(shell):
    flood = "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"
    result = shell.run(flood, timeout_s=60)
    assert (len(result.stdout), len(result.stderr)) == (3_000_000, 6_000_000)


def test_a_process_left_behind_does_not_hold_the_command(shell):
    started = time.monotonic()
    result = shell.run("sleep 20 & echo $!", timeout_s=15)
    assert time.monotonic() - started < 14
    os.kill(int(result.text), 0)


def test_root_needs_no_sudo_where_the_login_is_root(shell, sshd, tmp_path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "id").chmod(0o755)
    sshd.rc = f"PATH={tmp_path}:$PATH"
    assert shell.sudo('echo it"\'"s $((1+1))').text == "it's 2"


def test_root_through_a_sudo_that_never_asks(shell, sshd, tmp_path):
    for name, body in {"id": "echo 1000", "sudo": 'printf "%s %s\\n" "$1" "$2" >&2; shift 2; exec "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    sshd.rc = f"PATH={tmp_path}:$PATH"
    result = shell.sudo("echo done")
    assert (result.text, result.stderr) == ("done", b"-n --\n")


def test_a_command_past_its_deadline_is_ended_on_the_board(shell):
    with pytest.raises(DeadlineExceeded, match=r"is not over after 3 s; it said: \d+") as seen:
        shell.run("echo $$ >&2; sleep 60", timeout_s=3.0)
    assert gone(int(str(seen.value).split("it said: ")[1].split()[0]))
    assert shell.run("echo still here").text == "still here"


def test_a_command_that_ignores_the_request_to_end_is_killed(shell):
    with pytest.raises(DeadlineExceeded) as seen:
        shell.run("trap '' TERM; echo $$ >&2; while :; do sleep 0.1; done", timeout_s=3.0)
    assert gone(int(str(seen.value).split("it said: ")[1].split()[0]))


def test_a_closed_shell_stays_closed(shell):
    shell.run("true")
    shell.close()
    shell.close()
    with pytest.raises(ConnectionLost, match="closed"):
        shell.run("true")


def test_closing_the_shell_ends_what_runs(shell):
    stream = shell.stream("echo $$; sleep 60", timeout_s=100)
    pid = int(stream.readline(timeout_s=30).data)
    shell.close()
    assert gone(pid)


def test_lines_come_with_the_time_of_their_arrival(shell):
    before = time.monotonic_ns()
    with shell.stream("echo one; sleep 0.3; printf 'two\\nrest'", timeout_s=30) as stream:
        lines = list(stream.lines(idle_timeout_s=30))
        assert stream.exit_status(timeout_s=30) == 0
    assert [line.data for line in lines] == [b"one", b"two", b"rest"]
    assert before < lines[0].t_ns < lines[1].t_ns - 200_000_000


def test_a_helper_answers_line_by_line(shell):
    with shell.stream("while read -r x; do echo got $x; done", timeout_s=30) as stream:
        for n in range(20):
            stream.send(b"%d\n" % n)
            assert stream.readline(timeout_s=30).data == b"got %d" % n
        stream.send_eof()
        assert stream.exit_status(timeout_s=30) == 0


def test_silence_is_told_apart_from_a_lost_link(shell):
    with shell.stream("echo one; sleep 30", timeout_s=60) as stream:
        stream.readline(timeout_s=30)
        with pytest.raises(DeadlineExceeded, match=r"said nothing for 0.2 s"):
            stream.readline(timeout_s=0.2)


def test_a_stream_is_bounded_however_much_it_says(shell):
    endless = "while :; do echo x; sleep 0.05; done"
    late = pytest.raises(DeadlineExceeded, match=r"not over after 3 s")
    with shell.stream(endless, timeout_s=3.0) as stream, late:
        list(stream.lines(idle_timeout_s=30))


def test_leaving_a_stream_ends_its_command(shell):
    with shell.stream("echo $$; sleep 60", timeout_s=100) as stream:
        pid = int(stream.readline(timeout_s=30).data)
    assert gone(pid)


def test_a_write_to_a_helper_that_died_says_what_it_said(shell):
    with shell.stream("echo no module >&2; exit 1", timeout_s=30) as stream:
        assert list(stream.lines(idle_timeout_s=30)) == []
        assert stream.exit_status(timeout_s=30) == 1  # the end of its output may come earlier
        with pytest.raises(ConnectionLost, match=r"status 1.*no module"):
            stream.send(b"x\n")
