"""What a pydantic model has against plain values, in the inventory's own words."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .words import kind_of, unknown
from .yaml_lines import Fault, Where

_KINDS = {
    "str": ("string", "text"),
    "int": ("int", "a whole number"),
    "float": ("float", "a number"),
    "bool": ("bool", "true or false"),
}
"""How pydantic calls a kind of value in a place and in an error, and how people do."""


def against(model: type[BaseModel], value: Any, where: Where) -> list[Fault]:  # noqa: ANN401 -- any YAML value
    """Return what a pydantic model has against a value that stands at a place."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        return list(_faults(model, error.errors(include_url=False), where))
    return []


def _faults(model: type[BaseModel], details: list[ErrorDetails], where: Where) -> Iterator[Fault]:
    """Yield a fault for each place; where one of several kinds is wanted, pydantic tells of each that it is not it."""
    kinds: dict[Where, list[str]] = {}
    for detail in details:
        *place, kind = detail["loc"] or ("",)
        if str(kind) in _KINDS and detail["type"] == f"{_KINDS[str(kind)][0]}_type":
            kinds.setdefault(tuple(place), []).append(_KINDS[str(kind)][1])
    for detail in details:
        wanted = kinds.get(detail["loc"][:-1], [""])
        if len(wanted) == 1:
            yield _fault(model, detail, where)
        elif wanted:
            text = f"wants {', '.join(wanted[:-1])} or {wanted[-1]}, not {kind_of(detail['input'])}"
            yield Fault((*where, *detail["loc"][:-1]), text)
            wanted.clear()  # told


def _fault(model: type[BaseModel], detail: ErrorDetails, where: Where) -> Fault:
    place = tuple(step for step in detail["loc"] if step != "[key]")
    key, got = str(place[-1]) if place else "", kind_of(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            text = f"unknown key; {unknown(key, _fields_at(model, place[:-1]))}"
        case "missing":
            text = f"missing; add `{key}:`"
        case "string_type":
            remedy = "; write it in quotes" if isinstance(detail["input"], (int, float)) else ""
            text = f"wants text, not {got}{remedy}"
        case "int_type" | "int_parsing" | "int_from_float":
            text = f"wants a whole number, not {got}"
        case "float_type" | "float_parsing":
            text = f"wants a number, not {got}"
        case "literal_error" if isinstance(number := detail["input"], int) and f"'{number}'" in detail["msg"]:
            text = f"wants text, not a number; write it in quotes: '{number}'"
        case "string_pattern_mismatch" if example := _example_at(model, place):
            text = f"is not of its form; write it as in {example}"
        case "string_pattern_mismatch":
            text = f"is not of its form; write it so that it matches {detail.get('ctx', {}).get('pattern')}"
        case "bool_type" | "bool_parsing":
            text = f"wants true or false, not {got}"
        case "dict_type" | "model_type" | "model_attributes_type":
            text = f"wants keys below it, not {got}; indent them by two more spaces"
        case "list_type":
            text = f"wants a list, not {got}; write each on a line of its own, `- ` before it"
        case "too_short":
            text = "is empty; name at least one"
        case _:  # ours say it all already; pydantic's say what the value should be
            text = detail["msg"].replace("Input should", "should").replace("Value error, ", "")
    return Fault((*where, *place), text)


def _fields_at(model: type[BaseModel], place: Where) -> Iterable[str]:
    """Return the keys that a model allows at a place inside it."""
    types: list[Any] = [model]
    for step in place:
        # a step into a model's field, or past the key of a dictionary of models
        fields = [t.model_fields[str(step)].annotation for t in types if _is_model(t) and str(step) in t.model_fields]
        types = [inner for field in fields for inner in _inner(field)] or types
    return [name for t in types if _is_model(t) for name in t.model_fields if name != "resolved"]


def _example_at(model: type[BaseModel], place: Where) -> str | None:
    """Return what a field of the model itself gives as its example."""
    field = model.model_fields.get(str(place[0])) if len(place) == 1 else None
    return str(field.examples[0]) if field and field.examples else None


def _inner(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 -- any annotation
    if _is_model(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _inner(argument)


def _is_model(thing: Any) -> bool:  # noqa: ANN401 -- any annotation
    return isinstance(thing, type) and issubclass(thing, BaseModel)
