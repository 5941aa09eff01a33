"""Pieces of Markdown for GitHub's summaries and GitLab's notes, in which nothing that a board says is markup."""

import html
import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|~@$^]|:(?=\S)")
"""What Markdown, GitHub or GitLab could read as more than a letter: mentions and references too."""


def text(plain: str) -> str:
    """Return text that says itself and nothing else: entities in the place of whatever has a meaning."""
    line = " ".join(plain.split())
    return _SPECIAL.sub(lambda letter: f"&#{ord(letter[0])};", html.escape(line, quote=False))


def code(plain: str) -> str:
    """Return the same as code."""
    return f"<code>{text(plain)}</code>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(summary: str, content: str) -> str:
    """Return content that opens on a click."""
    return f"<details><summary>{text(summary)}</summary>\n\n{content}\n\n</details>"
