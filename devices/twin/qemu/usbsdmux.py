"""``usbsdmux CONTROL host|dut|get``: the program of the same name, for the multiplexer of a twin.

It speaks a word to the control device, a socket here, as the real one speaks SCSI to a ``/dev/sgN``.
"""

import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_ANSWER_S = 15.0
"""To take a card from a running machine: milliseconds, and assumed for a very busy host."""


@contextmanager
def reachable(path: Path) -> Generator[str]:
    """Give a name for a socket that is short enough for one, wherever its folder lies (unix(7): 107 bytes)."""
    folder = os.open(path.resolve().parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.resolve().name}"
    finally:
        os.close(folder)


def ask(control: Path, word: str) -> str:
    """Return what the multiplexer answers: where the card is; OSError with its words where it does not do it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link, reachable(control) as address:
        link.settimeout(_ANSWER_S)
        link.connect(address)
        link.sendall(word.encode() + b"\n")
        answer = link.makefile("r", encoding="utf-8").readline().strip()
    where, _, why = answer.partition(" ")
    if why or not where:
        raise OSError(why or "it does not answer")
    return where


def main(words: list[str]) -> int:
    """Switch; 0 when the card is where it is to be."""
    if len(words) != 2 or words[1] not in ("host", "dut", "get"):
        sys.stderr.write("usage: usbsdmux CONTROL host|dut|get\n")
        return 2
    try:
        where = ask(Path(words[0]), words[1])
    except OSError as error:
        sys.stderr.write(f"usbsdmux: {words[0]}: {error.strerror or error}\n")
        return 1
    if words[1] == "get":
        sys.stdout.write(f"{where}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
