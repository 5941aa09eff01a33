"""``farm bootlog``: what a captured console log says of the boot it holds."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ..errors import Exit, UsageFault
from .common import add_json
from .output import print_json, say, table

if TYPE_CHECKING:
    from devices.boot import BootReport

HELP = "read a captured console log: stages, faults, resets, and whether the boot came up"

_CHUNK_BYTES = 1 << 18
_GZIP = b"\x1f\x8b"
"""RFC 1952."""


def arguments(parser: ArgumentParser) -> None:
    """Add the log."""
    parser.add_argument("log", type=Path, metavar="LOG", help="a file, gzipped or not; - is standard input")
    add_json(parser)


def run(args: Namespace) -> int:
    """Print the report; a log that could be read is a success, whatever is in it.

    Raises:
        UsageFault: it cannot be read.
    """
    from devices.boot import BootWatcher

    watcher = BootWatcher(0)
    for chunk in _chunks(args.log):
        watcher.feed(chunk, 0)
    watcher.end()
    report = watcher.report()
    if args.json:
        print_json(_as_json(report))
    else:
        _print(report)
    return Exit.PASS


def _chunks(path: Path) -> Iterator[bytes]:
    from gzip import GzipFile
    from zlib import error as ZlibError  # noqa: N812 -- zlib's own name says nothing here

    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            begins = cast("bytes", file.peek(len(_GZIP))[: len(_GZIP)])  # pyright: ignore
            log: BinaryIO = cast("BinaryIO", GzipFile(fileobj=file)) if begins == _GZIP else file
            while chunk := log.read(_CHUNK_BYTES):
                yield chunk
    except (OSError, EOFError, ZlibError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise UsageFault(f"{path}: cannot be read: {what}; want a console log, or - for standard input") from error


def _as_json(report: "BootReport") -> dict[str, object]:
    faults = [{"kind": f.kind, "line": f.line, "text": f.text, "fatal": f.fatal} for f in report.faults]
    return {
        "furthest": report.furthest,
        "stages": report.stages,
        "faults": faults,
        "resets": report.resets,
        "stalled": report.stalled,
    }


def _print(report: "BootReport") -> None:
    fatal = next((fault for fault in report.faults if fault.fatal), None)
    if fatal:
        say(f"did not come up: {fatal.kind}, line {fatal.line}")
    elif report.stalled:
        say("did not come up: the log ends before a login or a shell")
    else:
        say("came up")
    stages = " → ".join(report.stages) or "nothing recognised"
    times = "time" if report.resets == 1 else "times"
    say(f"stages: {stages}" + f"; began anew {report.resets} {times}" * bool(report.resets))
    if report.faults:
        say("")
        rows = [(fault.line, fault.kind, "fatal" if fault.fatal else "", fault.text) for fault in report.faults]
        table(("line", "kind", "", "text"), rows)
    if hints := dict.fromkeys(fault.hint for fault in report.faults if fault.fatal and fault.hint):
        say("\n" + "\n".join(f"  try: {hint}" for hint in hints))
