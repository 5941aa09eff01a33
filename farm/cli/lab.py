"""``farm lab``: its wiring, and the twins that an inventory names."""

from argparse import ArgumentParser, Namespace

from ..errors import Exit
from .common import STATE, add_inventory, add_json, open_lab
from .output import print_json, progress, say, table

BOARD_FAULTS = (
    "hang-at-boot kernel-panic reset drop-ssh stalled-ssh silent-ssh new-host-key slow-disk full-disk garbage-console "
    "back-powered throttled other-governor other-load low-memory slow-usb no-python"
)
QEMU_FAULTS = "hang hang-at-boot kernel-panic reset silent-ssh"
PART_FAULTS = "silent garbage drop trip lose stale"
"""What can go wrong with a board's process twin, its QEMU twin, a meter's or switch's twin; a test holds it to them."""
_FAULTS = f"of a board: {BOARD_FAULTS}; of a QEMU twin: {QEMU_FAULTS}; of a meter or switch: {PART_FAULTS}"
_PULSE_S = 6.0
"""Assumed: every board here prints its first line by then, and none has begun to write to its disk."""
HELP = "prove the wiring of a lab; start, look at, disturb, restore and stop its twins"


def arguments(parser: ArgumentParser) -> None:
    """Add ``verify-wiring``, and what starts, shows, disturbs, restores and stops twins."""
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
    fault.add_argument("fault", help=_FAULTS)
    fault.add_argument("--off", action="store_true", help="take it back")
    fault.set_defaults(action=_fault)
    keep = actions.add_parser("snapshot", help="keep a QEMU twin as it runs now")
    keep.add_argument("board")
    keep.set_defaults(action=_snapshot)
    back = actions.add_parser(
        "restore", help="make a QEMU twin what it was at its snapshot; no boot, the boot id stays"
    )
    back.add_argument("board")
    back.set_defaults(action=_restore)
    wiring = actions.add_parser(
        "verify-wiring", help="pulse one board at a time, and see which meter and console react"
    )
    wiring.add_argument(
        "boards", nargs="*", metavar="BOARD", help="only these; all that have a switch where none is named"
    )
    wiring.add_argument("--pulse-s", type=float, default=_PULSE_S, metavar="N", help=f"seconds of power [{_PULSE_S:g}]")
    add_inventory(wiring)
    add_json(wiring)
    wiring.set_defaults(action=_verify_wiring)


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


def _snapshot(args: Namespace) -> int:
    from ..lab.twins import snapshot

    snapshot(STATE, args.board)
    say(f"{args.board}: kept as it is now")
    return Exit.PASS


def _restore(args: Namespace) -> int:
    from ..lab.twins import restore

    restore(STATE, args.board)
    say(f"{args.board}: is what it was at its snapshot; it has not booted")
    return Exit.PASS


def _verify_wiring(args: Namespace) -> int:
    from dataclasses import asdict

    from ..errors import UsageFault
    from ..lab.wiring import verify

    if args.pulse_s <= 0:
        raise UsageFault(f"--pulse-s: {args.pulse_s:g} is no time; name some seconds")
    lab = open_lab(args)
    lab.require(args.boards)
    boards = args.boards or [name for name, board in lab.boards.items() if board.switch is not None]
    if not boards:
        raise UsageFault(f"{lab.path}: no board has a `switch:`, so nothing can be pulsed")
    found = verify(lab, boards, state=STATE, pulse_s=args.pulse_s, progress=progress)
    progress("")
    if args.json:
        print_json([asdict(pulse) for pulse in found])
    else:
        rows = [
            (
                pulse.board,
                lab.boards[pulse.board].switch,
                ", ".join(f"{meter} +{rise:.2f} W" for meter, rise in pulse.meters.items()) or None,
                ", ".join(pulse.consoles) or None,
                "; ".join(pulse.faults) or "as the inventory says",
            )
            for pulse in found
        ]
        table(("pulsed", "by switch", "meters that rose", "consoles that spoke", "wiring"), rows)
    return Exit.LAB_FAULT if any(pulse.faults for pulse in found) else Exit.PASS
