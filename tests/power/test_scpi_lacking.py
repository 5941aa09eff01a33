"""Instruments that report -113 for what they do not know: what can be read of them is read, and said to be so."""

import numpy as np
import pytest

from power.errors import FrameError, InstrumentFault
from power.scpi.k34465a import Keysight34465A
from power.scpi.n6705c import N6705C
from power.scpi.supply_meters import DP832, HMP4040
from power.testing import Answering

RESOURCE = {"resource": "TCPIP::192.0.2.20::5025::SOCKET"}


def _lacking(known: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put an instrument on the link that reports -113 for all but what it knows; return what it hears."""
    errors, heard = list[str](), list[str]()

    def respond(data: bytes) -> bytes:
        command = data.decode().strip()
        heard.append(command)
        if command == "SYST:ERR?":
            return (errors.pop(0) if errors else '0,"No error"').encode() + b"\n"
        if command not in known:
            errors.append('-113,"Undefined header"')
        return f"{known[command]}\n".encode() if command in known else b""

    monkeypatch.setattr("power.scpi.port.open_link", lambda *_, **__: Answering(respond))
    return heard


def test_a_supply_that_has_no_word_for_choosing_an_output_is_read_as_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"*IDN?": "HAMEG,HMP4040,026043549,HW50020001/SW2.50", "MEAS:VOLT?": "5.002", "MEAS:CURR?": "0.1234"}
    _lacking(known, monkeypatch)
    with HMP4040.open("m1", HMP4040.Config.model_validate(RESOURCE)) as meter:
        assert meter.read().volts == pytest.approx([5.002])
        assert "not confirmed by the instrument: INST:NSEL 1" in meter.accuracy.source
    with pytest.raises(InstrumentFault, match="-113"):
        HMP4040.open("m1", HMP4040.Config.model_validate({**RESOURCE, "channel": 2}))


def test_a_multimeter_that_cannot_be_told_what_to_measure_is_asked_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"*IDN?": "Keysight Technologies,34465A,MY54500001,A.02.14", "MEAS:CURR:DC?": "+1.234E-01", "READ?": "5.0"}
    heard = _lacking(known, monkeypatch)
    with Keysight34465A.open("m1", Keysight34465A.Config.model_validate({**RESOURCE, "measures": "amps"})) as meter:
        assert meter.read().amps == pytest.approx([0.1234])
        assert "not confirmed by the instrument: that it measures amps" in meter.accuracy.source
    assert "READ?" not in heard
    with pytest.raises(InstrumentFault, match="-113"):
        Keysight34465A.open("m1", Keysight34465A.Config.model_validate({**RESOURCE, "amps_range": 1.0}))


def test_a_module_without_a_range_to_set_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "*IDN?": "Agilent Technologies,N6705B,MY50001234,D.01.09",
        "MEAS:VOLT? (@1)": "5.0",
        "MEAS:CURR? (@1)": "0.1",
    }
    _lacking(known, monkeypatch)
    with N6705C.open("m1", N6705C.Config.model_validate(RESOURCE)) as meter:
        assert meter.read().watts == pytest.approx([0.5])
        assert "SENS:CURR:RANG 3,(@1)" in meter.accuracy.source


def test_of_two_questions_the_one_without_a_value_takes_nothing_from_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"*IDN?": "RIGOL TECHNOLOGIES,DP832,DP8C1,00.01.14", ":MEAS:VOLT? CH1": "5.0", ":MEAS:CURR? CH1": ""}
    _lacking(known, monkeypatch)
    with DP832.open("m1", DP832.Config.model_validate(RESOURCE)) as meter:
        block = meter.read()
    assert block.volts == pytest.approx([5.0])
    assert np.isnan(block.amps).all()


def test_an_answer_that_is_no_number_is_told_rather_than_the_silence_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"*IDN?": "RIGOL TECHNOLOGIES,DP832,DP8C1,00.01.14", ":MEAS:VOLT? CH1": "5,002", ":MEAS:CURR? CH1": "0,1"}
    _lacking(known, monkeypatch)
    with (
        DP832.open("m1", DP832.Config.model_validate(RESOURCE)) as meter,
        pytest.raises(FrameError, match=r"VOLT\? CH1: 2 values, not 1 in '5,002'"),
    ):
        meter.read()
