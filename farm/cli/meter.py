"""``farm meter``: one meter by itself, without an inventory; and what one said, out of captured bytes."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Exit, UsageFault
from .common import add_json
from .output import print_json, table

if TYPE_CHECKING:
    from pydantic import BaseModel

    from power.block import Block
    from power.decoded import Decode
    from power.meter import Meter

HELP = "read a meter without an inventory, or decode what one said"

_MOST_READINGS = 1_000_000
_TRIES = 4
"""As in opening a meter: then it is silent, and not just slow."""
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
"""JSON schema's words for bounds → ours."""
Row = dict[str, Any]


def arguments(parser: ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    read = actions.add_parser("read", help="open a meter and print its readings")
    read.add_argument("--driver", required=True, metavar="NAME", help="as in an inventory; a wrong one names them all")
    read.add_argument(
        "--resource",
        required=True,
        metavar="RESOURCE",
        help="where it is: a VISA name, a serial port, host:port; for sensors on this machine the folder above "
        "/sys, mostly /",
    )
    read.add_argument("--count", type=int, default=1, metavar="N", help="so many readings [1]")
    read.set_defaults(action=_read)
    decode = actions.add_parser("decode", help="print what captured bytes or lines of a meter say")
    decode.add_argument("driver", metavar="DRIVER", help="whose; a wrong one names those that can be decoded")
    decode.add_argument("file", type=Path, metavar="FILE", help="bytes as captured, or as lines of hex; or text lines")
    decode.set_defaults(action=_decode)
    for action in (read, decode):
        action.add_argument(
            "-o", dest="options", action="append", default=[], metavar="KEY=VALUE", help="an option of the driver"
        )
        add_json(action)


def run(args: Namespace) -> int:
    """Do what is asked for."""
    return args.action(args)


def _read(args: Namespace) -> int:
    from power.errors import MissingLibrary, UnknownChoice

    if not 1 <= args.count <= _MOST_READINGS:
        raise UsageFault(f"--count {args.count}: 1 to {_MOST_READINGS:,}")
    kind = _load(args.driver)
    config = _config(args.driver, kind.Config, args.resource, _options(args.options))
    try:
        with kind.open(args.driver, config) as meter:
            rows = list(islice(_rows(_blocks(meter, args.count)), args.count))
    except (MissingLibrary, UnknownChoice, ImportError) as error:
        raise UsageFault(str(error)) from error
    _tell(rows, as_json=args.json)
    return Exit.PASS


def _load(driver: str) -> "type[Meter]":
    from power.registry import known_meters, load_meter

    if driver not in known_meters():
        raise UsageFault(f"--driver {driver}: no such meter driver; {_meant(driver, known_meters())}")
    try:
        return load_meter(driver)
    except ImportError as error:
        raise UsageFault(f"--driver {driver} does not load: {error}") from error


def _meant(word: str, known: Iterable[str]) -> str:
    from ..lab.words import unknown

    told, everything = unknown(word, known), f"there are {', '.join(sorted(known))}"
    return told if told == everything else f"{told} {everything}"


def _options(given: Iterable[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [text for text, equals, _ in pairs if not (text and equals)]:
        raise UsageFault([f"-o {text}: write it as key=value" for text in wrong])
    return {key: value for key, _, value in pairs}


def _config(driver: str, model: "type[BaseModel]", resource: str, options: dict[str, str]) -> "BaseModel":
    """Return the driver's configuration; what stands on a command line is text, and a number only where one is wanted.

    Raises:
        UsageFault: an option is wrong or missing; says which there are.
    """
    import yaml

    from ..lab.shapes import against

    link = next(iter(model.model_fields))
    given: dict[str, Any] = {link: resource, **options}
    if link in options:
        raise UsageFault(f"-o {link}={options[link]}: --resource gives it")
    for fault in against(model, given, ()):
        key = str(fault.where[0]) if fault.where else ""
        if key in options:
            given[key] = yaml.safe_load(options[key])
    if faults := against(model, given, ()):
        place = {link: "--resource"}
        told = [
            f"{driver}: {place.get(name := '.'.join(map(str, fault.where)), f'-o {name}')}: {_on_a_line(fault.text)}"
            for fault in faults
        ]
        raise UsageFault([*told, f"options of {driver}:", *_choices(model, link)])
    return model.model_validate(given)


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
        yield f"  {name}: " + (
            "what --resource gives" if name == link else f"{_values(shape)}{example}{needed}{default}"
        )


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


def _blocks(meter: "Meter", count: int) -> "Iterator[Block]":
    """Yield readings; a lost answer or two end nothing, and the reading after them says so."""
    from power.errors import PowerError
    from power.polling import again

    if count == 1:
        yield again(meter.read)
        return
    faults = 0
    while True:
        try:
            for block in meter.stream():
                yield _lost_before(block) if faults else block
                faults = 0
        except PowerError as error:
            faults += 1
            if not error.transient or faults >= _TRIES:
                raise


def _lost_before(block: "Block") -> "Block":
    from dataclasses import replace

    from power.block import Flag

    flags = block.flags.copy()
    flags[:1] |= int(Flag.LOST_BEFORE)
    return replace(block, flags=flags)


def _rows(blocks: "Iterable[Block]") -> Iterator[Row]:
    for block in blocks:
        columns = (block.t_ns, block.volts, block.amps, block.watts, block.flags)
        for t_ns, volts, amps, watts, flags in zip(*(column.tolist() for column in columns), strict=True):
            yield _row(t_ns, volts, amps, watts, flags)


def _row(t_ns: int | None, volts: float, amps: float, watts: float, flags: int) -> Row:
    from power.block import Flag

    names = [flag.name for flag in Flag if flag & flags]
    return {"t_ns": t_ns, "volts": _known(volts), "amps": _known(amps), "watts": _known(watts), "flags": names}


def _known(value: float) -> float | None:
    from math import isfinite

    return value if isfinite(value) else None


def _decode(args: Namespace) -> int:
    from power.registry import LINE_DECODERS, known_decoders

    driver, options = args.driver, _options(args.options)
    known = [*known_decoders(), *LINE_DECODERS]
    if driver not in known:
        raise UsageFault(f"{driver}: nothing decodes its bytes; {_meant(driver, known)}")
    try:
        data = args.file.read_bytes()
    except OSError as error:
        raise UsageFault(f"{args.file}: cannot be read: {error.strerror}") from error
    if driver in LINE_DECODERS:
        return _decode_lines(args, data, options)
    rows = _decoded(driver, args.file, data, options)
    _tell(rows, as_json=args.json)
    return Exit.PASS


def _decoded(driver: str, file: Path, data: bytes, options: dict[str, str]) -> list[Row]:
    from power.registry import load_decoder

    from .hex_lines import from_hex

    captured = from_hex(data, str(file))
    try:
        decode = load_decoder(driver)
        _known_options(driver, decode, options)
        read = list(decode(captured.data, **options))
    except ImportError as error:
        raise UsageFault(f"{driver}: {error}") from error
    except ValueError as error:
        raise UsageFault(f"{file}: no frames of a {driver}: {captured.placed(str(error))}") from error
    if not read:
        raise UsageFault(f"{file}: no frames of a {driver}: not one reading in {len(captured.data)} bytes")
    return [_row(one.t_ns, one.volts, one.amps, one.watts, one.flags) for one in read]


def _known_options(driver: str, decode: "Decode", options: dict[str, str]) -> None:
    """Refuse options that a decoder does not name; UsageFault."""
    from inspect import Parameter, signature

    known = [one.name for one in signature(decode).parameters.values() if one.kind == Parameter.KEYWORD_ONLY]
    if strange := options.keys() - set(known):
        raise UsageFault([f"{driver}: -o {name}: {_meant(name, known)}" for name in sorted(strange)])


def _decode_lines(args: Namespace, data: bytes, options: dict[str, str]) -> int:
    from power.registry import load_line_decoder

    if options:
        raise UsageFault(f"{args.driver}: takes no options, not {', '.join(options)}")
    try:
        lines = list(load_line_decoder(args.driver)(data.decode("utf-8", "replace")))
    except ValueError as error:
        raise UsageFault(f"{args.file}: {error}") from error
    if args.json:
        print_json({"lines": lines})
        return Exit.PASS
    columns = ("line", "rail", "watts", "average")
    table(
        columns,
        (
            (number, rail, said["watts"], said["watts_average"])
            for number, line in enumerate(lines, 1)
            for rail, said in line["rails"].items()
        ),
    )
    return Exit.PASS


def _tell(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        print_json({"readings": rows})
        return
    first_ns = rows[0]["t_ns"]
    shown = (
        (
            None if row["t_ns"] is None else f"{(row['t_ns'] - first_ns) / 1e9:.6f}",
            *(None if row[name] is None else f"{row[name]:.7g}" for name in ("volts", "amps", "watts")),
            " ".join(row["flags"]) or None,
        )
        for row in rows
    )
    table(("s", "volts", "amps", "watts", "flags"), shown)
