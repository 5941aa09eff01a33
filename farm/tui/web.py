# pyright: standard
"""The screen in a browser: one process of ``farm tui`` a visitor, on this machine alone."""

import shlex
import sys

from textual_serve.server import Server

from ..errors import Exit, UsageFault
from ..lab.inventory import Lab

HOST = "127.0.0.1"
"""Whoever reaches the port can switch boards off: to show it elsewhere, put a server with a login before it."""


def command(lab: Lab, *, read_only: bool, every_s: float) -> str:
    """Return the shell command that shows this lab's screen."""
    start = "import sys; from farm.cli.main import main; sys.exit(main())"
    words = [sys.executable, "-P", "-c", start, "tui", "--inventory", str(lab.path), "--every", f"{every_s:g}"]
    return shlex.join([*words, *["--read-only"] * read_only])


def serve(lab: Lab, port: int, *, read_only: bool, every_s: float) -> int:
    """Serve until interrupted.

    Raises:
        UsageFault: the port is taken.
    """
    server = Server(command(lab, read_only=read_only, every_s=every_s), HOST, port, title=f"farm tui: {lab.lab}")
    try:
        server.serve()
    except OSError as error:
        raise UsageFault(f"farm tui: --web {port}: {error.strerror or error}") from error
    return Exit.PASS
