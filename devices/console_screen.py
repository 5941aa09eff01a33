"""What stands at the end of a console's log: a login, a password prompt, a shell's prompt."""

import re
import secrets
import time
from collections.abc import Callable

from .console_capture import Capture
from .console_text import LOGIN, plain, without_noise
from .errors import ConsoleFault

_LOGIN = re.compile(rf"(?:^|\n){LOGIN}")
_PASSWORD = re.compile(r"[Pp]assword: ?$")
_PROMPT = re.compile(rf"{_LOGIN.pattern}|{_PASSWORD.pattern}|[#$%>] $")

DISCARD = b"\x15"
"""Ctrl-U throws half a line away that somebody has left, which a line's end alone would carry out: terminals (VKILL),
line editors, agetty, BusyBox getty and U-Boot know it."""

_TAIL_BYTES = 8192
"""Prompts stand at the end: so much of the newest text is looked at, however much there is."""
_STRANGE_SHARE = 0.2
"""Assumed: of the letters of a boot log fewer cannot be printed, of what a wrong baud rate makes of it more."""
_STRAY = 3
"""Assumed: a plug or a break on the line leaves so many strange letters at most."""


class Screen:
    """The newest text of one console, with what kernel and terminal mix into it taken out."""

    def __init__(self, name: str, capture: Capture, write: Callable[[bytes], None]) -> None:
        """Take a console that is captured."""
        self.name, self._capture, self._write = name, capture, write

    def end(self) -> int:
        """Return a position: where the log ends now."""
        return self._capture.log.end

    def text(self, start: int = 0) -> str:
        """Return the newest text that was printed from a position on."""
        return without_noise(self.all_text(start))

    def all_text(self, start: int = 0) -> str:
        """Return it with what kernel and init system say."""
        log = self._capture.log
        return plain(log.read(max(start, log.end - _TAIL_BYTES)))

    def until(
        self, start: int, seen: Callable[[str], object], timeout_s: float, *, settle_s: float | None = None
    ) -> str:
        """Return what was printed from a position on, once ``seen`` finds something or nothing more is to come.

        That is after ``timeout_s``, or when the console has been silent for ``settle_s``.
        """
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while True:
            position, text = self.end(), self.text(start)
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            if seen(text) or left_s <= 0:
                return text
            self._capture.check()
            wait_s = left_s if settle_s is None else min(left_s, settle_s)
            if not self._capture.log.since(position, timeout_s=wait_s) and wait_s < left_s:
                return self.text(start)

    def shell_answers(self, timeout_s: float) -> bool:
        """Tell whether a shell is there, by a line that nothing else carries out; ends early at a login."""
        ident, start = secrets.token_hex(4), self.end()
        self._write(f"printf '\\036%s\\036\\n' {ident}\n".encode())
        answer = f"\x1e{ident}\x1e"
        said = self.until(
            start, lambda text: answer in text or _LOGIN.search(text) or _PASSWORD.search(text), timeout_s
        )
        return answer in said

    def check_legible(self, text: str, *, by_line: bool = False) -> None:
        """Raise ConsoleFault when what was printed is no text; ``by_line``: when one of its lines is none."""
        lines = text.split("\n") if by_line else []
        if _strange(text) > _STRANGE_SHARE * len(text) or any(
            _STRAY < _strange(line) > _STRANGE_SHARE * len(line) for line in lines
        ):
            hint = "is the console's baud rate right, its ground connected?"
            raise ConsoleFault(self.name, f"garbage on the console: {text[-40:]!r}", hint=hint)

    def last_seen(self) -> str:
        """Return the last lines, for an error's words."""
        return repr(" | ".join(line for line in self.text().splitlines()[-3:] if line.strip())[-300:])


def _strange(text: str) -> int:
    """Return how many letters cannot be printed."""
    return sum(not (letter.isprintable() or letter in "\n\t\x1e\x1f") or letter == "\ufffd" for letter in text)


def at_login(text: str) -> bool:
    """Tell whether text ends in a login prompt."""
    return bool(_LOGIN.search(text))


def at_password(text: str) -> bool:
    """Tell whether text ends in a question for a password."""
    return bool(_PASSWORD.search(text))


def at_prompt(text: str) -> bool:
    """Tell whether text ends in any prompt, also a login's."""
    return bool(_PROMPT.search(text))
