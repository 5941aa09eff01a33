"""N6705C: answers in the instrument's own formats."""

import time
from typing import ClassVar

import numpy as np
import pytest

from power.block import Flag
from power.errors import InstrumentFault, MeterOffline
from power.meter import Meter
from power.scpi.n6705c import N6705C, prepare
from power.scpi.port import ScpiPort
from power.testing import Answering, Clock, Replay

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
