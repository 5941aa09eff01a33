"""What every meter that is asked in SCPI must survive: each trap that real conversations showed is a test here."""

import math
from collections.abc import Callable
from typing import ClassVar, TypeVar

import numpy as np
import pytest

from power.block import Flag
from power.errors import FrameError, InstrumentFault, MeterOffline, WrongInstrument
from power.meter import Meter
from power.registry import load_meter
from power.scpi.asked import AskedMeter
from power.testing import Answering, MeterConformance, Replay

M = TypeVar("M")

NO_VALUE = ("NAN", "9.91E37", "+9.91000000E+37", "9.910000E+37", "----", "---------", "--.--")
BEYOND = ("9.9E37", "+9.90000000E+37", "INF", "OL")
SPELLINGS: dict[str, Callable[[float], str]] = {
    "500.0E-03": lambda v: f"{v * 1e3:.4f}E-03",
    "10.000E+00": lambda v: f"{v:.5f}E+00",
    "0.2972E+03": lambda v: f"{v / 1e3:.8f}E+03",
    "+1.86850000E-03": lambda v: f"{v:+.8E}",
    "5.000": lambda v: f"{v:.5f}",
    " 5.0 ": lambda v: f"  {v:g} ",
    "a lower-case exponent": lambda v: f"{v:e}",
}
NO_NUMBER = ("1_0.5", "0x10", "1.2.3", "five", "12:30", "ERROR", '-113,"Undefined header"', "ERR 5", "5.0 apples")


def settled(meter: M) -> M:
    """Return a meter that has been answered in its first way before."""
    if isinstance(meter, AskedMeter):
        meter._ways = meter._ways[:1]
    elif hasattr(meter, "_refusals"):
        meter._refusals = -1
    elif hasattr(meter, "_questions"):
        meter._questions = meter._questions[:1]
    return meter


