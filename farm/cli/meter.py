"""``farm meter``: one meter by itself: read, checked, recorded; and what one said, out of captured bytes."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import meter_check, meter_record
from .common import add_json
from .meter_named import add_named
from .meter_options import add_options

HELP = "read, check or record one meter, or decode what one said"

_ONCE_MORE = "  try: once more; is it the driver's unit and firmware? `farm meter record` keeps what it really says"


def arguments(parser: ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    read = actions.add_parser("read", help="open a meter and print its readings")
    add_named(read)
    read.add_argument("--count", type=int, default=1, metavar="N", help="so many readings [1]")
    add_json(read)
    read.set_defaults(action=_read)
    checked = actions.add_parser("check", help="is it right? its identity, errors, rate, noise, zero and scale")
    meter_check.arguments(checked)
    checked.set_defaults(action=meter_check.check)
    recorded = actions.add_parser("record", help="keep what it really says, byte by byte, as a file for tests")
    meter_record.arguments(recorded)
    recorded.set_defaults(action=meter_record.record)
    decode = actions.add_parser("decode", help="print what captured bytes or lines of a meter say")
    decode.add_argument("driver", metavar="DRIVER", help="whose; a wrong one names those that can be decoded")
    decode.add_argument("file", type=Path, metavar="FILE", help="bytes as captured, or as lines of hex; or text lines")
    add_options(decode)
    add_json(decode)
    decode.set_defaults(action=_decode)


def run(args: Namespace) -> int:
    """Do what is asked for; whatever a meter says wrong, somebody learns what to try."""
    from power.errors import PowerError

    try:
        return args.action(args)
    except PowerError as error:
        if not error.hint:
            error.add_note(_ONCE_MORE)
        raise


def _read(args: Namespace) -> int:
    from .meter_read import read

    return read(args)


def _decode(args: Namespace) -> int:
    from .meter_decode import decode

    return decode(args)
