"""A console log that is safe to show, and short enough."""

import unicodedata

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


def _clean(log: bytes) -> str:
    return "".join(map(_shown, plain(log.replace(b"\r\r\n", b"\n"))))


def _shown(character: str) -> str:
    if character in "\n\t":
        return character
    if ord(character) < 0x20:
        return chr(0x2400 + ord(character))
    # directions and invisible characters could make a line read as something else
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character
