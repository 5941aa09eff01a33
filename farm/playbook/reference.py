"""What may stand in a playbook, told from the steps themselves: `farm provision --steps`, docs/provisioning.md."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from .model import STEPS
from .step import Step
from .values import FROM_BOARD, FROM_INVENTORY

_PLAIN = {str: "text", int: "number", float: "number", bool: "true or false"}


def reference() -> str:
    """Return every step with its fields, and every name that a template may use, as Markdown."""
    parts = [line for kind, step in STEPS.items() for line in _of_step(kind, step)]
    return "\n".join([*parts, *_names()]).rstrip() + "\n"


def _of_step(kind: str, step: type[Step]) -> Iterator[str]:
    yield f"### `{kind}`"
    yield ""
    yield _markdown(cleandoc(step.__doc__ or ""))
    if not step.lasts:
        yield "\nA reboot undoes it, so it stands behind `reboot`."
    yield ""
    if not step.model_fields:
        yield f"It has no fields: `{kind}: {{}}`.\n"
        return
    yield "| field | value | what it is |"
    yield "|---|---|---|"
    for name, field in step.model_fields.items():
        yield f"| `{name}` | {_value(field)} | {_markdown(' '.join((field.description or '').split()))} |"
    yield ""


def _names() -> Iterator[str]:
    yield "### Names for templates\n"
    yield "| name | what it is | from |"
    yield "|---|---|---|"
    for table, source in ((FROM_INVENTORY, "the inventory"), (FROM_BOARD, "the board")):
        for name, what in table.items():
            yield f"| `${{{name}}}` | {what} | {source} |"


def _value(field: FieldInfo) -> str:
    if field.is_required():
        return _kind(field.annotation)
    default: Any = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default in ("", [], {}):
        return f"{_kind(field.annotation)}; optional"
    return f"{_kind(field.annotation)}; [{_shown(default)}]"


def _shown(default: Any) -> str:  # noqa: ANN401 -- any default
    if isinstance(default, list):
        return ", ".join(map(str, cast("list[Any]", default)))
    return str(default).lower() if isinstance(default, bool) else str(default)


def _kind(annotation: Any) -> str:  # noqa: ANN401 -- any annotation
    """Return what a person writes there."""
    origin, arguments = get_origin(annotation), [a for a in get_args(annotation) if a is not type(None)]
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin is list:
        return "list"
    if origin is dict:
        return "names and values"
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_kind(argument) for argument in arguments))
    return _PLAIN[annotation]


def _markdown(text: str) -> str:
    """Return a docstring's text with Markdown's marks for code."""
    return re.sub(r"``(.+?)``", r"`\1`", text).replace("|", "\\|")
