"""Files over SSH: whole, or not at all."""

import os
import time
from pathlib import Path

import paramiko
import pytest

from devices.errors import (
    CommandFailed,
    ConnectionLost,
)

from .test_ssh_link import once


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
