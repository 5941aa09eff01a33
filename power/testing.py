"""For those who write a driver: ports that play an instrument, and the tests that every driver must pass.

Ours inherit them in ``tests/power``; a plug-in's do in its own tests. Needs pytest.
"""
# ruff: noqa: D102 -- a test's name is its docstring

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from .block import Block
from .errors import FrameError, MeterOffline, SwitchBlind, SwitchOffline, SwitchUnconfirmed
from .meter import Meter
from .registry import known_meters, known_switches, load_meter, load_switch
from .switch import PowerSwitch, SwitchConfig, cycle


class Answering:
    """A port whose instrument is a function: bytes written in, bytes to read out. Silence costs no time."""

    def __init__(self, respond: Callable[[bytes], bytes], *, stale: bytes = b"") -> None:
        """Begin with ``stale`` bytes that an earlier user did not read."""
        self._respond = respond
        self._arrived = bytearray(stale)
        self.written: list[bytes] = []
        self.closed = False

    def discard(self) -> None:
        """Forget what has arrived and was not read."""
        self._arrived.clear()

    def write(self, data: bytes) -> None:
        """Keep it in ``written``, and let the instrument answer."""
        self.written.append(data)
        self._arrived += self._respond(data)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator, or all there are."""
        at = self._arrived.find(terminator)
        return self.read_exactly(len(self._arrived) if at < 0 else at + len(terminator), timeout_s)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:  # noqa: ARG002 -- silence is known at once
        """Return ``size_bytes`` bytes, or all there are."""
        taken = bytes(self._arrived[:size_bytes])
        del self._arrived[:size_bytes]
        return taken

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


class Replay(Answering):
    """A port that answers each question with the next recorded answer; then it is silent.

    A question is what ``asks`` says is one: for SCPI what contains a question mark, for most others all.
    """

    def __init__(
        self,
        answers: Iterable[bytes] = (),
        *,
        stale: bytes = b"",
        asks: Callable[[bytes], bool] = lambda data: b"?" in data or not data.endswith(b"\n"),
    ) -> None:
        """Take the answers in the order of the questions."""
        left = iter(list(answers))
        super().__init__(lambda data: next(left, b"") if asks(data) else b"", stale=stale)


class MeterConformance(ABC):
    """Subclass, say what your meter's answers look like, inherit the tests."""

    driver: ClassVar[str]
    """The name in the registry."""
    options: ClassVar[dict[str, object]]
    """Options that the driver's ``Config`` accepts."""
    garbage: ClassVar[bytes] = b"\xa5garbage\n"
    """No answer of this meter. End it as an answer ends, where answers have an end."""
    watts_only: ClassVar[bool] = False
    """The meter measures power as such, and tells neither volts nor amps."""

    def _assert_reads(self, block: Block, volts: float, amps: float) -> None:
        assert block.watts == pytest.approx([volts * amps], rel=2e-3)
        if self.watts_only:
            assert np.isnan([*block.volts, *block.amps]).all()
        else:
            assert block.volts == pytest.approx([volts], rel=1e-3)
            assert block.amps == pytest.approx([amps], rel=1e-3)

    @abstractmethod
    def meter_on(self, port: Replay) -> Meter:
        """Return the meter on an open port, its instrument already identified and prepared."""

    @abstractmethod
    def answers(self, volts: float, amps: float) -> list[bytes]:
        """Return what the instrument answers to the questions of one ``read()``, the first after it was prepared."""

    def test_a_reading_is_what_the_instrument_said(self) -> None:
        before_ns = time.monotonic_ns()
        with self.meter_on(Replay(self.answers(5.0, 0.5))) as meter:
            block = meter.read()
            after_ns = time.monotonic_ns()
        self._assert_reads(block, 5.0, 0.5)
        earliest_ns = before_ns - (meter.aperture_s + meter.stamp_bound_s) * 1e9
        assert earliest_ns <= block.t_ns[0] <= after_ns

    def test_silence_is_offline_and_worth_a_retry(self) -> None:
        with self.meter_on(Replay()) as meter, pytest.raises(MeterOffline) as seen:
            meter.read()
        assert seen.value.transient
        assert seen.value.hint
        assert str(seen.value).startswith(f"{meter.name}: ")

    def test_half_an_answer_is_never_a_number(self) -> None:
        whole = self.answers(5.0, 0.5)
        for place, answer in enumerate(whole):
            for size_bytes in {1, len(answer) // 2, len(answer) - 1} - {0, len(answer)}:
                cut = [*whole[:place], answer[:size_bytes]]
                with self.meter_on(Replay(cut)) as meter, pytest.raises((FrameError, MeterOffline)):
                    meter.read()

    def test_garbage_is_never_a_number(self) -> None:
        whole = self.answers(5.0, 0.5)
        for place in range(len(whole)):
            with self.meter_on(Replay([*whole[:place], self.garbage])) as meter, pytest.raises(FrameError) as seen:
                meter.read()
            assert seen.value.transient

    def test_an_answer_to_an_earlier_question_is_thrown_away(self) -> None:
        stale = self.answers(9.0, 0.9)[-1]
        with self.meter_on(Replay(self.answers(5.0, 0.5), stale=stale)) as meter:
            block = meter.read()
        self._assert_reads(block, 5.0, 0.5)

    def test_it_reads_again_after_a_fault(self) -> None:
        with self.meter_on(Replay([self.garbage, *self.answers(5.0, 0.5)])) as meter:
            with pytest.raises(FrameError):
                meter.read()
            self._assert_reads(meter.read(), 5.0, 0.5)

    def test_leaving_the_block_closes_the_port_and_closing_twice_is_harmless(self) -> None:
        port = Replay()
        with self.meter_on(port) as meter:
            pass
        assert port.closed
        meter.close()

    def test_it_says_what_it_is_and_how_good_it_is(self) -> None:
        with self.meter_on(Replay()) as meter:
            assert meter.identity().model
            assert meter.rate_hz > 0
            assert 0 <= meter.aperture_s <= 1 / meter.rate_hz * 1.001
            limits = (meter.accuracy.volts, meter.accuracy.amps, meter.accuracy.watts)
            for tolerance in (limit for limit in limits if limit is not None):
                assert 0 < tolerance.of_reading <= 0.1
                assert math.isfinite(tolerance.offset)
            assert meter.accuracy.source
            assert "assumed" in meter.accuracy.source or not meter.accuracy.assumed

    def test_its_options_are_checked(self) -> None:
        assert self.driver in known_meters()
        config = load_meter(self.driver).Config
        assert config.model_validate(self.options)
        with pytest.raises(ValidationError):
            config.model_validate({**self.options, "no_such_option": 1})


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        """Begin at an hour."""
        self._now_ns = 3_600_000_000_000

    def monotonic_ns(self) -> int:
        """As :func:`time.monotonic_ns`."""
        return self._now_ns

    def sleep(self, seconds: float) -> None:
        """As :func:`time.sleep`."""
        self._now_ns += round(seconds * 1e9)


@dataclass
class Relay:
    """What a switch drives, for :class:`SwitchConformance` to look at and to break."""

    on: bool = False
    obeys: bool = True
    """False: takes commands and stays as it is."""
    answers: bool = True
    """False: dead."""

    def turn(self, on: bool) -> None:
        """What the instrument does on a command."""
        if self.obeys:
            self.on = on


class SwitchConformance(ABC):
    """Subclass, connect your switch to a :class:`Relay`, inherit the tests."""

    driver: ClassVar[str]
    options: ClassVar[dict[str, object]]

    @abstractmethod
    def switch_on(self, relay: Relay) -> PowerSwitch:
        """Return the switch, its device played by ``relay``, whose state is asked at every question."""

    def test_on_and_off_reach_the_relay(self) -> None:
        relay = Relay()
        with self.switch_on(relay) as switch:
            switch.on()
            assert relay.on
            assert switch.state() is True
            switch.off()
            assert not relay.on
            assert switch.state() is False

    def test_its_state_is_asked_and_never_remembered(self) -> None:
        relay = Relay()
        with self.switch_on(relay) as switch:
            switch.on()
            relay.on = False  # somebody pressed the button
            assert switch.state() is False

    def test_closing_leaves_the_state_alone(self) -> None:
        relay = Relay(on=True)
        with self.switch_on(relay):
            pass
        assert relay.on

    def test_a_switch_that_does_not_obey_is_found_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = Clock()
        monkeypatch.setattr(time, "sleep", clock.sleep)
        monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
        with self.switch_on(Relay(obeys=False)) as switch, pytest.raises(SwitchUnconfirmed) as seen:
            switch.on()
        assert not seen.value.transient
        assert seen.value.hint

    def test_silence_is_neither_on_nor_off(self) -> None:
        relay = Relay()
        with self.switch_on(relay) as switch:
            relay.answers = False
            for ask in (switch.state, switch.on, switch.off):
                with pytest.raises(SwitchOffline) as seen:
                    ask()
                assert seen.value.transient
                assert seen.value.hint

    def test_a_cycle_stays_off_for_the_minimum_time(self) -> None:
        relay = Relay(on=True)
        waits: list[tuple[float, bool]] = []
        with self.switch_on(relay) as switch:
            cycle(switch, sleep=lambda wait_s: waits.append((wait_s, relay.on)))
            assert waits == [(switch.min_off_s, False)]
        assert relay.on

    def test_closing_twice_is_harmless(self) -> None:
        with self.switch_on(Relay()) as switch:
            pass
        switch.close()

    def test_its_options_are_checked(self) -> None:
        _check_options(self.driver, self.options, reads_back=True)


class BlindSwitchConformance(ABC):
    """For a switch that cannot be asked for its state: it does what it is told, and never claims that it did.

    Subclass as :class:`SwitchConformance`; ``options`` are those that make it blind.
    """

    driver: ClassVar[str]
    options: ClassVar[dict[str, object]]

    @abstractmethod
    def switch_on(self, relay: Relay) -> PowerSwitch:
        """Return the switch, its device played by ``relay``."""

    def test_on_and_off_reach_the_relay_and_neither_is_claimed(self) -> None:
        relay = Relay()
        with self.switch_on(relay) as switch:
            for turn, wanted in ((switch.on, True), (switch.off, False)):
                with pytest.raises(SwitchBlind) as seen:
                    turn()
                assert relay.on is wanted
                assert not seen.value.transient
                assert "proof" in seen.value.hint

    def test_its_state_is_never_guessed(self) -> None:
        for on in (True, False):
            with self.switch_on(Relay(on=on)) as switch, pytest.raises(SwitchBlind):
                switch.state()

    def test_a_relay_that_does_not_obey_is_never_said_to(self) -> None:
        with self.switch_on(Relay(obeys=False)) as switch, pytest.raises(SwitchUnconfirmed):
            switch.on()

    def test_a_dead_relay_is_never_said_to_have_switched(self) -> None:
        with self.switch_on(Relay(answers=False)) as switch:
            for ask in (switch.on, switch.off, switch.state):
                with pytest.raises((SwitchOffline, SwitchBlind)):
                    ask()

    def test_a_cycle_ends_where_off_was_not_confirmed(self) -> None:
        relay = Relay(on=True)
        with self.switch_on(relay) as switch, pytest.raises(SwitchBlind):
            cycle(switch, sleep=lambda _: None)
        assert not relay.on

    def test_closing_leaves_the_state_alone(self) -> None:
        relay = Relay(on=True)
        with self.switch_on(relay) as switch:
            pass
        switch.close()
        assert relay.on

    def test_its_options_are_checked(self) -> None:
        _check_options(self.driver, self.options, reads_back=False)


def _check_options(driver: str, options: dict[str, object], *, reads_back: bool) -> None:
    assert driver in known_switches()
    config = load_switch(driver).Config
    checked = config.model_validate(options)
    assert not isinstance(checked, SwitchConfig) or checked.reads_back is reads_back
    with pytest.raises(ValidationError):
        config.model_validate({**options, "no_such_option": 1})
