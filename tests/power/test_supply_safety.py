"""A supply goes on only with the values that the inventory names, and a protection that tripped is told as that."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from power.errors import SupplyTripped, SwitchOffline, SwitchRefused
from power.guard import GuardedSwitch
from power.pdu.scpi_output import ScpiOutput
from power.scpi.port import ScpiPort
from power.scpi.supplies import FAMILIES
from power.switch import Adjustable, cycle
from power.testing import Answering
from power.twin.n6705c import N6705C
from power.twin.truth import PROFILES, Supply

SAFE: dict[str, Any] = {"volts": 19.0, "max_amps": 1.0, "ovp_volts": 19.5, "ocp": True}


@contextmanager
def supply(
    options: dict[str, Any], *, on: bool = False, model: str = "jetson-tx2"
) -> Iterator[tuple[N6705C, ScpiOutput]]:
    """The driver on the twin of an N6705C that feeds a board at rest."""
    powered = [on]
    rail = Supply(PROFILES[model], powered=lambda: powered[0], cpu_ns=lambda: 0)
    twin = N6705C("s1", {"channel": 1}, rail, set_power=lambda wanted: powered.__setitem__(0, wanted), seed=5)
    try:
        config = ScpiOutput.Config.model_validate(twin.start() | {"channel": 1, "min_off_s": 0.1} | options)
        with ScpiOutput.open("s1", config) as switch:
            yield twin, switch
    finally:
        twin.close()
        rail.close()


def asked(twin: N6705C, question: str) -> float:
    return float(twin.answer(question.encode()))


@pytest.mark.parametrize(("family", "limit"), [("n6700", "CURR?"), ("n678x", "CURR:LIM?")])
def test_the_inventorys_values_are_on_the_supply_before_the_board_has_power(family: str, limit: str) -> None:
    with supply({**SAFE, "volts": 12.0, "ovp_volts": 13.0, "family": family}) as (twin, switch):
        switch.on()
        assert twin.supply.on
        assert twin.supply.volts == 12.0
        questions = ("VOLT? (@1)", "VOLT:PROT? (@1)", f"{limit} (@1)", "CURR:PROT:STAT? (@1)")
        assert [asked(twin, question) for question in questions] == [12.0, 13.0, 1.0, 1.0]
        assert twin.answer(b"SYST:ERR?") == b'+0,"No error"\n'


def test_volts_go_down_before_a_lower_protection_is_set() -> None:
    with supply({**SAFE, "volts": 5.0, "ovp_volts": 5.5, "max_amps": 2.0}) as (twin, switch):
        assert asked(twin, "VOLT? (@1)") == 19.0  # as an earlier user left it: above the new protection
        switch.on()
        assert twin.supply.volts == 5.0


def test_what_the_inventory_does_not_name_stays_as_it_is() -> None:
    with supply({}) as (twin, switch):
        twin.answer(b"VOLT 18,(@1)")
        switch.on()
        assert asked(twin, "VOLT? (@1)") == 18.0
        assert switch.volts_when_on() == 18.0


def test_a_value_that_the_supply_refuses_keeps_it_off() -> None:
    with supply({"volts": 21.0}) as (twin, switch):
        with pytest.raises(SwitchRefused, match=r"s1: is not switched on: .*Data out of range") as seen:
            switch.on()
        assert not twin.supply.on
        assert not seen.value.transient
        assert seen.value.hint


def bench_supply(said: dict[str, str], commands: list[str]) -> ScpiOutput:
    """A supply that answers as ``said`` and does nothing of what it is told."""

    def respond(data: bytes) -> bytes:
        line = data.decode().strip()
        if "?" in line:
            answers = {"OUTP? (@1)": "0", "STAT:QUES:COND? (@1)": "+0", "SYST:ERR?": '+0,"No error"'} | said
            return answers[line].encode() + b"\n"
        commands.append(line)
        return b""

    options = ScpiOutput.Config.model_validate({"resource": "x", **SAFE})
    return ScpiOutput("s1", ScpiPort("s1", Answering(respond)), options)


READ_BACK = {
    "VOLT? (@1)": "1.90000E+01",
    "VOLT:PROT? (@1)": "1.95000E+01",
    "CURR? (@1)": "1.00000E+00",
    "CURR:PROT:STAT? (@1)": "1",
}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("VOLT? (@1)", "1.20000E+01"),
        ("VOLT:PROT? (@1)", "2.20000E+01"),
        ("CURR? (@1)", "3.06000E+00"),
        ("CURR:PROT:STAT? (@1)", "0"),
        ("VOLT? (@1)", "9.91E37"),
    ],
)
def test_a_supply_that_reads_back_something_else_is_never_switched_on(question: str, answer: str) -> None:
    commands: list[str] = []
    with bench_supply({**READ_BACK, question: answer}, commands) as switch, pytest.raises(SwitchRefused):
        switch.on()
    assert commands
    assert "OUTP ON,(@1)" not in commands


def test_a_supply_that_is_on_with_other_volts_is_refused_and_not_touched() -> None:
    with supply({**SAFE, "volts": 12.0, "ovp_volts": 13.0}, on=True) as (twin, switch):
        with pytest.raises(SwitchRefused, match="is on, and not as the inventory says"):
            switch.on()
        assert asked(twin, "VOLT? (@1)") == 19.0
        assert twin.supply.on


def test_a_tripped_protection_is_told_and_is_not_off() -> None:
    with supply(SAFE) as (twin, switch):
        switch.on()
        twin.inject("trip")
        twin.inject("trip", on=False)
        assert not twin.supply.on
        for ask in (switch.state, switch.on):
            with pytest.raises(SupplyTripped, match=r"s1: tripped: over-current protection \(OCP\)") as seen:
                ask()
            assert not seen.value.transient
            assert "power off" in seen.value.hint
        assert not twin.supply.on


def test_off_acknowledges_a_trip_and_never_brings_the_output_back() -> None:
    with supply(SAFE) as (twin, switch):
        switch.on()
        twin.inject("trip")
        twin.inject("trip", on=False)
        switch.off()
        assert switch.state() is False
        assert not twin.supply.on
        switch.on()
        assert twin.supply.on


def test_a_trip_whose_cause_stays_cannot_be_acknowledged_away() -> None:
    with supply(SAFE) as (twin, switch):
        switch.on()
        twin.inject("trip")
        with pytest.raises(SupplyTripped):
            switch.off()
        assert not twin.supply.on


def keep_on(switch: ScpiOutput) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        switch.on()


def test_a_board_that_takes_more_than_the_limit_trips_the_twins_protection() -> None:
    with supply({**SAFE, "max_amps": 0.1}) as (twin, switch):  # a TX2 at rest takes 7 W: 0.37 A
        with pytest.raises(SupplyTripped):
            keep_on(switch)
        assert not twin.supply.on


@pytest.mark.parametrize("answer", ["", "hello", "1.5"])
def test_protections_that_are_not_told_are_unknown_and_so_is_the_output(answer: str) -> None:
    with bench_supply({"STAT:QUES:COND? (@1)": answer}, []) as switch, pytest.raises(SwitchOffline):
        switch.state()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"volts": 19.0, "ovp_volts": 18.0}, "would cut 19 V at once"),
        ({"volts": 19.0, "ocp": True}, "add `max_amps:`"),
        ({"volts": 0.0}, "greater than 0"),
        ({"family": "no-such"}, "family"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_on_reading(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ScpiOutput.Config.model_validate({"resource": "x", **options})


def test_another_family_is_told_the_same_in_its_own_words() -> None:
    said = {
        ":SOUR1:VOLT?": "5.000",
        ":OUTP:OVP:VAL? CH1": "5.500",
        ":SOUR1:CURR?": "2.000",
        ":OUTP:OCP:VAL? CH1": "2.000",
        ":OUTP:OCP? CH1": "ON",
        ":OUTP:OVP? CH1": "ON",
        ":OUTP? CH1": "OFF",
        ":OUTP:OVP:QUES? CH1": "NO",
        ":OUTP:OCP:QUES? CH1": "NO",
        "SYST:ERR?": '0,"No error"',
    }
    commands: list[str] = []

    def respond(data: bytes) -> bytes:
        line = data.decode().strip()
        if "?" in line:
            return said[line].encode() + b"\n"
        commands.append(line)
        if line == ":OUTP CH1,ON":
            said[":OUTP? CH1"] = "ON"
        return b""

    values = {"family": "dp800", "volts": 5.0, "max_amps": 2.0, "ovp_volts": 5.5, "ocp": True}
    options = ScpiOutput.Config.model_validate({"resource": "x", **values})
    with ScpiOutput("s1", ScpiPort("s1", Answering(respond)), options) as switch:
        switch.on()
        assert commands == [
            ":SOUR1:VOLT 0",
            ":OUTP:OVP:VAL CH1,5.5",
            ":OUTP:OVP CH1,ON",
            ":SOUR1:CURR 2",
            ":OUTP:OCP:VAL CH1,2",
            ":OUTP:OCP CH1,ON",
            ":SOUR1:VOLT 5",
            ":OUTP CH1,ON",
        ]
        said[":OUTP:OVP? CH1"] = "OFF"
        with pytest.raises(SwitchRefused, match=r"is on, and not as the inventory says: :OUTP:OVP\? CH1 says off"):
            switch.on()
        said[":OUTP:OVP:QUES? CH1"] = "YES"
        with pytest.raises(SupplyTripped, match="over-voltage"):
            switch.state()


def test_every_family_can_be_set_asked_and_cleared() -> None:
    for family in FAMILIES.values():
        pairs = (family.volts, family.amps, family.ovp_volts, family.ocp, family.output)
        assert all("?" in question and "{x}" in command for command, question in pairs)
        assert family.tripped
        assert family.clear


def test_19_volts_on_a_5_volt_board_are_refused_at_the_switch() -> None:
    with supply({}) as (twin, switch):  # the supply is set to 19 V, and the inventory does not say
        guarded = GuardedSwitch(switch, switch, least_volts=4.75, most_volts=5.25, what="zero-01, a pi-zero-aiy")
        for turn in (guarded.on, lambda: cycle(guarded, sleep=lambda _: None)):
            with pytest.raises(
                SwitchRefused, match=r"s1: would put 19 V on zero-01, .* takes 4\.75 to 5\.25 V"
            ) as seen:
                turn()
            assert "wired" in seen.value.hint
        assert not twin.supply.on


def test_the_right_volts_pass_the_guard_and_off_is_always_allowed() -> None:
    with supply({}, on=True) as (twin, switch):
        refused = GuardedSwitch(switch, switch, least_volts=4.75, most_volts=5.25, what="a board")
        assert refused.state() is True
        refused.off()
        assert not twin.supply.on
        GuardedSwitch(switch, switch, least_volts=5.5, most_volts=19.6, what="a board").on()
        assert twin.supply.on
        assert isinstance(switch, Adjustable)
