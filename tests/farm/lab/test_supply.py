"""A board and its supply: what is refused on reading the inventory, and again at the switch."""

from contextlib import ExitStack, contextmanager

import pytest

from farm.errors import UsageFault
from farm.lab.inventory import load
from farm.lab.supply import open_switch, supply_of
from power.block import Block, Flag
from power.errors import SwitchBlind, SwitchRefused
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

LAB = """\
lab: shelf
meters:
  m1:
    driver: um25c
    rail: USB 5 V
    options:
      port: /dev/rfcomm0
  m2:
    driver: tc66c
    rail: USB 5 V
    options:
      port: /dev/ttyACM0
switches:
  s1:
{switch}
boards:
  zero-01:
    model: pi-zero-aiy
    ssh:
      host: 192.0.2.12
      user: pi
    switch: s1
    meters:
      - m1
"""
SUPPLY = """\
    driver: scpi-output
    options:
      resource: TCPIP::192.0.2.20::5025::SOCKET
      volts: {volts}
      ovp_volts: {ovp_volts}
"""


def faults(tmp_path, text):
    """What is wrong with an inventory, a line each."""
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    try:
        load(path)
    except UsageFault as fault:
        return [line.removeprefix(f"{path}:") for line in str(fault).split("\n")]
    return []


def test_19_volts_on_a_5_volt_board_are_refused_with_line_field_and_remedy(tmp_path):
    assert faults(tmp_path, LAB.format(switch=SUPPLY.format(volts=19, ovp_volts=20))) == [
        "18: switches.s1.options.volts: 19 V, and zero-01, a pi-zero-aiy, takes 4.75 to 5.25 V; "
        "correct it, or the board's `switch:`"
    ]


def test_too_few_volts_are_refused_as_well(tmp_path):
    (told,) = faults(tmp_path, LAB.format(switch=SUPPLY.format(volts=3.3, ovp_volts=5.5)))
    assert "3.3 V, and zero-01" in told


def test_a_protection_that_protects_nothing_is_refused(tmp_path):
    assert faults(tmp_path, LAB.format(switch=SUPPLY.format(volts=5.1, ovp_volts=12))) == [
        "19: switches.s1.options.ovp_volts: 12 V protects nothing, for zero-01, a pi-zero-aiy, takes 4.75 to 5.25 V; "
        "set it to 5.78 at most"
    ]


def test_the_right_volts_pass(tmp_path):
    assert faults(tmp_path, LAB.format(switch=SUPPLY.format(volts=5.1, ovp_volts=5.6))) == []


def test_a_protection_is_held_against_the_board_without_volts_too(tmp_path):
    switch = SUPPLY.format(volts=5.1, ovp_volts=12).replace("      volts: 5.1\n", "")
    (told,) = faults(tmp_path, LAB.format(switch=switch))
    assert "12 V protects nothing, for zero-01, a pi-zero-aiy" in told


BLIND = """\
    driver: serial-relay
    options:
      port: /dev/ttyUSB0
      board: lcus
"""


def test_a_switch_that_cannot_be_asked_needs_a_proof(tmp_path):
    assert faults(tmp_path, LAB.format(switch=BLIND)) == [
        "14: switches.s1: cannot be asked for its state; add `proof:` with `meter:`, one on the board's rail"
    ]
    proof = "    proof:\n      meter: m1\n"
    assert faults(tmp_path, LAB.format(switch=BLIND + proof)) == []
    assert faults(tmp_path, LAB.format(switch=BLIND.replace("lcus", "lcus-feedback"))) == []


def test_a_proof_is_a_meter_of_the_same_board(tmp_path):
    proof = "    proof:\n      meter: m2\n      off_below_watts: 0.5\n"
    assert faults(tmp_path, LAB.format(switch=BLIND + proof)) == [
        "20: switches.s1.proof.meter: 'm2' is no meter of the board that it switches; there are m1"
    ]


PASSWORD = """\
    driver: tasmota
    options:
      url: http://192.0.2.31
      password: {password}
"""


def test_a_switchs_password_must_not_stand_in_the_inventory(tmp_path):
    assert faults(tmp_path, LAB.format(switch=PASSWORD.format(password="hunter2"))) == [
        "18: switches.s1.options.password: a secret must not stand here; write env:NAME or file:PATH"
    ]
    assert faults(tmp_path, LAB.format(switch=PASSWORD.format(password="env:PLUG"))) == []


