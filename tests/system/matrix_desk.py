"""Somebody at a desk of the lab, in a process of his own: runs one `farm` command after the other.

A JSON line in: ``{"words": […], "short": […], "cut": [board, text] or null}``; a JSON line out: ``{"exit", "said"}``.
``short`` names what the board is never going to do, so that waiting for it may be short: answer, boot, login.
``cut`` cuts the board's SSH when the command says that it is at that point.
One command more than `farm` has is there: ``run-on-console BOARD`` logs in and runs a command whose answer is known.
"""

import io
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from devices.boot import STALL_S
from farm.cli.common import STATE, add_inventory, open_lab
from farm.cli.main import COMMANDS, main
from farm.cli.output import say
from farm.lab.bench import Bench, borrow
from farm.lab.twins import inject

HELP = "log in on a board's console and run a command whose answer is known"
DAMAGED = 99
CUT = "(SSH is cut here)"
_COMMAND = "printf 'a\\nb \\303\\244\\n'; echo err >&2; exit 7"
_ANSWER = (7, "a\nb ä\n".encode(), b"err\n")
SHORT = {
    "answer": dict.fromkeys(
        ("farm.lab.bench._ANSWER_S", "farm.lab.way._ANSWER_S", "farm.lab.bench._LOOK_S", "farm.health.parts.SSH_S"), 2.0
    ),
    "login": {"farm.lab.bench_parts._LOGIN_S": 4.0},
}
STALL_SHORT_S = SSH_SHORT_S = 3.0


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("board")
    add_inventory(parser)


def run(args: Namespace) -> int:
    with borrow(open_lab(args), args.board, state=STATE, even_quarantined=True) as bench:
        bench.login()
        answer = bench.console.run(_COMMAND, timeout_s=20)
    exact = (answer.exit_status, answer.stdout, answer.stderr) == _ANSWER
    say("exact" if exact else f"damaged: {answer}")
    return 0 if exact else DAMAGED


@contextmanager
def shortened(what: list[str]) -> Iterator[None]:
    with ExitStack() as patches:
        if "boot" in what:
            patches.enter_context(patch.dict(STALL_S, dict.fromkeys(STALL_S, STALL_SHORT_S)))
            watch = Bench._watch_boot
            patches.enter_context(
                patch.object(
                    Bench,
                    "_watch_boot",
                    lambda self, on_ns, ssh_s, heed: watch(self, on_ns, min(ssh_s, SSH_SHORT_S), heed),
                )
            )
        for name, value in (limit for word in what for limit in SHORT.get(word, {}).items()):
            patches.enter_context(patch(name, value))
        yield


@contextmanager
def cut_at(board: str, point: str) -> Iterator[None]:
    def progress(text: str, of: str = "") -> None:
        if point in text:
            inject(STATE, board, "drop-ssh")
            say(CUT)

    with patch("farm.cli.output.progress", progress), patch("farm.cli.run.progress", progress):
        yield


def answer(request: dict[str, Any]) -> dict[str, Any]:
    said = io.StringIO()
    with ExitStack() as around:
        around.enter_context(redirect_stdout(said))
        around.enter_context(redirect_stderr(said))
        around.enter_context(shortened(request["short"]))
        if request["cut"]:
            around.enter_context(cut_at(*request["cut"]))
        try:
            code = main(request["words"])
        except SystemExit as refused:  # as argparse refuses words
            code = refused.code
    return {"exit": code, "said": said.getvalue()}


if __name__ == "__main__":
    os.chdir(Path(sys.argv[1]))
    COMMANDS["run-on-console"] = "__main__"
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
