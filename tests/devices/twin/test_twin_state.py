"""What disturbs a board from within shows in its files, as its class reads them."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from devices.accelerator import attached
from devices.registry import load_board
from devices.twin import tree
from devices.twin.disturbance import Disturbance
from devices.twin.hanging import Hanging, attach
from devices.twin.model import load, models
from devices.twin.proc import Proc


class HereShell:
    """Runs a command on this machine."""

    name = "here"

    def run(self, command, *, timeout_s=30.0):
        return subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, timeout=timeout_s)


@pytest.fixture
def made(tmp_path):
    """``made(model)``: the board's class over its twin's files, and what disturbs them."""

    def make(model):
        root, data = tmp_path / model, load(model)
        tree.build(root, data, user="farm", authorized_key="", serial_number="1")
        tree.boot(root, data)
        return load_board(model)("here", HereShell(), str(root)), Disturbance(root, data)

    return make


@pytest.mark.parametrize("model", models())
def test_a_board_that_holds_itself_back_says_so_and_what_it_remembers_goes_with_a_boot(model, made):
    board, disturbance = made(model)
    assert board.state().throttled is False
    disturbance.throttle(on=True)
    hot = board.state()
    assert hot.throttle_detail
    disturbance.throttle(on=False)
    assert bool(board.state().throttle_detail) is board.remembers_throttling
    tree.boot(Path(board.root), load(model))
    assert (board.state().throttled, board.state().throttle_detail) == (False, None)


def test_a_governor_that_somebody_else_sets_is_put_back_with_the_fault(made):
    board, disturbance = made("jetson-tx2")
    for _ in range(2):
        disturbance.governor(on=True)
        assert board.state().governor == "powersave"
    disturbance.governor(on=False)
    assert board.state().governor == "schedutil"


def test_accelerators_hang_on_ports_of_their_own_and_come_back_slower(made):
    board, disturbance = made("atom-e3930")
    attach(Path(board.root), [Hanging("coral-usb"), Hanging("ncs", "usb2", "1-4"), Hanging("ti-c66x")])
    assert [(one.kind, one.port, one.link_mbps) for one in attached(board)] == [
        ("ti-c66x", "0000:03:00.0", None),
        ("ncs", "1-4", 480),
        ("coral-usb", "2-1", 5000),
    ]
    disturbance.usb(on=True)
    assert {one.link_mbps for one in attached(board)} == {None, 480}
    disturbance.usb(on=False)
    assert {one.link_mbps for one in attached(board)} == {None, 480, 5000}


def test_processors_tell_the_boards_own_processes_and_whoever_else_takes_them(tmp_path):
    proc = Proc(tmp_path, cores=2)
    proc.write(100 * 10**9, 30 * 10**9, {17: 20 * 10**9, 18: 10 * 10**9})
    assert (tmp_path / "proc/stat").read_text() == "cpu  3000 0 0 17000 0 0 0 0 0 0\n"
    assert (tmp_path / "proc/17/stat").read_text().rpartition(")")[2].split()[11:13] == ["2000", "0"]
    proc.others = True
    proc.write(110 * 10**9, 31 * 10**9, {17: 21 * 10**9})
    assert (tmp_path / "proc/stat").read_text() == "cpu  4300 0 0 17700 0 0 0 0 0 0\n"
    assert not (tmp_path / "proc/18").exists()


def test_a_shared_twin_shows_all_of_it_while_it_is_up(up, eventually):
    twin, _ = up
    meminfo, stat = twin.root / "proc/meminfo", twin.root / "proc/stat"
    free = meminfo.read_text()
    shown = SimpleNamespace(busy=int(stat.read_text().split()[1]))
    for fault in ("low-memory", "other-load", "throttled", "other-governor", "slow-usb"):
        twin.inject(fault)
    try:
        assert eventually(lambda: meminfo.read_text() != free)
        assert eventually(lambda: int(stat.read_text().split()[1]) > shown.busy + 100)
    finally:
        for fault in ("low-memory", "other-load", "throttled", "other-governor", "slow-usb"):
            twin.inject(fault, on=False)
    assert eventually(lambda: meminfo.read_text() == free)
