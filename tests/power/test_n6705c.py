"""N6705C: answers in the instrument's own formats."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest

from power.block import Block, Flag
from power.errors import FrameError, InstrumentFault, MeterOffline
from power.meter import Meter
from power.scpi.n6705c import N6705C, prepare
from power.scpi.n6705c_log import Blocks, Log, Sweeps
from power.scpi.port import ScpiPort
from power.testing import Answering, Clock, Replay
from power.twin.instrument import Twin
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

from .scpi_conformance import ScpiConformance


class TestN6705C(ScpiConformance):
    driver = "n6705c"
    options: ClassVar = {"resource": "TCPIP::192.0.2.20::5025::SOCKET", "channel": 1}
    identity = "Keysight Technologies,N6705C,MY56000123,K.02.06"
    shape: ClassVar = [("amps",), ("volts",)]

    def on(self, port: Answering) -> Meter:
        return N6705C("m1", ScpiPort("m1", port), 1)


def test_no_value_is_not_a_number() -> None:
    with N6705C("m1", ScpiPort("m1", Replay([b"9.91E37\n", b"5.0\n"])), 1) as meter:
        assert np.isnan(meter.read().watts[0])


def test_overload_is_flagged_and_not_a_number() -> None:
    with N6705C("m1", ScpiPort("m1", Replay([b"9.9E+37\n", b"5.0\n"])), 1) as meter:
        block = meter.read()
    assert np.isnan(block.watts[0])
    assert block.flags[0] == Flag.OVERLOAD


def test_the_aperture_is_what_was_set_in_the_instrument() -> None:
    settings = {"SENS:SWE:TINT": "0", "SENS:SWE:POIN": "0"}

    def respond(data: bytes) -> bytes:
        header, _, rest = data.decode().strip().partition(" ")
        if header == "SYST:ERR?":
            return b'+0,"No error"\n'
        if header.endswith("?"):
            return settings[header[:-1]].encode() + b"\n"
        settings[header] = rest.split(",", 1)[0]
        return b""

    prepare(ScpiPort("m1", Answering(respond)), 1)
    assert float(settings["SENS:SWE:TINT"]) * float(settings["SENS:SWE:POIN"]) == pytest.approx(N6705C.aperture_s)
    assert (settings["SENS:VOLT:RANG"], settings["SENS:CURR:RANG"]) == ("20", "3")
    assert settings["SENS:FUNC:CURR"] == settings["SENS:FUNC:VOLT"] == "ON"


def test_a_module_that_samples_otherwise_is_a_fault() -> None:
    def respond(data: bytes) -> bytes:
        if b"ERR?" in data:
            return b'+0,"No error"\n'
        return b"+1.00000000E-03\n" if b"?" in data else b""

    with pytest.raises(InstrumentFault, match=r"SENS:SWE:TINT\? \(@1\) answers '\+1.0+E-03'"):
        prepare(ScpiPort("m1", Answering(respond)), 1)


def test_a_late_question_is_told_from_a_lost_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is a measurement of its own: only one without an answer has lost a reading."""
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    broken = [False]

    def respond(data: bytes) -> bytes:
        clock.sleep(0.08 if b"MEAS" in data else 0.001)
        return b"" if broken[0] else b"+5.0E-01\n"

    with N6705C("m1", ScpiPort("m1", Answering(respond)), 1) as meter:
        flags = [int(meter.read().flags[0]) for _ in range(2)]
        clock.sleep(0.3)
        flags.append(int(meter.read().flags[0]))
        broken[0] = True
        with pytest.raises(MeterOffline):
            meter.read()
        broken[0] = False
        flags += [int(meter.read().flags[0]) for _ in range(2)]
    assert flags == [0, 0, Flag.LATE, Flag.LOST_BEFORE, 0]


@contextmanager
def on_twin(**options: object) -> Iterator[tuple[Twin, Meter]]:
    with Supply(PROFILES["jetson-tx2"], powered=lambda: True, cpu_ns=lambda: 0) as supply:
        twin = TWINS["n6705c"]("m1", {}, supply, seed=3)
        try:
            link = {**options, **twin.start()}
            with N6705C.open("m1", N6705C.Config.model_validate(link)) as meter:
                yield twin, meter
        finally:
            twin.close()


def test_the_log_has_no_gaps_and_every_quantity_at_its_place() -> None:
    with on_twin(mode="elog", log_period_s=0.002) as (_, meter):
        blocks: list[Block] = []
        for block in meter.stream():
            blocks.append(block)
            if sum(map(len, blocks)) > 200:
                break
    block = Block.join(blocks)
    assert np.diff(block.t_ns) / 1e6 == pytest.approx(2.0, rel=0.02)
    assert block.volts.mean() == pytest.approx(19.0, rel=1e-3)
    assert block.amps.mean() == pytest.approx(7 / 19, rel=1e-2)
    assert not block.flags.any()
    assert len(blocks) < len(block) / 5


def test_a_quantity_that_stays_on_in_the_log_is_a_fault_and_never_a_stretched_trace() -> None:
    """Seen in public: left on by an earlier user it was interleaved, time stretched and the energy was wrong."""
    with on_twin(mode="elog") as (twin, meter):
        twin._log._switch = lambda name, _: twin._log.on.update({name: True})
        with pytest.raises(InstrumentFault, match=r"SENS:ELOG:FUNC:CURR:MINM\? \(@1\) answers 1, not 0"):
            next(iter(meter.stream()))


