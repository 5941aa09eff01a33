"""A command and its answer on a console that kernel, init system and echo write on as well: bytes to values.

How they travel stands in :mod:`devices.console_library`. Lines for the shell end with a line feed: a carriage
return that arrives while a line editor has the terminal in raw mode stays one when the next program has it in
canonical mode, and there it ends no line.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain

from .console_library import PLACES, PREPARE, SUMS, library
from .console_text import without_noise

_RS, _US = b"\x1e", b"\x1f"
_LINE = 900
"""busybox cuts lines at 1024 bytes (CONFIG_FEATURE_EDITING_MAX_LEN), a terminal at 4095 (N_TTY_BUF_SIZE)."""
_TYPED_AHEAD = 3000
"""A terminal drops what is typed ahead of the shell beyond 4095 bytes (Linux: N_TTY_BUF_SIZE)."""
_OCTAL_BYTES = 230
"""A longer command takes fewer bytes in base64, with the lines around it."""

_HARMLESS = re.compile(r"(?:echo|true|false|pwd|test|\[)(?: +(?:[\w./:,+@=-]+|'[^'\\\n]*'|\]))*", re.ASCII)
"""Built-ins of words as they stand: they cannot change the shell that they run in, so none is started for them."""


REFUSED = "\x1e?\x1f"
"""What a shell says to a portion that did not arrive whole."""


class Sign(Enum):
    """What a shell says without saying which command it means."""

    READY = ""
    """It waits for a line."""
    HALF = "+"
    """It waits for the rest of one."""
    REFUSED = "?"
    """A request did not arrive whole, and was not run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a command left behind."""

    exit_status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What a command left behind, whose output follows in pieces."""

    exit_status: int
    streams: str
    """Which of ``o`` and ``e`` have anything."""
    why: str = ""
    """``lost``: it was interrupted. ``full``: the board had no room to keep the answer. There is no status then."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an output."""

    stream: str
    block: int
    """Where it begins, KiB."""
    last: bool
    data: bytes


Frame = Sign | Answer | Head | Piece


