"""Logging in over SSH: keys of ours, and the host's."""

import socket

import pytest

from devices.errors import (
    AuthenticationRefused,
    HostKeyMismatch,
    HostKeyUnknown,
    Unreachable,
)
from devices.ssh_keys import fetch_host_key, format_host_key, parse_host_key


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
