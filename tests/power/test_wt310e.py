"""WT310E: answers in the instrument's own formats."""

import time
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from power.block import Flag
from power.errors import FrameError, InstrumentFault
from power.meter import Identity, Meter, Tolerance
from power.scpi.port import ScpiPort
from power.scpi.wt310e import WT310E, WT330, places, prepare
from power.testing import Answering, Clock, Replay

from .scpi_conformance import ScpiConformance

OPTIONS = WT310E.Config(resource="TCPIP::192.0.2.21::INSTR", volts_range=15, amps_range=2)


def meter_on(port: Answering) -> WT310E:
    return WT310E("m1", ScpiPort("m1", port), OPTIONS)


def values(*fields: str) -> bytes:
    return b"1;" + ",".join(fields).encode() + b"\n"


class TestWT310E(ScpiConformance):
    driver = "wt310e"
    options: ClassVar = {"resource": "TCPIP::192.0.2.21::INSTR", "volts_range": 15, "amps_range": 2}
    garbage = b"\xa5\x5a garbage\n"
    identity = "YOKOGAWA,WT310E,C2QG12345V,F1.04"
    lead: ClassVar = [b"1\n"]
    prefix = "1;"
    shape: ClassVar = [("volts", "amps", "watts")]

    def on(self, port: Answering) -> Meter:
        return meter_on(port)


class TestWT330(ScpiConformance):
    driver = "wt330"
    options: ClassVar = {"resource": "TCPIP::192.0.2.21::INSTR", "element": "SIGMA"}
    garbage = b"\xa5\x5a garbage\n"
    identity = "YOKOGAWA,WT333E,C3QG12345V,F1.04"
    lead: ClassVar = [b"1\n"]
    prefix = "1;"
    shape: ClassVar = [("volts", "amps", "watts")]

    def on(self, port: Answering) -> Meter:
        return WT330("m1", ScpiPort("m1", port), WT330.Config.model_validate(self.options))


def test_the_answer_to_an_earlier_question_is_no_value() -> None:
    """Seen in public logs: a value query got the answer about ranges."""
    port = Replay([b"1\n", b"500.0E-03;1;300.0E+00;1\n"])
    with meter_on(port) as meter, pytest.raises(FrameError, match="values, not 3"):
        meter.read()


def test_no_value_is_not_a_number_and_not_zero() -> None:
    with meter_on(Replay([b"1\n", values("NAN", "NAN", "NAN")])) as meter:
        block = meter.read()
    assert np.isnan(block.volts[0])
    assert np.isnan(block.watts[0])


def test_beyond_the_range_is_flagged_and_not_a_number() -> None:
    with meter_on(Replay([b"1\n", values("12.000E+00", "INF", "INF")])) as meter:
        block = meter.read()
    assert block.flags[0] & Flag.OVERLOAD
    assert np.isnan(block.watts[0])


def test_watts_are_the_instruments_own() -> None:
    with meter_on(Replay([b"1\n", values("230.00E+00", "100.0E-03", "11.500E+00")])) as meter:
        block = meter.read()
    assert block.watts == pytest.approx([11.5])  # power factor 0.5
    assert block.amps == pytest.approx([0.1])


def test_each_update_is_waited_for() -> None:
    port = Replay([b"1\n", values("12", "1", "12"), values("12", "2", "24")])
    with meter_on(port) as meter:
        meter.read()
        meter.read()
    assert port.written[1:] == [b":COMM:WAIT 1;:STAT:EESR?;:NUM:NORM:VAL?\n"] * 2


