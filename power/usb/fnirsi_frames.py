"""Frames of FNIRSI's FNB48, FNB48S, C1 and FNB58: reports of 64 bytes over USB, shorter frames over Bluetooth.

Layout: USB as two independent public programs read it (baryluk/fnirsi-usb-power-data-logger,
fqueze/usb-power-profiling); Bluetooth as osnwt/ha-fnirsi-fnb58 and CapnBry/fnb48-web do, whose published frames of real
units agree.
"""

import binascii
import struct
from collections.abc import Iterator

from ..decoded import Decoded

REPORT_BYTES = 64
_START, _SAMPLES = 0xAA, 0x04
_SAMPLE = struct.Struct("<iiHHBH")
"""Volts and amps in 10 uV and 10 uA, D+ and D- in mV, an unknown constant, tenths of a degree."""
SAMPLES_A_REPORT = 4
_CRC_POLYNOMIAL, _CRC_START = 0x39, 0x42
_RADIO_HEAD = 3
_PRECISE, _COARSE = 0x04, 0x07
_RADIO_PAYLOADS = {_PRECISE: struct.Struct("<iii"), _COARSE: struct.Struct("<Hh")}
"""Frames over Bluetooth with values: volts, amps, watts in 0.1 m; and once more in mV and mA."""


def crc8(data: bytes) -> int:
    """Return the CRC-8 of USB reports: polynomial 39, start 42, nothing reflected."""
    crc = _CRC_START
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (_CRC_POLYNOMIAL if crc & 0x80 else 0)) & 0xFF
    return crc


def request(command: int) -> bytes:
    """Return the report that asks for something."""
    body = bytes([command]).ljust(REPORT_BYTES - 2, b"\0")
    return bytes([_START]) + body + bytes([crc8(body)])


def parse(report: bytes, *, checksum: str = "check") -> list[tuple[float, float]]:
    """Return volts and amps of the four samples of one USB report, oldest first; none of a report of another type.

    Raises:
        ValueError: not a whole report, or one with a wrong checksum.
    """
    if len(report) != REPORT_BYTES:
        raise ValueError(f"{len(report)} bytes, not a report of {REPORT_BYTES}")
    if report[0] != _START:
        raise ValueError(f"a report begins with {report[0]:02x}, not {_START:02x}")
    if checksum == "check" and report[-1] != (has := crc8(report[1:-1])):
        raise ValueError(f"a report says checksum {report[-1]:02x} and has {has:02x}")
    if report[1] != _SAMPLES:
        return []
    samples = _SAMPLE.iter_unpack(report[2 : 2 + SAMPLES_A_REPORT * _SAMPLE.size])
    return [(volts / 1e5, amps / 1e5) for volts, amps, *_ in samples]


def decode(data: bytes, *, checksum: str = "check") -> Iterator[Decoded]:
    """Yield the readings of captured USB reports, or of captured Bluetooth notifications. Neither has a clock.

    Reports and frames of other types, requests among them, are no readings. Over Bluetooth the unit tells the same
    reading twice, in fine and in coarse steps: a capture that has any fine ones gives those only.

    Args:
        data: the captured bytes.
        checksum: ``ignore`` takes USB reports whatever their last byte.

    Raises:
        ValueError: bytes that are no frame, with their offset, or an unknown way with checksums.
    """
    if checksum not in ("check", "ignore"):
        raise ValueError(f"checksum={checksum}: choose check or ignore")
    if _is_radio(data):
        yield from _decode_radio(data)
        return
    for at in range(0, len(data), REPORT_BYTES):
        try:
            samples = parse(data[at : at + REPORT_BYTES], checksum=checksum)
        except ValueError as error:
            raise ValueError(f"at byte {at}: {error}") from None
        for volts, amps in samples:
            yield Decoded(None, volts, amps, volts * amps)


def _is_radio(data: bytes) -> bool:
    """Return whether the first bytes make up a frame as Bluetooth carries it, and not several USB reports."""
    try:
        _radio_frame(data, 0)
    except ValueError:
        return False
    try:
        for at in range(0, min(len(data), 4 * REPORT_BYTES), REPORT_BYTES):  # one alone might fit by chance
            parse(data[at : at + REPORT_BYTES])
    except ValueError:
        return True
    return False


def _radio_frame(data: bytes, at: int) -> tuple[int, bytes]:
    """Return type and payload of the frame at an offset; ValueError when there is none."""
    head = data[at : at + _RADIO_HEAD]
    if len(head) != _RADIO_HEAD or head[0] != _START:
        raise ValueError(f"at byte {at}: {head.hex(' ')} begins no frame of this meter")
    frame = data[at : at + _RADIO_HEAD + head[2] + 1]
    if len(frame) != _RADIO_HEAD + head[2] + 1:
        raise ValueError(f"at byte {at}: {len(frame)} bytes of a frame of {_RADIO_HEAD + head[2] + 1}")
    if frame[-1] != (has := binascii.crc_hqx(frame[:-1], 0) & 0xFF):
        raise ValueError(f"at byte {at}: a frame says checksum {frame[-1]:02x} and has {has:02x}")
    if head[1] in _RADIO_PAYLOADS and head[2] != (size := _RADIO_PAYLOADS[head[1]].size):
        raise ValueError(f"at byte {at}: a frame of type {head[1]:02x} with {head[2]} bytes, not {size}")
    return head[1], frame[_RADIO_HEAD:-1]


def _decode_radio(data: bytes) -> Iterator[Decoded]:
    fine: list[Decoded] = []
    coarse: list[Decoded] = []
    at = 0
    while at < len(data):
        kind, payload = _radio_frame(data, at)
        if kind == _PRECISE:
            fine.append(Decoded(None, *(value / 1e4 for value in _RADIO_PAYLOADS[kind].unpack(payload))))
        elif kind == _COARSE:
            volts, amps = (value / 1e3 for value in _RADIO_PAYLOADS[kind].unpack(payload))
            coarse.append(Decoded(None, volts, amps, volts * amps))
        at += _RADIO_HEAD + len(payload) + 1
    yield from fine or coarse
