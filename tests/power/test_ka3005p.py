"""KA3005P: no line ends, 80 ms between commands, and a stray byte now and then."""

import time
from itertools import pairwise
from typing import ClassVar

import pytest

from power.errors import FrameError, WrongInstrument
from power.meter import Meter
from power.scpi.korad import KA3005P, parse
from power.testing import Answering, Clock, MeterConformance, Replay


class TestKA3005P(MeterConformance):
    driver = "ka3005p"
    options: ClassVar = {"port": "/dev/ttyACM0"}

    def meter_on(self, port: Replay) -> Meter:
        return KA3005P("m1", port)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [f"{volts:05.2f}".encode(), f"{amps:05.3f}".encode()]


def opened(monkeypatch: pytest.MonkeyPatch, name: bytes, **options: object) -> KA3005P:
    answers = {b"*IDN?": name, b"VOUT1?": b"05.00\0", b"IOUT1?": b"0.500\n"}
    monkeypatch.setattr("power.scpi.korad.open_link", lambda *_, **__: Answering(lambda data: answers.get(data, b"")))
    return KA3005P.open("m1", KA3005P.Config.model_validate({"port": "x", **options}))


def test_a_stray_byte_behind_an_answer_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(monkeypatch, b"KORADKA3005PV2.0") as meter:
        blocks = [meter.read() for _ in range(2)]
    assert [(float(b.volts[0]), float(b.amps[0])) for b in blocks] == [(5.0, 0.5)] * 2


def test_commands_are_80_ms_apart_and_have_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    asked: list[tuple[int, bytes]] = []

    def respond(data: bytes) -> bytes:
        asked.append((clock.monotonic_ns(), data))
        return b"05.00" if data == b"VOUT1?" else b"0.500"

    with KA3005P("m1", Answering(respond)) as meter:
        meter.read()
        meter.read()
    moments = [t_ns for t_ns, _ in asked]
    assert [data for _, data in asked] == [b"VOUT1?", b"IOUT1?"] * 2
    assert min(b - a for a, b in pairwise(moments)) >= 80_000_000


@pytest.mark.parametrize("answer", [b"5.000", b" 5.00", b"05,00", b"0.5 A", b"-0.50", b"05.0", b"\x0005.0"])
def test_what_does_not_look_like_volts_is_none(answer: bytes) -> None:
    with pytest.raises(ValueError, match="does not answer VOUT1"):
        parse("VOUT1?", answer)


@pytest.mark.parametrize(
    ("name", "model", "serial"),
    [
        (b"KORADKA3005PV2.0", "KA3005P", ""),
        (b"KORAD KA3005P V4.2 SN:03396481\n", "KA3005P", "03396481"),
        (b"VELLEMANPS3005DV2.0", "PS3005D", ""),
        (b"TENMA 72-2540 V2.1", "72-2540", ""),
        (b"RND 320-KA3005P V2.0\0", "320-KA3005P", ""),
        (b"KA3005P V5.5", "KA3005P", ""),
        (b"S-LS-31 V2.0", "S-LS-31", ""),
    ],
)
def test_its_sisters_names_are_known(monkeypatch: pytest.MonkeyPatch, name: bytes, model: str, serial: str) -> None:
    with opened(monkeypatch, name) as meter:
        assert (meter.identity().model, meter.identity().serial_number) == (model, serial)


def test_another_instrument_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongInstrument, match="RIGOL"):
        opened(monkeypatch, b"RIGOL TECHNOLOGIES,DP832,1,1")
    with pytest.raises(WrongInstrument, match="serial number none"):
        opened(monkeypatch, b"KORADKA3005PV2.0", serial_number="1")


def test_a_number_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FrameError, match="names nobody"):
        opened(monkeypatch, b"05.00")
