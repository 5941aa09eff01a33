"""TC66C: frames built from the published layout and key, byte by byte, not by the driver."""

import struct
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from power.errors import FrameError
from power.meter import Meter
from power.testing import MeterConformance, Replay
from power.usb.tc66c import TC66C, crc16, decrypt, parse

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
