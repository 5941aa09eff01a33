"""Commands over SSH: what comes back, and what ends when it should."""

import os
import socket
import threading
import time
from pathlib import Path

import paramiko
import pytest

from devices.errors import (
    AuthenticationRefused,
    CommandFailed,
    ConnectionLost,
    DeadlineExceeded,
    HostKeyMismatch,
    HostKeyUnknown,
    Unreachable,
)
from devices.ssh_keys import fetch_host_key, format_host_key, parse_host_key


@pytest.fixture
def quick(monkeypatch):
    """Waits for a sign of life that are meant for slow boards, cut short."""
    monkeypatch.setattr("devices.ssh_stream._SIGN_OF_LIFE_S", 0.5)


def once(happens, then) -> None:
    """Do something, from a thread, as soon as something else has happened."""

    def wait() -> None:
        until = time.monotonic() + 60
        while not happens() and time.monotonic() < until:
            time.sleep(0.005)
        then()

    threading.Thread(target=wait, daemon=True).start()


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


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- what comes back ------------------------------------------------------------------------------


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


# -- deadlines ------------------------------------------------------------------------------------


def test_a_command_past_its_deadline_is_ended_on_the_board(shell):
    with pytest.raises(DeadlineExceeded, match=r"is not over after 3 s; it said: \d+") as seen:
        shell.run("echo $$ >&2; sleep 60", timeout_s=3.0)
    assert gone(int(str(seen.value).split("it said: ")[1].split()[0]))
    assert shell.run("echo still here").text == "still here"


def test_a_command_that_ignores_the_request_to_end_is_killed(shell):
    with pytest.raises(DeadlineExceeded) as seen:
        shell.run("trap '' TERM; echo $$ >&2; while :; do sleep 0.1; done", timeout_s=3.0)
    assert gone(int(str(seen.value).split("it said: ")[1].split()[0]))


def test_a_server_that_accepts_and_never_answers_is_unreachable_in_time(shell_on):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shell = shell_on(silent.getsockname()[1], connect_timeout_s=0.5)
        started = time.monotonic()
        with pytest.raises(Unreachable, match=r"accepts no SSH session within 0\.5 s \(\w"):
            shell.run("true")
        assert time.monotonic() - started < 15


