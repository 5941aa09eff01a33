"""The way to a shell on a console, whatever is there: a login, half a line, a shell with or without a prompt.

No constant here decides what is right: a board that is slower than they assume is asked again, and given longer
each time, until the caller's own deadline.
"""

import re
import secrets
import time
from collections.abc import Callable

from .console_exchange import INTERRUPT
from .console_frame import REFUSED, teach
from .console_library import SESSIONS
from .console_screen import DISCARD, Screen, at_login, at_password, at_prompt
from .errors import AuthenticationRefused

_REFUSED = re.compile(r"Login incorrect|Authentication failure|Permission denied", re.IGNORECASE)

_PROMPT_S = 0.3
"""An idle console answers a newline within this, if it shows a prompt at all: assumed at first, doubled each time."""
_MOST_S = 5.0
"""As long as that grows."""
_ANSWERS = 5
"""So many times as long a probe is waited for: there, something is known to be."""
_FLUSH_S = 0.3
"""login(1) throws away what was typed before it is ready: measured, 0.3 s after its prompt it is."""
_PASSWORD_S = 5.0
"""Assumed: login(1) is loaded and asks within this, or the name never reached it."""
_REFUSAL_S = 10.0
"""A refusal comes late: PAM waits 2 s by default (pam_unix), busybox 3."""
_REFUSALS = 2
"""One refusal may be a character that the cable lost; a second one is the board's word."""


def to_shell(screen: Screen, write: Callable[[bytes], None], user: str, password: str, deadline_ns: int) -> int | None:
    """Bring a console to a shell that has learnt the library; returns its session's number, None when time is up.

    Raises:
        AuthenticationRefused: the board refuses the password.
        ConsoleFault: the port is gone.
    """
    refused, asked_before, patience_s = 0, False, _PROMPT_S
    while (left_s := (deadline_ns - time.monotonic_ns()) / 1e9) > 0:
        start = screen.end()
        write(DISCARD + b"\r")
        seen = screen.until(start, at_prompt, min(left_s, 3 * patience_s), settle_s=patience_s)
        if at_login(seen):
            if asked_before:  # the first name may have come too early for its getty
                time.sleep(_FLUSH_S)
            asked_before = True
            refused += not _give_credentials(screen, write, user, password)
            if refused == _REFUSALS:
                hint = "the console's user and password in the inventory"
                raise AuthenticationRefused(screen.name, f"the console refused the login of {user!r}", hint=hint)
        elif at_password(seen):
            screen.until(screen.end(), _over, min(left_s, _REFUSAL_S))  # of the empty one just given
        elif screen.shell_answers(min(left_s, _ANSWERS * patience_s)):
            if (session := _teach(screen, write, min(left_s, _ANSWERS * patience_s))) is not None:
                return session
        elif at_password(screen.text(start)):  # a login that came late took the probe for a name
            start = screen.end()
            write(b"\r")
            screen.until(start, _over, min(left_s, _REFUSAL_S))
        else:
            write(INTERRUPT)  # out of a command or half a line that somebody left
        patience_s = min(2 * patience_s, _MOST_S)
    return None


def _over(text: str) -> bool:
    return at_login(text) or bool(_REFUSED.search(text))


def _teach(screen: Screen, write: Callable[[bytes], None], timeout_s: float) -> int | None:
    """Teach a shell the library and return the session's number; None when it did not get through."""
    session, shown = secrets.choice(SESSIONS), 0
    for sign, portion in teach(session).items():
        start = screen.end()
        write(portion)
        if sign not in screen.until(start, lambda text, sign=sign: sign in text or REFUSED in text, timeout_s):
            return None
        shown = start
    screen.until(shown, at_prompt, _PROMPT_S)
    return session


def _give_credentials(screen: Screen, write: Callable[[bytes], None], user: str, password: str) -> bool:
    """Answer a login prompt; False when the board says that it refuses, else there may be a shell."""
    start = screen.end()
    write(user.encode() + b"\r")
    if not at_password(screen.until(start, at_password, _PASSWORD_S)):
        return True  # an account without a password, or a console that lost the name
    time.sleep(_FLUSH_S)
    start = screen.end()
    write(password.encode() + b"\r")
    screen.until(start, str.strip, _REFUSAL_S)
    return not _REFUSED.search(screen.until(start, _REFUSED.search, _FLUSH_S))
