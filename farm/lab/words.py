"""Words for what is wrong with a value."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "keys",
    type(None): "nothing",
}


def kind_of(value: Any) -> str:  # noqa: ANN401 -- any YAML value
    """Say what a value is without repeating it: it may be a secret."""
    return next((word for kind, word in _KINDS.items() if isinstance(value, kind)), "something else")


def unknown(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that is not among the known ones."""
    names = sorted(known)
    if near := get_close_matches(word, names, 1):
        return f'did you mean "{near[0]}"?'
    return f"there are {', '.join(names)}" if names else "there are none here"


def contradictions(texts: Iterable[str]) -> Iterator[str]:
    """Say which names of ``NAME=VALUE`` are given several values, and which."""
    given: dict[str, dict[str, None]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        given.setdefault(name, {})[value] = None
    for name, values in given.items():
        if len(values) > 1:
            yield f"{name}: {' and '.join(values)} contradict each other; give one"
