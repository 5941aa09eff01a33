"""The parts of a QEMU twin, without QEMU."""

import io
import json
import os
import socket
import tarfile
import threading

import pytest

from devices.twin.qemu import images, machines, missing, parts
from devices.twin.qemu.identity import Identity
from devices.twin.qemu.qmp import Qmp, QmpFault
from devices.twin.qemu.twin import QemuTwin
from devices.twin.qemu.wire import Wire

GREETING = b'{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n'


class Emulator(threading.Thread):
    """Answers as QEMU 7.2 does: a greeting, then events and answers mixed."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.client, self._link = socket.socketpair()
        self.asked: list[str] = []

    def run(self) -> None:
        self._link.sendall(GREETING)
        with self._link, self._link.makefile("rb") as lines:
            for line in lines:
                command = json.loads(line)["execute"]
                self.asked.append(command)
                if command == "quit":
                    return
                self._link.sendall(b'{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}\r\n')
                if command == "inject-nmi":
                    self._link.sendall(
                        b'{"error": {"class": "GenericError", "desc": "machine does not provide NMIs"}}\r\n'
                    )
                else:
                    self._link.sendall(b'{"return": {"status": "paused"}}\r\n')


@pytest.fixture
def emulator():
    emulator = Emulator()
    emulator.start()
    yield emulator
    emulator.client.close()
    emulator.join(10)


def test_an_answer_is_found_between_events(emulator):
    monitor = Qmp(emulator.client)
    assert monitor.execute("query-status") == {"status": "paused"}
    assert emulator.asked == ["qmp_capabilities", "query-status"]
    monitor.close()


def test_a_refusal_is_told_in_qemus_words(emulator):
    monitor = Qmp(emulator.client)
    with pytest.raises(QmpFault, match="refuses inject-nmi: machine does not provide NMIs"):
        monitor.execute("inject-nmi")
    monitor.close()


def test_an_emulator_that_is_gone_is_a_fault_and_no_answer(emulator):
    monitor = Qmp(emulator.client)
    with pytest.raises(QmpFault, match="does not answer to quit"):
        monitor.execute("quit")
    monitor.close()


def test_the_console_stays_when_the_machine_behind_it_goes():
    heard = threading.Event()
    wire = Wire(lambda _: heard.set())
    reader = os.open(wire.path, os.O_RDWR | os.O_NOCTTY)
    try:
        for said in (b"first boot\n", b"second boot\n"):
            machine, plugged = socket.socketpair()
            wire.plug(plugged)
            machine.sendall(said)
            assert os.read(reader, 100) == said
            os.write(reader, b"typed")
            assert machine.recv(100) == b"typed"
            machine.close()
            wire.unplug()
        assert heard.is_set()
        os.write(reader, b"to nobody")  # lost, and no fault
    finally:
        os.close(reader)
        wire.close()


def test_what_nobody_reads_is_lost_and_holds_nothing_up():
    wire = Wire(lambda _: None)
    machine, plugged = socket.socketpair()
    wire.plug(plugged)
    machine.settimeout(30)
    assert machine.sendall(b"x" * 1_000_000) is None, "all of it was taken in time"
    machine.close()
    wire.unplug()
    wire.close()


def test_a_board_that_is_off_cannot_be_kept_and_one_that_was_not_kept_cannot_be_restored(tmp_path):
    twin = QemuTwin("tx2", "jetson-tx2", tmp_path, user="u", password="p", authorized_key="", serial_number="1", seed=1)
    try:
        with pytest.raises(ValueError, match="the board is off"):
            twin.snapshot()
        with pytest.raises(ValueError, match="no snapshot"):
            twin.restore()
        assert not twin.powered
    finally:
        twin.close()


def test_another_recipe_is_another_image(monkeypatch, tmp_path):
    monkeypatch.setenv("FARM_IMAGES", str(tmp_path))
    before = images.image("arm64")
    assert before.folder.parent == tmp_path
    assert images.image("arm64") == before
    more = images.Contents("linux-image-arm64", ("?essential", "another"))
    monkeypatch.setitem(images.CONTENTS, "arm64", more)
    assert images.image("arm64").folder != before.folder


def test_what_is_missing_is_named_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("FARM_IMAGES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    lacks = missing.missing("jetson-tx2")
    assert "qemu-system-aarch64 is not installed; apt-get install qemu-system-arm" in lacks
    assert f"no image for arm64 in {tmp_path}; run `make images`" in lacks


@pytest.mark.parametrize("model", machines.MACHINES)
def test_a_machine_listens_on_loopback_only_and_trusts_no_kvm(model, tmp_path):
    machine = machines.MACHINES[model]
    files = machines.Parts(tmp_path / "a,b.qcow2", tmp_path / "seed.tar", tmp_path / "initrd", tmp_path / "board.dtb")
    line = machines.command(machine, images.image(machine.arch), files, serial_number="A,1", ssh_port=2222)
    assert line[line.index("-accel") + 1] == "tcg"
    listening = [word for word in line if "hostfwd" in word or "server" in word]
    assert listening == ["user,id=net,hostfwd=tcp:127.0.0.1:2222-:22,restrict=on"]
    assert any("a,,b.qcow2" in word for word in line)


def test_a_seed_is_a_private_archive_that_names_the_board():
    identity = Identity("tx2", "nvidia", "secret", "ssh-ed25519 AAAA", "0421", b"private", "ssh-ed25519 BBBB")
    with tarfile.open(fileobj=io.BytesIO(identity.seed())) as seed:
        modes = {member.name: member.mode for member in seed}
        told = seed.extractfile("etc/edge-test-farm/seed").read().decode()
    assert told == "USER=nvidia\nPASSWORD=secret\nHOST=tx2\n"
    assert modes["etc/ssh/ssh_host_ed25519_key"] == modes["etc/edge-test-farm/seed"] == 0o600


def test_an_archive_for_the_kernel_is_whole():
    archive = parts._cpio("seed.tar", b"12345")
    assert len(archive) % 4 == 0
    assert archive.startswith(b"070701")
    assert archive.index(b"12345") % 4 == 0
    assert b"TRAILER!!!" in archive
