"""The command lines that go over SSH: pure text in, pure text out.

OpenSSH leaves a command running when its channel closes (no terminal, no hang-up), so a deadline that
ends anything needs to know what to end: every command first says its process group, on a marked line.
The mark also tells what the login shell's own start-up files printed from what the command printed.
"""

import re
from dataclasses import dataclass
from shlex import quote

_MARK = re.compile(rb"\x1e(\d+)\x1e\n")
_SAY_GROUP = r"printf '\036%s\036\n' $$"

MARK_WITHIN_BYTES = 65_536
"""Where no mark comes within this much output (assumed: more than any message of the day), none will."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the command's own output begins, and its process group."""

    group: int
    end: int


def find_mark(head: bytes) -> Mark | None:
    """Look for the mark in the first output; None while it has not come."""
    found = _MARK.search(head)
    return Mark(int(found[1]), found.end()) if found else None


def marked(command: str) -> str:
    """Wrap a command so that it says its process group first.

    sshd makes the login shell the leader of a session; ``exec`` keeps that process, whose number is the
    group's. The shell stays the parent of the command, so that a command killed by a signal ends as 128 + n
    instead of leaving the channel without any status.
    """
    script = f"{_SAY_GROUP}\n{command}\nexit $?"
    return f"exec sh -c {quote(script)}"


def as_root(command: str) -> str:
    """Run a command as root: at once where the login is root, else by a sudo that never asks."""
    inner = f"sh -c {quote(command)}"
    return f'if [ "$(id -u)" = 0 ]; then {inner}; else sudo -n -- {inner}; fi'


def end_group(group: int | str) -> str:
    """Ask a process group to end, give it a second, then end it; status 0 once nothing is left of it.

    ``group`` is its number, or the shell's word for it.
    """
    # dash knows `kill -15 -N`, but neither `kill -s TERM -- -N` nor `kill -- -N`
    return (
        f"kill -15 -{group} 2>/dev/null; i=0\n"
        f"while kill -0 -{group} 2>/dev/null && [ $i -lt 10 ]; do i=$((i+1)); sleep 0.1; done\n"
        f"kill -9 -{group} 2>/dev/null; i=0\n"
        f"while kill -0 -{group} 2>/dev/null && [ $i -lt 10 ]; do i=$((i+1)); sleep 0.1; done\n"
        f"! kill -0 -{group} 2>/dev/null"
    )


def receive_file(path: str, part: str, size_bytes: int, mode: int) -> str:
    """Take a file from standard input: beside its place first, there only when every byte has come.

    A link that breaks looks like the end of input to ``cat``: without the count, half a file would be published.
    """
    return (
        f"place={quote(path)}; part={quote(part)}\n"
        """trap 'rm -f "$part"' 0; trap 'exit 143' 1 2 15\n"""
        'cat > "$part" || exit 1\n'
        f'n=$(($(wc -c < "$part"))); '
        f'[ $n -eq {size_bytes} ] || {{ echo "only $n of {size_bytes} bytes arrived" >&2; exit 1; }}\n'
        f'chmod {mode:o} "$part" && mv -f "$part" "$place"'
    )