class ScpiConformance(MeterConformance):
    """Subclass, say which numbers stand in which answer, inherit the traps."""

    shape: ClassVar[list[tuple[str, ...]]]
    """One entry an answer of a reading: ``volts``, ``amps``, ``watts``, ``seconds``, or ``-``."""
    lead: ClassVar[list[bytes]] = []
    """Answers before those, once after opening."""
    prefix: ClassVar[str] = ""
    """Before the numbers of an answer, in the same message."""
    identity: ClassVar[str]
    """What the instrument says to ``*IDN?``."""
    numbers: ClassVar[set[str]] = {"volts", "amps", "watts"}
    """Which of the numbers the reading is made of."""
    link: ClassVar[str] = "power.scpi.port.open_link"

    def on(self, port: Answering) -> Meter:
        """Return the meter on an open port, set up, never asked before."""
        raise NotImplementedError

    def meter_on(self, port: Replay) -> Meter:
        return settled(self.on(port))

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return self.spelt(volts, amps, lambda _, value: f"{value:+.8E}")

    def spelt(self, volts: float, amps: float, spell: Callable[[str, float], str], end: str = "\n") -> list[bytes]:
        known = {"volts": volts, "amps": amps, "watts": volts * amps, "seconds": 1.0, "-": 0.1}
        lines = [",".join(spell(name, known[name]) for name in line) for line in self.shape]
        return [*self.lead, *((self.prefix + line + end).encode() for line in lines)]

    def read(self, answers: list[bytes]):
        with self.meter_on(Replay(answers)) as meter:
            return meter.read()

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_every_makers_number_is_read(self, spelling: str) -> None:
        self._assert_reads(self.read(self.spelt(5.0, 0.5, lambda _, v: SPELLINGS[spelling](v))), 5.0, 0.5)

    @pytest.mark.parametrize("end", ["\r\n", " \n", "\0\n", "\r\r\n"])
    def test_every_makers_line_end_is_one(self, end: str) -> None:
        self._assert_reads(self.read(self.spelt(5.0, 0.5, lambda _, v: f"{v:.6f}", end)), 5.0, 0.5)

    def test_a_unit_behind_a_number_is_understood(self) -> None:
        units = {"volts": "VDC", "amps": "A", "watts": " W", "seconds": "s", "-": ""}
        self._assert_reads(self.read(self.spelt(5.0, 0.5, lambda name, v: f"{v:.6f}{units[name]}")), 5.0, 0.5)

    def test_milli_is_a_thousandth(self) -> None:
        units = {"volts": "mV", "amps": "mA", "watts": "mW"}

        def spell(name: str, value: float) -> str:
            return f"{value * 1e3:.3f} {units[name]}" if name in units else f"{value:g}"

        self._assert_reads(self.read(self.spelt(5.0, 0.5, spell)), 5.0, 0.5)

    def test_a_number_in_another_unit_answers_another_question(self) -> None:
        units = {"volts": "A", "amps": "V", "watts": "V"}
        with pytest.raises(FrameError, match="not in"):
            self.read(self.spelt(5.0, 0.5, lambda name, v: f"{v:.6f}{units.get(name, '')}"))

    def test_headers_may_be_on(self) -> None:
        said = [line if b"," in line and b";" in line else b":MEAS:VOLT " + line for line in self.answers(5.0, 0.5)]
        said = [
            line if not line.startswith(b"1;") else line.replace(b"1;", b":STAT:EESR 1;:NUM:NORM:VAL ") for line in said
        ]
        self._assert_reads(self.read(said), 5.0, 0.5)

    @pytest.mark.parametrize("word", NO_VALUE)
    def test_no_value_is_not_a_number_and_never_0(self, word: str) -> None:
        for wanted in {name for line in self.shape for name in line} & self.numbers:
            block = self.read(self.spelt(5.0, 0.5, lambda n, v, w=wanted: word if n == w else f"{v:.6f}"))
            assert np.isnan(block.watts).all() or wanted in ("volts", "amps")
            assert np.isnan(getattr(block, wanted)).all()
            assert block.flags.tolist() == [0]

    def test_an_empty_field_is_no_value(self) -> None:
        for wanted in {name for line in self.shape for name in line if len(line) > 1} & self.numbers:
            block = self.read(self.spelt(5.0, 0.5, lambda n, v, w=wanted: "" if n == w else f"{v:.6f}"))
            assert np.isnan(getattr(block, wanted)).all()

    @pytest.mark.parametrize("word", BEYOND)
    def test_beyond_the_range_is_flagged_and_never_a_number(self, word: str) -> None:
        for wanted in {name for line in self.shape for name in line} & self.numbers:
            block = self.read(self.spelt(5.0, 0.5, lambda n, v, w=wanted: word if n == w else f"{v:.6f}"))
            assert block.flags.tolist() == [Flag.OVERLOAD]
            assert np.isnan(getattr(block, wanted)).all()
            assert np.isnan(block.watts).all()

    @pytest.mark.parametrize("word", NO_NUMBER)
    def test_what_is_no_number_is_none(self, word: str) -> None:
        for wanted in {name for line in self.shape for name in line} & self.numbers:
            with pytest.raises(FrameError):
                self.read(self.spelt(5.0, 0.5, lambda n, v, w=wanted: word if n == w else f"{v:.6f}"))

    def test_a_number_too_many_or_too_few_is_refused(self) -> None:
        for place in range(len(self.lead), len(self.lead) + len(self.shape)):
            whole = self.answers(5.0, 0.5)
            more = whole[place].replace(b"\n", b",1.0\n")
            fewer = whole[place].rpartition(b",")[0] + b"\n" if b"," in whole[place] else b"1.0,2.0\n"
            for line in (more, fewer):
                with pytest.raises(FrameError):
                    self.read([*whole[:place], line])

    def test_the_answer_about_ranges_is_no_value(self) -> None:
        """Seen in public logs: while a range moved, a value query was answered with the ranges."""
        for place in range(len(self.lead), len(self.lead) + len(self.shape)):
            with pytest.raises(FrameError):
                self.read([*self.answers(5.0, 0.5)[:place], b"500.0E-03;1;300.0E+00;1\n"])

    def opened(self, patch: pytest.MonkeyPatch, respond: Callable[[str], str | None], **options: object) -> Meter:
        """Open the meter on an instrument that is a function of the command."""

        def answer(data: bytes) -> bytes:
            command = data.decode().strip()
            text = self.identity if command == "*IDN?" else respond(command)
            return b"" if text is None else text.encode() + b"\n"

        patch.setattr(self.link, lambda *_, **__: Answering(answer))
        kind = load_meter(self.driver)
        return kind.open("m1", kind.Config.model_validate({**self.options, **options}))

    def reading(self, volts: float, amps: float) -> Callable[[str], str | None]:
        """Return an instrument that answers the questions of a reading, one after the other, and no others."""
        left: list[str] = []

        def respond(command: str) -> str | None:
            if "?" not in command or "ERR" in command or self.asks_for_a_setting(command):
                return None
            if not left:
                left.extend(line.decode().strip() for line in self.answers(volts, amps))
            return left.pop(0)

        return respond

    def asks_for_a_setting(self, command: str) -> bool:
        """Whether a question is about a setting, not about a reading."""
        return any(
            word in command
            for word in ("RANG?", "AUTO?", "FUNC?", "CONF?", "LANG?", "APER?", "TINT?", "POIN?", "NSEL?")
        )

    def test_an_instrument_that_tells_nothing_of_its_settings_is_read_and_that_is_said(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with self.opened(monkeypatch, self.reading(5.0, 0.5)) as meter:
            self._assert_reads(meter.read(), 5.0, 0.5)
            assert ("not confirmed by the instrument" in meter.accuracy.source) is self.confirms

    confirms: ClassVar[bool] = True
    """It has settings that decide about its numbers."""

    def test_an_instrument_that_answers_with_an_empty_line_what_it_does_not_know_is_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reading = self.reading(5.0, 0.5)
        with self.opened(monkeypatch, lambda command: reading(command) or "") as meter:
            self._assert_reads(meter.read(), 5.0, 0.5)

    def test_a_deciding_setting_that_is_refused_is_a_fault_that_quotes_the_instrument(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue = ['0,"No error"', '-222,"Data out of range"', '+0,"No error"']

        def respond(command: str) -> str | None:
            return queue.pop(0) if "ERR" in command and queue else None

        if not self.confirms:  # its questions name all that decides: the queue is not even asked
            self.opened(monkeypatch, respond).close()
            assert len(queue) == 3
            return
        with pytest.raises(InstrumentFault, match="Data out of range"):
            self.opened(monkeypatch, respond)

    def test_another_unit_in_its_place_is_the_wrong_instrument(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(WrongInstrument, match="not OTHER-1"):
            self.opened(monkeypatch, self.reading(5.0, 0.5), serial_number="OTHER-1")

    def test_the_unit_that_the_inventory_names_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        serial = self.identity.split(",")[2]
        with self.opened(monkeypatch, self.reading(5.0, 0.5), serial_number=serial) as meter:
            assert meter.identity().serial_number == serial

    def test_another_model_is_the_wrong_instrument(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "identity", "ACME,Toaster 9,1,1.0")
        with pytest.raises(WrongInstrument, match="Toaster"):
            self.opened(monkeypatch, lambda _: None)

    def test_a_link_that_nobody_answers_is_closed_and_offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        port = Answering(lambda _: b"")
        monkeypatch.setattr(self.link, lambda *_, **__: port)
        kind = load_meter(self.driver)
        with pytest.raises(MeterOffline):
            kind.open("m1", kind.Config.model_validate(self.options))
        assert port.closed

    def test_what_its_driver_states_is_finite(self) -> None:
        with self.on(Replay()) as meter:
            assert math.isfinite(meter.rate_hz)
            assert meter.bandwidth_hz is None or meter.bandwidth_hz > 0
            assert meter.verified
