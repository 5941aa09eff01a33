"""What a meter on the rail proves about a switch, and what it cannot."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import cast

import numpy as np
import pytest

from power.block import Block, Flag
from power.errors import FrameError, MeterOffline, SwitchBlind, SwitchOffline, SwitchUnconfirmed
from power.meter import Meter
from power.pdu.serial_relay import SerialRelay
from power.proof import ProvenSwitch
from power.switch import cycle
from power.testing import Clock, Relay
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply
from power.usb.um import UM25C


class Wall:
    """A meter that reads what it is told to, the last reading for ever."""

    name = "wall-1"

    def __init__(self, *watts: float | Exception) -> None:
        self._left = list(watts)

    def read(self) -> Block:
        watts = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        if isinstance(watts, Exception):
            raise watts
        return Block.one(time.monotonic_ns(), 5.0, watts / 5.0, Flag(0))


class Rail(Wall):
    """A meter on the rail of a relay: 2 W when that is on."""

    def __init__(self, relay: Relay, *, fed_watts: float = 0.0) -> None:
        super().__init__(0.0)
        self._relay, self._fed_watts = relay, fed_watts

    def read(self) -> Block:
        self._left = [2.0 if self._relay.on else self._fed_watts]
        return super().read()


class Blind:
    """A switch that cannot be asked."""

    name, min_off_s = "relay-1", 0.5

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def on(self) -> None:
        self._relay.turn(True)
        self.state()

    def off(self) -> None:
        self._relay.turn(False)
        self.state()

    def state(self) -> bool:
        raise SwitchBlind(self.name, hint="name a meter")


class Asked(Blind):
    """A switch that answers."""

    def state(self) -> bool:
        return self._relay.on


def proven(switch: Blind, meter: Wall, **more: float) -> ProvenSwitch:
    return ProvenSwitch(switch, cast("Meter", meter), off_below_watts=0.2, **more)


def test_a_blind_switch_is_confirmed_by_the_watts() -> None:
    relay = Relay()
    switch = proven(Blind(relay), Rail(relay))
    assert switch.state() is False
    switch.on()
    assert switch.state() is True
    waits: list[float] = []
    cycle(switch, sleep=waits.append)
    assert waits == [0.5]
    switch.off()
    assert not relay.on


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    return clock


def test_a_blind_switch_that_does_nothing_is_found_out(clock: Clock) -> None:
    relay = Relay(on=True, obeys=False)
    with pytest.raises(SwitchUnconfirmed, match=r"relay-1: says on 10 s after it was told to switch off") as seen:
        proven(Blind(relay), Rail(relay)).off()
    assert "UART, HDMI, USB" in seen.value.hint


def test_a_board_that_is_fed_some_other_way_is_never_off(clock: Clock) -> None:
    relay = Relay(on=True)
    switch = proven(Asked(relay), Rail(relay, fed_watts=0.6))
    with pytest.raises(SwitchUnconfirmed):
        switch.off()
    assert not relay.on
    with pytest.raises(SwitchUnconfirmed, match="says off, and wall-1 reads power all the same"):
        switch.state()


def test_a_board_that_has_halted_has_power_still() -> None:
    relay = Relay(on=True)
    assert proven(Asked(relay), Wall(0.05)).state() is True
    assert proven(Blind(relay), Wall(0.05)).state() is False


def test_a_meter_that_is_wired_backwards_does_not_say_off() -> None:
    assert proven(Blind(Relay(on=True)), Wall(-2.0)).state() is True
    with pytest.raises(SwitchUnconfirmed):
        proven(Asked(Relay()), Wall(-2.0)).state()


def test_one_reading_in_between_proves_nothing() -> None:
    assert proven(Blind(Relay()), Wall(0.0, 2.0, 0.0, 2.0, 2.0)).state() is True


def test_readings_that_do_not_settle_leave_it_unknown() -> None:
    flutter = [0.0, 2.0] * 20
    with pytest.raises(SwitchOffline, match="wall-1 do not settle"):
        proven(Blind(Relay()), Wall(*flutter)).state()


@pytest.mark.parametrize(
    "reading", [MeterOffline("wall-1", "no answer", hint="x"), FrameError("wall-1", "half"), math.nan]
)
def test_a_meter_that_does_not_tell_is_neither_on_nor_off(reading: float | Exception) -> None:
    relay = Relay(on=True)
    switch = proven(Blind(relay), Wall(reading))
    for ask in (switch.state, switch.off, switch.on):
        with pytest.raises(SwitchOffline, match="relay-1: the meter that proves it, wall-1") as seen:
            ask()
        assert seen.value.transient
        assert seen.value.hint


def test_a_cheap_relay_and_an_inline_meter_prove_each_cycle_of_a_twin() -> None:
    on = [False]
    rail = Supply(PROFILES["pi-zero-aiy"], powered=lambda: on[0], cpu_ns=lambda: 0)
    relay = TWINS["serial-relay"](
        "relay-1", {"board": "lcus"}, rail, set_power=lambda wanted: on.__setitem__(0, wanted), seed=3
    )
    with ExitStack() as stack:
        stack.callback(rail.close)
        board = relay.start()
        stack.callback(relay.close)
        twin = TWINS["um25c"]("um25c-1", {}, rail, seed=3)
        meter = stack.enter_context(UM25C.open("um25c-1", UM25C.Config.model_validate(twin.start())))
        stack.callback(twin.close)
        options = SerialRelay.Config.model_validate({**board, "board": "lcus", "min_off_s": 0.1})
        blind = stack.enter_context(SerialRelay.open("relay-1", options))
        switch = ProvenSwitch(blind, meter, off_below_watts=0.2)
        assert switch.state() is False
        switch.on()
        assert on == [True]
        cycle(switch)
        switch.off()
        assert on == [False]
        assert np.isclose(meter.read().amps[0], 0.0, atol=1e-3)
