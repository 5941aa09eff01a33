"""``farm power``: a board's supply."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import Exit
from .common import STATE, add_inventory, add_json, open_lab
from .output import print_json, progress, say

if TYPE_CHECKING:
    from devices.boot import BootReport

    from ..lab.bench import Bench
    from ..lab.proven_off import Off

HELP = "switch a board on or off, cycle its power, or ask its switch"


def arguments(parser: ArgumentParser) -> None:
    """Add the action and the board."""
    parser.add_argument("action", choices=("on", "off", "cycle", "status"))
    parser.add_argument("board")
    add_inventory(parser)
    add_json(parser)


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of it."""

    powered: bool
    said: str
    off: "Off | None" = None
    """What proves that the board is off; None for one that is on."""


def run(args: Namespace) -> int:
    """Do it, confirmed by the switch; ``on`` and ``cycle`` return once the board is up and proven the right one."""
    from devices.errors import DeviceError
    from power.errors import PowerError

    from ..errors import LabFault
    from ..lab.bench import borrow

    lab = open_lab(args)
    answer: dict[str, Any] = {"board": args.board, "made": None, "powered": None, "said": None, "off_proven_by": []}
    try:
        reason = f"farm power {args.action}"
        with borrow(lab, args.board, state=STATE, reason=reason, even_quarantined=True) as bench:
            answer["made"] = bench.made
            done = _ACTIONS[args.action](bench)
            answer |= {"powered": done.powered, "said": done.said}
            if done.off is not None:
                answer["off_proven_by"] = list(done.off.proven_by)
            if not args.json:
                say(f"{bench.label}: {done.said}")
    except (LabFault, DeviceError, PowerError) as fault:
        if args.json:
            print_json(answer | {"powered": None, "fault": str(fault)})
        raise
    if args.json:
        print_json(answer | {"fault": None})
    return Exit.PASS


def _on(bench: "Bench") -> _Done:
    progress("switching on, waiting for its boot", of=bench.name)
    bench.settings.leave_on()
    report = bench.power_on()
    return _Done(True, "was on and up already" if report is None else _booted(report))


def _cycle(bench: "Bench") -> _Done:
    progress("cycling the power, waiting for its boot", of=bench.name)
    bench.settings.leave_on()
    return _Done(True, _booted(bench.power_cycle()))


def _off(bench: "Bench") -> _Done:
    progress("switching off, looking whether it is", of=bench.name)
    return _is_off(bench.power_off())


def _status(bench: "Bench") -> _Done:
    return _Done(True, "on") if bench.switch.state() else _is_off(bench.prove_off())


def _is_off(off: "Off") -> _Done:
    return _Done(False, str(off), off)


def _booted(report: "BootReport") -> str:
    return f"booted: {', '.join(report.stages)}" if report.stages else "booted; no console to see how"


_ACTIONS = {"on": _on, "off": _off, "cycle": _cycle, "status": _status}