class Frames:
    """Cuts what a console prints into frames; each byte is looked at once."""

    def __init__(self) -> None:
        """Begin outside of a frame."""
        self._open: bytearray | None = None

    @property
    def open_bytes(self) -> int:
        """How much of a frame has come whose end has not; 0 outside of one."""
        return len(self._open) if self._open is not None else 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return what the frames hold that end in these bytes."""
        bodies: list[bytes] = []
        *ended, rest = data.split(_US)
        for piece in ended:
            self._add(piece)
            if self._open is not None:
                bodies.append(bytes(self._open))
            self._open = None
        self._add(rest)
        return bodies

    def _add(self, piece: bytes) -> None:
        _, begun, newest = piece.rpartition(_RS)
        if begun:  # a frame that lost its end gives way to the next
            self._open = bytearray(newest)
        elif self._open is not None:
            self._open += piece


# -- to the board ---------------------------------------------------------------------------------


def teach(session: int) -> dict[str, bytes]:
    """Return what teaches a shell the library: by what it says when it has taken it, one portion after the other."""
    text = library(session)
    pieces = [f"_etf_b=${{_etf_b}}{piece}" for piece in _cut(base64.b64encode(text).decode())]
    folder = (
        f"for _etf_d in {PLACES};do _etf_d=$_etf_d/.etf-{session}-$$;"
        "mkdir -m 700 $_etf_d 2>/dev/null&&break;_etf_d=/dev/null;done"
    )
    load = (
        f'printf %s "$_etf_b"|base64 -d>$_etf_d/lib;case $(md5sum<$_etf_d/lib) in '
        f"{_md5(text)}*). $_etf_d/lib;;*)printf '\\036?\\037\\n';;esac"
    )
    given = portions(_lines(PREPARE, "_etf_b=", folder, *pieces))
    signs = {f"\x1e{session}.{n}\x1f": piece for n, piece in enumerate(given)}
    told = _lines(*(f"printf '\\036%s\\037\\n' {session}.{n}" for n in range(len(given))))
    steps = {sign: piece + line for (sign, piece), line in zip(signs.items(), told, strict=True)}
    return steps | {f"\x1e{session}.ready\x1f": _lines(load)[0]}


def portions(lines: list[bytes]) -> list[bytes]:
    """Join lines to portions that a terminal keeps until the shell reads them."""
    joined = [b""]
    for line in lines:
        if len(joined[-1]) + len(line) > _TYPED_AHEAD:
            joined.append(b"")
        joined[-1] += line
    return joined


def request(command: str, session: int, number: int) -> list[bytes]:
    """Return the lines that run a command once and send its answer."""
    wanted = command.encode()
    how = 1 if _HARMLESS.fullmatch(command) else 2
    if len(wanted) > _OCTAL_BYTES:
        text = base64.b64encode(wanted).decode()
        parts = [f"_etf_part {n} {piece}" for n, piece in enumerate(_cut(text))]
        total = _md5(f"{how} {session} {number} {text}".encode())
        return _lines(*parts, f"_etf_long {how} {session} {number} {total}")
    codes = [f"{byte:o}" for byte in wanted]
    sums = (str(_sum([how, session, number, *map(int, codes)], 1, *by)) for by in SUMS)
    return _lines(" ".join(["_etf", str(how), str(session), str(number), *sums, *codes]))


def fetch(stream: str, block: int, count: int, number: int) -> list[bytes]:
    """Return the line that asks for a part of an answer, both in KiB."""
    return _lines(f"_etf_get {stream} {block} {count} {number}")


def _lines(*lines: str) -> list[bytes]:
    return [f"{line}\n".encode() for line in lines]


def _cut(text: str) -> list[str]:
    return [text[n : n + _LINE] for n in range(0, len(text), _LINE)]


def _sum(values: list[int], start: int, by: int, modulo: int) -> int:
    for value in values:
        start = (start * by + value) % modulo
    return start


# -- from the board -------------------------------------------------------------------------------


def parse(body: bytes, session: int, number: int) -> Frame | None:
    """Return what a frame says about a command; None when it is damaged, or about another one."""
    text = _text(body)
    found = _parse(text, f"{session}.{number} ", number)
    if found is None and (clean := without_noise(text + "\n")[:-1]) != text:
        found = _parse(clean, f"{session}.{number} ", number)
    return found


_SIGNS = {sign.value: sign for sign in Sign}


def _parse(text: str, ident: str, number: int) -> Frame | None:
    if sign := _SIGNS.get(text.strip()):
        return sign
    if not text.startswith(ident):
        return None
    return _short(text[len(ident) :], number) or _head(text, ident) or _piece(text, ident)


_SHORT = re.compile(r"(\d{1,3}) (\d{1,2}) (\d+)((?: \d+)*):(.*)", re.DOTALL)


def _short(text: str, number: int) -> Answer | None:
    if not (found := _SHORT.fullmatch(text)):
        return None
    status, size, total = (int(found[n]) for n in (1, 2, 3))
    codes = [int(code) for code in found[4].split()]
    if len(codes) != size or max(codes, default=0) > 0xFF or total != _sum([size, number], status, *SUMS[0]):
        return None
    shown = "".join(map(chr, codes))
    if shown.replace("\r", "") != found[5] or status > 255:
        return None
    return Answer(status, shown.encode("latin-1"), b"")


_HEAD = re.compile(r"(\d{1,3}|lost|full) -(o?e?)")


def _head(text: str, ident: str) -> Head | None:
    said, _, total = text.split("  ")[0].rpartition(" ")
    if _md5(said.encode()) != total or not (found := _HEAD.fullmatch(said[len(ident) :])):
        return None
    return Head(int(found[1]), found[2]) if found[1].isdigit() else Head(-1, "", found[1])


_PIECE = re.compile(r"([oe]) (\d+) (\d+)")
_TOTAL = re.compile(r"\n([0-9a-f]{32})  -")
"""What md5sum says of its input."""


def _piece(text: str, ident: str) -> Piece | None:
    head, _, _ = text.partition("\n")
    totals = list(_TOTAL.finditer(text))
    if not totals or not (found := _PIECE.fullmatch(head[len(ident) :])):
        return None
    encoded = text[len(head) + 1 : totals[-1].start()]
    for tried in chain([encoded], _mended(encoded)):
        try:
            data = base64.b64decode(tried)
        except (binascii.Error, ValueError):
            continue
        if _md5(head.encode() + b" " + data) == totals[-1][1]:
            return Piece(found[1], int(found[2]), len(data) < int(found[3]) * 1024, data)
    return None


_WIDTH = 76
"""Of base64's lines: coreutils, busybox, toybox."""
_MENDED_BYTES = 16_384
"""A longer one is asked for again in smaller pieces."""
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def _mended(encoded: str) -> Iterator[str]:
    """Yield what base64 may have printed, of a kernel without time stamps that printed lines in between.

    Whole lines of the kernel's are no base64. Where the first of them began in the middle of one of ours, what that
    had printed stands before it, and the rest comes after: as many letters as are missing. Of the last line nobody
    knows how many those are.
    """
    whole, last, broken, unknown = "", "", "", 0
    for line in encoded.split("\n") if len(encoded) <= _MENDED_BYTES else ():
        if not _BASE64.fullmatch(line):
            broken = broken or line
        elif line:
            begun = broken[: max(0, _WIDTH - len(line))]
            whole, last, broken, unknown = whole + last, begun + line, "", len(begun)
    if last:
        yield from (whole + last[n:] for n in range(unknown + 1))


_DROP = dict.fromkeys(map(ord, "\r\0"))


def _text(body: bytes) -> str:
    """Return text, a character a byte, as it was before the terminal added carriage returns."""
    return body.decode("latin-1").translate(_DROP)


def _md5(data: bytes) -> str:
    """Against damage, not against anybody: what every board has a program for."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
