"""TC66C: frames built from the published layout and key, byte by byte, not by the driver."""

import struct
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from power.errors import FrameError
from power.meter import Meter
from power.testing import MeterConformance, Replay
from power.usb.tc66c import TC66C, crc16, decode, decrypt, parse

KEY = bytes.fromhex("5821fa5601b2f02687ff1204622a4fb086f40260816f9a0ba7f106619ab87288")


def crc16_by_table_free_division(data: bytes) -> int:
    """CRC-16/MODBUS as polynomial division over the bit string, least significant bit of each byte first."""
    register = 0xFFFF
    for bit in (byte >> n & 1 for byte in data for n in range(8)):
        register = (register >> 1) ^ (0xA001 if (register ^ bit) & 1 else 0)
    return register


def plain_frame(volts: float, amps: float, serial_number: int = 4711) -> bytearray:
    first = bytearray(64)
    first[:12] = b"pac1TC661.15"
    struct.pack_into("<I", first, 12, serial_number)
    struct.pack_into("<III", first, 48, round(volts * 1e4), round(amps * 1e5), round(volts * amps * 1e4))
    frame = bytearray()
    for block in (first, bytearray(b"pac2") + bytes(60), bytearray(b"pac3") + bytes(60)):
        struct.pack_into("<I", block, 60, crc16_by_table_free_division(block[:60]))
        frame += block
    return frame


def encrypt(frame: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(KEY), modes.ECB()).encryptor()  # noqa: S305 -- the meter's choice
    return encryptor.update(bytes(frame)) + encryptor.finalize()


class TestTC66C(MeterConformance):
    driver = "tc66c"
    options: ClassVar = {"port": "/dev/ttyACM0"}
    garbage = bytes(range(192))

    def meter_on(self, port: Replay) -> Meter:
        return TC66C("m1", port)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [encrypt(plain_frame(volts, amps + step)) for step in (1e-5, 0)]


def test_the_checksum_is_crc16_modbus() -> None:
    assert crc16(b"123456789") == 0x4B37  # the check value of the CRC catalogue


def test_all_fields_are_where_the_layout_says() -> None:
    frame = parse(decrypt(encrypt(plain_frame(5.1234, 1.23456))))
    assert (frame.model, frame.firmware, frame.serial_number) == ("TC66", "1.15", "4711")
    assert frame.volts == pytest.approx(5.1234)
    assert frame.amps == pytest.approx(1.23456)


@pytest.mark.parametrize("place", [1, 50, 61, 64, 100, 150, 191])
def test_one_wrong_byte_anywhere_is_seen(place: int) -> None:
    frame = plain_frame(5.0, 0.5)
    frame[place] ^= 0x10
    with pytest.raises(ValueError, match=r"block \d"):
        parse(bytes(frame))


def test_a_repeated_value_is_not_a_second_reading() -> None:
    a, b, c = (encrypt(plain_frame(5.0, amps)) for amps in (0.1, 0.2, 0.3))
    with TC66C("m1", Replay([a, a, b, b, b, c])) as meter:
        assert meter.read().amps == pytest.approx([0.2])
        assert meter.read().amps == pytest.approx([0.3])


def test_bytes_that_do_not_decrypt_to_a_frame_are_a_frame_error() -> None:
    with TC66C("m1", Replay([bytes(192)])) as meter, pytest.raises(FrameError, match="block 1 begins with"):
        meter.read()


PUBLISHED = bytes.fromhex(
    "006630928cdbb01e307647693bac80b012a60ec3c8645b9af0ead3c57ae5a0628f330593ff8f836a2a36d60f8709fc4fc5ec277ef1b0dbb4"
    "815a9497d8646eb206f404f8061c1177e994f37dfc6f4dab07385ea4d05c1e32616e88527b57d3106babf8c170d31db582db234384fa5593"
    "13e92b412f6af4e16e09168c608fba0a4231f411e56f5c203c590b4a68fd5b092aca6ec4a4554d5542e8674b097e259c2aca6ec4a4554d55"
    "42e8674b097e259ce09c4004c92da948c3165eebdb8b9ec2"
)
"""A real unit's answer, firmware 1.18, published with its values in the tests of jedie/tc66c2mqtt."""


def test_a_published_answer_of_a_real_unit_reads_as_published() -> None:
    (reading,) = decode(PUBLISHED)
    assert (reading.volts, reading.amps, reading.watts) == pytest.approx((5.1609, 0.0199, 0.1026))
    assert decrypt(PUBLISHED)[8:12] == b"1.18"


def test_a_capture_with_requests_and_plain_frames_is_decoded() -> None:
    capture = b"getva" + PUBLISHED + b"bgetva\r\n" + decrypt(PUBLISHED)
    assert [r.volts for r in decode(capture)] == pytest.approx([5.1609, 5.1609])


def test_bytes_that_are_no_frame_are_named_by_offset() -> None:
    with pytest.raises(ValueError, match="at byte 192: 100 bytes, not 192"):
        list(decode(PUBLISHED + PUBLISHED[:100]))
    with pytest.raises(ValueError, match="at byte 0: block 1 begins with"):
        list(decode(PUBLISHED[16:] + PUBLISHED))


def test_current_that_flows_back_is_negative() -> None:
    frame = plain_frame(5.0, 0.0)
    struct.pack_into("<i", frame, 52, -12345)
    struct.pack_into("<I", frame, 60, crc16_by_table_free_division(frame[:60]))
    (reading,) = decode(encrypt(frame))
    assert reading.amps == pytest.approx(-0.12345)


def test_a_frost_below_zero_does_not_turn_the_current_round() -> None:
    """The sign word of the second block belongs to the temperature."""
    frame = plain_frame(5.0, 0.5)
    struct.pack_into("<II", frame, 64 + 24, 1, 7)
    struct.pack_into("<I", frame, 64 + 60, crc16_by_table_free_division(frame[64 : 64 + 60]))
    (reading,) = decode(encrypt(frame))
    assert reading.amps == pytest.approx(0.5)


def test_the_units_own_recording_is_decoded_when_told_so() -> None:
    readings = list(decode(struct.pack("<IIII", 51234, 123456, 51230, 120000), content="recording"))
    assert [(r.volts, r.amps) for r in readings] == [(5.1234, 1.23456), (5.123, 1.2)]
    assert readings[0].watts == pytest.approx(5.1234 * 1.23456)
    with pytest.raises(ValueError, match="at byte 8: 3 bytes"):
        list(decode(bytes(11), content="recording"))
