"""A scenario from its name and its settings, as commands, policies and tests write them."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import get_type_hints

from pydantic import TypeAdapter, ValidationError

from ..errors import UsageFault
from ..lab.words import unknown
from .scenario import SCENARIOS, Scenario

_PAIRS = frozenset({"part", "start_celsius"})


def scenario_of(name: str, settings: Mapping[str, object]) -> Scenario:
    """Return a scenario; a setting may be a text, as on a command line.

    Raises:
        UsageFault: there is no such scenario or setting, one is missing, or it cannot be run.
    """
    if name not in SCENARIOS:
        raise UsageFault(f"no scenario {name!r}; {unknown(name, SCENARIOS)}")
    kind = SCENARIOS[name]
    known, hints = {field.name: field for field in fields(kind) if field.init}, get_type_hints(kind)
    found: dict[str, object] = {}
    for key, value in settings.items():
        if key not in known:
            raise UsageFault(f"scenario {name}: no setting {key!r}; {unknown(key, known)}")
        try:
            typed = value.split(",") if key in _PAIRS and isinstance(value, str) else value
            found[key] = TypeAdapter(hints[key]).validate_python(typed)
        except ValidationError as error:
            why = f"want two numbers, as {key}=20,40" if key in _PAIRS else error.errors()[0]["msg"]
            raise UsageFault(f"scenario {name}: {key}: {value!r}: {why}") from None
    missing = [key for key, field in known.items() if field.default is MISSING and key not in found]
    if missing:
        raise UsageFault(f"scenario {name}: {' and '.join(missing)} must be given")
    return kind(**found)  # pyright: ignore[reportArgumentType]  # each was checked against its own type


def takes(name: str) -> frozenset[str]:
    """Return the names of a scenario's settings; none of one that there is not."""
    return frozenset(field.name for field in fields(SCENARIOS[name])) if name in SCENARIOS else frozenset()
