"""The helper's source as it goes over the wire: without what only people read."""

import ast
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from threading import Lock

from .names import ON_BOARD

_ONE_TREE = Lock()
"""Held by whoever makes a syntax tree or writes one out. Before 3.13 CPython counts their depth for all threads
together: where another comes in between, and boards are deployed to at once, it ends with a SystemError (measured with
3.11)."""
_ALWAYS = ("contents", "helper")
"""The helper's files that every deployment needs, in the order in which they become one."""
_MORE = ("chunks", "arriving")


@cache
def always() -> bytes:
    """Return what is needed to find out what the board has, and to put names in place."""
    with _ONE_TREE:
        return _packed(_statements(_ALWAYS))


@cache
def more() -> bytes:
    """Return what is needed besides where any content is missing; it runs among the names of the former."""
    with _ONE_TREE:
        there = {ast.unparse(one) for one in _statements(_ALWAYS) if isinstance(one, ast.Import)}
        return _packed([one for one in _statements(_MORE) if ast.unparse(one) not in there])


def _statements(names: Sequence[str]) -> list[ast.stmt]:
    return [one for name in names for one in _body(name) if not _is_of_the_helper(one)]


def _body(name: str) -> Iterator[ast.stmt]:
    yield from ast.parse((ON_BOARD / f"{name}.py").read_bytes()).body


def _is_of_the_helper(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module in (*_ALWAYS, *_MORE)


def _packed(body: list[ast.stmt]) -> bytes:
    without = [one for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    for node in (inner for one in without for inner in ast.walk(one)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return zlib.compress(ast.unparse(ast.Module(without, type_ignores=[])).encode(), 9)
