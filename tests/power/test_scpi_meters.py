"""Multimeters and supplies in SCPI: each driver, held to what real conversations showed."""

import time
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from power.block import Flag
from power.errors import FrameError, InstrumentFault, MeterOffline
from power.meter import Accuracy, Identity, Meter, Tolerance
from power.registry import load_meter
from power.scpi.generic import GenericScpi
from power.scpi.k2281s import Keithley2281S
from power.scpi.k34465a import Keysight34465A, TimedMemory
from power.scpi.keithley_dmm import DMM6500, DMM7510
from power.scpi.memory import lots, read_series
from power.scpi.port import ScpiPort
from power.scpi.supply_meters import DP832, HMP4040, NGE100, NGL, SPD1000X, SPD3303X
from power.testing import Answering, Clock

from .scpi_conformance import ScpiConformance

RESOURCE = {"resource": "TCPIP::192.0.2.20::5025::SOCKET"}


class TestDP832(ScpiConformance):
    driver = "dp832"
    options: ClassVar = {**RESOURCE, "channel": 1}
    identity = "RIGOL TECHNOLOGIES,DP832A,DP8A000000001,00.01.16"
    shape: ClassVar = [("volts", "amps", "watts")]
    numbers: ClassVar = {"volts", "amps"}
    """Its watts are the product: they are read, for what they tell of the others."""
    confirms = False

    def on(self, port: Answering) -> Meter:
        return DP832("m1", ScpiPort("m1", port), DP832.Config(**RESOURCE))


class TestHMP4040(ScpiConformance):
    driver = "hmp4040"
    options: ClassVar = {**RESOURCE, "channel": 2}
    identity = "HAMEG,HMP4040,026043549,HW50020001/SW2.50"
    shape: ClassVar = [("volts",), ("amps",)]

    def on(self, port: Answering) -> Meter:
        return HMP4040("m1", ScpiPort("m1", port), HMP4040.Config(**RESOURCE))


class TestNGE100(ScpiConformance):
    driver = "nge100"
    options: ClassVar = {**RESOURCE, "channel": 3}
    identity = "Rohde&Schwarz,NGE103B,5601.3800k03/101863,1.54"
    shape: ClassVar = [("volts",), ("amps",)]

    def on(self, port: Answering) -> Meter:
        return NGE100("m1", ScpiPort("m1", port), NGE100.Config(**RESOURCE))


class TestNGL(ScpiConformance):
    driver = "ngl"
    options: ClassVar = {**RESOURCE, "channel": 1}
    identity = "Rohde&Schwarz,NGL202,3638.3376k03/100123,03.068"
    shape: ClassVar = [("volts",), ("amps",)]

    def on(self, port: Answering) -> Meter:
        return NGL("m1", ScpiPort("m1", port), NGL.Config(**RESOURCE))


class TestSPD3303X(ScpiConformance):
    driver = "spd3303x"
    options: ClassVar = {**RESOURCE, "channel": 2}
    identity = "Siglent Technologies,SPD3303X,SPD3XGB4150080,1.01.01.01.02R1,V3.0"
    shape: ClassVar = [("volts",), ("amps",)]
    confirms = False

    def on(self, port: Answering) -> Meter:
        return SPD3303X("m1", ScpiPort("m1", port), SPD3303X.Config(**RESOURCE))


class TestSPD1000X(ScpiConformance):
    driver = "spd1000x"
    options: ClassVar = {**RESOURCE}
    identity = "Siglent Technologies,SPD1168X,SPD13DCQ4R0058,2.1.1.9,V1.0"
    shape: ClassVar = [("volts",), ("amps",)]
    confirms = False

    def on(self, port: Answering) -> Meter:
        return SPD1000X("m1", ScpiPort("m1", port), SPD1000X.Config(**RESOURCE))


class Test34465A(ScpiConformance):
    driver = "34465a"
    options: ClassVar = {**RESOURCE, "amps_range": 3.0, "assume_volts": 5.0}
    identity = "Keysight Technologies,34465A,MY54500001,A.02.14-02.40-02.14-00.49-02-01"
    shape: ClassVar = [("amps",)]

    def on(self, port: Answering) -> Meter:
        return Keysight34465A("m1", ScpiPort("m1", port), Keysight34465A.Config.model_validate(self.options))


