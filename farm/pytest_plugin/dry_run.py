"""``--farm-dry-run``: which board would run what, told without touching anything."""

from collections.abc import Callable, Iterable

import pytest

from farm.lab.inventory import Lab
from farm.lab.made import made

from .selection import Wish, absent


def plan(
    items: Iterable[pytest.Item], wish_of: Callable[[pytest.Item], Wish | None], lab: Lab, only: list[str]
) -> list[str]:
    """Return a line for each test, the test first; then the boards that no test wants."""
    rows = [(item.nodeid, wish_of(item)) for item in items]
    width = max((len(nodeid) for nodeid, _ in rows), default=0)
    lines = [f"{nodeid:{width}}  {_where(wish, lab, only)}" for nodeid, wish in rows]
    wanted = {name for _, wish in rows if wish for name in wish.candidates}
    idle = [name for name in lab.boards if name not in wanted and (not only or name in only)]
    return [*lines, *([f"wanted by no test: {', '.join(idle)}"] if idle else [])]


def _where(wish: Wish | None, lab: Lab, only: list[str]) -> str:
    if wish is None:
        return "needs no board"
    if not wish.candidates:
        return f"impossible: {absent(wish, lab.lab, only)}"
    boards = ", ".join(f"{name} ({_kind(lab, name)})" for name in wish.candidates)
    return f"the first free of {boards}" if len(wish.candidates) > 1 else boards


def _kind(lab: Lab, board: str) -> str:
    entry = lab.boards[board]
    return f"{entry.model}, {made(entry.twin)}" if entry.twin else entry.model
