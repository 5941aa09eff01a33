"""The first thing that is said to a board: make room, note the lease, tell what there is, and start the helper."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from shlex import quote
from typing import NoReturn

from devices.errors import ConnectionLost
from devices.shell import Shell, Stream

from ...errors import LabFault
from ..fence import fenced, noting, require_taken
from .source import always

ANSWER_S = 60.0
"""Longest that a board is silent where it has nothing to read or write, assumed: Python on a loaded Pi Zero W."""

_UNFIT = 96
"""How the helper's Python ends where it is too old, or lacks a part of its standard library."""
_MADE = """\
umask 022
mkdir -p {workdir}/blobs {workdir}/incoming && [ -w {workdir}/blobs ] || exit {unwritable}
"""
_UNWRITABLE = 73
"""EX_CANTCREAT of sysexits.h."""
_BEGIN = """\
{note}
df -Pk . || :
{python}
echo shell
"""
_PYTHON = """\
if command -v python3 >/dev/null 2>&1; then
  s=0
  python3 -SE -c {start} || s=$?
  [ $s = {unfit} ] || exit $s
fi
"""
_START = """\
import os, sys
if sys.version_info < (3, 5):
    sys.exit({unfit})
try:
    import fcntl, hashlib, threading, zlib
except ImportError:
    sys.exit({unfit})
source = b""
while len(source) < {size}:
    piece = os.read(0, {size} - len(source))
    piece or sys.exit(1)
    source += piece
exec(zlib.decompress(source))
os._exit(main(0, 1))
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """A board that is ready to be deployed to."""

    stream: Stream | None
    """To the helper; None where the board has no Python for it: then its shell does everything."""
    free_bytes: int


@contextmanager
def opened(shell: Shell, workdir: str, *, timeout_s: float, by_shell: bool) -> Generator[Opened]:
    """Open one stream to the board, over which everything goes; the helper ends with the block.

    Args:
        shell: The board.
        workdir: The farm's folder on it; made when it is not there.
        timeout_s: For the whole deployment.
        by_shell: Leave the board's Python alone.

    Raises:
        LabFault: the folder cannot be made or written, or its free space is unknown.
        LeaseLost: the shell's lease is over, or the board has seen a later one.
        devices.errors.DeviceError: the board.
    """
    source = always()
    python = (
        "" if by_shell else _PYTHON.format(start=quote(_START.format(unfit=_UNFIT, size=len(source))), unfit=_UNFIT)
    )
    made = _MADE.format(workdir=quote(workdir), unwritable=_UNWRITABLE)
    begin = made + fenced(shell, workdir, _BEGIN.format(note=noting(shell), python=python))
    with shell.stream(begin, timeout_s=timeout_s) as stream:
        if not by_shell:
            with suppress(ConnectionLost):  # where there is no Python, nobody reads it; the lines below tell
                stream.send(source)
        *figures, last = list(_until_ready(shell, workdir, stream))
        free_bytes = _free_bytes(shell, workdir, figures)
        if last == "shell":
            yield Opened(None, free_bytes)
            return
        try:
            answer = json.loads(last)
        except (ValueError, RecursionError) as error:
            raise LabFault(shell.name, f"{workdir}: the helper says {last[:200]!r}") from error
        if "error" in answer:
            raise LabFault(shell.name, f"{workdir}: {answer['error']}")
        yield Opened(stream, free_bytes)


def _until_ready(shell: Shell, workdir: str, stream: Stream) -> Iterator[str]:
    """Yield what the board says, up to the word ``shell`` or the helper's first answer."""
    said = ""
    while said != "shell" and not said.startswith("{"):
        try:
            said = stream.readline(timeout_s=ANSWER_S).data.decode("utf-8", "replace")
        except ConnectionLost as error:
            _explain(shell, workdir, stream, said, error)
        yield said


def _explain(shell: Shell, workdir: str, stream: Stream, said: str, error: ConnectionLost) -> NoReturn:
    """Raise what a board meant that ended its first command early; the error itself where the link broke."""
    status = stream.exit_status(timeout_s=ANSWER_S)
    require_taken(shell, status, said)
    errors = stream.stderr().decode("utf-8", "replace").strip()
    if status != _UNWRITABLE:
        raise LabFault(shell.name, f"{workdir}: status {status}: {errors or said or 'nothing'}") from error
    full = "No space" in errors
    hint = "delete what is not needed on its disk" if full else f"farm provision {shell.name}, which makes this folder"
    raise LabFault(shell.name, f"{workdir}: {errors or 'not writable'}", hint=hint) from error


def _free_bytes(shell: Shell, workdir: str, lines: list[str]) -> int:
    words = lines[-1].split() if lines else []
    if len(words) < 4 or not words[3].isdigit():
        raise LabFault(shell.name, f"df {workdir} said {lines!r}: free space unknown")
    return int(words[3]) * 1024
