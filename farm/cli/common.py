"""Arguments that several commands share."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..store.record import Record, Verdict

STATE = Path(".farm")
"""Where the farm keeps what it knows: the twins' lab, locks, results. In the working folder, never in HOME."""

SOURCE = Path("inventory.yaml")
RUNNING = STATE / "lab" / "inventory.yaml"
"""As in ``farm.lab.inventory``. Copies, held equal by a test: a completion must not load what checks inventories."""


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


def add_release(parser: ArgumentParser) -> None:
    """Add what is put on which board."""
    parser.add_argument("artifact", type=Path, help="a file that `farm artifact pack` made")
    parser.add_argument(
        "--dataset", type=Path, metavar="PATH", help="the data set it is tested with [found by name near the artifact]"
    )
    parser.add_argument("--board", required=True, metavar="NAME")


def as_json(record: "Record", verdict: "Verdict | None") -> dict[str, Any]:
    """Return a trial as every ``--json`` prints it; what is unknown is left out."""
    value: dict[str, Any] = {"made": record.made, "record": record.model_dump(mode="json", exclude_none=True)}
    if verdict is not None:
        value["verdict"] = verdict.model_dump(mode="json", exclude_none=True)
    return value


def open_lab(args: Namespace) -> "Lab":
    """Return the lab that the command line names.

    Raises:
        farm.errors.UsageFault: the inventory is wrong, or names twins that are not running.
    """
    from ..lab.inventory import usable

    return usable(args.inventory)
