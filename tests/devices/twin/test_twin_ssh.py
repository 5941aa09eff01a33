"""The board's SSH server stands real use."""

import hashlib
import os
import signal
import socket
import threading
import time
from pathlib import Path

import paramiko
import pytest

from devices.twin.ssh_session import Connection


def test_a_command_has_its_own_output_errors_and_status(client):
    assert client.run("echo out; echo err >&2; exit 7") == (7, b"out\n", b"err\n")


def test_tens_of_megabytes_go_in_and_out_unchanged(client):
    data = os.urandom(1 << 20) * 24
    status, out, _ = client.run("tee copy | sha256sum; rm copy", data)
    assert (status, out.split()[0].decode()) == (0, hashlib.sha256(data).hexdigest())
    status, out, _ = client.run("cat", data)
    assert (status, out) == (0, data)


def test_output_that_a_command_wrote_before_its_end_is_never_cut(client):
    for _ in range(20):
        status, out, _ = client.run("head -c 100000 /dev/zero")
        assert (status, len(out)) == (0, 100_000)


def test_ten_channels_run_at_once_and_an_eleventh_is_refused(client):
    channels = [client.start("cat") for _ in range(10)]
    with pytest.raises(paramiko.ChannelException):
        client.transport.open_session(timeout=30)
    for number, channel in enumerate(channels):
        channel.sendall(f"{number}\n".encode())
    assert [int(channel.recv(10)) for channel in channels] == list(range(10))
    for channel in channels:
        channel.close()
    assert client.text("echo again") == "again"


def test_a_standing_helper_answers_at_once(client):
    channel = client.start("cat")
    times = []
    for _ in range(200):
        start = time.perf_counter()
        channel.sendall(b"x\n")
        assert channel.recv(10) == b"x\n"
        times.append(time.perf_counter() - start)
    channel.close()
    assert min(times) < 5e-3  # no timer in between: the shortest, TCP's delayed acknowledgement, takes 40 ms


def test_a_helper_that_is_left_alone_ends_when_its_channel_closes(client, up, eventually):
    channel = client.start("echo $$; trap '' HUP; while :; do sleep 0.1; done")
    pid = int(channel.recv(20))
    channel.close()
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_a_cut_connection_ends_what_it_ran_and_leaves_daemons(connect, up, eventually):
    client = connect(up[1])
    channel = client.start("setsid sleep 300 >/dev/null 2>&1 & echo $!; echo $$; exec sleep 301")
    daemon, command = (int(word) for word in _read_lines(channel, 2))
    assert eventually(lambda: Path(f"/proc/{daemon}/comm").read_text() == "sleep\n")  # in a session of its own now
    client.sock.shutdown(socket.SHUT_RDWR)
    assert eventually(lambda: not Path(f"/proc/{command}").exists())
    assert Path(f"/proc/{daemon}").exists()
    os.kill(daemon, signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{daemon}").exists()), "nobody reaps the board's orphans"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_client_that_is_gone_when_its_command_ends_is_no_fault(connect, up, eventually, monkeypatch, terminal):
    def gone(*_: object) -> None:
        raise EOFError

    faults: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    before = set(threading.enumerate())  # other tests' commands may still run on this twin
    channel = connect(up[1]).transport.open_session()
    if terminal:
        channel.get_pty()
    channel.exec_command("echo ready; read line")
    _read_lines(channel, 1)
    monkeypatch.setattr(Connection, "_send_user_message", gone)
    channel.sendall(b"\n")
    assert eventually(lambda: not any(t.name.startswith("twin-job") for t in set(threading.enumerate()) - before))
    assert not faults


def test_a_command_is_over_when_it_ends_though_its_background_holds_the_output(client):
    channel = client.start("sleep 30 & echo $!")
    (left,) = _read_lines(channel, 1)
    assert channel.status_event.wait(30)
    assert channel.exit_status == 0
    assert not channel.closed
    channel.close()
    client.text(f"kill {left} || true")


def test_a_signal_reaches_the_command(client):
    channel = client.start("trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done")
    assert _read_lines(channel, 1) == ["ready"]
    message = paramiko.Message()
    message.add_byte(b"\x62")  # SSH_MSG_CHANNEL_REQUEST
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string("TERM")
    client.transport._send_user_message(message)
    assert _read_lines(channel, 1) == ["caught"]
    assert channel.recv_exit_status() == 3


def test_a_command_killed_by_a_signal_has_no_exit_status(client):
    status, _, _ = client.run("kill -9 $$")
    assert status == -1  # what paramiko says for an exit-signal
    assert client.transport.is_active()


def test_a_terminal_is_a_terminal(client):
    channel = client.transport.open_session()
    channel.get_pty("vt100", 100, 40)
    channel.exec_command("tty >/dev/null && stty size")
    assert channel.makefile().read().split() == [b"40", b"100"]
    assert channel.recv_exit_status() == 0


def test_a_login_shell_reads_commands_from_its_input(client):
    channel = client.transport.open_session()
    channel.invoke_shell()
    channel.sendall(b"echo $((6*7))\nexit 4\n")
    channel.shutdown_write()
    assert channel.makefile().read() == b"42\n"
    assert channel.recv_exit_status() == 4


@pytest.mark.usefixtures("hurried")
def test_only_the_right_user_with_the_right_password_or_key_comes_in(connect, make_twin):
    key = paramiko.ECDSAKey.generate()
    twin, address = make_twin(authorized_key=f"{key.get_name()} {key.get_base64()} farm@controller")
    twin.power(on=True)
    assert connect(address, key=key).text("echo in") == "in"
    for wrong in ({"password": "wrong"}, {"user": "root"}, {"key": paramiko.ECDSAKey.generate()}, {"password": ""}):
        with pytest.raises(paramiko.AuthenticationException):
            connect(address, **wrong)


def test_the_server_shows_the_key_that_it_announced(client, up):
    assert client.host_key == up[1].host_key


def test_nothing_of_the_controllers_environment_gets_through(client, monkeypatch):
    monkeypatch.setenv("FARM_SECRET", "leak")
    names = {line.partition("=")[0] for line in client.text("env").splitlines()}
    assert names == {
        *("BOARD_TWIN", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "PYTHONDONTWRITEBYTECODE", "SHELL", "TMPDIR", "USER")
    }


def _read_lines(channel: paramiko.Channel, count: int) -> list[str]:
    got = b""
    while got.count(b"\n") < count:
        data = channel.recv(1024)
        assert data, got
        got += data
    return got.decode().split()
