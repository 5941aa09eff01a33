"""SSH's way to write values one after the other (RFC 4251, section 5)."""

import struct


class Cut(ValueError):
    """The bytes end too early, or go on for too long."""


class Wire:
    """Reads values in turn."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes."""
        self._left = data

    def take(self, size: int) -> bytes:
        """Return so many bytes."""
        if len(self._left) < size:
            raise Cut(f"{len(self._left)} bytes are left, {size} should be")
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def uint32(self) -> int:
        """Return a number of 32 bits."""
        return struct.unpack(">I", self.take(4))[0]

    def string(self) -> bytes:
        """Return bytes that tell their own length."""
        return self.take(self.uint32())

    def mpint(self) -> int:
        """Return a number of any size."""
        return int.from_bytes(self.string(), "big", signed=True)

    def end(self) -> None:
        """Look that nothing is left."""
        if self._left:
            raise Cut(f"{len(self._left)} bytes come after the end")


def string(data: bytes) -> bytes:
    """Return bytes with their length before them."""
    return struct.pack(">I", len(data)) + data


def mpint(value: int) -> bytes:
    """Return a number of any size, not negative."""
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b"")
