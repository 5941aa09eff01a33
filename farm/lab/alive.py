"""Whether a board lives on after its switch has said off, by its console."""

import time
from typing import TYPE_CHECKING, Literal

from devices.console_screen import at_prompt
from devices.console_text import plain, without_noise
from devices.errors import ConsoleFault

if TYPE_CHECKING:
    from devices.console import Console

Sign = Literal["answers", "silent", "gone"]

_ANSWERS_S = 0.8
"""Assumed: whoever waits at a prompt has answered a newline by then, also through a console server."""
_LIVES_ON_S = 5.0
"""Assumed: a supply that is switched before its rectifier feeds an idle board for as long from its capacitors."""
_AGAIN_S = 0.5
_LOOK_S = 0.1


def sign_of_life(console: "Console") -> Sign:
    """Tell whether a console still answers newlines with prompts five seconds after its board was switched off.

    A board that is off costs 0.8 s. One that hangs is silent too, and is not told from one that is off. A port that is
    ``gone``, with the board's power or with a console server, or closed meanwhile, tells nothing.
    """
    deadline_ns = time.monotonic_ns() + int(_LIVES_ON_S * 1e9)
    while (sign := _asked(console)) == "answers":
        if time.monotonic_ns() > deadline_ns:
            break
        time.sleep(_AGAIN_S)
    return sign


def _asked(console: "Console") -> Sign:
    asked_ns = time.monotonic_ns()
    said = bytearray()
    try:
        console.write(b"\n")
        for piece in console.follow(since=asked_ns, idle_s=_LOOK_S):
            said += piece
            if at_prompt(without_noise(plain(bytes(said)))):
                return "answers"
            if time.monotonic_ns() - asked_ns > _ANSWERS_S * 1e9:
                return "silent"
    except ConsoleFault:
        pass
    return "gone"