def test_threads_that_wait_for_one_attempt_to_connect_share_what_it_met(shell_on):
    """And do not make theirs one after the other."""
    met = []

    def call(shell):
        try:
            shell.run("true", timeout_s=20)
        except Unreachable as error:
            met.append(str(error))

    with socket.create_server(("127.0.0.1", 0)) as silent:
        shell = shell_on(silent.getsockname()[1], connect_timeout_s=0.4)
        threads = [threading.Thread(target=call, args=[shell]) for _ in range(5)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - begun < 1.6  # one attempt, and another for who came late
    assert len(met) == 5
    assert all("accepts no SSH session within 0.4 s" in said for said in met)


def test_a_server_that_hangs_up_is_named_with_a_reason(shell_on):
    with socket.create_server(("127.0.0.1", 0)) as server:
        shell = shell_on(server.getsockname()[1])
        hung_up = threading.Thread(target=lambda: server.accept()[0].close())
        hung_up.start()
        with pytest.raises(Unreachable, match=r"cannot be reached: \w"):
            shell.run("true")
        hung_up.join(timeout=10)


def test_a_server_that_stops_in_the_middle_of_the_handshake_is_unreachable_in_time(shell_on, wire):
    wire.stall()
    started = time.monotonic()
    with pytest.raises(Unreachable):
        shell_on(wire.port, connect_timeout_s=0.5).run("true")
    assert time.monotonic() - started < 15


def test_a_link_that_stalls_while_a_command_runs_is_lost_and_not_late(shell_on, wire, quick):
    shell = shell_on(wire.port)
    with shell.stream("echo ready; sleep 30", timeout_s=60) as stream:
        stream.readline(timeout_s=20)
        wire.stall()
        with pytest.raises(ConnectionLost, match="no answer to a keepalive"):
            stream.readline(timeout_s=0.3)


def test_a_link_that_stalls_before_a_command_is_found_in_time(shell_on, wire, quick):
    shell = shell_on(wire.port, connect_timeout_s=3.0)
    shell.run("true")
    wire.stall()
    started = time.monotonic()
    with pytest.raises((ConnectionLost, Unreachable)):
        shell.run("true", timeout_s=1)
    assert time.monotonic() - started < 20


def test_a_stalled_link_nobody_waits_on_is_found_by_the_keepalive(shell_on, wire, monkeypatch):
    monkeypatch.setattr("devices.ssh_link._KEEPALIVE_S", 0.1)
    monkeypatch.setattr("devices.ssh_link._ANSWER_S", 3.0)
    shell = shell_on(wire.port)
    with shell.stream("cat", timeout_s=60) as stream:
        wire.stall()
        with pytest.raises(ConnectionLost, match="keepalive"):
            list(stream.lines(idle_timeout_s=30))


def test_an_upload_over_a_stalled_link_ends(shell_on, wire, quick, tmp_path):
    shell = shell_on(wire.port)
    shell.run("true")
    threading.Timer(0.2, wire.stall).start()
    started = time.monotonic()
    with pytest.raises((ConnectionLost, DeadlineExceeded)):
        shell.upload(bytes(100_000_000), str(tmp_path / "never"), timeout_s=1.0)
    assert time.monotonic() - started < 30


# -- the connection -------------------------------------------------------------------------------


def test_a_connection_cut_while_a_command_runs_is_no_exit_status(shell, sshd):
    once(lambda: sshd._children, sshd.drop)
    with pytest.raises(ConnectionLost, match=r"board-1: .*`sleep 30`") as seen:
        shell.run("sleep 30", check=False)
    assert seen.value.transient


def test_a_connection_cut_between_status_and_end_of_output_is_lost(shell_on, wire, sshd, monkeypatch):
    monkeypatch.setattr("devices.ssh_stream._LAST_OUTPUT_S", 20.0)
    once(lambda: sshd._children and sshd._children[0].poll() is not None, lambda: (time.sleep(0.5), wire.cut()))
    with pytest.raises(ConnectionLost):
        shell_on(wire.port).run("sleep 20 & echo perhaps not all")


def test_a_connection_cut_while_lines_come_is_no_end_of_output(shell, sshd):
    with shell.stream("echo one; sleep 30", timeout_s=60) as stream:
        lines = stream.lines(idle_timeout_s=30)
        assert next(lines).data == b"one"
        sshd.drop()
        with pytest.raises(ConnectionLost):
            next(lines)


def test_after_a_reboot_the_next_call_connects_again(shell, sshd):
    shell.run("true")
    sshd.reboot()
    assert shell.run("echo back").text == "back"
    assert sshd.accepted == 2


def test_calls_share_one_connection(shell, sshd):
    for _ in range(5):
        shell.run("true")
    assert sshd.accepted == 1


def test_a_server_that_refuses_the_next_session_gets_a_second_connection(shell, sshd):
    sshd.max_sessions = 2
    streams = [shell.stream("echo ready; cat", timeout_s=30) for _ in range(5)]
    assert [stream.readline(timeout_s=30).data for stream in streams] == [b"ready"] * 5
    assert sshd.accepted == 3
    for stream in streams:
        stream.close()


def test_a_call_without_time_leaves_the_link_to_the_others(shell, sshd):
    with shell.stream("echo ready; cat", timeout_s=30) as stream:
        stream.readline(timeout_s=30)
        with pytest.raises(Unreachable, match="another thread"):
            shell.run("true", timeout_s=0)
        stream.send(b"still here\n")
        assert stream.readline(timeout_s=30).data == b"still here"
    assert sshd.accepted == 1


def test_threads_get_their_own_answers(shell):
    answers: dict[int, list[str]] = {}

    def ask(n: int) -> None:
        answers[n] = [shell.run(f"echo {n}.{k}").text for k in range(10)]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: [f"{n}.{k}" for k in range(10)] for n in range(4)}


def test_nothing_listening_is_unreachable_and_worth_a_retry(shell_on):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match=r"board-1: farm@127.0.0.1:") as seen:
        shell_on(port).run("true")
    assert seen.value.transient
    assert seen.value.hint


def test_a_refused_login_is_not_worth_a_retry(shell_on, sshd):
    with pytest.raises(AuthenticationRefused, match="refused the login") as seen:
        shell_on(sshd.port, password="wrong").run("true")
    assert not seen.value.transient
    assert "wrong" not in str(seen.value)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_key_file_of_ours_that_is_no_key_is_no_fault_of_the_link(shell_on, sshd, tmp_path, content):
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(AuthenticationRefused, match=r"our key file .*key is of no use") as seen:
        shell_on(sshd.port, key=key, password=None).run("true")
    assert not seen.value.transient


