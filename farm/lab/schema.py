"""The inventory's JSON schema, each driver's own options inside: editors complete and check with it."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from devices.flash.registry import known_flashers, load_flasher
from devices.registry import known_boards
from power.registry import known_meters, known_switches, load_meter, load_switch

from .fields import TWIN
from .inventory import Lab

Schema = dict[str, Any]


def schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of an inventory.

    A driver whose library is missing takes any options in it.
    """
    whole = Lab.model_json_schema()
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "Inventory of an edge-test-farm lab"
    parts: Schema = whole["$defs"]
    whole["properties"].pop("resolved")
    parts.pop("Resolved")
    parts["BoardEntry"]["properties"]["model"]["enum"] = sorted(known_boards())
    _options(parts, "MeterEntry", known_meters(), lambda driver: load_meter(driver).Config)
    _options(parts, "SwitchEntry", known_switches(), lambda driver: load_switch(driver).Config)
    _options(parts, "FlashEntry", known_flashers(), lambda driver: load_flasher(driver).Config)
    return whole


def _options(parts: Schema, entry: str, known: Mapping[str, str], config: Callable[[str], type[BaseModel]]) -> None:
    parts[entry]["properties"]["driver"]["enum"] = sorted(known)
    choices: list[Schema] = []
    for driver in sorted(known):
        try:
            options = config(driver).model_json_schema(ref_template="#/$defs/{model}")
        except ImportError:
            continue
        parts.update(options.pop("$defs", {}))
        options["properties"] = {name: _or_twin(value) for name, value in options.get("properties", {}).items()}
        then: Schema = {"properties": {"options": options}}
        if options.get("required"):
            then["required"] = ["options"]
        choices.append({"if": {"properties": {"driver": {"const": driver}}}, "then": then})
    parts[entry]["allOf"] = choices


def _or_twin(option: Schema) -> Schema:
    """Allow ``twin`` where an address stands: a text without default, or one of a certain form that may be absent."""
    choices: list[Schema] = option.get("anyOf", [])
    if any("pattern" in choice for choice in choices):
        return option | {"anyOf": [{"const": TWIN}, *choices]}
    if option.get("type") != "string" or "default" in option or set(option) <= {"type", "title"}:
        return option  # free text takes the word already
    kept = {key: option[key] for key in ("title", "description") if key in option}
    return kept | {"anyOf": [{"const": TWIN}, option]}
