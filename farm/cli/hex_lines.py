"""Captured bytes out of a file: as they are, or written as lines of hex, the way tools and people write them down."""

import ast
import re
from dataclasses import dataclass

from ..errors import UsageFault

_HEX = re.compile(r"[0-9a-fA-F]+")
_BETWEEN = re.compile(r"\\x|0[xX]|[\s:,;]+")
_DASHED = re.compile(r"[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2})+")
_COMMENT = re.compile(r"/\*.*?\*/|(?:#|//).*")
_BRACKETS = str.maketrans(dict.fromkeys("\"'[](){}", " "))
_CODE = re.compile(r"[={}\[\]]")
"""Of a line without bytes that is none the less no mistake: where a list of them begins or ends."""
_LITERAL = re.compile(r"[bB](['\"]).*\1")
_LEAD = re.compile(
    r"\s*(?:"
    r"\d{4}-\d\d-\d\d[T ]?|\d{1,2}:\d\d:\d\d(?:[.,]\d+)?Z?|[+-]\d\d:\d\d\b"  # a date, a time of day, a zone
    r"|[+-]?\d+\.\d+\s*s?(?=[\s,;]|$)|\d+[.:)](?=\s)"  # seconds; the number of a line
    r"|[<>=-]*[<>→←][<>=-]*|\\?[bB](?=\s*\\x)"  # a direction; what begins a literal of bytes
    r"|(?=\w*[g-wyzG-WYZ_])[A-Za-z_][\w.]*(?:\s+\d+(?=\s*[:=]))?|[A-Za-z]\w*(?=\s*[:=]\s)"  # a word that is no hex
    r")[\s:=,;.*]*"
)
"""What stands before the bytes of a line."""
_SENT = re.compile(r"^\W*(?:TX|OUT|SEND|SENT|WRITE|HOST|REQ(?:UEST)?)\b", re.IGNORECASE)
_HEARD = re.compile(r"^\W*(?:RX|IN|RECV|RECEIVED?|READ|DEV(?:ICE)?|RESP(?:ONSE)?)\b", re.IGNORECASE)
_STAMPS = re.compile(r"^[\s\[(]*(?:[\d:.,Z+/ -]|T(?=\d))*[\])]?\s*")
_DUMP_OFFSET = re.compile(r"([0-9a-fA-F]{4,8})(?::|\s|$)")
_DUMP_GAP = re.compile(r"\s{3,}|\|")
_DUMP_WIDTH = 16
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
    r"""Return the bytes that a file's lines of hex stand for, or the file's own bytes when it holds no such lines.

    Understood are spaces, colons, dashes, ``0x`` and ``\x`` between bytes; dumps of xxd, hexdump, od and Wireshark;
    times, labels, directions, quotes and brackets before the bytes; literals of C, JSON and Python. Where lines say
    which way they went (``TX``, ``RX``), those that the host sent are left out.

    Raises:
        UsageFault: a line among lines of hex is none; names file and line.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Captured(raw)
    lines = [
        (number, said) for number, line in enumerate(text.splitlines(), 1) if (said := _COMMENT.sub("", line).strip())
    ]
    if dumped := _dump(lines, 16) or _dump(lines, 8):
        return dumped
    lines = _heard(lines)
    whole = [_bytes(said) for _, said in lines]
    if not any(whole) or sum(one is not None for one in whole) < _LEAST_SHARE * len(lines):
        return Captured(raw)
    data, begins = bytearray(), list[tuple[int, int]]()
    for place, ((number, said), found) in enumerate(zip(lines, whole, strict=True)):
        if found is None:
            if place == 0 and not any(map(str.isdigit, said)):
                continue  # names of columns
            raise UsageFault(f"{name}: line {number}: no hex of whole bytes: {said[:40]!r}")
        begins.append((len(data), number))
        data += found
    return Captured(bytes(data), tuple(begins))


def _bytes(line: str) -> bytes | None:
    """Return the bytes that a line stands for, maybe none; None when it is no hex, or half a byte is missing."""
    if _LITERAL.fullmatch(line):
        try:
            return ast.literal_eval(line)
        except (SyntaxError, ValueError):
            return None
    rest = line.translate(_BRACKETS)
    while (digits := _digits(rest)) is None and (lead := _LEAD.match(rest)) and lead.end():
        rest = rest[lead.end() :]
    if digits is None or (not digits and not _CODE.search(line)):
        return None
    return bytes.fromhex(digits)


def _digits(text: str) -> str | None:
    bare = text.strip(" \t,;<>*").rstrip("\\ ")
    digits = bare.replace("-", "") if _DASHED.fullmatch(bare) else _BETWEEN.sub("", bare)
    return digits if not digits or (_HEX.fullmatch(digits) and len(digits) % 2 == 0) else None


def _heard(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the lines without those that the host sent, where lines of both directions say so."""
    bare = [_STAMPS.sub("", said) for _, said in lines]
    if not (any(map(_SENT.match, bare)) and any(map(_HEARD.match, bare))):
        return lines
    return [line for line, said in zip(lines, bare, strict=True) if not _SENT.match(said)]


def _dump(lines: list[tuple[int, str]], base: int) -> Captured | None:
    """Return the bytes of dumps: each line begins with how many bytes of its dump came before it; None for others."""
    data, begins, start, width = bytearray(), list[tuple[int, int]](), 0, _DUMP_WIDTH
    offsets = [_offset(said, base) for _, said in lines]
    for (number, said), at, after in zip(lines, offsets, [*offsets[1:], None] if lines else [], strict=True):
        if at == 0:
            start = len(data)
        if at is None or at != len(data) - start:
            return None
        width = after - at if after else width
        if found := _row(_DUMP_OFFSET.sub("", said, count=1), width):
            begins.append((len(data), number))
            data += found
    return Captured(bytes(data), tuple(begins)) if len(begins) > 1 else None


def _offset(line: str, base: int) -> int | None:
    """Return the offset that a line of a dump begins with: hexadecimal, or octal where od wrote it."""
    found = _DUMP_OFFSET.match(line)
    try:
        return int(found[1], base) if found else None
    except ValueError:
        return None


def _row(text: str, width: int) -> bytes:
    """Return the bytes of a row, without the text behind them."""
    found = bytearray()
    for word in _DUMP_GAP.split(text.strip(), maxsplit=1)[0].split():
        if len(found) >= width or not _HEX.fullmatch(word) or len(word) % 2:
            break
        found += bytes.fromhex(word)
    return bytes(found[:width])
