"""A console log that is safe to show, and short enough."""

import re

from devices.console_text import plain

from .words import size

_HEAD_SHARE = 0.25


def console_text(log: bytes, most_bytes: int) -> str:
    """Return the log as text of printable characters: its beginning and its end when it is longer than ``most_bytes``.

    Terminal control sequences are taken out; what else does not print shows as its Unicode picture.
    """
    if not most_bytes or not log:
        return ""
    if len(log) <= most_bytes:
        return _clean(log)
    head = int(most_bytes * _HEAD_SHARE)
    left_out = len(log) - most_bytes
    return f"{_clean(log[:head])}\n… {size(left_out)} left out …\n{_clean(log[-(most_bytes - head) :])}"


_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
"""What does not print, or makes a line read as something else: controls, invisible characters, directions."""


def _clean(log: bytes) -> str:
    return _HIDDEN.sub(_shown, plain(log.replace(b"\r\r\n", b"\n")))


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"
