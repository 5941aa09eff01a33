"""SSH links that stall, break, or are shared: what a call says then."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from devices.errors import (
    ConnectionLost,
    DeadlineExceeded,
    ShellClosed,
    Unreachable,
)


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


def test_a_server_that_accepts_and_never_answers_is_unreachable_in_time(shell_on):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shell = shell_on(silent.getsockname()[1], connect_timeout_s=0.5)
        started = time.monotonic()
        with pytest.raises(Unreachable, match=r"accepts no SSH session within 0\.5 s \(\w"):
            shell.run("true")
        assert time.monotonic() - started < 15


def attempts(listener: socket.socket) -> int:
    """How many have connected to a server that has accepted nobody."""
    listener.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


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
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 <= attempts(silent) < len(threads)  # one, and others for those who came late
    assert len(met) == 5
    assert all("accepts no SSH session within 0.4 s" in said for said in met)


def test_closing_the_shell_ends_an_attempt_to_connect(shell_on):
    met = []

    def call(shell):
        with pytest.raises((Unreachable, ShellClosed)) as seen:
            shell.run("true", timeout_s=60)
        met.append(seen.type)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        shell = shell_on(silent.getsockname()[1], connect_timeout_s=60)
        caller = threading.Thread(target=call, args=[shell])
        caller.start()
        with silent.accept()[0]:
            started = time.monotonic()
            shell.close()
            caller.join(60)
            assert time.monotonic() - started < 15
    assert met
    with pytest.raises(ShellClosed):
        shell.run("true")


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
