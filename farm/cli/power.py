"""``farm power``: a board's supply."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ..errors import Exit
from .common import STATE, add_inventory, add_json, open_lab
from .output import print_json, progress, say

if TYPE_CHECKING:
    from devices.boot import BootReport

    from ..lab.bench import Bench

HELP = "switch a board on or off, cycle its power, or ask its switch"


def arguments(parser: ArgumentParser) -> None:
    """Add the action and the board."""
    parser.add_argument("action", choices=("on", "off", "cycle", "status"))
    parser.add_argument("board")
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Do it, confirmed by the switch; ``on`` and ``cycle`` return once the board is up and proven the right one."""
    from ..lab.bench import borrow

    with borrow(
        open_lab(args), args.board, state=STATE, reason=f"farm power {args.action}", even_quarantined=True
    ) as bench:
        said = _ACTIONS[args.action](bench)
        if args.json:
            print_json({"board": args.board, "made": bench.made, "powered": bench.switch.state(), "said": said})
        else:
            say(f"{bench.label}: {said}")
    return Exit.PASS


def _on(bench: "Bench") -> str:
    progress("switching on, waiting for its boot", of=bench.name)
    bench.settings.leave_on()
    report = bench.power_on()
    return "was on and up already" if report is None else _booted(report)


def _cycle(bench: "Bench") -> str:
    progress("cycling the power, waiting for its boot", of=bench.name)
    bench.settings.leave_on()
    return _booted(bench.power_cycle())


def _off(bench: "Bench") -> str:
    bench.power_off()
    return "off"


def _status(bench: "Bench") -> str:
    return "on" if bench.switch.state() else "off"


def _booted(report: "BootReport") -> str:
    return f"booted: {', '.join(report.stages)}" if report.stages else "booted; no console to see how"


_ACTIONS = {"on": _on, "off": _off, "cycle": _cycle, "status": _status}
