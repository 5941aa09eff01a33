"""One look at twins: nothing waits, nothing hides, nothing is changed."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devices.ssh import Ssh
from farm.cli.health_table import row
from farm.health import LOOK_S, look
from farm.lab.bench import borrow
from farm.lab.inventory import ConsoleEntry
from farm.lab.lease import Leases, Wanted
from farm.lab.twins import inject
from farm.store.database import Store
from farm.store.health import note_fault
from power.errors import SupplyTripped


@contextlib.contextmanager
def disturbed(twins, target: str, fault: str) -> Iterator[None]:
    inject(twins.state, target, fault)
    try:
        yield
    finally:
        inject(twins.state, target, fault, False)


@pytest.fixture
def atom_is_up(twins):
    with borrow(twins.lab, "atom-01", state=twins.state) as bench:
        bench.settings.leave_on()
        bench.ensure_up()


@pytest.fixture
def zero_is_off(twins):
    with borrow(twins.lab, "zero-01", state=twins.state) as bench:
        bench.power_off()


def test_a_board_that_is_well_is_asked_once_and_tells_all(twins, atom_is_up, monkeypatch):
    commands: list[str] = []
    run = Ssh.run
    monkeypatch.setattr(
        Ssh, "run", lambda shell, command, **how: commands.append(command) or run(shell, command, **how)
    )
    health = look(twins.lab, "atom-01", twins.state)
    assert len(commands) == 1
    assert (health.state, health.faults, health.powered, health.up) == ("ok", [], True, True)
    assert health.console in ("login", "shell")
    assert health.watts["wall-1"] > 5
    assert health.volts["wall-1"] == pytest.approx(12, abs=0.5)
    assert health.hottest > 30
    assert None not in (health.boot_id, health.disk_free_bytes, health.throttled, health.governor, health.clock_off_s)
    assert health.clock_hz


def test_a_board_that_is_off_is_no_fault_and_what_cannot_be_known_is_not(twins, zero_is_off):
    health = look(twins.lab, "zero-01", twins.state)
    assert (health.state, health.bad, health.powered) == ("off", False, False)
    assert (health.up, health.boot_id, health.console, health.hottest) == (None, None, None, None)


def with_board(lab, name, **changes):
    """The same lab with other words about a board."""
    return lab.model_copy(update={"boards": lab.boards | {name: lab.boards[name].model_copy(update=changes)}})


@pytest.fixture
def zero_is_on(twins):
    with borrow(twins.lab, "zero-01", state=twins.state) as bench:
        bench.settings.leave_on()
        bench.ensure_up()
    yield
    with borrow(twins.lab, "zero-01", state=twins.state) as bench:
        bench.power_off()


def test_off_is_proven_by_the_meters_and_by_a_dead_console(twins, zero_is_off):
    health = look(twins.lab, "zero-01", twins.state)
    assert health.off_proven_by == ["um25c-1 reads 0.00 W", "tc66c-1 reads 0.00 W", "its console is silent"]
    assert row(health)[4] == "off"


def test_off_without_a_witness_is_not_proven_and_is_said_to_be_so(twins, zero_is_off):
    health = look(with_board(twins.lab, "zero-01", meters=[], console=None), "zero-01", twins.state)
    assert (health.state, health.powered, health.off_proven_by) == ("off", False, [])
    assert health.reason == "not proven: it has neither meter nor console"
    assert row(health)[4] == "off, not proven"


def test_a_witness_that_cannot_be_asked_proves_nothing_and_is_named(twins, zero_is_off):
    lab = with_board(twins.lab, "zero-01", meters=["um25c-1"], console=ConsoleEntry(port="/dev/serial/not-there"))
    with disturbed(twins, "um25c-1", "silent"):
        health = look(lab, "zero-01", twins.state)
    assert (health.state, health.bad) == ("off", False)
    assert [doubt.partition(":")[0] for doubt in health.off_doubts] == ["zero-01", "um25c-1"]


def test_a_board_that_lives_on_while_its_switch_says_off_is_faulty(twins, zero_is_on):
    with disturbed(twins, "zero-01", "back-powered"):
        with borrow(twins.lab, "zero-01", state=twins.state) as bench:
            bench.switch.off()
        health = look(twins.lab, "zero-01", twins.state)
    assert (health.state, health.powered) == ("faulty", None)
    said = "zero-01: its switch relay-zero says off, and its console still answers"
    assert [fault.partition("\n")[0] for fault in health.faults] == [said]


def test_a_meter_that_reads_power_gives_the_lie_to_a_switch_that_says_off(twins, zero_is_on):
    lab = with_board(twins.lab, "zero-01", switch="relay-atom", console=None)
    with borrow(twins.lab, "atom-01", state=twins.state) as bench:
        bench.power_off()
    (fault, *_) = look(lab, "zero-01", twins.state).faults
    assert fault.startswith("zero-01: its switch relay-atom says off, and um25c-1 reads ")
    assert "farm lab verify-wiring" in fault


def test_a_tripped_supply_is_the_only_fault_of_a_board_without_power(twins, zero_is_off, monkeypatch):
    def tripped(lab, switch):
        raise SupplyTripped(switch, "tripped: over-current protection (OCP); the board has no power")

    monkeypatch.setattr("farm.health.one_look.ask_switch", tripped)
    health = look(twins.lab, "zero-01", twins.state)
    assert (health.state, health.powered, health.up) == ("faulty", None, None)
    assert [fault.partition(":")[0] for fault in health.faults] == ["relay-zero"]


def test_no_silent_part_hides_another(twins, atom_is_up):
    with disturbed(twins, "relay-atom", "silent"), disturbed(twins, "wall-1", "silent"):
        health = look(twins.lab, "atom-01", twins.state)
    assert [fault.partition(":")[0] for fault in health.faults] == ["relay-atom", "wall-1"]
    assert (health.powered, health.watts, health.up) == (None, {"wall-1": None}, True)
    assert health.state == "faulty"


def test_each_of_two_meters_is_told(twins):
    with borrow(twins.lab, "zero-01", state=twins.state) as bench:
        bench.settings.leave_on()
        bench.ensure_up()
    with disturbed(twins, "um25c-1", "silent"), disturbed(twins, "tc66c-1", "silent"):
        health = look(twins.lab, "zero-01", twins.state)
    with borrow(twins.lab, "zero-01", state=twins.state) as bench:
        bench.power_off()
    assert [fault.partition(":")[0] for fault in health.faults] == ["um25c-1", "tc66c-1"]
    assert health.up is True


def test_a_board_in_use_is_left_alone_and_its_user_named(twins, atom_is_up, monkeypatch):
    monkeypatch.setenv("FARM_OWNER", "job 7")
    with borrow(twins.lab, "atom-01", state=twins.state, reason="a trial"):
        started_s = time.monotonic()
        health = look(twins.lab, "atom-01", twins.state)
        assert time.monotonic() - started_s < LOOK_S
    assert health.state == "in use"
    assert "job 7" in health.in_use
    assert "a trial" in health.in_use
    assert (health.powered, health.faults, health.watts, health.looked_s) == (None, [], {}, None)


def test_a_board_that_is_reserved_is_looked_at_by_its_owner_only(twins, zero_is_off, monkeypatch):
    monkeypatch.setenv("FARM_OWNER", "ann")
    with Leases.open(twins.lab, twins.state) as leases:
        leases.reserve(Wanted(("zero-01",)), reason="soldering")
        mine = look(twins.lab, "zero-01", twins.state)
        monkeypatch.setenv("FARM_OWNER", "bob")
        his = look(twins.lab, "zero-01", twins.state)
    assert (mine.state, "soldering" in mine.holder) == ("off", True)
    assert (his.state, "soldering" in his.in_use) == ("in use", True)


def test_a_taker_waits_for_a_look_to_end(twins, atom_is_up, monkeypatch):
    monkeypatch.setattr("farm.lab.lease_taking.LOOK_S", 60.0)  # a busy host keeps no promise about seconds
    with disturbed(twins, "wall-1", "silent"), ThreadPoolExecutor(1) as pool:  # silent: the look takes seconds
        looking = pool.submit(look, twins.lab, "atom-01", twins.state)
        with Leases.open(twins.lab, twins.state) as leases:
            while not any(lease.kind == "look" for lease in leases.held()):
                assert not looking.done()
        with borrow(twins.lab, "atom-01", state=twins.state, wait_s=0):
            looking.result(timeout=20)  # it is over, or just leaving
    assert looking.result().looked_s < 6 * LOOK_S


def test_two_who_look_at_one_board_at_once_find_no_fault_in_it(twins, zero_is_off, monkeypatch):
    monkeypatch.setattr("farm.lab.lease_taking.LOOK_S", 0.0)  # the other's look ends too late
    with Leases.open(twins.lab, twins.state) as leases, leases.use(Wanted(("zero-01",)), kind="look"):
        health = look(twins.lab, "zero-01", twins.state)
    assert (health.state, health.bad, health.faults) == ("in use", False, [])
    assert "who look at it" in health.reason


def test_a_board_in_quarantine_is_looked_at_and_says_why(twins, zero_is_off):
    with Store.open(twins.state / "results.sqlite") as store:
        note_fault(store, "zero-01", "zero-01: no login", quarantine_after=1)
    health = look(twins.lab, "zero-01", twins.state)
    assert (health.state, health.bad, health.powered) == ("quarantined", True, False)
    assert health.reason.startswith("a fault, the last: zero-01: no login")


def test_the_last_trial_is_told(twins, zero_is_off, a_record):
    with Store.open(twins.state / "results.sqlite") as store:
        store.save(a_record(), {})
    last = look(twins.lab, "zero-01", twins.state).last
    assert (last.artifact, last.outcome, last.started_utc) == ("lenet5-int8", None, "2026-01-02T03:04:05Z")


def test_another_board_than_the_inventory_s_is_named_beside_what_it_says(twins, atom_is_up):
    boards = twins.lab.boards | {"atom-01": twins.lab.boards["atom-01"].model_copy(update={"serial_number": "OTHER"})}
    lab = twins.lab.model_copy(update={"boards": boards})
    health = look(lab, "atom-01", twins.state)
    assert health.up is True
    assert [fault.partition("\n")[0] for fault in health.faults] == [
        f"atom-01: says its serial number is {health.serial_number}; the inventory says OTHER"
    ]


def test_a_look_leaves_the_shell_on_the_console_as_it_was(twins, atom_is_up):
    with borrow(twins.lab, "atom-01", state=twins.state) as bench:
        bench.login()
        before = bench.console.run("echo $$", timeout_s=30).text
    assert look(twins.lab, "atom-01", twins.state).console == "shell"
    with borrow(twins.lab, "atom-01", state=twins.state) as bench:
        bench.login()
        assert bench.console.run("echo $$", timeout_s=30).text == before
        bench.console.write(b"exit\n")


def test_a_board_that_boots_just_now_is_no_fault(twins):
    for _ in range(12):  # it takes two seconds: a busy machine may look at it too late
        with borrow(twins.lab, "atom-01", state=twins.state) as bench:
            bench.settings.leave_on()
            bench.power_off()
            bench.switch.on()
        health = look(twins.lab, "atom-01", twins.state)
        if health.state == "booting":
            break
    assert (health.faults, health.state, health.up) == ([], "booting", False)
    assert health.boot_stage is not None
