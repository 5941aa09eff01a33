"""An inventory as plain values, right or wrong: what the checks walk before there are models."""

from collections.abc import Mapping
from typing import Any, cast

Tree = Mapping[str, Any]

SHELVES = ("meters", "switches")
"""The sections of what boards are wired to."""


def entries(tree: Tree, section: str) -> dict[str, Tree]:
    """Return the entries of a section that have the shape of one."""
    listed = tree.get(section)
    if not isinstance(listed, dict):
        return {}
    named = cast("dict[str, Any]", listed)
    return {name: cast("Tree", entry) for name, entry in named.items() if isinstance(entry, dict)}


def at(entry: Tree, *keys: str) -> Any:  # noqa: ANN401 -- any YAML value
    """Return what stands under these keys; None where nothing does."""
    value: Any = entry
    for key in keys:
        value = cast("Tree", value).get(key) if isinstance(value, dict) else None
    return value


def beside(meters: Mapping[str, Tree], name: str) -> str | None:
    """Return the meter that tells another one's volts, as far as the entry has the shape of one."""
    other = at(meters.get(name, {}), "volts_from")
    return other if isinstance(other, str) else None


def named_meters(board: Tree) -> list[str]:
    """Return the meters that a board names."""
    listed = board.get("meters")
    return [name for name in cast("list[Any]", listed) if isinstance(name, str)] if isinstance(listed, list) else []


def wired_to(tree: Tree, board: Tree) -> list[str]:
    """Return what a board names, and the meters that tell the volts of those."""
    named = named_meters(board)
    told = [beside(entries(tree, "meters"), name) for name in named]
    return [name for name in [*named, *told, board.get("switch")] if isinstance(name, str)]
