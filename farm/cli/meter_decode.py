"""``farm meter decode``: what a meter said, out of captured bytes."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .meter_options import meant, pairs_of
from .meter_rows import Row, row, tell
from .output import print_json, table

if TYPE_CHECKING:
    from power.decoded import Decode


_CAPTURE = "\n  try: is it that unit's, whole and in order? Bytes as they came, or lines of hex"


def decode(args: Namespace) -> int:
    """Print what the bytes or lines of a file say."""
    from power.registry import LINE_DECODERS, known_decoders

    driver, options = args.driver, pairs_of(args.options)
    known = [*known_decoders(), *LINE_DECODERS]
    if driver not in known:
        raise UsageFault(f"{driver}: nothing decodes its bytes; {meant(driver, known)}")
    try:
        data = args.file.read_bytes()
    except OSError as error:
        raise UsageFault(
            f"{args.file}: cannot be read: {error.strerror}; look for a typing error in its name"
        ) from error
    if driver in LINE_DECODERS:
        return _decode_lines(args, data, options)
    rows = _decoded(driver, args.file, data, options)
    tell(rows, as_json=args.json)
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
        raise UsageFault(f"{file}: no frames of a {driver}: {captured.placed(str(error))}{_CAPTURE}") from error
    if not read:
        raise UsageFault(f"{file}: no frames of a {driver}: not one reading in {len(captured.data)} bytes{_CAPTURE}")
    return [row(one.t_ns, one.volts, one.amps, one.watts, one.flags) for one in read]


def _known_options(driver: str, decode: "Decode", options: dict[str, str]) -> None:
    """Refuse options that a decoder does not name; UsageFault."""
    from inspect import Parameter, signature

    known = [one.name for one in signature(decode).parameters.values() if one.kind == Parameter.KEYWORD_ONLY]
    if strange := options.keys() - set(known):
        raise UsageFault([f"{driver}: -o {name}: {meant(name, known)}" for name in sorted(strange)])


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