class TestDMM6500(ScpiConformance):
    driver = "dmm6500"
    options: ClassVar = {**RESOURCE, "assume_volts": 5.0}
    identity = "KEITHLEY INSTRUMENTS,MODEL DMM6500,04412345,1.7.3b"
    shape: ClassVar = [("amps",)]

    def on(self, port: Answering) -> Meter:
        return DMM6500("m1", ScpiPort("m1", port), DMM6500.Config.model_validate(self.options))


class TestDMM7510(ScpiConformance):
    driver = "dmm7510"
    options: ClassVar = {**RESOURCE, "measures": "volts", "volts_range": 10.0, "assume_amps": 0.5}
    identity = "KEITHLEY INSTRUMENTS,MODEL DMM7510,04412346,1.6.4d"
    shape: ClassVar = [("volts",)]

    def on(self, port: Answering) -> Meter:
        return DMM7510("m1", ScpiPort("m1", port), DMM7510.Config.model_validate(self.options))


class Test2281S(ScpiConformance):
    driver = "2281s"
    options: ClassVar = {**RESOURCE}
    identity = "KEITHLEY INSTRUMENTS,MODEL 2281S-20-6,4404321,01.08b"
    shape: ClassVar = [("amps", "volts", "seconds")]

    def on(self, port: Answering) -> Meter:
        return Keithley2281S("m1", ScpiPort("m1", port), Keithley2281S.Config(**RESOURCE))

    def test_a_deciding_setting_that_is_refused_is_a_fault_that_quotes_the_instrument(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not switched out of a battery mode: somebody may be testing one."""
        with pytest.raises(InstrumentFault, match="SIMULATOR"):
            self.opened(monkeypatch, lambda command: "SIMULATOR" if command == ":ENTR:FUNC?" else None)


class TestGenericScpi(ScpiConformance):
    driver = "scpi"
    options: ClassVar = {**RESOURCE, "volts_query": "V?", "amps_query": "I?"}
    identity = "ACME,Anything,0815,1.0"
    shape: ClassVar = [("volts",), ("amps",)]
    confirms = False

    def on(self, port: Answering) -> Meter:
        return GenericScpi("m1", ScpiPort("m1", port), GenericScpi.Config.model_validate(self.options), None)

    def test_another_model_is_the_wrong_instrument(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.options["model"] = "Mixer"
        try:
            super().test_another_model_is_the_wrong_instrument(monkeypatch)
        finally:
            del self.options["model"]


@pytest.mark.parametrize("driver", ["dp832", "hmp4040", "nge100", "ngl", "spd3303x", "spd1000x"])
def test_an_output_that_the_supply_lacks_is_refused(driver: str) -> None:
    with pytest.raises(ValidationError, match="less than or equal"):
        load_meter(driver).Config.model_validate({**RESOURCE, "channel": 5})


def multimeter(answers: dict[str, str], **options: object) -> Keysight34465A:
    """A multimeter that knows only these questions."""
    port = Answering(
        lambda data: f"{answers[asked]}\n".encode() if (asked := data.decode().strip()) in answers else b""
    )
    config = Keysight34465A.Config.model_validate({**RESOURCE, **options})
    return Keysight34465A("m1", ScpiPort("m1", port), config)


@pytest.mark.parametrize(
    "answers", [{"READ?": "+1.73730000E-03 VDC"}, {"MEAS:VOLT:DC?": "+1.73730000E-03"}], ids=["unit", "question"]
)
def test_where_nobody_says_what_a_multimeter_is_wired_for_its_answer_may(answers: dict[str, str]) -> None:
    """The answer with its unit is in InstrumentKit's tests of an Agilent multimeter."""
    meter = multimeter(answers)
    for _ in range(2):
        block = meter.read()
        assert block.volts == pytest.approx([1.7373e-3])
        assert np.isnan(block.amps).all()
    assert meter.accuracy.source.startswith("volts: ")
    assert "not confirmed by the instrument" in meter.accuracy.source


@pytest.mark.parametrize("word", ["OK", "ERROR", '-113,"Undefined header"', ""])
def test_an_answer_that_names_no_function_leaves_open_what_is_measured(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    known = {"*IDN?": Test34465A.identity, "READ?": "+1.73730000E-03 VDC"}
    port = Answering(lambda data: f"{known.get(data.decode().strip(), word)}\n".encode())
    monkeypatch.setattr("power.scpi.port.open_link", lambda *_, **__: port)
    with Keysight34465A.open("m1", Keysight34465A.Config.model_validate(RESOURCE)) as meter:
        assert meter.read().volts == pytest.approx([1.7373e-3])


def test_a_multimeter_that_was_said_to_measure_amps_does_not_turn_to_volts() -> None:
    with pytest.raises(FrameError, match="in VDC, not in A"):
        multimeter({"READ?": "+1.73730000E-03 VDC"}, measures="amps").read()


@pytest.mark.parametrize("question", [':DATA:DATA? "READ,SOUR,REL"', ":MEAS:CONC?", ":READ?"])
def test_a_2281s_is_read_by_whichever_question_it_answers(question: str) -> None:
    said = b"+8.034562E-03A,+4.566723E+00V,+4.430876E+00s\n"
    port = Answering(lambda data: said if data.decode().strip() == question else b"")
    meter = Keithley2281S("m1", ScpiPort("m1", port), Keithley2281S.Config(**RESOURCE))
    for told_before in (False, True):
        block = meter.read()
        assert (block.amps, block.volts) == (pytest.approx([8.034562e-3]), pytest.approx([4.566723]))
        assert bool(block.flags[0] & Flag.STALE) is told_before
    assert port.written[-1].decode().strip() == question


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("+1.0E-01,+1.1E-01", ""),
        ("#217+1.0E-01,+1.1E-01", ""),
        ("#218+1.0E-01,+1.1E-01", ""),
        ("#230+1.0E-01,+1.1E-01", "block of 30"),
    ],
)
def test_readings_may_come_in_a_block_and_half_of_one_is_refused(said: str, wrong: str) -> None:
    port = ScpiPort("m1", Answering(lambda _: f"{said}\n".encode()))
    if wrong:
        with pytest.raises(FrameError, match=wrong):
            read_series(port, "R? 2", 2)
    else:
        assert read_series(port, "R? 2", 2) == pytest.approx([0.1, 0.11])


