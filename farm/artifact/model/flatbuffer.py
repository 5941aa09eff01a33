"""Reads tables of a FlatBuffers file, and never outside of it: every offset is checked before it is followed."""

import struct
from dataclasses import dataclass

from .malformed import Malformed

_FORMATS = {"int8": "<b", "uint8": "<B", "uint16": "<H", "int32": "<i", "uint32": "<I", "uint64": "<Q"}


@dataclass(frozen=True, slots=True)
class Table:
    """One table. Fields are told by their number in the schema; an absent one has its default."""

    data: memoryview
    at: int

    @classmethod
    def root(cls, data: bytes | memoryview) -> "Table":
        """Return the table that a file begins with."""
        view = memoryview(data)
        return cls(view, _read(view, 0, "uint32"))

    def _field(self, number: int) -> int:
        """Return where a field stands, 0 where it is absent."""
        vtable = self.at - _read(self.data, self.at, "int32")
        if 4 + 2 * number >= _read(self.data, vtable, "uint16"):
            return 0
        offset = _read(self.data, vtable + 4 + 2 * number, "uint16")
        return self.at + offset if offset else 0

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """Return an integer."""
        at = self._field(field)
        return _read(self.data, at, kind) if at else default

    def vector(self, field: int, item_bytes: int) -> memoryview:
        """Return a vector's bytes; empty where it is absent."""
        at = self._field(field)
        if not at:
            return self.data[:0]
        begin = at + _read(self.data, at, "uint32")
        size = _read(self.data, begin, "uint32") * item_bytes
        return _slice(self.data, begin + 4, size)

    def text(self, field: int) -> str:
        """Return a text; empty where it is absent."""
        return bytes(self.vector(field, 1)).decode("utf-8", "replace")

    def integers(self, field: int) -> tuple[int, ...]:
        """Return a vector of 32-bit integers."""
        return tuple(value for (value,) in struct.iter_unpack("<i", self.vector(field, 4)))

    def table(self, field: int) -> "Table | None":
        """Return a table inside this one."""
        at = self._field(field)
        return Table(self.data, at + _read(self.data, at, "uint32")) if at else None

    def tables(self, field: int) -> list["Table"]:
        """Return a vector of tables."""
        at = self._field(field)
        if not at:
            return []
        begin = at + _read(self.data, at, "uint32")
        count = _read(self.data, begin, "uint32")
        _slice(self.data, begin + 4, 4 * count)
        places = range(begin + 4, begin + 4 + 4 * count, 4)
        return [Table(self.data, place + _read(self.data, place, "uint32")) for place in places]


def _read(data: memoryview, at: int, kind: str) -> int:
    try:
        (value,) = struct.unpack_from(_FORMATS[kind], data, at if at >= 0 else len(data))
    except struct.error:
        raise Malformed(f"points outside of itself, to {at} of {len(data)} bytes") from None
    return value


def _slice(data: memoryview, begin: int, size: int) -> memoryview:
    if begin + size > len(data):
        raise Malformed(f"points outside of itself, to {begin + size} of {len(data)} bytes")
    return data[begin : begin + size]
