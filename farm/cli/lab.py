"""``farm lab``: the twins that an inventory names."""

from argparse import ArgumentParser, Namespace

from ..errors import Exit
from .common import STATE, add_inventory, add_json
from .output import print_json, progress, say, table

BOARD_FAULTS = "hang-at-boot kernel-panic drop-ssh silent-ssh new-host-key slow-disk full-disk garbage-console"
PART_FAULTS = "silent garbage drop trip"
"""What can go wrong with a board's twin, and with a meter's or switch's; a test holds it against the twins."""
HELP = "start, look at, disturb and stop the twins of an inventory"


def arguments(parser: ArgumentParser) -> None:
    """Add ``up``, ``status``, ``down`` and ``fault``."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    start = actions.add_parser("up", help="start them, powered off, and write the resolved inventory")
    add_inventory(start)
    start.add_argument("--board", action="append", metavar="NAME", help="start only this board; repeatable")
    start.add_argument("--keeper", type=int, metavar="PID", help="stop them when this process ends")
    add_json(start)
    start.set_defaults(action=_up)
    look = actions.add_parser("status", help="tell how they are")
    add_json(look)
    look.set_defaults(action=_status)
    actions.add_parser("down", help="stop them").set_defaults(action=_down)
    fault = actions.add_parser("fault", help="inject a fault into a twin, or take it back")
    fault.add_argument("name", help="a board, meter or switch")
    fault.add_argument("fault", help=f"of a board: {BOARD_FAULTS}; of a meter or switch: {PART_FAULTS}")
    fault.add_argument("--off", action="store_true", help="take it back")
    fault.set_defaults(action=_fault)


def run(args: Namespace) -> int:
    """Do one of them."""
    return args.action(args)


def _up(args: Namespace) -> int:
    from ..lab.inventory import SOURCE
    from ..lab.twins import up

    lab = up(args.inventory or SOURCE, STATE, only=args.board, keeper_pid=args.keeper, progress=progress)
    if args.json:
        print_json({"inventory": str(lab.path), "boards": lab.model_dump(mode="json")["boards"]})
        return Exit.PASS
    rows = [
        (name, board.model, board.reached, board.console and board.console.port)
        for name, board in lab.boards.items()
        if board.twin
    ]
    table(("board", "model", "ssh", "console"), rows)
    say(f"twins are up, powered off; resolved inventory: {lab.path}")
    return Exit.PASS


def _status(args: Namespace) -> int:
    from dataclasses import asdict

    from ..lab.twins import status

    found = status(STATE)
    if args.json:
        print_json([asdict(one) for one in found])
    elif not found:
        say("no twins are up")
    else:
        powers = {True: "on", False: "off"}
        rows = [
            (
                s.board,
                s.state,
                s.pid,
                powers.get(s.powered) if s.powered is not None else None,
                ", ".join(s.faults) or None,
                s.detail,
            )
            for s in found
        ]
        table(("board", "state", "pid", "power", "faults", "last word"), rows)
    return Exit.PASS if all(one.state == "up" for one in found) else Exit.LAB_FAULT


def _down(args: Namespace) -> int:
    del args
    from ..lab.twins import down

    ended = down(STATE)
    say(f"stopped: {', '.join(ended)}" if ended else "no twins were up")
    return Exit.PASS


def _fault(args: Namespace) -> int:
    from ..lab.twins import inject

    inject(STATE, args.name, args.fault, not args.off)
    say(f"{args.name}: {args.fault} {'taken back' if args.off else 'injected'}")
    return Exit.PASS