def test_an_instrument_that_wants_its_words_spelt_out_is_read() -> None:
    answers = {b"MEASure:VOLTage? CH1\n": b"5.000\n", b"MEASure:CURRent? CH1\n": b"0.123\n"}
    port = Answering(lambda data: answers.get(data, b""))
    meter = SPD3303X("m1", ScpiPort("m1", port), SPD3303X.Config(**RESOURCE))
    assert (meter.read().volts, meter.read().amps) == (pytest.approx([5.0]), pytest.approx([0.123]))


def test_empty_lines_are_no_value_and_never_0() -> None:
    meter = SPD3303X(
        "m1", ScpiPort("m1", Answering(lambda data: b"\n" if b"?" in data else b"")), SPD3303X.Config(**RESOURCE)
    )
    block = meter.read()
    assert np.isnan([*block.volts, *block.amps]).all()


def test_a_dead_instrument_is_not_asked_in_every_way_again_and_again() -> None:
    port = Answering(lambda _: b"")
    meter = SPD3303X("m1", ScpiPort("m1", port), SPD3303X.Config(**RESOURCE))
    asked = list[int]()
    for _ in range(5):
        before = len(port.written)
        with pytest.raises(MeterOffline, match=r"MEAS:VOLT\? CH1: no answer"):
            meter.read()
        asked.append(len(port.written) - before)
    assert asked[1:4] == [1, 1, 1]
    assert asked[4] == asked[0] > 3


