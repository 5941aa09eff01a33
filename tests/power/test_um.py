"""UM25C: frames built from the published layout."""

import struct
from typing import ClassVar

import pytest

from power.errors import WrongInstrument
from power.meter import Meter
from power.testing import MeterConformance, Replay
from power.usb.um import UM25C, parse


def um25c_frame(volts: float, amps: float, *, model: int = 0x09C9, milliwatts: int | None = None) -> bytes:
    frame = bytearray(130)
    mw = round(volts * amps * 1e3) if milliwatts is None else milliwatts
    struct.pack_into(">HHHI", frame, 0, model, round(volts * 1e3), round(amps * 1e4), mw)
    struct.pack_into(">HHH", frame, 10, 25, 77, 0)
    frame[128:] = b"\xff\xf1"
    return bytes(frame)


class TestUM25C(MeterConformance):
    driver = "um25c"
    options: ClassVar = {"port": "/dev/rfcomm0"}
    garbage = bytes(130)

    def meter_on(self, port: Replay) -> Meter:
        return UM25C("m1", port)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [um25c_frame(volts, amps + step) for step in (1e-4, 0)]


def test_all_fields_are_where_the_layout_says() -> None:
    frame = parse(um25c_frame(5.123, 0.4567))
    assert frame.model == "UM25C"
    assert frame.volts == pytest.approx(5.123)
    assert frame.amps == pytest.approx(0.4567)
    assert frame.watts == pytest.approx(2.340)


def test_watts_that_contradict_volts_and_amps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"3 W in a frame with 5 V and 0.5 A"):
        parse(um25c_frame(5.0, 0.5, milliwatts=3000))


def test_rounding_of_the_watts_is_no_contradiction() -> None:
    assert parse(um25c_frame(5.0, 0.0001, milliwatts=0)).amps == pytest.approx(0.0001)


def test_a_frame_without_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="end in 0000"):
        parse(um25c_frame(5.0, 0.5)[:128] + b"\0\0")


def test_another_meter_of_the_family_is_named() -> None:
    port = Replay([um25c_frame(5.0, 0.5, model=0x0963)])
    with UM25C("m1", port) as meter, pytest.raises(WrongInstrument, match="m1: a UM24C answers"):
        meter.read()


def test_an_unknown_model_is_never_zero_volts() -> None:
    with pytest.raises(ValueError, match="unknown model number 0000"):
        parse(um25c_frame(5.0, 0.5, model=0))
