"""A command and its answer on a console that kernel, init system and echo write on as well.

The command goes as base64 with its MD5 and runs only if it arrived whole. The answer comes as base64 with its
MD5, between two bytes that the echo of the request cannot hold; a damaged one is asked for again, from a
variable of the shell: the command itself never runs twice. Needs a POSIX shell, ``base64`` and ``md5sum``.

Lines for the shell end with a line feed: a carriage return that arrives while a line editor has the terminal in
raw mode stays one when the next program has it in canonical mode, and there it ends no line.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from .console_text import plain, without_noise

_PIECE = 2000
"""A terminal in canonical mode cuts lines at 4095 bytes (Linux: N_TTY_BUF_SIZE)."""

PREPARE = (
    b"stty -echo 2>/dev/null;PS1= PS2= PROMPT_COMMAND=;unset HISTFILE;set +o emacs 2>/dev/null;set +o vi 2>/dev/null\n"
)
"""No echo, no prompt, no line editor (and with it no bracketed paste, no history, no completion)."""

_SEND = r"""printf '\036%s\n%s\n%s\036\n' "$farm_s" "$farm_v" "$(printf %s "$farm_v"|md5sum)" """.rstrip()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left behind."""

    exit_status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """An answer came, but not whole."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The request did not arrive whole; the command has not run."""


def probe(ident: str) -> bytes:
    """Return a line that makes a shell, and nothing but a shell, print :func:`probed`."""
    return f"printf '\\036%s\\036\\n' {ident}\n".encode()


def probed(received: bytes, ident: str) -> bool:
    """Tell whether a shell has answered the probe."""
    return f"\x1e{ident}\x1e" in without_noise(plain(received) + "\n")


def request(command: str, ident: str) -> bytes:
    """Return the lines that run a command once and send its answer."""
    # $(…) cuts the newlines at the end, so they must not count in the sum
    wanted = command.rstrip("\n").encode()
    text, total = base64.b64encode(wanted).decode(), _md5(wanted)
    pieces = [text[n : n + _PIECE] for n in range(0, len(text), _PIECE)]
    head = ["farm_b="] + [f"farm_b=${{farm_b}}{piece}" for piece in pieces]
    run = (
        'farm_c=$(printf %s "$farm_b"|base64 -d);'
        f'case $(printf %s "$farm_c"|md5sum) in {total}*)farm_s={ident};'
        # fd 3 takes standard output past the inner capture, which holds standard error
        r"""farm_v=$({ farm_e=$({ { (eval "$farm_c") 3>&- </dev/null;printf '\n%d' $?;}|base64 >&3;} 2>&1|base64);"""
        'printf :%s "$farm_e";} 3>&1);;'
        f"*)farm_s={ident}-bad;farm_v=:;;esac;{_SEND}"
    )
    return "".join(f"{line}\n" for line in [*head, run]).encode()


def again(ident: str) -> bytes:
    """Return the line that sends the last answer again, as long as it is the answer to this request."""
    return f"case $farm_s in {ident}*){_SEND};;esac\r".encode()


def find_answer(received: bytes, ident: str) -> Answer | Damaged | Refused | None:
    """Look for the answer in everything received since the request; None while it has not ended."""
    text = without_noise(plain(received))
    found: Answer | Damaged | Refused | None = None
    for name, body in re.findall(rf"\x1e({ident}(?:-bad)?)\n([^\x1e]*)\x1e", text):
        if name != ident:
            return Refused()
        found = _read(body)
        if isinstance(found, Answer):
            return found
    return found


def _read(body: str) -> Answer | Damaged:
    value, _, total = body.rpartition("\n")
    if _md5(value.encode()) != total[:32]:
        return Damaged()
    out, _, err = value.partition(":")
    try:
        stdout, _, status = base64.b64decode(out).rpartition(b"\n")
        return Answer(int(status), stdout, base64.b64decode(err))
    except (binascii.Error, ValueError):
        return Damaged()


def _md5(data: bytes) -> str:
    """Against damage, not against anybody: what every board has a program for."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
