"""Reads the wire format of Protocol Buffers: fields by number, in any order, unknown ones left alone.

Every length is checked against the bytes that are there, and nothing is copied.
"""

import struct
from collections.abc import Iterator

from .malformed import Malformed

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_BYTES = 10
"""A 64-bit number has no more."""


class Message:
    """One message, split into its fields once."""

    def __init__(self, data: bytes | memoryview) -> None:
        """Split it; :class:`Malformed` where that cannot be done."""
        self._fields: dict[int, list[int | memoryview]] = {}
        for number, value in _fields(memoryview(data)):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def blobs(self, number: int) -> list[memoryview]:
        """Return every value of a field of bytes."""
        return [value for value in self._fields.get(number, []) if isinstance(value, memoryview)]

    def blob(self, number: int) -> memoryview:
        """Return the last value of a field of bytes; empty where it is absent."""
        return next(reversed(self.blobs(number)), memoryview(b""))

    def texts(self, number: int) -> list[str]:
        """Return every value of a field of text."""
        return [bytes(value).decode("utf-8", "replace") for value in self.blobs(number)]

    def text(self, number: int) -> str:
        """Return a text; empty where it is absent."""
        return bytes(self.blob(number)).decode("utf-8", "replace")

    def messages(self, number: int) -> list["Message"]:
        """Return every message of a field."""
        return [Message(value) for value in self.blobs(number)]

    def message(self, number: int) -> "Message":
        """Return a field's message; one without fields where it is absent."""
        return Message(self.blob(number))

    def integer(self, number: int, default: int = 0) -> int:
        """Return a signed integer."""
        found = [value for value in self._fields.get(number, []) if isinstance(value, int)]
        return _signed(found[-1]) if found else default

    def integers(self, number: int) -> tuple[int, ...]:
        """Return a repeated signed integer, packed or not."""
        found: list[int] = []
        for value in self._fields.get(number, []):
            if isinstance(value, int):
                found.append(value)
            else:
                at = 0
                while at < len(value):
                    one, at = _varint(value, at)
                    found.append(one)
        return tuple(_signed(value) for value in found)

    def floats(self, number: int) -> tuple[float, ...]:
        """Return a repeated float32, packed or not."""
        raw = b"".join(
            v.to_bytes(4, "little") if isinstance(v, int) else bytes(v) for v in self._fields.get(number, [])
        )
        if len(raw) % 4:
            raise Malformed(f"field {number}: {len(raw)} bytes are no floats")
        return tuple(value for (value,) in struct.iter_unpack("<f", raw))


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise Malformed(f"a field of unknown kind {kind} at byte {at}")
        if not number or at + size > len(data):
            raise Malformed(f"a field of {size} bytes at byte {at} of {len(data)}")
        piece = data[at : at + size]
        yield number, piece if kind == _BYTES else int.from_bytes(piece, "little")
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for n, byte in enumerate(data[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return value & (1 << 64) - 1, at + n + 1
    raise Malformed(f"a number without an end at byte {at}")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
