"""What the commands print: results on standard output, everything said about them on standard error."""

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from enum import IntEnum
from typing import Any, TextIO, cast

from ..errors import LabFault
from . import colour
from .progress_line import ProgressLines

ABSENT = "-"
"""What is not known looks like this in a table: never like a number."""

_STANDARD_ERROR = 2
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""A board's last words must not move the cursor of who reads them."""


class ReaderGone(Exception):
    """Whoever read what we print has closed it: ``farm results list | head``."""


class Loudness(IntEnum):
    """How much is said beside the result."""

    QUIET = 0
    """Faults only."""
    NORMAL = 1
    """Remarks, and what long work is at, on a terminal."""
    VERBOSE = 2
    """Each step of each component on a line with its time, wherever it goes."""


_loudness = Loudness.NORMAL
_lines = ProgressLines()


def prepare() -> None:
    """Make the standard streams such that no character, no missing stream and no reader can crash a command."""
    while (free := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass  # it was closed: else the next file that is opened would become standard output
    os.close(free)
    if cast("TextIO | None", sys.stdin) is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def set_loudness(loudness: Loudness) -> None:
    """Say so much from now on; when verbose, what the packages log is said too."""
    global _loudness
    _loudness = loudness
    if loudness == Loudness.VERBOSE:
        from .narrate import narrate

        narrate(_narrated)


def say(text: str) -> None:
    """Print a result; outcomes in capitals have a colour on a terminal.

    Raises:
        ReaderGone: nobody reads it any more.
        LabFault: it cannot be written: the disk is full, the stream is closed.
    """
    _result(text, colour.line)


def warn(text: str) -> None:
    """Print a fault: never part of the result."""
    _remark(text)


def note(text: str) -> None:
    """Print a remark that a quiet command keeps to itself."""
    if _loudness > Loudness.QUIET:
        _remark(text)


def ask(question: str) -> str:
    """Return a person's answer to a question on standard error; empty where there is none."""
    with _lines.aside(sys.stderr) if _on_screen(sys.stderr) else nullcontext():
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline()


def progress(text: str, of: str = "") -> None:
    """Tell what long work is at, to a person: on a line that vanishes at the end, one for each ``of``.

    Several threads may tell at once, each of its board. An empty text says that ``of`` is done with.
    """
    if _loudness == Loudness.VERBOSE:
        if text:
            step(text, of)
    elif _loudness == Loudness.NORMAL and _on_screen(sys.stderr):
        _lines.show(sys.stderr, text, of)


def step(text: str, of: str = "") -> None:
    """Print a step of the work with the time of day, to the millisecond."""
    now = datetime.now().astimezone()
    _remark(f"{now:%H:%M:%S}.{now.microsecond // 1000:03d}  {of + ': ' if of else ''}{text}")


def _narrated(text: str) -> None:
    if _loudness == Loudness.VERBOSE:
        step(text)


def end_progress() -> None:
    """Take away whatever is left of it."""
    if _on_screen(sys.stderr):
        _lines.end(sys.stderr)


def local(when: datetime) -> str:
    """Return an instant as the clock on the wall shows it; with its offset where that hour comes twice.

    Raises:
        ValueError: it has no zone: whose hour it is nobody knows.
    """
    if when.tzinfo is None:
        raise ValueError(f"{when}: a time without a zone")
    here = when.astimezone()
    naive = here.replace(tzinfo=None)
    twice = naive.replace(fold=0).astimezone().utcoffset() != naive.replace(fold=1).astimezone().utcoffset()
    return f"{here:%Y-%m-%d %H:%M:%S}" + f" {here:%z}" * twice


def print_json(value: Any) -> None:  # noqa: ANN401 -- whatever json takes
    """Print a result for programs."""
    _result(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), str)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns, as wide as they are: no terminal wraps or cuts a value."""
    # a cell is on one line: what a stranger wrote must not begin a row
    texts = [[ABSENT if cell is None else " ".join(str(cell).splitlines()) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for number, row in enumerate([columns, *texts]):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        cells[-1] = cells[-1].rstrip()
        _result("  ".join(cells).rstrip(), _by_cell(cells) if number else str)


def pass_on(data: bytes) -> None:
    """Print what a board sent, as it is; raises as :func:`say`."""
    _to_result(_standard_output(), data)


def flush() -> None:
    """Push out what is buffered while a reader that has gone can still be told from a crash."""
    if (stream := cast("TextIO | None", sys.stdout)) is not None:
        _to_result(stream, "")


def _by_cell(cells: Sequence[str]) -> "colour.Paint":
    return lambda _: "  ".join(map(colour.word, cells)).rstrip()


def _result(text: str, paint: "colour.Paint") -> None:
    stream = _standard_output()
    if stream.isatty():
        text = text.translate(_CONTROLS)
    with _lines.aside(sys.stderr) if _on_screen(sys.stderr) else nullcontext():
        _to_result(stream, (paint(text) if colour.wanted(stream) else text) + "\n")


def _standard_output() -> TextIO:
    stream = cast("TextIO | None", sys.stdout)
    if stream is None:
        raise LabFault("standard output", "is closed", hint="send it to /dev/null if nobody wants it")
    return stream


def _to_result(stream: TextIO, data: str | bytes) -> None:
    try:
        if isinstance(data, str):
            stream.write(data)
        else:
            stream.buffer.write(data)
        stream.flush()
    except BrokenPipeError:
        _no_more_output(stream)
        raise ReaderGone from None
    except OSError as error:
        _no_more_output(stream)
        hint = "is the disk full?"
        raise LabFault("standard output", f"cannot be written: {error.strerror}", hint=hint) from error


def _remark(text: str) -> None:
    """Write to standard error; where that is not possible, the exit code still tells."""
    stream = cast("TextIO | None", sys.stderr)
    if stream is None:
        return
    if on_screen := _on_screen(stream):
        text = text.translate(_CONTROLS)
    try:
        with _lines.aside(stream) if on_screen else nullcontext():
            stream.write(text + "\n")
            stream.flush()
    except BrokenPipeError:
        _no_more_output(stream)
        raise ReaderGone from None
    except OSError:
        _no_more_output(stream)


def _on_screen(stream: "TextIO | None") -> bool:
    """Tell whether lines can be taken back there."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _no_more_output(stream: TextIO) -> None:
    """Send the rest nowhere, or the interpreter's own flush at exit complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
