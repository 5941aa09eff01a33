"""What the commands print: results on standard output, everything said about them on standard error."""

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

ABSENT = "-"
"""What is not known looks like this in a table: never like a number."""


class ReaderGone(Exception):
    """Whoever read what we print has closed it: ``farm results list | head``."""


def never_fail_on_a_character() -> None:
    """Print what the terminal's encoding lacks as ``?`` instead of crashing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(text: str) -> None:
    """Print a result."""
    _write(sys.stdout, text)


def warn(text: str) -> None:
    """Print a fault or a remark: never part of the result."""
    _write(sys.stderr, text)


def progress(text: str) -> None:
    """Tell what long work is at; only to a person."""
    if sys.stderr.isatty():
        _write(sys.stderr, f"  {text}")


def print_json(value: Any) -> None:  # noqa: ANN401 -- whatever json takes
    """Print a result for programs."""
    say(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their columns, as wide as they are: no terminal wraps or cuts a value."""
    texts = [[ABSENT if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for row in [columns, *texts]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def flush() -> None:
    """Push out what is buffered while a reader that has gone can still be told from a crash."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _no_more_output(sys.stdout)
        raise ReaderGone from None


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        _no_more_output(stream)
        raise ReaderGone from None


def _no_more_output(stream: TextIO) -> None:
    """Send the rest nowhere, or the interpreter's own flush at exit complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