def test_an_answer_that_came_late_is_placed_by_the_rhythm_and_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    waits_s = iter([0.1, 0.1, 0.172, 0.028, 0.1])

    def respond(data: bytes) -> bytes:
        if b"WAIT" not in data:
            return b"1\n"
        clock.sleep(next(waits_s))
        return values("12", "1", "12")

    with meter_on(Answering(respond)) as meter:
        blocks = [meter.read() for _ in range(5)]
        clock.sleep(0.195)  # now the question is late: one update passes unseen
        waits_s = iter([0.001])
        blocks.append(meter.read())
    t_ms = [int(b.t_ns[0]) // 1_000_000 for b in blocks]
    assert [b - a for a, b in pairwise(t_ms[:5])] == [100] * 4
    assert [int(b.flags[0]) for b in blocks] == [0] * 5 + [Flag.LOST_BEFORE]


class Bench:
    """The settings of an instrument that obeys, or does not."""

    def __init__(self, *, amps_range: str = "2.000E+00", errors: tuple[bytes, ...] = ()) -> None:
        self._errors = list(errors)
        self._amps_range = amps_range

    def __call__(self, data: bytes) -> bytes:
        command = data.decode().strip()
        if command == ":STAT:ERR?":
            return (self._errors.pop(0) if self._errors else b'0,"No error"') + b"\n"
        return {
            ":INP:VOLT:RANG?": b"15.00E+00\n",
            ":INP:CURR:RANG?": self._amps_range.encode() + b"\n",
            ":INP:VOLT:AUTO?": b"0\n",
            ":INP:CURR:AUTO?": b"0\n",
        }.get(command, b"")


def test_preparing_turns_headers_off_and_fixes_the_ranges() -> None:
    port = Answering(Bench())
    prepare(ScpiPort("m1", port), OPTIONS)
    sent = b"".join(port.written).decode().splitlines()
    assert next(line for line in sent if "?" not in line) == ":COMM:HEAD OFF"
    for command in (":INP:VOLT:RANG 15", ":INP:CURR:RANG 2", ":INP:CURR:AUTO OFF", ":RATE 100MS"):
        assert command in sent


def test_the_limits_are_those_of_the_watts_and_of_the_model() -> None:
    """DC, 12 months, of IM WT310E-02EN: 0.1 % (WT310EH: 0.3 %) of reading and 0.2 % of range."""
    for model, of_reading in (("WT310E", 0.001), ("WT310EH", 0.003)):
        meter = WT310E("m1", ScpiPort("m1", Replay()), OPTIONS, Identity("YOKOGAWA", model))
        assert meter.accuracy.watts == Tolerance(of_reading, pytest.approx(0.06))


def test_a_range_that_was_not_kept_is_a_fault() -> None:
    with pytest.raises(InstrumentFault, match="CURR:RANG"):
        prepare(ScpiPort("m1", Answering(Bench(amps_range="20.00E+00"))), OPTIONS)


def test_what_an_earlier_user_left_in_the_error_queue_is_not_ours() -> None:
    prepare(ScpiPort("m1", Answering(Bench(errors=(b'113,"Undefined header"',)))), OPTIONS)


def test_a_refused_setting_is_a_fault_that_quotes_the_instrument() -> None:
    port = Answering(Bench(errors=(b'0,"No error"', b'222,"Data out of range"')))
    with pytest.raises(InstrumentFault, match="Data out of range"):
        prepare(ScpiPort("m1", port), OPTIONS)


def test_a_range_that_the_instrument_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(ValidationError, match="the instrument has 15, 30, 60"):
        WT310E.Config(resource="x", volts_range=12, amps_range=2)


def test_an_update_that_the_instrument_does_not_call_new_is_stale() -> None:
    with meter_on(Replay([b"1\n", b"0;12,1,12\n"])) as meter:
        assert meter.read().flags[0] == Flag.STALE


def test_firmware_that_cannot_wait_is_asked_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    asked: list[tuple[float, bytes]] = []

    def respond(data: bytes) -> bytes:
        asked.append((clock.monotonic_ns() / 1e9, data))
        return b"230.0E+00,50.0E-03,7.5E+00\n" if data == b":NUM:NORM:VAL?\n" else b""

    with meter_on(Answering(respond)) as meter:
        blocks = [meter.read() for _ in range(4)]
    at_will = [t_s for t_s, data in asked if data == b":NUM:NORM:VAL?\n"]
    assert len(at_will) == 4
    assert len(asked) == 5  # after one question that was not understood
    assert [b - a for a, b in pairwise(at_will)] == pytest.approx([0.1] * 3)
    assert [float(block.watts[0]) for block in blocks] == [7.5] * 4


def test_an_element_and_the_sum_are_chosen_by_name() -> None:
    for element in ("2", "SIGMA"):
        port = Answering(Bench())
        prepare(ScpiPort("m1", port), WT330.Config(resource="x", element=element))
        assert f":NUM:NORM:ITEM3 P,{element}\n".encode() in port.written


def test_without_ranges_the_limits_are_those_of_the_widest() -> None:
    meter = WT310E("m1", ScpiPort("m1", Replay()), WT310E.Config(resource="x"))
    assert meter.accuracy.watts == Tolerance(0.001, pytest.approx(24.0))
    assert "ranges left to the front panel" in meter.accuracy.source


ITEMS = "10;URMS,1;IRMS,1;P,1;LAMB,1;FU,1;URMS,2;IRMS,2;P,2;LAMB,2;FU,2"
TOLD = "118.67E+00,3.450E+00,0.3671E+03,0.8965E+00,NAN,118.80E+00,3.451E+00,0.3386E+03,0.8259E+00,60.016E+00"
"""What a WT333E answered to ``:NUMERIC:NORMAL?`` and ``:NUMERIC:NORMAL:VALUE?`` in Dell's ptd_logs.txt,
mlcommons/inference_results_v1.1."""


@pytest.mark.parametrize(
    ("element", "volts", "amps", "watts"), [("1", 118.67, 3.45, 367.1), ("2", 118.8, 3.451, 338.6)]
)
def test_more_values_than_were_chosen_are_told_apart_by_the_instruments_own_list(
    element: str, volts: float, amps: float, watts: float
) -> None:
    known = {":NUM:NORM:VAL?": TOLD, ":NUM:NORM?": ITEMS}
    port = Answering(lambda d: f"{known[q]}\n".encode() if (q := d.decode().strip()) in known else b"")
    meter = WT330("m1", ScpiPort("m1", port), WT330.Config(resource="x", element=element))
    for _ in range(2):
        block = meter.read()
        assert (float(block.volts[0]), float(block.amps[0])) == (volts, amps)
        assert block.watts == pytest.approx([watts])
    assert port.written.count(b":NUM:NORM?\n") == 1


@pytest.mark.parametrize(
    ("items", "found"),
    [
        (ITEMS, {"volts": 0, "amps": 1, "watts": 2}),
        (":NUM:NORM:NUM 3;ITEM1 P,1;ITEM2 U,1;ITEM3 I,1", {"watts": 0, "volts": 1, "amps": 2}),
        ("2;P,1;WH,1", {"watts": 0}),
    ],
)
def test_the_list_of_items_is_read_with_and_without_headers(items: str, found: dict[str, int]) -> None:
    assert places(items, "1")[1] == found


@pytest.mark.parametrize(
    ("items", "element"), [(ITEMS, "3"), (ITEMS, "SIGMA"), ("2;U,1;I,1", "1"), ("ERROR", "1"), ("", "1")]
)
def test_a_list_without_the_watts_that_are_wanted_is_refused(items: str, element: str) -> None:
    with pytest.raises(ValueError, match=f"no watts of element {element}"):
        places(items, element)


def test_more_values_than_were_chosen_are_refused_where_nothing_tells_them_apart() -> None:
    port = Answering(lambda d: f"{TOLD}\n".encode() if d == b":NUM:NORM:VAL?\n" else b"")
    meter = WT330("m1", ScpiPort("m1", port), WT330.Config(resource="x"))
    with pytest.raises(FrameError, match="10 values, not 3"):
        meter.read()


def _on(known: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an instrument on the link that answers these questions, word by word, and takes no setting."""
    said = {"*IDN?": "YOKOGAWA,WT333E,C2WL21005V,F1.04", **known}
    port = Answering(lambda d: f"{said[q]}\n".encode() if (q := d.decode().strip()) in said else b"")
    monkeypatch.setattr("power.scpi.port.open_link", lambda *_, **__: port)


def test_a_conversation_in_long_words_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    _on({":NUMERIC:NORMAL?": ITEMS, ":NUMERIC:NORMAL:VALUE?": TOLD}, monkeypatch)
    with WT330.open("m1", WT330.Config(resource="x", element="2")) as meter:
        assert meter.read().watts == pytest.approx([338.6])


def test_values_in_another_order_than_was_chosen_are_taken_as_the_instrument_lists_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _on({":NUM:NORM?": "3;P,1;U,1;I,1", ":NUM:NORM:VAL?": "6.869E+00,230.12E+00,0.0532E+00"}, monkeypatch)
    with WT310E.open("m1", WT310E.Config(resource="x")) as meter:
        block = meter.read()
    assert (block.volts[0], block.amps[0], block.watts[0]) == (230.12, 0.0532, 6.869)


def test_an_instrument_that_lists_no_watts_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _on({":NUM:NORM?": "3;S,1;U,1;I,1", ":NUM:NORM:VAL?": "12.2E+00,230.12E+00,0.0532E+00"}, monkeypatch)
    with pytest.raises(InstrumentFault, match="no watts of element 1"):
        WT310E.open("m1", WT310E.Config(resource="x"))
