"""The wiring proof: whose meter, console and switch is whose is seen, and not believed."""

from types import SimpleNamespace

import pytest

from farm.cli.main import main
from farm.errors import LabFault
from farm.lab import wiring
from farm.lab.bench import borrow
from farm.lab.fenced import FencedSwitch
from farm.lab.inventory import ProofEntry
from farm.lab.wiring import judge, verify
from power.errors import SwitchOffline

RISE = {"wall-1": 7.0}


def bench(*meters, switch="relay", console="/dev/ttyUSB0"):
    entry = SimpleNamespace(meters=list(meters), switch=switch, console=console)
    drivers = {name: SimpleNamespace(driver="ina3221" if name == "VDD_IN" else "um25c") for name in meters}
    return SimpleNamespace(entry=entry, inventory=SimpleNamespace(meters=drivers))


BENCHES = {"atom-01": bench("wall-1"), "zero-01": bench("um25c-1")}


@pytest.mark.parametrize(
    ("meters", "consoles", "silent", "faults"),
    [
        (RISE, ["atom-01"], {}, []),
        (
            {"um25c-1": 6.9},
            ["atom-01"],
            {},
            ["um25c-1, the meter of zero-01, rose by 6.90 W", "its meter wall-1 did not rise"],
        ),
        (RISE, ["zero-01"], {}, ["the console of zero-01 spoke", "its console said nothing"]),
        (RISE, [], {}, ["its console said nothing"]),
        ({}, ["atom-01"], {"wall-1": "no answer"}, ["its meter wall-1 gave no value: no answer"]),
        ({}, [], {}, ["nothing reacted: is relay its switch, and is its supply plugged in?"]),
    ],
)
def test_what_reacted_is_held_against_the_inventory(meters, consoles, silent, faults):
    assert judge(BENCHES, "atom-01", meters, consoles, silent) == faults


def test_a_sensor_of_the_board_itself_is_dead_while_it_boots_and_nobody_crosses_its_wires():
    benches = {"tx2-01": bench("wall-1", "VDD_IN")}
    assert judge(benches, "tx2-01", RISE, ["tx2-01"], {}) == []


def test_a_board_without_a_console_has_none_to_speak():
    assert judge({"pc-01": bench("wall-1", console=None)}, "pc-01", RISE, [], {}) == []


@pytest.fixture
def soon(monkeypatch):
    """The slowest meter here has a new value every half second."""
    monkeypatch.setattr(wiring, "_SETTLE_S", 1.2)


@pytest.fixture
def swapped(twin_lab):
    """The lab as somebody wrote it down wrongly: each board with the other one's meter."""
    boards = twin_lab.lab.boards
    meters = {"zero-01": boards["atom-01"].meters, "atom-01": boards["zero-01"].meters}
    wrong = {
        name: board.model_copy(update={"meters": meters.get(name, board.meters)}) for name, board in boards.items()
    }
    return twin_lab.lab.model_copy(update={"boards": wrong})


def all_off(here):
    for board in here.lab.boards:
        with borrow(here.lab, board, state=here.state) as bench:
            bench.settings.leave_on()
            bench.power_off()


def test_swapped_meters_are_found_before_they_are_a_wrong_watt(twin_lab, swapped, soon):
    all_off(twin_lab)
    found = {pulse.board: pulse for pulse in verify(swapped, ["zero-01", "atom-01"], state=twin_lab.state, pulse_s=2.0)}
    assert "um25c-1, the meter of atom-01, rose by" in found["zero-01"].faults[0]
    assert "its meter wall-1 did not rise" in found["zero-01"].faults
    assert found["zero-01"].consoles == ["zero-01"]
    assert "wall-1, the meter of zero-01, rose by" in found["atom-01"].faults[0]
    with borrow(twin_lab.lab, "atom-01", state=twin_lab.state) as bench:
        assert bench.switch.state() is False, "as it was before"


def test_a_lab_that_is_as_its_inventory_says_passes(here, soon, capsys):
    all_off(here)
    assert main(["lab", "verify-wiring", "atom-01", "zero-01", "--pulse-s", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count("as the inventory says") == 2
    assert "wall-1 +" in said


def test_a_meter_that_proves_the_switch_is_watched_all_the_same(twin_lab, soon):
    """It is open once: a second reader of its port is locked out, or takes the first one's answers."""
    all_off(twin_lab)
    lab = twin_lab.lab
    proof = ProofEntry(meter="um25c-1", off_below_watts=0.2)
    relay = lab.switches["relay-zero"].model_copy(update={"proof": proof})
    proven = lab.model_copy(update={"switches": lab.switches | {"relay-zero": relay}})
    (pulse,) = verify(proven, ["zero-01", "zero-01"], state=twin_lab.state, pulse_s=2.0)
    assert pulse.faults == []
    assert list(pulse.meters) == ["um25c-1"]


def test_a_switch_that_breaks_in_the_middle_leaves_no_board_on(twin_lab, soon, monkeypatch):
    all_off(twin_lab)
    off, calls = FencedSwitch.off, []

    def breaks_once(switch):
        calls.append(switch.name)
        if len(calls) == 1:
            raise SwitchOffline(switch.name, "no answer")
        off(switch)

    monkeypatch.setattr(FencedSwitch, "off", breaks_once)
    with pytest.raises(SwitchOffline):
        verify(twin_lab.lab, ["zero-01"], state=twin_lab.state, pulse_s=0.1)
    with borrow(twin_lab.lab, "zero-01", state=twin_lab.state) as bench:
        assert bench.switch.state() is False, "the end of the lease saw to it"


def test_a_board_that_is_on_is_not_pulsed(twin_lab):
    with borrow(twin_lab.lab, "zero-01", state=twin_lab.state) as bench:
        bench.settings.leave_on()
        bench.ensure_up()
    with pytest.raises(LabFault, match="zero-01: is on, and must be off"):
        verify(twin_lab.lab, ["zero-01"], state=twin_lab.state)
    all_off(twin_lab)


def test_no_time_at_all_is_a_usage_fault(here, capsys):
    assert main(["lab", "verify-wiring", "--pulse-s", "0"]) == 2
    assert "--pulse-s: 0 is no time" in capsys.readouterr().err
