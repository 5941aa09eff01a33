"""One board with all that is wired to it, on twins."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from devices.errors import AcceleratorFault, BootFault, HostKeyMismatch, WrongBoard
from farm.errors import LabFault, UsageFault
from farm.lab.bench import borrow
from farm.lab.inventory import AcceleratorEntry, ProofEntry
from farm.lab.lending import CutShort
from farm.lab.twins import inject
from power.errors import MeterOffline, SwitchOffline
from power.sampler import Sampler


@pytest.fixture
def lend(twin_lab):
    def of(board, lab=twin_lab.lab):
        return borrow(lab, board, state=twin_lab.state)

    return of


@contextmanager
def disturbed(here, name, fault):
    inject(here.state, name, fault)
    try:
        yield
    finally:
        inject(here.state, name, fault, False)


def changed(lab, board, **changes):
    """The same lab with other words about a board."""
    other = lab.model_copy(update={"boards": lab.boards | {board: lab.boards[board].model_copy(update=changes)}})
    assert other.path == lab.path
    return other


def test_a_board_is_brought_up_once_and_found_up_after_that(lend):
    with lend("zero-01") as bench:
        bench.power_off()
        report = bench.power_on()
        assert report.stages[-1] == "login"
        first = bench.board.boot_id()
        assert bench.power_on() is None
        assert bench.board.boot_id() == first
        assert bench.made == "process twin"
        bench.power_cycle()
        assert bench.board.boot_id() != first


def test_a_board_that_hangs_at_boot_is_waited_for_no_longer_than_one_wants_and_left_as_it_was(lend, twin_lab):
    with lend("zero-01") as bench:
        bench.power_off()

    def patient_until_the_kernel(reached):
        if reached == "in stage firmware":
            raise CutShort("zero-01", reached, "time was up: 1 s")

    told = pytest.raises(CutShort, match=r"^zero-01: was not up yet, in stage firmware: time was up: 1 s")
    with disturbed(twin_lab, "zero-01", "hang-at-boot"), told, lend("zero-01") as bench:
        bench.ensure_up(patient_until_the_kernel)
    with lend("zero-01") as bench:
        assert bench.switch.state() is False


def test_the_meter_tells_on_from_off(lend):
    with lend("atom-01") as bench:
        meter = bench.meters["wall-1"].meter
        bench.power_off()
        off = max(meter.read().watts[0] for _ in range(3))
        bench.ensure_up()
        on = min(meter.read().watts[0] for _ in range(3))
        assert off < 0.1 < 5 < on


def test_the_console_gives_a_shell(lend):
    with lend("zero-01") as bench:
        bench.ensure_up()
        bench.login()
        assert bench.console.run("echo it works", timeout_s=30).text == "it works"


def test_the_workdir_lies_under_the_board_s_root(lend):
    with lend("zero-01") as bench:
        assert bench.workdir == f"{bench.entry.root}/opt/edge-test-farm"


def test_an_accelerator_must_hang_on_the_board_by_the_link_that_it_is_to_have(lend, twin_lab):
    lab = changed(twin_lab.lab, "zero-01", accelerators=[AcceleratorEntry(kind="coral-usb")])
    with lend("zero-01", lab) as bench, pytest.raises(AcceleratorFault, match="no coral-usb"):
        bench.ensure_up()
    port = Path(lab.boards["zero-01"].root) / "sys/bus/usb/devices/2-1"
    port.mkdir(parents=True)
    (port / "idVendor").write_text("18d1\n")
    (port / "idProduct").write_text("9302\n")
    try:
        (port / "speed").write_text("480\n")
        with lend("zero-01", lab) as bench, pytest.raises(AcceleratorFault, match=r"480 Mbit/s, and must have usb3"):
            bench.ensure_up()
        (port / "speed").write_text("5000\n")
        with lend("zero-01", lab) as bench:
            bench.ensure_up()
            assert [one.link_mbps for one in bench.accelerators()] == [5000]
    finally:
        shutil.rmtree(port)


def test_another_board_than_the_inventory_s_is_named(lend, twin_lab):
    with lend("zero-01") as bench:
        bench.ensure_up()
    lab = changed(twin_lab.lab, "zero-01", serial_number="00000000deadbeef")
    with lend("zero-01", lab) as bench, pytest.raises(WrongBoard, match=r"zero-01: says .*c0ffee01; the inventory"):
        bench.ensure_up()


def test_not_one_command_of_a_user_is_run_on_another_board(lend, twin_lab):
    with lend("zero-01") as bench:
        bench.settings.leave_on()
        bench.ensure_up()
    lab = changed(twin_lab.lab, "zero-01", serial_number="00000000deadbeef")
    with lend("zero-01", lab) as bench:
        written = Path(bench.entry.root) / "tmp/by-mistake"
        for _ in range(2):
            with pytest.raises(WrongBoard):
                bench.shell.run(f"mkdir -p {written.parent}; touch {written}")
        assert not written.exists()
        assert bench.board.boot_id()
        bench.power_off()


def test_a_board_in_use_is_not_lent_again(lend):
    with lend("zero-01"), pytest.raises(LabFault, match=rf"^zero-01: in use by process {os.getpid()}"), lend("zero-01"):
        pass


def test_a_board_that_the_lab_lacks_is_a_usage_fault(lend):
    with pytest.raises(UsageFault, match="no board 'zero-1'; did you mean \"zero-01\""), lend("zero-1"):
        pass


def test_a_board_without_a_switch_says_what_to_do(lend, twin_lab):
    lab = changed(twin_lab.lab, "zero-01", switch=None)
    with lend("zero-01", lab) as bench, pytest.raises(LabFault, match="no power switch\n  try: switch it by hand"):
        bench.power_cycle()


def test_a_board_without_a_console_login_says_which_line_is_missing(lend, twin_lab):
    console = twin_lab.lab.boards["zero-01"].console.model_copy(update={"user": None})
    told = pytest.raises(UsageFault, match=r"inventory\.yaml:\d+: boards\.zero-01\.console\.user: missing")
    with lend("zero-01", changed(twin_lab.lab, "zero-01", console=console)) as bench, told:
        bench.login()


def test_a_panic_is_named_with_its_stage(lend, twin_lab):
    told = pytest.raises(BootFault, match=r"^zero-01: did not boot, in stage kernel: panic")
    with disturbed(twin_lab, "zero-01", "kernel-panic"), lend("zero-01") as bench:
        with told:
            bench.power_cycle()
        bench.power_off()


def test_a_board_that_lives_on_without_its_supply_is_not_off(lend, twin_lab):
    said = r"^zero-01: its switch relay-zero says off, and its console still answers\n  try: is it fed through its UART"
    with lend("zero-01") as bench:
        bench.ensure_up()
        first = bench.board.boot_id()
        with disturbed(twin_lab, "zero-01", "back-powered"):
            with pytest.raises(LabFault, match=said):
                bench.power_off()
            assert bench.switch.state() is False
            assert bench.board.boot_id() == first
        bench.power_off()


def test_a_cycle_that_took_no_power_away_is_told_from_a_board_that_hangs(lend, twin_lab, monkeypatch):
    monkeypatch.setattr("devices.boot.STALL_S", {None: 2.0})
    with lend("zero-01") as bench:
        bench.ensure_up()
        first = bench.board.boot_id()
        bench.settings.leave_on()
    said = rf"^zero-01: was switched off and on, and still runs boot {first}\n  try: is its switch another board's"
    told = pytest.raises(LabFault, match=said)
    with disturbed(twin_lab, "zero-01", "back-powered"), lend("zero-01") as bench, told:
        bench.power_cycle()
    with lend("zero-01") as bench:
        bench.power_off()


def with_switch(lab, name, **changes):
    """The same lab with other words about a switch."""
    entry = lab.switches[name].model_copy(update=changes)
    other = lab.model_copy(update={"switches": lab.switches | {name: entry}})
    assert other.path == lab.path
    return other


def test_a_board_that_lives_on_is_found_where_its_meter_reads_nothing_too(lend, twin_lab):
    """What feeds it through its UART does not flow through the meter on its supply."""
    lab = with_switch(twin_lab.lab, "relay-atom", proof=ProofEntry(meter="wall-1", off_below_watts=0.2))
    with lend("atom-01", lab) as bench:
        bench.ensure_up()
        with disturbed(twin_lab, "atom-01", "back-powered"), pytest.raises(LabFault, match="its console still answers"):
            bench.power_off()
        assert bench.power_off().proven_by == ("wall-1 reads 0.00 W", "its console is silent")


POWER_OFF = """
import sys
from pathlib import Path
from farm.lab.bench import borrow
from farm.lab.inventory import usable
with borrow(usable(Path(sys.argv[1])), "zero-01") as bench:
    bench.switch.off()
