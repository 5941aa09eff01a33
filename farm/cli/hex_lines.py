"""Captured bytes out of a file: as they are, or written as lines of hex."""

import re
from dataclasses import dataclass

from ..errors import UsageFault

_HEX = re.compile(r"[0-9a-fA-F]+")
_BETWEEN = re.compile(r"\\x|0[xX]|[\s:,;]+")
_DUMP_OFFSET = re.compile(r"([0-9a-fA-F]{4,8}):?(?:\s|$)")
_DUMP_TEXT = re.compile(r"\s{2,}.*$")
_OFFSET = re.compile(r"\b(?:offset|byte) (\d+)")
_LEAST_SHARE = 0.5
"""Assumed: a text is meant as hex when half of its lines are; then the others are mistakes that must be told."""


@dataclass(frozen=True, slots=True)
class Captured:
    """Bytes, and where in the file they stood."""

    data: bytes
    begins: tuple[tuple[int, int], ...] = ()
    """Of hex: (offset of a line's first byte, number of the line), in order."""

    def placed(self, text: str) -> str:
        """Return what a decoder says, with the line that the offset in it lies on."""
        found = _OFFSET.search(text)
        if found is None or not self.begins:
            return text
        offset = int(found[1])
        line = max((line for first, line in self.begins if first <= offset), default=0)
        return f"{text} (line {line})"


def from_hex(raw: bytes, name: str) -> Captured:
    """Return the bytes that a file's lines of hex stand for, or the file's own bytes when it holds no such lines.

    Raises:
        UsageFault: a line among lines of hex is none; names file and line.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Captured(raw)
    lines = [
        (number, said) for number, line in enumerate(text.splitlines(), 1) if (said := line.partition("#")[0].strip())
    ]
    if dumped := _dump(lines):
        return dumped
    whole = [_bytes(said) for _, said in lines]
    if not lines or sum(one is not None for one in whole) < _LEAST_SHARE * len(lines):
        return Captured(raw)
    data, begins = bytearray(), list[tuple[int, int]]()
    for number, said in lines:
        found = _bytes(said)
        if found is None:
            raise UsageFault(f"{name}: line {number}: no hex of whole bytes: {said[:40]!r}")
        begins.append((len(data), number))
        data += found
    return Captured(bytes(data), tuple(begins))


def _bytes(line: str) -> bytes | None:
    """Return the bytes that a line stands for; None when it is no hex, or half a byte is missing."""
    digits = _BETWEEN.sub("", line)
    return bytes.fromhex(digits) if _HEX.fullmatch(digits) and len(digits) % 2 == 0 else None


def _dump(lines: list[tuple[int, str]]) -> Captured | None:
    """Return the bytes of lines that xxd or hexdump -C wrote: each begins with how many bytes came before it."""
    data, begins = bytearray(), list[tuple[int, int]]()
    for number, said in lines:
        at = _DUMP_OFFSET.match(said)
        if at is None or int(at[1], 16) != len(data):
            return None
        rest, bar, _ = said[at.end() :].strip().partition("|")
        found = _bytes(rest if bar else _DUMP_TEXT.sub("", rest))
        if found:
            begins.append((len(data), number))
            data += found
    return Captured(bytes(data), tuple(begins)) if len(begins) > 1 else None
