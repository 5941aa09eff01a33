"""``farm schema``: what an inventory may hold, for editors."""

from argparse import ArgumentParser, Namespace

from ..errors import Exit
from .output import print_json

HELP = "print the JSON schema of inventory.yaml, for completion in an editor"


def arguments(parser: ArgumentParser) -> None:
    """Take none."""
    del parser


def run(args: Namespace) -> int:
    """Print it."""
    del args
    from ..lab.schema import schema

    print_json(schema())
    return Exit.PASS
