"""Faults on request."""

import io
import socket
import time

import pytest

from devices.twin.faults import Faults


def test_dropped_ssh_cuts_live_connections_and_takes_new_ones(up, connect, eventually):
    client = connect(up[1])
    channel = client.start("echo here; exec sleep 100")
    assert channel.recv(10) == b"here\n"
    up[0].inject("drop-ssh")
    assert eventually(lambda: not client.transport.is_active())
    assert connect(up[1]).text("echo back") == "back"


def test_silent_ssh_accepts_and_never_answers_old_and_new_connections_alike(up, connect):
    client = connect(up[1])
    channel = client.start("cat")
    up[0].inject("silent-ssh")
    try:
        channel.sendall(b"anyone?\n")
        channel.settimeout(0.5)
        with pytest.raises(TimeoutError):
            channel.recv(10)
        with socket.create_connection(("127.0.0.1", up[1].ssh_port), timeout=0.7) as sock:
            sock.sendall(b"SSH-2.0-anyone\r\n")
            with pytest.raises(TimeoutError):
                sock.recv(10)
    finally:
        up[0].inject("silent-ssh", on=False)
    channel.settimeout(30.0)
    assert channel.recv(10) == b"anyone?\n"
    assert client.text("echo well") == "well"


def test_a_stalled_link_hears_nothing_more_and_a_new_one_is_served(up, connect):
    client = connect(up[1])
    channel = client.start("cat")
    up[0].inject("stalled-ssh")
    channel.sendall(b"anyone?\n")
    channel.settimeout(0.3)
    with pytest.raises(TimeoutError):
        channel.recv(10)
    assert connect(up[1]).text("echo well") == "well"


@pytest.mark.usefixtures("hurried")
def test_a_reset_begins_another_boot_without_a_word(make_twin, connect):
    twin, address = make_twin()
    twin.power(on=True)
    read = "cat /proc/sys/kernel/random/boot_id".replace("/proc", f"{twin.root}/proc")
    before = connect(address).text(read)
    twin.inject("reset")
    assert connect(address).text(read) != before
    assert twin.powered


@pytest.mark.usefixtures("hurried")
def test_a_new_host_key_is_shown_from_the_next_boot_on(make_twin, connect):
    twin, address = make_twin()
    twin.inject("new-host-key")
    twin.power(on=True)
    shown = connect(address).host_key
    assert shown != address.host_key
    twin.power(on=False)
    twin.power(on=True)
    assert connect(address).host_key == shown


def test_a_full_disk_takes_nothing_more_over_any_way_that_the_farm_writes(up, client):
    twin, _ = up
    twin.inject("full-disk")
    target = f"{twin.root}/opt/new"
    try:
        status, _, err = client.run(f"cat > {target}", b"x" * 300_000)
        assert status == 1
        assert b"No space left on device" in err
        assert client.run(f"mkdir -p {target}.d")[0] == 1
        assert client.run(f"mkdir -p {twin.root}/opt")[0] == 0
        assert client.text(f"df -kP {twin.root} | awk 'NR == 2 {{print $4}}'") == "0"
        with client.transport.open_sftp_client() as sftp, pytest.raises(OSError, match="Failure"):
            sftp.putfo(io.BytesIO(b"x"), f"{target}.2", confirm=False)
        assert client.text("echo through | cat") == "through"
    finally:
        twin.inject("full-disk", on=False)
    assert client.run(f"cat > {target}", b"fits")[0] == 0
    assert client.text(f"cat {target}; rm {target}") == "fits"


def test_a_slow_disk_takes_its_time(up, client):
    up[0].inject("slow-disk")
    try:
        start = time.monotonic()
        assert client.run("cat > slow; rm slow", b"x" * 100_000)[0] == 0
        assert time.monotonic() - start > 0.5
    finally:
        up[0].inject("slow-disk", on=False)


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="silent-ssh"):
        Faults().set("flood", on=True)


def test_a_board_without_python_has_busybox_and_nothing_of_the_hosts(up, client):
    twin, _ = up
    had = client.text("command -v python3; command -v sed")
    twin.inject("no-python")
    try:
        told = client.run("command -v python3 || readlink $(command -v sed); sh -c 'echo $0 | tr s S'; sudo true")
        assert (told[0], told[1].split()) == (0, [b"/usr/bin/busybox", b"Sh"])
        assert client.run("halt --help")[0] == 127  # of an administrator's, none
    finally:
        twin.inject("no-python", on=False)
    assert client.text("command -v python3; command -v sed") == had
