"""FNIRSI: reports built from the published layout, and published frames of a real unit's Bluetooth."""

import binascii
import struct

import pytest

from power.usb.fnirsi_frames import decode, parse, request

PUBLISHED = bytes.fromhex("aa0606e30ce30c050069aa07042d4fd9070aaa040ccb170300824e00006937060024aa0507f389010001780144")
"""A notification of a real FNB58, in the tests of osnwt/ha-fnirsi-fnb58 with 20.2699 V, 2.0098 A, 40.7401 W."""


def crc8_by_division(data: bytes) -> int:
    """The same CRC-8, bit by bit as polynomial division."""
    register = 0x42
    for bit in (byte >> n & 1 for byte in data for n in range(7, -1, -1)):
        register = (register << 1 & 0xFF) ^ (0x39 if (register >> 7) ^ bit else 0)
    return register


def report(samples: list[tuple[float, float]], *, kind: int = 4) -> bytes:
    body = bytes([kind]) + b"".join(
        struct.pack("<iiHHBH", round(volts * 1e5), round(amps * 1e5), 600, 2100, 1, 253) for volts, amps in samples
    )
    body += b"\x2c"
    return b"\xaa" + body + bytes([crc8_by_division(body)])


def radio(kind: int, payload: bytes) -> bytes:
    frame = bytes([0xAA, kind, len(payload)]) + payload
    return frame + bytes([binascii.crc_hqx(frame, 0) & 0xFF])


FOUR = [(5.12345, 0.5), (5.12346, 0.6), (5.1, -0.7), (5.0, 0.0)]


@pytest.mark.parametrize(("command", "check"), [(0x81, 0x8E), (0x82, 0x96), (0x83, 0x9E)])
def test_requests_end_in_the_published_checksums(command: int, check: int) -> None:
    assert request(command) == bytes([0xAA, command]) + bytes(61) + bytes([check])


def test_a_report_has_four_samples() -> None:
    assert [x for sample in parse(report(FOUR)) for x in sample] == pytest.approx([x for s in FOUR for x in s])


def test_reports_of_other_types_and_requests_are_no_readings() -> None:
    data = request(0x81) + report(FOUR, kind=3) + request(0x82) + report(FOUR) + request(0x83)
    readings = list(decode(data))
    assert [r.amps for r in readings] == pytest.approx([0.5, 0.6, -0.7, 0.0])
    assert readings[2].watts == pytest.approx(-3.57)
    assert {r.t_ns for r in readings} == {None}


def test_a_wrong_byte_is_seen_and_named_by_offset() -> None:
    bad = bytearray(report(FOUR))
    bad[20] ^= 4
    with pytest.raises(ValueError, match="at byte 64: a report says checksum"):
        list(decode(report(FOUR) + bytes(bad)))
    assert len(list(decode(report(FOUR) + bytes(bad), checksum="ignore"))) == 8


def test_half_a_report_is_named_by_offset() -> None:
    with pytest.raises(ValueError, match="at byte 64: 40 bytes, not a report of 64"):
        list(decode(report(FOUR) + report(FOUR)[:40]))
    with pytest.raises(ValueError, match="at byte 0: a report begins with"):
        list(decode(report(FOUR)[24:] + report(FOUR)))


def test_a_published_notification_of_a_real_unit_reads_as_published() -> None:
    (reading,) = decode(PUBLISHED)
    assert (reading.volts, reading.amps, reading.watts) == pytest.approx((20.2699, 2.0098, 40.7401))


def test_frames_that_two_notifications_share_are_read() -> None:
    assert len(list(decode(PUBLISHED + PUBLISHED[:20] + PUBLISHED[20:]))) == 2


def test_coarse_readings_count_where_there_are_no_fine_ones() -> None:
    (reading,) = decode(radio(0x07, struct.pack("<HH", 5000, 1234)) + radio(0x05, bytes(7)))
    assert (reading.volts, reading.amps, reading.watts) == pytest.approx((5.0, 1.234, 6.17))


def test_requests_over_bluetooth_are_no_readings() -> None:
    assert list(decode(bytes.fromhex("aa8100f4aa8200a7"))) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PUBLISHED + PUBLISHED[:9], "at byte 45: 9 bytes of a frame of 10"),
        (PUBLISHED + PUBLISHED[3:], "at byte 45: e3 0c e3 begins no frame"),
        (PUBLISHED[:-1] + b"\0", "at byte 34: a frame says checksum 00"),
        (PUBLISHED + radio(4, bytes(8)), "at byte 45: a frame of type 04 with 8 bytes"),
    ],
)
def test_bytes_over_bluetooth_that_are_no_frame_are_named_by_offset(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(decode(data))


def test_an_unknown_way_with_checksums_is_refused() -> None:
    with pytest.raises(ValueError, match="choose check or ignore"):
        list(decode(b"", checksum="maybe"))


FNB48 = bytes.fromhex(
    "aa8100f4aa030e3000040165ac0000d80200000a01beaa8200a7aa06060d001100010b32aa07045d13000088"
    "aa040cb8c10000010000000500000091aa05070ca54501011a014caa08110143d94500998e0d00d0be04000e010000b3"
)
"""A session of a real FNB48, firmware 2.60, in CapnBry/fnb48-web PROTOCOL.md: requests, and one frame of each type."""


def test_a_published_session_of_a_real_fnb48_reads_as_published() -> None:
    (reading,) = decode(FNB48)
    assert (reading.volts, reading.amps, reading.watts) == pytest.approx((4.9592, 0.0001, 0.0005))


def test_current_that_flows_back_is_negative_over_bluetooth() -> None:
    (coarse,) = decode(radio(0x07, struct.pack("<Hh", 5000, -1234)))
    assert coarse.amps == pytest.approx(-1.234)
    (fine,) = decode(radio(0x04, struct.pack("<iii", 50000, -12340, -61700)))
    assert (fine.amps, fine.watts) == pytest.approx((-1.234, -6.17))
