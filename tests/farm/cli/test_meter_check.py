"""farm meter check, on twins: a right meter passes, a wrong one is named with figures."""

import json
import threading
from contextlib import ExitStack

import pytest

from farm.cli.main import main
from farm.cli.meter_check import _is_grave
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

from ...held_up import TRIES

BOARD = "atom-e3930"  # 12 V, 7 W at rest
VOLTS, WATTS = 12.0, 7.0
OHMS = VOLTS**2 / WATTS


class Scaled:
    """An ammeter that shows other amps than there are."""

    def __init__(self, channel, gain=1.0, offset=0.0):
        self.channel, self.gain, self.offset = channel, gain, offset

    def measure(self, true, limits):
        return self.channel.measure(true * self.gain + self.offset, limits)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A rail with two supplies' meters on it, and the way to make one of them wrong."""
    monkeypatch.chdir(tmp_path)
    on = [True]
    with ExitStack() as stack:
        supply = Supply(PROFILES[BOARD], powered=lambda: on[0], cpu_ns=lambda: 0)
        stack.callback(supply.close)
        twins, entries = {}, ""
        for name, driver in (("main", "ngl"), ("other", "dp832"), ("spare", "hmp4040")):
            twins[name] = TWINS[driver](name, {}, supply, seed=3)
            stack.callback(twins[name].close)
            resource = twins[name].start()["resource"]
            entries += f"  {name}: {{driver: {driver}, rail: 12 V, options: {{resource: '{resource}'}}}}\n"
        (tmp_path / "inventory.yaml").write_text(
            f"lab: desk\nmeters:\n{entries}boards:\n  one: {{model: atom-e3930, ssh: {{host: h, user: u}}, "
            "meters: [main, other]}\n  two: {model: atom-e3930, ssh: {host: i, user: u}, meters: [spare]}\n"
        )

        def wrong(name, **how):
            twins[name]._sense._amps = Scaled(twins[name]._sense._amps, **how)

        def power(wanted):
            on[0] = wanted

        wrong.power = power
        yield wrong


def checked(capsys, *words, seconds="1.6", first=lambda: None):
    """Check a meter after ``first``; both again where a busy host has asked it so late that its rate is wrong."""
    for _ in range(TRIES):
        first()
        status = main(["meter", "check", *words, "--seconds", seconds, "--json"])
        out, err = capsys.readouterr()
        found = {one["what"]: one for one in (json.loads(out) if out else {}).get("findings", ())}
        if "rate" not in found or not (found["rate"]["wrong"] and found["rate"]["figures"]["asked_late"]):
            break
    return status, found, err


def test_a_meter_that_is_right_passes_and_says_what_was_looked_at(lab, capsys):
    status, found, err = checked(capsys, "main", "--load-ohms", f"{OHMS}")
    assert (status, err) == (0, "")
    assert list(found) == ["identity", "errors", "rate", "values", "noise, volts", "noise, amps", "load"]
    assert found["identity"]["said"].startswith("Rohde&Schwarz, NGL202, serial number")
    assert found["errors"]["said"] == "none"
    assert found["load"]["figures"]["gain"] == pytest.approx(1, abs=0.003)
    assert found["rate"]["figures"]["nominal_hz"] == pytest.approx(4.76, abs=0.1)


@pytest.mark.parametrize("gain", [1.1, 1.03, 0.97])
def test_one_that_is_scaled_wrongly_is_named_by_a_known_load(gain, lab, capsys):
    lab("main", gain=gain)
    status, found, err = checked(capsys, "main", "--load-ohms", f"{OHMS}", "--load-tolerance", "1%")
    assert status == 3
    assert found["load"]["figures"]["gain"] == pytest.approx(gain, abs=0.003)
    assert err.startswith(f"lab fault: main: load: reads {found['load']['figures']['gain']:.4g} times the 0.583")
    assert "  try: " in err


def test_a_load_that_is_switched_on_meanwhile_shows_how_the_meter_steps(lab, capsys):
    lab("main", gain=1.03)

    def off_for_a_while():
        lab.power(False)
        threading.Timer(1.9, lab.power, (True,)).start()

    status, found, _ = checked(capsys, "main", "--load-ohms", f"{OHMS}", seconds="3.8", first=off_for_a_while)
    assert status == 3
    assert found["load"]["figures"]["stepped"] == 1
    assert found["load"]["figures"]["gain"] == pytest.approx(1.03, abs=0.003)
    assert found["load"]["figures"]["rise_s"] < 1.5  # three readings, and a busy host