@pytest.mark.parametrize("border", ["NORM", "SWAP"])
def test_a_block_is_read_in_the_byte_order_that_the_instrument_tells(border: str) -> None:
    """Another user, or firmware that keeps its own: the order that counts is the one it says it has."""
    with on_twin(mode="array") as (twin, meter):
        keep = twin._keep
        twin._keep = lambda header, value: keep(header, border if header == "FORMat:BORDer" else value)
        stream = iter(meter.stream())
        first, second = next(stream), next(stream)
    assert len(first) == 3906
    assert first.volts.mean() == pytest.approx(19.0, rel=1e-3)
    assert first.amps.mean() == pytest.approx(7 / 19, rel=1e-2)
    assert np.diff(first.t_ns).mean() == pytest.approx(20480, rel=1e-3)
    assert (first.flags[0], second.flags[0]) == (0, Flag.LATE)
    assert second.t_ns[0] > first.t_ns[-1]


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"1.0,volts\n", "no block"),
        (b"#0abcd\n", "no block"),
        (b"#18abcd\n", "of a block of 8"),
        (b"#2x8abcdefgh\n", "a block of b'x8'"),
        (b"#15abcde\n", "no 32-bit numbers"),
    ],
)
def test_half_a_block_is_never_numbers(answer: bytes, wrong: str) -> None:
    told = iter([b"NORM\n", answer])
    blocks = Blocks(ScpiPort("m1", Answering(lambda data: next(told, b"") if b"?" in data else b"")))
    with pytest.raises(FrameError, match=wrong):
        blocks.query("MEAS:ARR:CURR? (@1)")


def blocks_of(border: bytes, answer: bytes) -> Blocks:
    return Blocks(ScpiPort("m1", Answering(lambda d: (border if b"BORD" in d else answer) if b"?" in d else b"")))


def test_an_instrument_that_goes_on_in_text_is_read() -> None:
    listed = blocks_of(b"", b"+1.90012000E+01,9.91E37\n")
    for _ in range(2):
        assert listed.query("MEAS:ARR:VOLT? (@1)") == pytest.approx([19.0012, np.nan], nan_ok=True)


@pytest.mark.parametrize("order", ["<f4", ">f4"])
@pytest.mark.parametrize("border", [b"NORM\n", b"FORM:BORD SWAP\n", b""])
def test_bytes_in_another_order_than_the_instrument_tells_are_no_numbers(border: bytes, order: str) -> None:
    data = np.array([0.421053, 19.0012, 0.0, -1e-9], order).tobytes()
    blocks = blocks_of(border, b"#216" + data + b"\n")
    if (order == "<f4") == (b"SWAP" in border):
        assert blocks.query("FETC:ARR:CURR? (@1)") == pytest.approx([0.421053, 19.0012, 0.0, -1e-9], rel=1e-6)
    else:
        with pytest.raises(FrameError, match="absurd in the byte order"):
            blocks.query("FETC:ARR:CURR? (@1)")


def test_no_value_and_overload_in_a_block_are_told_apart() -> None:
    data = np.array([1.5, 9.91e37, 9.9e37, -9.9e37], ">f4").tobytes()
    told = iter([b"NORM\n", b"#216" + data + b"\n"])
    values = Blocks(ScpiPort("m1", Answering(lambda d: next(told) if b"?" in d else b""))).query("FETC:ARR:VOLT? (@1)")
    assert values == pytest.approx([1.5, np.nan, np.inf, -np.inf], nan_ok=True)


def test_a_byte_order_that_is_unknown_is_a_fault() -> None:
    with pytest.raises(InstrumentFault, match="FORM:BORD"):
        Blocks(ScpiPort("m1", Answering(lambda data: b"WEIRD\n" if b"?" in data else b"")))


def refusing(word: str, said: str) -> ScpiPort:
    """A link to an analyser that refuses one command, and says so once."""
    errors = list[str]()

    def respond(data: bytes) -> bytes:
        command = data.decode().strip()
        if word in command and "?" not in command:
            errors.append(said)
        if command == "SYST:ERR?":
            return (errors.pop(0) if errors else '+0,"No error"').encode() + b"\n"
        return b""

    return ScpiPort("m1", Answering(respond))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("SENS:CURR:RANG", '-222,"Data out of range"'),
        ("SENS:SWE:POIN", '-222,"Data out of range"'),
        ("SENS:SWE:TINT", '+309,"Cannot initiate, voltage and current in fixed mode"'),
    ],
)
def test_a_setting_that_is_refused_is_named_with_the_instruments_own_words(word: str, said: str) -> None:
    with pytest.raises(InstrumentFault) as seen:
        prepare(refusing(word, said), 1)
    assert f"the instrument reports {said} to `{word} " in str(seen.value)
    assert "which module sits in that channel?" in seen.value.hint


@pytest.mark.parametrize("word", ["SENS:ELOG:PER", "SENS:ELOG:CURR:RANG", "TRIG:ELOG:SOUR"])
def test_a_log_that_is_refused_is_named_with_its_command_and_what_to_do(word: str) -> None:
    said = '-222,"Data out of range"'
    with pytest.raises(InstrumentFault) as seen:
        Log(refusing(word, said), "(@1)", 0.0005, volts_range=20, amps_range=3)
    assert f"{said} to `{word} " in str(seen.value)
    assert "log_period_s" in seen.value.hint


def test_a_sweep_of_another_size_is_a_fault_that_names_what_was_sent() -> None:
    block = b"#18" + np.array([1.0, 2.0], ">f4").tobytes() + b"\n"
    told = iter([b"NORM\n", block, block])
    sweeps = Sweeps(ScpiPort("m1", Answering(lambda d: next(told) if b"?" in d else b"")), "(@1)")
    with pytest.raises(InstrumentFault, match=r"MEAS:ARR:CURR\? \(@1\) answers 2 samples, and `SENS:SWE:POIN 3906`"):
        sweeps.take(3906)
