"""A process twin with its SSH server: the link really breaks, the board really goes down."""

import os
import socket
import time
from pathlib import Path

import pytest

from devices.errors import DeviceError
from devices.ssh import Ssh
from devices.twin import uart
from devices.twin.board_twin import BoardTwin
from devices.twin.machine import Life
from farm.artifact.deploy import deploy, deployed, roll_back
from farm.errors import LabFault

DEADLINE_S = 60.0


@pytest.fixture
def board(tmp_path, monkeypatch):
    """A Pi Zero W that is up, and its shell."""
    unhurried = Life._wait
    monkeypatch.setattr(Life, "_wait", lambda life, seconds: unhurried(life, seconds / 10))
    monkeypatch.setattr(uart, "_BYTES_PER_S", 200_000)
    twin = BoardTwin(
        "zero-01",
        "pi-zero-aiy",
        tmp_path / "twin",
        user="farm",
        password="secret",
        authorized_key="",
        serial_number="00000000c0ffee00",
        seed=7,
    )
    try:
        address = twin.start()
        twin.power(on=True)
        listens(address.ssh_port)
        key = address.host_key
        with Ssh.open(
            "zero-01", host="127.0.0.1", port=address.ssh_port, user="farm", password="secret", host_key=key
        ) as shell:
            yield twin, shell, address.ssh_port
    finally:
        twin.close()


def listens(port: int) -> None:
    until = time.monotonic() + DEADLINE_S
    while True:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < until, "SSH never came up"
        time.sleep(0.02)


def test_a_board_that_is_lost_in_the_middle_has_the_old_one_and_then_the_new_one(board, dataset, retrain):
    twin, shell, port = board
    workdir = shell.run("pwd").text + "/farm"
    current = Path(workdir, "current")
    old, new = retrain(b"old"), retrain(os.urandom(4 << 20))
    deploy(shell, workdir, old, dataset)

    def power_cycle() -> None:
        twin.power(on=False)
        twin.power(on=True)
        listens(port)

    for lose, again in ((lambda: twin.inject("drop-ssh"), lambda: None), (lambda: twin.power(on=False), power_cycle)):
        with pytest.raises(DeviceError):
            deploy(shell, workdir, new, dataset, progress=lambda _, lose=lose: lose())
        assert current.resolve().name == old.id
        again()
    put = deploy(shell, workdir, new, dataset)
    assert Path(put.model_path).read_bytes() == new.model_path.read_bytes()
    assert current.resolve().name == new.id
    assert roll_back(shell, workdir).artifact == old.id
    assert [one.current for one in deployed(shell, workdir)] == [False, True]
    twin.inject("full-disk")
    with pytest.raises(LabFault, match="0 bytes free"):
        deploy(shell, workdir, retrain(b"another"), dataset)
    assert current.resolve().name == old.id
    assert deploy(shell, workdir, old, dataset, by_shell=True).bytes_sent == 0