TWO = """\
lab: shelf
switches:
  s1: {{driver: {driver}, options: {{{one}}}}}
  s2: {{driver: {driver}, options: {{{two}}}}}
boards:
  a: {{model: pc-gpu, ssh: {{host: 192.0.2.1, user: farm}}, switch: s1}}
  b: {{model: pc-gpu, ssh: {{host: 192.0.2.2, user: farm}}, switch: s2}}
"""


@pytest.mark.parametrize(
    ("driver", "one", "two", "same"),
    [
        ("serial-relay", "port: x, board: lcus-status, channel: 1", "port: x, board: lcus-status, channel: 2", False),
        ("serial-relay", "port: x, board: lcus-status, channel: 1", "port: x, board: lcus-status, channel: 1", True),
        ("snmp-pdu", "host: p, outlet: 1", "host: p, outlet: 2", False),
        ("snmp-pdu", "host: p, outlet: 1", "host: p, outlet: 1, min_off_s: 5", True),
        ("scpi-output", "resource: r, channel: 1, volts: 5", "resource: r, channel: 1, volts: 19", True),
    ],
)  # fmt: skip
def test_two_switches_at_one_address_are_one_and_two_channels_are_two(tmp_path, driver, one, two, same):
    found = faults(tmp_path, TWO.format(driver=driver, one=one, two=two))
    assert ["is the address of 's1' already" in told for told in found] == [True] * same


@contextmanager
def lab_with(tmp_path, driver, options, model="pi-zero-aiy", more=""):
    """An inventory whose one switch is a twin of this process, on a board at rest; the lab, and the rail's state."""
    on = [False]
    rail = Supply(PROFILES[model], powered=lambda: on[0], cpu_ns=lambda: 0)
    known = {key: value for key, value in options.items() if not str(value).startswith("file:")}
    twin = TWINS[driver]("s1", known, rail, set_power=lambda wanted: on.__setitem__(0, wanted), seed=1)
    with ExitStack() as stack:
        stack.callback(rail.close)
        stack.callback(twin.close)
        given = options | twin.start()
        lines = "".join(f"      {key}: {value}\n" for key, value in given.items())
        path = tmp_path / "lab.yaml"
        path.write_text(LAB.format(switch=f"    driver: {driver}\n    options:\n{lines}{more}"))
        yield load(path), on


def test_a_supply_that_is_set_to_19_volts_is_refused_at_the_switch(tmp_path):
    with (
        lab_with(tmp_path, "scpi-output", {"channel": 1}, model="jetson-tx2") as (lab, on),
        open_switch(lab, "s1") as opened,
    ):
        supply = supply_of(lab, "zero-01", opened, lambda _: pytest.fail("no proof is wanted"))
        with pytest.raises(SwitchRefused, match=r"s1: would put 19 V on zero-01, a pi-zero-aiy"):
            supply.on()
        assert on == [False]


def test_a_password_is_read_when_the_switch_is_opened(tmp_path):
    (tmp_path / "plug").write_text("hunter2\n")
    with lab_with(tmp_path, "tasmota", {"password": "file:plug"}) as (lab, _), open_switch(lab, "s1") as opened:
        assert opened.state() is False  # this twin asks for none
    (tmp_path / "plug").unlink()
    with pytest.raises(UsageFault, match=r"switches\.s1\.options\.password: .*No such file"):
        open_switch(lab, "s1")


def test_a_blind_switch_without_its_meter_says_so_and_with_it_is_proven(tmp_path):
    class Lamp:
        name = "m1"

        def read(self):
            return Block.one(0, 5.0, 0.3 if on[0] else 0.0, Flag(0))

    proof = "    proof:\n      meter: m1\n"
    with (
        lab_with(tmp_path, "serial-relay", {"board": "lcus"}, more=proof) as (lab, on),
        open_switch(lab, "s1") as opened,
    ):
        with pytest.raises(SwitchBlind):
            opened.state()
        supply = supply_of(lab, "zero-01", opened, {"m1": Lamp()}.__getitem__)
        supply.on()
        assert supply.state() is True
        supply.off()
        assert on == [False]
