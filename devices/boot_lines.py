"""Captured bytes to the lines that a board printed: what terminals and capture tools put around them is taken off."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["PRINTK", "Lines", "Printed", "Stamp", "body", "kernels_part", "peeled"]

LONGEST_LINE = 4096
"""A line that is longer is garbage, and is looked at in pieces; assumed."""

_HOME = re.compile(rb"\x1b\[[0-9;]*[HfJd]")
"""The cursor goes elsewhere, or the screen is cleared: menus of GRUB and UEFI begin their lines so (ECMA-48)."""
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cMDE])")
"""ECMA-48 control sequences, titles, character sets."""
_COLOUR = re.compile(rb"\[\d{1,3}(?:;\d{1,3})*m")
"""What is left of a colour where a capture was pasted and lost its escape characters."""
_NOISE = bytes(code for code in range(32) if code not in b"\t\n\r")

_STAMPS = re.compile(
    r"""(?:
      \[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,:]\d+)?(?:Z|\ ?[+-]\d\d:?\d\d)?\]?:? # ISO 8601: minicom, CI jobs
      |\[?(?:[A-Z][a-z]{2}\ )?[A-Z][a-z]{2}\ +\d{1,2}\ \d\d:\d\d:\d\d(?:\.\d+)?(?:\ \d{4})?\]? # ts(1), dmesg -T
      (?:\ [\w.-]+\ kernel:)?                                                              # syslog
      |\[?\d\d:\d\d:\d\d(?:[.,:]\d+)?\]?:?(?=[\s\[<])                                      # KernelCI, picocom wrappers
      |\[\ *\d+\.\d+\ +\d+\.\d+\]                                                          # grabserial
      |<\d{1,3}>(?=\[|\S)                                                                  # printk's level
      |\[[A-Za-z][\w/.:-]{0,30}\]\ *(?=\[\ *\d+\.\d{6}\])                             # a simulator's port
    )[ \t]*""",
    re.VERBOSE,
)
_MAY_BE_STAMPED = frozenset("[<0123456789JFMASONDTW")
_LAVA = re.compile(r"""^- ?\{\s*"?dt"?:|^\{\s*"dt":""")
"""A line of a LAVA job's log: YAML whose items are JSON objects, or JSON lines."""
_LAVA_FIELD = re.compile(r"""\b(lvl|msg)["']?:\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,}]*)""")

PRINTK = r"\[ *\d+\.\d{6}(?:[@/, ] *\d+)?\]"
"""printk's stamp; Amlogic adds @cpu, MediaTek and others the like."""
_KERNEL = re.compile(
    rf"{PRINTK}(?:\[ *[TC]\d+\])?"
    r"(?: *\(\d\)\[\d+:[^\]]*\]| *\[\d: *[^\]:]*: *\d+\]| *c\d +\d+)? ?"  # MediaTek, Rockchip and Spreadtrum kernels
)
"""printk's time stamp. Six decimals: firmware that stamps has three."""
_TEGRA = re.compile(r"\[\d{4}\.\d{3}\] (?=\S)")
"""Tegra's firmware: MB1, MB2, cboot and nvtboot."""
_LOADER = re.compile(r"\[(?:(?: +\d+|\d{1,3})\.\d{3}|\d{2,9})\] ")
"""SpacemiT's U-Boot, PrePi; Little Kernel, in ms."""

Stamp = Literal["kernel", "tegra", ""]
"""Whose stamp a line has that says who prints it."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One line, or a piece of one between two moves of the cursor."""

    number: int
    """Of the line in the capture, from 1."""
    text: str


class Lines:
    """Cuts bytes into lines, whatever chunks they come in.

    A line ends with a line feed. A carriage return alone begins the same line anew, but where the capture has shown
    no line feed yet it ends one: some tools store nothing else.
    """

    def __init__(self) -> None:
        self.count = 0
        """Lines that have ended."""
        self._tail = b""
        self._fed = False
        """A line feed has been seen."""

    def feed(self, data: bytes) -> Iterator[Printed]:
        """Yield what has become whole."""
        *whole, self._tail = (self._tail + data).split(b"\n")
        for raw in whole:
            yield from self._whole(raw)
        if not self._fed and b"\r" in self._tail:
            *returned, self._tail = self._cut_at_returns(self._tail)
            yield from self._returned(returned)
        while len(self._tail) > LONGEST_LINE:
            piece, self._tail = self._tail[:LONGEST_LINE], self._tail[LONGEST_LINE:]
            yield from self._pieces(piece, self.count + 1)

    def unfinished(self) -> Printed:
        """Return the line that has not ended yet, as it stands on the screen."""
        return Printed(self.count + 1, _on_screen(self._tail)[-1])

    def _whole(self, raw: bytes) -> Iterator[Printed]:
        if not self._fed:
            *returned, raw = self._cut_at_returns(raw.rstrip(b"\r"))
            yield from self._returned(returned)
            self._fed = True
        self.count += 1
        for start in range(0, max(1, len(raw)), LONGEST_LINE):
            yield from self._pieces(raw[start : start + LONGEST_LINE], self.count)

    def _cut_at_returns(self, raw: bytes) -> list[bytes]:
        """A return at the very end may be half of a line's end: it stays with what is unfinished."""
        ended = raw.rstrip(b"\r")
        *returned, last = ended.split(b"\r")
        return [*returned, last + raw[len(ended) :]]

    def _returned(self, lines: list[bytes]) -> Iterator[Printed]:
        for line in lines:
            self.count += 1
            yield from self._pieces(line, self.count)

    @staticmethod
    def _pieces(raw: bytes, number: int) -> Iterator[Printed]:
        for text in _on_screen(raw):
            yield Printed(number, text)


def _on_screen(raw: bytes) -> list[str]:
    """Return the texts of a line, in the order in which they were written over each other; at least one."""
    raw = raw.rstrip(b"\r")
    if b"^" in raw:  # as cat -v writes what is no letter
        raw = raw.replace(b"^[[", b"\x1b[").removesuffix(b"^M")
    if b"\x1b" in raw:
        raw = _ESCAPE.sub(b"", _HOME.sub(b"\r", raw))
    if b"m" in raw and b"[" in raw:
        raw = _COLOUR.sub(b"", raw)
    pieces = [raw] if b"\r" not in raw else [piece for piece in raw.split(b"\r") if piece] or [b""]
    return [piece.translate(None, _NOISE).decode("utf-8", "replace") for piece in pieces]


def peeled(text: str) -> str | None:
    """Return a line without indentation and what its capture tool wrote before it; None where the tool speaks."""
    text = text.lstrip()
    if text[:1] in "-{" and _LAVA.match(text):
        return _of_lava(text)
    for _ in range(2):  # a tool's stamp may stand before syslog's
        if text[:1] not in _MAY_BE_STAMPED or not (stamp := _STAMPS.match(text)):
            break
        text = text[stamp.end() :]
    return text.lstrip()


def _of_lava(text: str) -> str | None:
    fields = dict(_LAVA_FIELD.findall(text))
    if fields.get("lvl", "target").strip("\"'") not in ("target", "feedback"):
        return None
    said: str = fields.get("msg", "").strip()
    if said.startswith('"'):
        try:
            said = str(json.loads(said))
        except ValueError:
            said = said.strip('"')
    elif said.startswith("'"):
        said = said[1:-1].replace("''", "'")
    return _on_screen(said.encode())[-1]


def body(text: str) -> tuple[Stamp, str]:
    """Return whose stamp a line has, and the line without the stamp."""
    if text[:1] != "[":
        return "", text
    if stamp := _KERNEL.match(text):
        return "kernel", text[stamp.end() :]
    if stamp := _TEGRA.match(text):
        return "tegra", text[stamp.end() :]
    return "", text[stamp.end() :] if (stamp := _LOADER.match(text)) else text


def kernels_part(text: str) -> str:
    """Return what the kernel wrote into a line that somebody else had begun; empty where it did not."""
    stamp = _KERNEL.search(text)
    return text[stamp.start() :] if stamp else ""
