"""Twins are started, looked at, disturbed and ended; nothing else is touched."""

import os
import subprocess
import sys
import time

import pytest

from farm.errors import LabFault, UsageFault
from farm.lab.bench import borrow
from farm.lab.inventory import usable
from farm.lab.process import ProcessId
from farm.lab.twin_state import TwinFolder, folders
from farm.lab.twins import down, inject, restore, snapshot, status, truth, up


@pytest.fixture
def own_lab(twin_lab, tmp_path):
    """A lab of one board for a test that breaks it."""
    source, state = tmp_path / "inventory.yaml", tmp_path / ".farm"
    source.write_text(twin_lab.source.read_text())
    yield source, state
    down(state)


def test_starting_what_runs_already_changes_nothing(twin_lab):
    before = [folder.process() for folder in folders(twin_lab.state)]
    again = up(twin_lab.source, twin_lab.state)
    assert again.boards == twin_lab.lab.boards
    assert [folder.process() for folder in folders(twin_lab.state)] == before


def test_the_resolved_lab_has_an_address_for_everything_and_secrets_only_by_reference(twin_lab):
    for board in twin_lab.lab.boards.values():
        assert board.console.port.startswith("/dev/pts/")
        assert board.console.password.startswith("file:/")
        assert (board.ssh.host, board.ssh.host_key[:11]) == ("127.0.0.1", "ssh-ed25519")
        assert board.root != "/"
    assert twin_lab.lab.meters["wall-1"].options["resource"].startswith("TCPIP::127.0.0.1::")
    assert twin_lab.lab.meters["wall-1"].options["amps_range"] == 2
    for path in twin_lab.state.glob("lab/**/password"):
        assert path.stat().st_mode & 0o077 == 0
        assert path.read_text().strip() not in (twin_lab.state / "lab" / "inventory.yaml").read_text()


def test_another_inventory_is_not_started_beside_the_one_that_runs(twin_lab, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(twin_lab.source.read_text())
    with pytest.raises(UsageFault, match=r"twins are up already: those of .*run `farm lab down` first"):
        up(other, twin_lab.state)


def test_a_board_that_is_no_twin_is_not_started(twin_lab):
    with pytest.raises(UsageFault, match="no twin board 'zero-1'; did you mean \"zero-01\""):
        up(twin_lab.source, twin_lab.state, only=["zero-1"])


def test_status_tells_power_and_faults(twin_lab):
    inject(twin_lab.state, "wall-1", "silent")
    (atom,) = [one for one in status(twin_lab.state) if one.board == "atom-01"]
    inject(twin_lab.state, "wall-1", "silent", False)
    assert (atom.state, atom.faults) == ("up", ("wall-1: silent",))
    assert isinstance(atom.powered, bool)


@pytest.mark.parametrize(
    ("target", "fault", "words"),
    [
        ("wall-2", "silent", "no twin 'wall-2' is up; did you mean \"wall-1\""),
        ("wall-1", "hang-at-boot", "^wall-1: no fault 'hang-at-boot'; there are"),
        ("zero-01", "hang", "^zero-01: no fault 'hang'; there are"),
    ],
)
def test_a_fault_that_cannot_be_injected_is_a_usage_fault(twin_lab, target, fault, words):
    with pytest.raises(UsageFault, match=words):
        inject(twin_lab.state, target, fault)


@pytest.mark.parametrize("act", [snapshot, restore])
@pytest.mark.parametrize("target", ["zero-01", "wall-1"])
def test_what_is_no_machine_can_neither_be_kept_nor_restored(twin_lab, act, target):
    with pytest.raises(UsageFault, match=f"^{target}: only a QEMU twin of a board can be kept and restored"):
        act(twin_lab.state, target)


def test_the_truth_of_a_board_that_is_off_is_its_standby(twin_lab):
    with borrow(twin_lab.lab, "atom-01", state=twin_lab.state) as bench:
        bench.power_off()
        start_ns = time.monotonic_ns()
        time.sleep(0.05)
        assert truth(twin_lab.state, "wall-1", start_ns, time.monotonic_ns()) == 0.0


def test_a_process_that_died_is_told_and_started_again(own_lab):
    source, state = own_lab
    lab = up(source, state, only=["atom-01"], keeper_pid=os.getpid())
    process = TwinFolder(state / "lab" / "atom-01").process()
    os.kill(process.pid, 9)
    assert process.wait_end(5)
    (told,) = status(state)
    assert (told.state, told.pid) == ("died", process.pid)
    with (
        pytest.raises(LabFault, match=r"^atom-01: its twins' process has ended; it last said"),
        borrow(lab, "atom-01", state=state),
    ):
        pass
    up(source, state, only=["atom-01"], keeper_pid=os.getpid())
    assert [one.state for one in status(state)] == ["up"]
    assert down(state) == ["atom-01"]
    assert (status(state), list(state.glob("lab/inventory.yaml"))) == ([], [])


def test_what_a_killed_process_leaves_behind_ends_with_the_lab(own_lab):
    source, state = own_lab
    lab = up(source, state, only=["atom-01"], keeper_pid=os.getpid())
    with borrow(lab, "atom-01", state=state) as bench:
        bench.settings.leave_on()  # its switch will be gone
        bench.ensure_up()
        orphan = ProcessId.of(int(bench.shell.run("sleep 300 <&- >&- 2>&- & echo $!").text))
        folder = TwinFolder(state / "lab" / "atom-01")
        os.kill(folder.process().pid, 9)
        assert folder.process().wait_end(5)
    assert orphan.alive
    down(state)
    assert not orphan.alive


def test_a_board_s_programs_see_no_secret_of_the_controller(own_lab, monkeypatch):
    monkeypatch.setenv("FARM_TX2_PASSWORD", "hunter2")
    source, state = own_lab
    lab = up(source, state, only=["atom-01"], keeper_pid=os.getpid())
    with borrow(lab, "atom-01", state=state) as bench:
        bench.ensure_up()
        seen = bench.shell.run("tr '\\0' '\\n' < /proc/$PPID/environ; env").text
    assert "PATH=" in seen
    assert "hunter2" not in seen


def test_twins_end_with_their_keeper(own_lab):
    source, state = own_lab
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as keeper:
        up(source, state, only=["atom-01"], keeper_pid=keeper.pid)
        process = TwinFolder(state / "lab" / "atom-01").process()
        assert process.alive
    assert process.wait_end(10)
    with pytest.raises(UsageFault, match="not up; run `farm lab up`"):
        usable(source, state=state)


def test_what_cannot_start_leaves_nothing_running(own_lab, monkeypatch):
    source, state = own_lab
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # its Python does not even begin
    with pytest.raises(LabFault, match=r"^(zero|atom)-01: its twins' process has ended; it last said: .*"):
        up(source, state)
    assert folders(state) == []


def test_a_keeper_that_is_gone_already_keeps_nothing(own_lab):
    source, state = own_lab
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
        assert ProcessId.of(gone.pid) is None
        with pytest.raises(UsageFault, match="no process"):
            up(source, state, keeper_pid=gone.pid)


def test_an_inventory_without_twins_has_nothing_to_start(tmp_path):
    source = tmp_path / "inventory.yaml"
    source.write_text(
        "lab: a\nboards:\n  b:\n    model: jetson-tx2\n    console:\n      port: /dev/ttyUSB0\n"
        "    ssh:\n      host: 192.0.2.1\n      user: x\n"
    )
    with pytest.raises(UsageFault, match="names no twins"):
        up(source, tmp_path / ".farm")
