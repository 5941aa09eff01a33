"""``farm deploy``: put a packed model and its data set on a board, go back to the one before, or say what is there."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .bring_up import add_leave_on, brought_up
from .common import add_dataset, add_inventory, add_json, open_lab
from .output import local, print_json, progress, say, table

if TYPE_CHECKING:
    from ..artifact.deploy import Kept
    from ..lab.bench import Bench

HELP = "put a packed model and its data set on a board; what is there already is not sent again"


def arguments(parser: ArgumentParser) -> None:
    """Add the artifact, the data set and the board, and what else may be asked of a board."""
    parser.add_argument(
        "artifact",
        type=Path,
        help="a file that `farm artifact pack` made; with --rollback or --list: the board",
    )
    add_dataset(parser)
    parser.add_argument("--board", metavar="NAME", help="where it goes")
    parser.add_argument(
        "--keep", type=int, metavar="N", help="how many artifacts stay on the board [`keep:` of the inventory, else 3]"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--rollback", action="store_true", help="make current again what was deployed before")
    instead.add_argument("--list", action="store_true", help="say what the board has, the latest first")
    add_leave_on(parser)
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Do what was asked for, with the board up."""
    if args.rollback or args.list:
        _require_board_alone(args)
        return _back(args) if args.rollback else _list(args)
    if args.board is None:
        raise UsageFault("farm deploy: which board? --board NAME")
    if args.keep is not None and args.keep < 1:
        raise UsageFault(f"farm deploy: --keep {args.keep}: the current one always stays; want 1 or more")
    return _deploy(args)


def _deploy(args: Namespace) -> int:
    from functools import partial
    from tempfile import TemporaryDirectory

    from ..artifact.deploy import deploy_to
    from ..artifact.feed import feed
    from ..artifact.signed import open_accepted

    lab, path = open_lab(args), args.artifact
    with TemporaryDirectory(prefix="farm-") as folder:
        artifact = open_accepted(lab, path, Path(folder))
        dataset = feed(artifact, path, args.dataset)
        with brought_up(lab, args.board, leave_on=args.leave_on, reason="farm deploy") as bench:
            tell = partial(progress, of=args.board)
            put = deploy_to(bench, artifact, dataset, keep=args.keep, progress=tell)
    if args.json:
        value = {"board": args.board, "made": bench.made, "artifact": artifact.id}
        sizes = {"bytes_sent": put.bytes_sent, "bytes_on_wire": put.took.bytes_on_wire}
        print_json(value | sizes | {"bytes_reused": put.bytes_reused})
    else:
        packed = f" as {put.took.bytes_on_wire:,}" if put.took.codec != "none" else ""
        sizes = f"{put.bytes_sent:,} bytes sent{packed}, {put.bytes_reused:,} were there"
        say(f"{bench.label}: {artifact.manifest.name} {artifact.id[:12]} is deployed; {sizes}")
    return Exit.PASS


def _require_board_alone(args: Namespace) -> None:
    asked = "--rollback" if args.rollback else "--list"
    if args.board is not None or args.dataset is not None or args.keep is not None:
        raise UsageFault(f"farm deploy: {asked} wants the board alone: farm deploy BOARD {asked}")


def _back(args: Namespace) -> int:
    from ..artifact.deploy import roll_back
    from ..artifact.signed import acceptance_there

    lab, board = open_lab(args), str(args.artifact)
    accept = acceptance_there(lab)
    with brought_up(lab, board, leave_on=args.leave_on, reason="farm deploy --rollback") as bench:
        now = roll_back(bench.shell, bench.workdir, accept=accept)
    if args.json:
        print_json(_as_json(bench, [now]))
    else:
        say(f"{bench.label}: {now.name} {now.artifact[:12]} is current again")
    return Exit.PASS


def _list(args: Namespace) -> int:
    from ..artifact.deploy import deployed

    with brought_up(open_lab(args), str(args.artifact), leave_on=args.leave_on, reason="farm deploy --list") as bench:
        kept = deployed(bench.shell, bench.workdir)
    if args.json:
        print_json(_as_json(bench, kept))
    elif kept:
        rows = [
            ("current" if one.current else "", one.name, one.artifact[:12], _dataset(one), _when(one)) for one in kept
        ]
        table(("", "artifact", "identity", "data set", "deployed"), rows)
    else:
        say(f"{bench.label}: nothing is deployed")
    return Exit.PASS


def _dataset(one: "Kept") -> str | None:
    return " ".join(filter(None, (one.dataset_name, one.dataset and one.dataset[:12]))) or None


def _when(one: "Kept") -> str:
    return local(one.deployed_utc) if one.deployed_utc else "before the farm kept a history"


def _as_json(bench: "Bench", kept: "list[Kept]") -> dict[str, object]:
    rows = [
        {
            "artifact": one.artifact,
            "name": one.name,
            "current": one.current,
            "deployed_utc": one.deployed_utc.isoformat() if one.deployed_utc else None,
            "dataset": one.dataset,
            "dataset_name": one.dataset_name,
        }
        for one in kept
    ]
    return {"board": bench.name, "made": bench.made, "deployed": rows}
