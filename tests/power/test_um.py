"""UM24C, UM25C, UM34C: frames built from the published layout."""

import struct
from typing import ClassVar

import pytest

from power.errors import WrongInstrument
from power.meter import Meter
from power.testing import MeterConformance, Replay
from power.usb.um import UM24C, UM25C, UM34C, decode, parse, um34c_sum


def um25c_frame(volts: float, amps: float, *, model: int = 0x09C9, milliwatts: int | None = None) -> bytes:
    frame = bytearray(130)
    mw = round(volts * amps * 1e3) if milliwatts is None else milliwatts
    coarser = 1 if model == 0x09C9 else 10
    struct.pack_into(">HHHI", frame, 0, model, round(volts * 1e3 / coarser), round(amps * 1e4 / coarser), mw)
    struct.pack_into(">HHH", frame, 10, 25, 77, 0)
    if model == 0x0D4C:
        frame[96:100] = struct.pack(">HH", 270, 272)
        frame[129] = um34c_sum(frame)
    else:
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


class TestUM24C(TestUM25C):
    driver = "um24c"

    def meter_on(self, port: Replay) -> Meter:
        return UM24C("m1", port)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [um25c_frame(volts, amps + step, model=0x0963) for step in (1e-3, 0)]


class TestUM34C(TestUM25C):
    driver = "um34c"

    def meter_on(self, port: Replay) -> Meter:
        return UM34C("m1", port)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [um25c_frame(volts, amps + step, model=0x0D4C) for step in (1e-3, 0)]


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
    with pytest.raises(ValueError, match=r"ends in 0000, not in fff1; .*-o checksum=ignore"):
        parse(um25c_frame(5.0, 0.5)[:128] + b"\0\0")


def test_another_meter_of_the_family_is_named() -> None:
    port = Replay([um25c_frame(5.0, 0.5, model=0x0963)])
    with UM25C("m1", port) as meter, pytest.raises(WrongInstrument, match="m1: a UM24C answers"):
        meter.read()


def test_an_unknown_model_is_never_zero_volts() -> None:
    with pytest.raises(ValueError, match="unknown model number 0000"):
        parse(um25c_frame(5.0, 0.5, model=0))


@pytest.mark.parametrize(("model", "name"), [(0x0963, "UM24C"), (0x09C9, "UM25C"), (0x0D4C, "UM34C")])
def test_each_model_has_its_own_scale(model: int, name: str) -> None:
    frame = parse(um25c_frame(5.12, 1.234, model=model))
    assert (frame.model, frame.volts, frame.amps) == (name, pytest.approx(5.12), pytest.approx(1.234))


@pytest.mark.parametrize("place", [1, 3, 7, 97, 129])
def test_a_wrong_byte_in_a_um34c_frame_is_seen(place: int) -> None:
    frame = bytearray(um25c_frame(5.0, 0.5, model=0x0D4C))
    frame[place] ^= 1
    with pytest.raises(ValueError, match=r"checksum|unknown model"):
        parse(bytes(frame))


@pytest.mark.parametrize("model", [0x0963, 0x09C9, 0x0D4C])
def test_firmware_that_sends_no_check_is_read_when_told_so(model: int) -> None:
    frame = um25c_frame(5.0, 0.5, model=model)[:128] + b"\x12\x34"
    with pytest.raises(ValueError, match=r"checksum|end in 1234"):
        parse(frame)
    assert parse(frame, "ignore").volts == pytest.approx(5.0)
    (decoded,) = decode(frame, checksum="ignore")
    assert decoded.amps == pytest.approx(0.5)


def test_a_capture_of_both_directions_is_decoded() -> None:
    capture = b"\xf0" + um25c_frame(5.0, 0.5) + b"\xf0" + um25c_frame(5.0, 0.6)
    readings = list(decode(capture))
    assert [r.amps for r in readings] == pytest.approx([0.5, 0.6])
    assert [r.watts for r in readings] == pytest.approx([2.5, 3.0])
    assert [r.t_ns for r in readings] == [None, None]


def test_a_capture_that_begins_or_ends_within_a_frame_is_named_by_offset() -> None:
    frame = um25c_frame(5.0, 0.5)
    with pytest.raises(ValueError, match=r"at byte 0: unknown model number"):
        list(decode(frame[40:] + frame))
    with pytest.raises(ValueError, match=r"at byte 130: 60 bytes"):
        list(decode(frame + frame[:60]))


def test_an_unknown_way_with_checksums_is_refused() -> None:
    with pytest.raises(ValueError, match="choose check or ignore"):
        list(decode(b"", checksum="maybe"))


PUBLISHED = bytes.fromhex(
    "0d4c01fe014800000688001400440008"
    + "0000000b00000038"
    + "00" * 72
    + "0001000200070000001000000100000a"
    + "000000f00000000200040001869f0002688c"
)
"""A UM34C's frame in the tests of valletw/pyummeter: 5.10 V, 0.328 A, 1.672 W; its check does not hold there."""


def test_a_published_frame_reads_as_published_where_its_check_is_ignored() -> None:
    (reading,) = decode(PUBLISHED, checksum="ignore")
    assert (reading.volts, reading.amps, reading.watts) == pytest.approx((5.10, 0.328, 1.672))
    with pytest.raises(ValueError, match="at byte 0: the frame says checksum 8c and has 0c"):
        list(decode(PUBLISHED))


def test_an_unknown_model_is_an_error_whatever_is_ignored() -> None:
    with pytest.raises(ValueError, match="at byte 0: unknown model number ffff"):
        list(decode(b"\xff\xff" + PUBLISHED[2:], checksum="ignore"))


def test_another_model_in_the_same_bytes_has_its_own_scale() -> None:
    (reading,) = decode(b"\x09\xc9" + PUBLISHED[2:], checksum="ignore")
    assert (reading.volts, reading.amps) == pytest.approx((0.51, 0.0328))