def test_one_that_is_scaled_wrongly_is_found_by_the_other_on_its_rail(lab, capsys):
    assert checked(capsys, "main", "--against", "other", seconds="2.6")[0] == 0
    lab("main", gain=1.1)
    status, found, err = checked(capsys, "main", "--against", "other", seconds="2.6")
    assert status == 3
    assert not found["volts against other"]["wrong"]
    assert "where other reads 0.5" in found["amps against other"]["wrong"]
    assert "their limits of error are ±" in err


def test_an_offset_is_found_with_the_load_off(lab, capsys):
    lab.power(False)
    assert checked(capsys, "main", "--zero")[0] == 0
    lab("main", offset=0.01)
    status, found, err = checked(capsys, "main", "--zero")
    assert status == 3
    assert found["zero, amps"]["figures"]["offset"] == pytest.approx(0.01, rel=0.1)
    assert "with the load off, and its limit of error there is 0.00025 A" in err


def test_what_stands_in_its_error_queue_is_told(lab, tmp_path, capsys):
    import socket

    resource = (tmp_path / "inventory.yaml").read_text().partition("TCPIP::")[2].partition("::SOCKET")[0]
    host, port = resource.split("::")

    def nonsense():
        with socket.create_connection((host, int(port)), 5) as link:
            link.sendall(b"NONSENSE\n*IDN?\n")
            link.recv(100)

    status, found, _ = checked(capsys, "main", first=nonsense)
    assert status == 0  # somebody sent a wrong command: nothing is wrong with the meter
    assert found["errors"]["state"] == "look"
    assert found["errors"]["said"].startswith("-113")
    assert checked(capsys, "main")[1]["errors"]["said"] == "none"  # they were taken out


@pytest.mark.parametrize(
    ("error", "grave"),
    [
        ('-113,"Undefined header"', False),
        ('222,"Data out of range"', False),
        ('-350,"Queue overflow"', False),
        ('-410,"Query INTERRUPTED"', False),
        ('-310,"System error"', True),
        ('+514,"Not able to execute while instrument is measuring"', True),
        ('842,"Mains power failure"', True),
    ],
)
def test_an_error_of_the_instrument_itself_is_told_from_a_wrong_command(error, grave):
    assert _is_grave(error) is grave


def test_a_person_reads_a_table_with_the_verdict_of_each(lab, capsys):
    for _ in range(TRIES):
        status = main(["meter", "check", "main", "--seconds", "1.2"])
        told = capsys.readouterr().out
        if "asked for late" not in told:  # as a busy host does
            break
    assert status == 0
    head, _, *rows = told.splitlines()
    assert head.startswith("main, driver ngl; limits of error: ")
    assert [row.split()[1] for row in rows[:2]] == ["look", "ok"]  # it is any unit, for all that the inventory says


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name a meter of the inventory, or give --driver"),
        (["mian"], "no meter 'mian'; did you mean \"main\"?"),
        (["main", "--driver", "ngl"], "one of them"),
        (["main", "--resource", "x"], "leave out --resource and -o"),
        (["main", "--against", "spare"], "spare: sits on two, not on one: they do not read one rail; name another"),
        (["main", "--load-ohms", "-3"], "--load-ohms -3: give the load's ohms, more than 0"),
        (["main", "--load-ohms", "3", "--load-tolerance", "many"], "--load-tolerance many: write it as 1% or 0.01"),
        (["main", "--load-ohms", "3", "--zero"], "check one after the other"),
        (["main", "--seconds", "0"], "give more than 0"),
        (["--driver", "ngl", "--resource", "x", "--against", "other"], "goes with a meter of the inventory"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(words, told, lab, capsys):
    seconds = () if "--seconds" in words else ("--seconds", "1")
    assert main(["meter", "check", *words, *seconds]) == 2
    assert told in capsys.readouterr().err


def test_a_board_in_use_is_left_alone(lab, capsys):
    from pathlib import Path

    from farm.lab.bench import borrow
    from farm.lab.inventory import load

    with borrow(load(Path("inventory.yaml")), "one", reason="mine"):
        status, _, err = checked(capsys, "main")
    assert status == 3
    assert "one" in err
    assert "mine" in err
