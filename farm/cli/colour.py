"""Colour for words that judge, on a terminal only. It says nothing that the word does not say."""

import os
import re
from collections.abc import Callable
from typing import TextIO

Paint = Callable[[str], str]
"""Puts colour into a text."""

_GREEN, _YELLOW, _RED = "32", "33", "31"

_WORDS = {
    _GREEN: ("PASS", "pass", "ok", "held"),
    _YELLOW: ("NO VERDICT", "no verdict", "warn", "not judged"),
    _RED: ("REGRESSION", "regression", "FAIL", "fail", "MISSED", "faulty", "quarantined"),
}
_CODES = {word: code for code, words in _WORDS.items() for word in words}
_LINE_WORD = re.compile(r"(?<![\w-])(" + "|".join(word for word in _CODES if word[0].isupper()) + r")(?![\w-])")


def wanted(stream: TextIO) -> bool:
    """Tell whether a stream gets colour: NO_COLOR and a dumb terminal forbid it, FORCE_COLOR asks for it anywhere."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return os.environ.get("CLICOLOR") != "0" and stream.isatty()


def word(text: str) -> str:
    """Return a table's cell in the colour of its meaning; spaces around it stay as they are."""
    code = _CODES.get(text.strip())
    return text if code is None else text.replace(text.strip(), f"\x1b[{code}m{text.strip()}\x1b[0m")


def line(text: str) -> str:
    """Return a text in which the outcomes that are written in capitals have their colour."""
    return _LINE_WORD.sub(lambda found: word(found[0]), text)