def test_limits_that_the_maker_states_hold_for_their_range_and_way_only() -> None:
    def limits(**options: object) -> Accuracy:
        config = DMM6500.Config.model_validate({**RESOURCE, "measures": "volts", **options})
        return DMM6500("m1", ScpiPort("m1", Answering(lambda _: b"")), config).accuracy

    stated = limits(volts_range=10.0)
    assert stated.volts == Tolerance(25e-6, pytest.approx(50e-6))
    assert stated.source.startswith("volts: Keithley SPEC-DMM6500 Rev. A")
    for others in ({"measures": "amps", "amps_range": 1.0}, {}, {"volts_range": 10.0, "sample_rate_hz": 1000}):
        assert "assumed" in limits(**others).source
    assert limits(volts_range=10.0, sample_rate_hz=1000).volts == Tolerance(
        pytest.approx(60e-5), pytest.approx(3500e-6)
    )


def test_a_lesser_model_of_a_family_has_wider_limits() -> None:
    def limits(model: str, **options: object) -> Accuracy:
        config = Keysight34465A.Config.model_validate({**RESOURCE, "measures": "volts", **options})
        port = ScpiPort("m1", Answering(lambda _: b""))
        return Keysight34465A("m1", port, config, Identity("Keysight Technologies", model)).accuracy

    best = limits("34465A", volts_range=100.0)
    assert best.volts == Tolerance(40e-6, pytest.approx(600e-6))
    assert "assumed" not in best.source.partition(";")[0]
    for model, of_reading, offset in (("34461A", 45e-6, 1000e-6), ("34460A", 75e-6, 1000e-6)):
        volts = limits(model, volts_range=100.0).volts
        assert volts is not None
        assert volts.of_reading > of_reading
        assert volts.offset > offset
        assert f"it is a {model}" in limits(model, volts_range=100.0).source
    short = limits("34465A", volts_range=10.0, sample_rate_hz=1000).volts
    assert short == Tolerance(pytest.approx(9e-5), pytest.approx(12e-5))


@pytest.mark.parametrize("known", ["INST:NSEL 2", "INST OUT2"])
def test_an_output_is_chosen_by_whichever_word_the_supply_knows(monkeypatch: pytest.MonkeyPatch, known: str) -> None:
    errors, chosen = list[str](), [1]

    def respond(data: bytes) -> bytes:
        command = data.decode().strip()
        if command.startswith("INST"):
            chosen[:] = [2] if command == known else chosen
            errors.extend(['-113,"Undefined header"'] * (command != known))
        told = {
            "*IDN?": TestHMP4040.identity,
            "SYST:ERR?": errors.pop(0) if command == "SYST:ERR?" and errors else '0, "No error"',
            "MEAS:VOLT?": f"{5.0 * chosen[0]:.3f}",
            "MEAS:CURR?": "0.5000",
        }.get(command)
        return b"" if told is None else f"{told}\n".encode()

    monkeypatch.setattr("power.scpi.port.open_link", lambda *_, **__: Answering(respond))
    with HMP4040.open("m1", HMP4040.Config.model_validate({**RESOURCE, "channel": 2})) as meter:
        chosen[:] = [1]  # somebody turns to another output on the front panel
        assert meter.read().volts == pytest.approx([10.0])


def test_an_instrument_without_a_name_is_read_where_nobody_in_particular_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {b"MEAS:VOLT?\n": b"5.0\n", b"MEAS:CURR?\n": b"0.5\n"}
    monkeypatch.setattr("power.scpi.port.open_link", lambda *_, **__: Answering(lambda data: known.get(data, b"")))
    with GenericScpi.open("m1", GenericScpi.Config.model_validate(RESOURCE)) as meter:
        assert meter.read().watts == pytest.approx([2.5])
    for wanted in ({"serial_number": "4711"}, {"model": "PSU"}):
        with pytest.raises(MeterOffline, match=r"\*IDN\?: no answer"):
            GenericScpi.open("m1", GenericScpi.Config.model_validate({**RESOURCE, **wanted}))


def test_what_an_instrument_shows_is_as_old_as_the_inventory_says():
    port = Answering(lambda data: {b"V?\n": b"5\n", b"I?\n": b"0.5\n"}[data])
    options = GenericScpi.Config(**RESOURCE, volts_query="V?", amps_query="I?", age_s=0.25)
    meter = GenericScpi("m1", ScpiPort("m1", port), options, None)
    before_ns = time.monotonic_ns()
    assert before_ns - 250_000_000 <= meter.read().t_ns[0] <= time.monotonic_ns() - 250_000_000