"""


def test_the_minimum_off_time_holds_for_the_next_process_too(lend, here):
    """``farm power off X; farm power on X``."""
    subprocess.run([sys.executable, "-c", POWER_OFF, str(here.source)], cwd=here.folder, check=True)
    options = here.lab.switches["relay-zero"].options | {"min_off_s": 600.0}
    waits: list[float] = []
    with lend("zero-01", with_switch(here.lab, "relay-zero", options=options)) as bench:
        bench.switch._sleep = waits.append
        bench.switch.on()
        bench.switch.on()
        bench.switch.off()
    assert len(waits) == 1
    assert 500 < waits[0] < 600


def test_the_end_of_a_lease_does_not_believe_a_switch_whose_board_lives_on(lend, twin_lab):
    with lend("zero-01") as bench:
        bench.power_off()

    def lives_on():
        with lend("zero-01") as bench:
            bench.ensure_up()
            inject(twin_lab.state, "zero-01", "back-powered")

    try:
        with pytest.raises(LabFault, match=r"still set: supply on, .*its switch relay-zero says off, and its console"):
            lives_on()
    finally:
        inject(twin_lab.state, "zero-01", "back-powered", False)
    with lend("zero-01") as bench:
        assert bench.switch.state() is False


def test_a_silent_switch_is_named_not_the_board(lend, twin_lab):
    told = pytest.raises(SwitchOffline, match=r"^relay-zero: ")
    with disturbed(twin_lab, "relay-zero", "silent"), lend("zero-01") as bench, told:
        bench.power_cycle()


def test_a_silent_meter_is_named(lend, twin_lab):
    told = pytest.raises(MeterOffline, match=r"^wall-1: ")
    with disturbed(twin_lab, "wall-1", "silent"), lend("atom-01") as bench, told:
        _ = bench.meters


def test_a_board_with_another_host_key_is_refused(lend, twin_lab):
    with lend("atom-01") as bench:
        bench.ensure_up()
    other = twin_lab.lab.boards["zero-01"].ssh.host_key
    ssh = twin_lab.lab.boards["atom-01"].ssh.model_copy(update={"host_key": other})
    with lend("atom-01", changed(twin_lab.lab, "atom-01", ssh=ssh)) as bench, pytest.raises(HostKeyMismatch):
        bench.ensure_up()


LOAD = """
import time
end = time.monotonic() + 1.6
while time.monotonic() < end:
    slice_ends, busy_until = time.monotonic() + 0.05, time.process_time() + 0.05 * {share}
    while time.process_time() < busy_until:
        pass
    time.sleep(max(0, slice_ends - time.monotonic()))
print(time.process_time())
"""
"""Takes its share of a processor in slices, and says what it got in seconds: less on a busy machine."""


def test_watts_rise_with_the_load_of_the_board_s_own_processes(lend):
    found = []
    with lend("atom-01") as bench:
        bench.ensure_up()
        for share in (0.0, 0.3, 0.6):
            with Sampler(bench.meters["wall-1"].meter) as sampler:
                used_s = float(bench.shell.run("python3 -", stdin=LOAD.format(share=share).encode(), timeout_s=60).text)
                found.append((used_s, sampler.stop().block))
    idle_watts = float(np.min(found[0][1].watts))
    for used_s, block in found:
        joules = float(np.trapezoid(block.watts - idle_watts, block.t_ns / 1e9))
        assert 5 * used_s - 0.5 < joules < 15 * used_s + 1.5  # its processor takes 8 to 11 W more when it is busy
