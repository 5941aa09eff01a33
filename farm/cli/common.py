"""Arguments that several commands share."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..lab.inventory import Lab

STATE = Path(".farm")
"""Where the farm keeps what it knows: the twins' lab, locks, results. In the working folder, never in HOME."""


def add_inventory(parser: ArgumentParser) -> None:
    """Add ``--inventory FILE``."""
    parser.add_argument(
        "--inventory",
        type=Path,
        metavar="FILE",
        help="the lab to use [the one that `farm lab up` started, else inventory.yaml]",
    )


def add_json(parser: ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def open_lab(args: Namespace) -> "Lab":
    """Return the lab that the command line names.

    Raises:
        farm.errors.UsageFault: the inventory is wrong, or names twins that are not running.
    """
    from ..lab.inventory import usable

    return usable(args.inventory)
