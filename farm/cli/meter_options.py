"""What a command line says of one meter: its driver and the options of that."""

from argparse import ArgumentParser
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import UsageFault

if TYPE_CHECKING:
    from argparse import Namespace

    from pydantic import BaseModel

    from power.meter import Meter

    from ..lab.yaml_lines import Where

_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
"""JSON schema's words for bounds → ours."""


def add_link(parser: ArgumentParser) -> None:
    """Add what names a meter without an inventory."""
    parser.add_argument("--driver", metavar="NAME", help="as in an inventory; a wrong one names them all")
    parser.add_argument(
        "--resource",
        metavar="RESOURCE",
        help="where it is: a VISA name, a serial port, host:port; for sensors on this machine the folder above "
        "/sys [/]",
    )


def add_options(parser: ArgumentParser) -> None:
    """Add the driver's own options."""
    parser.add_argument(
        "-o", dest="options", action="append", default=[], metavar="KEY=VALUE", help="an option of the driver"
    )


@contextmanager
def faults_told() -> Generator[None]:
    """Turn what a wrong option or a missing library raises into a UsageFault."""
    from power.errors import MissingLibrary, UnknownChoice

    try:
        yield
    except (MissingLibrary, UnknownChoice, ImportError) as error:
        raise UsageFault(str(error)) from error


def config_from(args: "Namespace") -> "tuple[type[Meter], BaseModel]":
    """Return the driver that a command line names, and its configuration; UsageFault where either is wrong."""
    kind = driver_class(args.driver)
    return kind, config_of(args.driver, kind.Config, args.resource, pairs_of(args.options))


def driver_class(driver: str) -> "type[Meter]":
    """Return the class of a driver; UsageFault where there is none of that name, or it does not load."""
    from power.registry import known_meters, load_meter

    if driver not in known_meters():
        raise UsageFault(f"--driver {driver}: no such meter driver; {meant(driver, known_meters())}")
    try:
        return load_meter(driver)
    except ImportError as error:
        raise UsageFault(f"--driver {driver} does not load: {error}; install what it needs") from error


def meant(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that is not among the known ones: the nearest, and all of them."""
    from ..lab.words import unknown

    told, everything = unknown(word, known), f"there are {', '.join(sorted(known))}"
    return told if told == everything else f"{told} {everything}"


def pairs_of(given: Iterable[str]) -> dict[str, str]:
    """Return what the ``-o`` say; UsageFault where one is no ``key=value``."""
    pairs = [text.partition("=") for text in given]
    if wrong := [text for text, equals, _ in pairs if not (text and equals)]:
        raise UsageFault([f"-o {text}: write it as key=value" for text in wrong])
    return {key: value for key, _, value in pairs}


def config_of(driver: str, model: "type[BaseModel]", resource: str | None, options: Mapping[str, str]) -> "BaseModel":
    """Return the driver's configuration; what stands on a command line is text, and a number only where one is wanted.

    Args:
        driver: its name.
        model: its options.
        resource: the first of them; None: what the driver takes where none is given.
        options: the others.

    Raises:
        UsageFault: an option is wrong or missing; says which there are.
    """
    import yaml

    from ..lab.shapes import against

    link = next(iter(model.model_fields))
    given: dict[str, Any] = dict(options) if resource is None else {link: resource, **options}
    if link in options:
        raise UsageFault(f"-o {link}={options[link]}: --resource gives it; write it there")
    for fault in against(model, given, ()):
        key = str(fault.where[0]) if fault.where else ""
        if key in options:
            given[key] = yaml.safe_load(options[key])
    if faults := against(model, given, ()):
        told = [f"{driver}: {_place(fault.where, link)}{_on_a_line(fault.text)}" for fault in faults]
        raise UsageFault([*told, f"options of {driver}:", *_choices(model, link)])
    return model.model_validate(given)


def _place(where: "Where", link: str) -> str:
    """Return which option a fault is in; nothing for one between several, which names them itself."""
    name = ".".join(map(str, where))
    return "" if not name else "--resource: " if name == link else f"-o {name}: "


def _on_a_line(text: str) -> str:
    """Return a fault's text without what it says of a file."""
    return "missing" if text.startswith("missing;") else text


def _choices(model: "type[BaseModel]", link: str) -> Iterator[str]:
    schema = model.model_json_schema()
    shapes: dict[str, Any] = schema.get("$defs", {})
    for name, field in schema.get("properties", {}).items():
        shape = {**shapes.get(str(field.get("$ref", "")).rpartition("/")[2], {}), **field}
        default = f" [{shape['default']}]" if shape.get("default") not in (None, "") else ""
        example = f", as {shape['examples'][0]}" if shape.get("examples") else ""
        needed = ", required" if name in schema.get("required", ()) else ""
        given = f"what --resource gives{needed}{default}" if name == link else ""
        yield f"  {name}: {given or f'{_values(shape)}{example}{needed}{default}'}"


def _values(shape: dict[str, Any]) -> str:
    """Return the choices of a field, or its kind and limits."""
    if "const" in shape:
        return str(shape["const"])
    if "enum" in shape:
        return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in shape["enum"])
    if "anyOf" in shape:
        return " or ".join(_values(one) for one in shape["anyOf"] if one.get("type") != "null")
    bounds = [f"{words} {shape[key]:g}" for key, words in _LIMITS.items() if key in shape]
    return f"{shape.get('type', 'a value')}{' ' * bool(bounds)}{' and '.join(bounds)}"
