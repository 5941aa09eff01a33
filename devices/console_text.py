"""Console bytes to text: what terminals, kernels and init systems mix into it is taken out."""

import re

from .boot_lines import PRINTK

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cM])")
"""ECMA-48 control sequences, titles, character sets."""

LOGIN = r"(?:(?!Last )[^\s:]+ )?login: ?$"
"""What agetty and busybox getty ask, at the beginning of a line; login(1) greets with ``Last login: …``."""

_NOISE = re.compile(
    rf"{PRINTK}[^\n]*\n"  # whole lines, wherever the UART was
    r"|\[(?:  OK  | INFO |FAILED|DEPEND| TIME |\*[* ]{5}|[* ]{5}\*|[ *]{6})\][^\n]*\n"  # systemd's status lines
)


def plain(data: bytes) -> str:
    """Return text without control sequences, carriage returns, bells and backspaces."""
    return _ESCAPES.sub("", data.decode("utf-8", "replace")).translate(_DROP)


_DROP = dict.fromkeys(map(ord, "\r\b\a\0"))


def without_noise(text: str) -> str:
    """Return plain text without the lines that kernel and init system print in between, even into a line."""
    return _NOISE.sub("", text)