def test_what_a_supply_shows_is_dated_back_and_its_age_is_told():
    port = Answering(lambda _: b"5.0,0.5,2.5\n")
    for options, aged in (({}, "up to 0.2 s old (assumed)"), ({"age_s": 0.05}, "up to 0.1 s old")):
        meter = DP832("m1", ScpiPort("m1", port), DP832.Config.model_validate({**RESOURCE, **options}))
        back_ns = round(meter.stamp_bound_s * 1e9)
        before_ns = time.monotonic_ns()
        assert before_ns <= meter.read().t_ns[0] + back_ns <= time.monotonic_ns()
        assert meter.accuracy.source.endswith(aged)


def test_a_reading_may_come_with_the_instruments_own_time(monkeypatch):
    """The elements of ``:READ?`` as in the reference manual (DMM7510-901-01, section 6)."""
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    said = iter(["-4.999995E-01,0.000000", "-4.999996E-01,0.092000", "-4.999996E-01,0.092000", "5.0E-01,0.010000"])
    port = Answering(lambda data: f"{next(said)}\n".encode() if b'READ? "defbuffer1", READ, REL' in data else b"")
    config = DMM6500.Config.model_validate({**RESOURCE, "measures": "amps", "assume_volts": 5.0, "own_time": True})
    meter = DMM6500("m1", ScpiPort("m1", port), config)
    blocks = [meter.read() for _ in range(4)]
    assert [float(block.amps[0]) for block in blocks] == pytest.approx([-0.4999995, -0.4999996, -0.4999996, 0.5])
    assert [int(block.flags[0]) for block in blocks] == [0, 0, Flag.STALE, 0]
    assert (blocks[1].t_ns[0] - blocks[0].t_ns[0]) / 1e6 == pytest.approx(92)
    assert blocks[3].t_ns[0] > blocks[2].t_ns[0]


@pytest.mark.parametrize("known", ["DATA:REM? 2", "R? 2"])
@pytest.mark.parametrize("said", ["+1.0E-01,+1.1E-01", "#217+1.0E-01,+1.1E-01"])
def test_timed_readings_are_taken_out_in_the_words_that_are_answered(known: str, said: str):
    told = {"DATA:POIN?": "+2", known: said}
    port = Answering(lambda data: f"{told[word]}\n".encode() if (word := data.decode().strip()) in told else b"")
    memory = TimedMemory(ScpiPort("m1", port), 0.01)
    if known == "R? 2":  # the answer to the other words may have got lost, with readings in it
        seconds, values, lost = memory.fetch()
        assert (len(seconds), len(values), lost) == (0, 0, True)
    for first in (0.0, 0.02):
        seconds, values, lost = memory.fetch()
        assert (seconds.tolist(), lost) == (pytest.approx([first, first + 0.01]), False)
        assert values == pytest.approx([0.1, 0.11])
    assert port.written[-1].decode().strip() == known
    assert sum(b"REM?" in line or b"R? " in line for line in port.written) <= 4


def test_words_that_an_instrument_leaves_unanswered_for_long_do_not_end_its_timed_readings(monkeypatch):
    """34461A firmware that knows ``R?`` alone: its silence to the other word takes longer than a stopped timer may."""
    monkeypatch.setattr("power.scpi.memory._SILENT_S", 0.05)
    monkeypatch.setattr("power.scpi.memory._FETCH_S", 0.001)
    told = {"DATA:POIN?": "+2", "R? 2": "+1.0E-01,+1.1E-01"}
    port = Answering(lambda data: f"{told[word]}\n".encode() if (word := data.decode().strip()) in told else b"")
    scpi = ScpiPort("m1", port)
    ask, asked = scpi.query, list[str]()

    def slow(command: str, *, timeout_s: float | None = None) -> str:
        asked.append(command)
        if "REM?" in command:
            time.sleep(0.1)
        return ask(command, timeout_s=timeout_s)

    monkeypatch.setattr(scpi, "query", slow)
    stream = lots("m1", TimedMemory(scpi, 0.01), 100.0)
    t_ns, values, lost = next(stream)
    stream.close()
    assert (values.tolist(), lost) == ([0.1, 0.11], True)
    assert len(t_ns) == 2
