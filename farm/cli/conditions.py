"""What a board must be like for a trial: the options, once for every command that runs one."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..trial.state.conditions import Conditions

DEMANDS = (
    "governor power_mode min_cpu_hz min_gpu_hz min_memory_hz unthrottled max_celsius max_edge_tpu_celsius "
    "min_memory_free_bytes min_disk_free_bytes max_load1 max_other_load usb_link"
)
"""What ``--demand`` takes. A copy, held equal by a test: the help must not load what checks demands."""


def add_conditions(parser: ArgumentParser) -> None:
    """Add ``--demand`` and ``--set``."""
    parser.add_argument(
        "--demand",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="run only on a board that is so, and stays so, e.g. governor=performance; repeatable; docs/state.md. "
        f"Names: {DEMANDS}",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set this on the board for the trial, and put it back: governor=…, and on a Jetson power_mode=…, "
        "max_clocks=max, fan=…; repeatable",
    )


def conditions(args: Namespace, lab: "Lab") -> "Conditions":
    """Return what the options ask of the board that is named.

    Raises:
        UsageFault: there is no such demand, or its model has no such setting; nothing was touched.
    """
    from ..trial.state.conditions import parse_conditions

    entry = lab.boards.get(args.board)
    return parse_conditions(args.demand, args.set, entry.model if entry else "")