def test_a_key_with_a_passphrase_points_at_the_agent(shell_on, sshd, tmp_path, other_key):
    key = tmp_path / "key"
    other_key.write_private_key_file(str(key), password="locked")
    with pytest.raises(AuthenticationRefused, match="ssh-agent"):
        shell_on(sshd.port, key=key, password=None).run("true")


def test_a_key_logs_in(shell_on, sshd, tmp_path, other_key):
    key = tmp_path / "key"
    other_key.write_private_key_file(str(key))
    sshd.authorized = other_key
    assert shell_on(sshd.port, key=key, password=None).run("echo in").text == "in"


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


# -- host keys ------------------------------------------------------------------------------------


def test_an_unknown_host_key_is_refused_and_names_the_way_to_trust_it(shell_on, sshd):
    with pytest.raises(HostKeyUnknown, match=r"SHA256:.*\n.*farm trust board-1"):
        shell_on(sshd.port, host_key=None).run("true")


def test_another_host_key_is_refused(shell_on, sshd, other_key):
    with pytest.raises(HostKeyMismatch, match="trusted is ecdsa-sha2-nistp256 SHA256:"):
        shell_on(sshd.port, host_key=format_host_key(other_key)).run("true")


def test_a_known_hosts_file_is_read(shell_on, sshd, tmp_path, other_key):
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {format_host_key(sshd.key)}\n")
    assert shell_on(sshd.port, host_key=None, known_hosts=known).run("echo in").text == "in"
    known.write_text(f"[127.0.0.1]:{sshd.port} {format_host_key(other_key)}\n")
    with pytest.raises(HostKeyMismatch):
        shell_on(sshd.port, host_key=None, known_hosts=known).run("true")


def test_a_fetched_host_key_is_the_servers(sshd):
    assert fetch_host_key("127.0.0.1", sshd.port, 5.0) == format_host_key(sshd.key)


def test_fetching_from_a_silent_server_ends(shell_on):
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="shows no host key"):
        fetch_host_key("127.0.0.1", silent.getsockname()[1], 0.3)


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-ed25519 AAAA", "ssh-new AAAAC3Nz"])
def test_what_is_no_host_key_is_a_value_error(text):
    with pytest.raises(ValueError, match="not a host key"):
        parse_host_key(text)


# -- streams --------------------------------------------------------------------------------------


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


# -- files ----------------------------------------------------------------------------------------


def test_a_file_arrives_whole_with_its_mode(shell, tmp_path):
    data = os.urandom(3_000_000)
    path = tmp_path / "it's a file"
    assert shell.upload(data, str(path), mode=0o755) == len(data)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o755
    assert shell.download(str(path)) == data
    assert names(tmp_path) == ["it's a file"]


def test_a_file_is_sent_from_a_path(shell, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(700_001))
    assert shell.upload(source, str(tmp_path / "target")) == 700_001
    assert (tmp_path / "target").read_bytes() == source.read_bytes()


def test_a_large_upload_is_sent_in_pieces_that_paramiko_does_not_copy_again(shell, tmp_path, monkeypatch):
    offered = []
    send = paramiko.Channel.send

    def watched(channel, data):
        offered.append((type(data), len(data)))
        return send(channel, data)

    monkeypatch.setattr("paramiko.Channel.send", watched)
    shell.upload(bytes(20_000_000), str(tmp_path / "large"), timeout_s=60)
    client = [size for kind, size in offered if kind is memoryview]
    assert sum(size > 262_144 for size in client) == 0
    assert len(client) < 20_000_000 / 8192  # and not in crumbs either


def test_a_link_cut_during_an_upload_publishes_nothing(shell, sshd, tmp_path):
    path = tmp_path / "target"
    path.write_bytes(b"old")
    once(lambda: sshd._children, sshd.drop)
    with pytest.raises(ConnectionLost):
        shell.upload(bytes(400_000_000), str(path), timeout_s=60)
    until = time.monotonic() + 60
    while names(tmp_path) != ["target"] and time.monotonic() < until:
        time.sleep(0.02)
    assert names(tmp_path) == ["target"]
    assert path.read_bytes() == b"old"


def test_an_upload_that_the_board_cannot_store_says_why(shell):
    with pytest.raises(CommandFailed, match=r"No such file or directory|Directory nonexistent"):
        shell.upload(bytes(8_000_000), "/nowhere/at/all")


def test_a_file_that_is_not_there_is_a_failed_command(shell, tmp_path):
    with pytest.raises(CommandFailed, match="No such file"):
        shell.download(str(tmp_path / "none"))
