"""``farm accuracy``: what a packed model gets right, counted by several boards of one model at once."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit
from .common import STATE, add_dataset, add_inventory, add_json, named, open_lab
from .output import note, print_json, progress, say, warn

if TYPE_CHECKING:
    from ..artifact.unpack import Artifact
    from ..lab.inventory import Lab
    from ..verdict.shared import Asked, Found

HELP = "count what a packed model gets right, its data set divided over boards of one model"

LIMITS = "min_accuracy max_accuracy_loss"
"""What ``--limit`` takes. A copy, held equal by a test: the help must not load what checks limits."""

_EXITS = {"pass": Exit.PASS, "regression": Exit.REGRESSION, "no verdict": Exit.LAB_FAULT}


def arguments(parser: ArgumentParser) -> None:
    """Add the model, the boards and the limits."""
    parser.description = (
        "Every image of the data set is predicted once, by one of the boards; the sums are those of one board that "
        "does it all. What a board does not bring to its end a neighbour does again. No meter is read."
    )
    parser.add_argument("artifact", type=Path, help="a file that `farm artifact pack` made")
    add_dataset(parser)
    parser.add_argument("--model", metavar="MODEL", help="boards of this model")
    parser.add_argument("--board", action="append", default=[], metavar="NAME", help="only this board; repeatable")
    parser.add_argument(
        "--boards", type=int, metavar="N", help="so many at a time [all that are named, or of the model]"
    )
    parser.add_argument(
        "--cross-check", type=int, default=0, metavar="N", help="have N images predicted by a second board, and compare"
    )
    parser.add_argument("--wait-s", type=float, default=0.0, metavar="S", help="wait so long for the first board [0]")
    parser.add_argument("--max-loss", type=float, metavar="X", help="same as --limit max_accuracy_loss=X")
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"hold the whole against this, e.g. min_accuracy=0.95; repeatable. Names: {LIMITS}",
    )
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Count, keep it, and judge it; without a limit there is nothing to judge."""
    from tempfile import TemporaryDirectory

    from ..artifact.signed import open_accepted
    from ..store.database import Store
    from ..verdict.shared import count

    with TemporaryDirectory(prefix="farm-") as folder:
        lab = open_lab(args)
        asked = _asked(args, lab, open_accepted(lab, args.artifact, Path(folder)))
        with Store.open(lab.database(STATE)) as store:
            found = count(asked, store, lambda text, board: progress(text, of=board), state=STATE)
    _tell(found, args)
    return Exit.PASS if found.verdict is None else _EXITS[found.verdict.outcome]


def _asked(args: Namespace, lab: "Lab", artifact: "Artifact") -> "Asked":
    import sys

    from ..artifact.feed import feed
    from ..verdict.criteria import parse_limits
    from ..verdict.shared import Asked, boards_for, require_countable

    loss = [] if args.max_loss is None else [f"max_accuracy_loss={args.max_loss}"]
    boards = boards_for(lab, args.model, args.board)
    asked = Asked(
        lab,
        artifact,
        feed(artifact, args.artifact, args.dataset),
        boards,
        len(boards) if args.boards is None else args.boards,
        parse_limits([*args.limit, *loss]),
        args.cross_check,
        args.wait_s,
        ("farm", *sys.argv[1:]),
    )
    require_countable(asked)
    return asked


def _tell(found: "Found", args: Namespace) -> None:
    from ..report.gate_text import text
    from ..report.gate_view import Gate
    from ..report.shared_text import headline, lines

    if args.json:
        value = {"run": found.run.model_dump(mode="json", exclude_none=True)}
        if found.verdict is not None:
            value["verdict"] = found.verdict.model_dump(mode="json", exclude_none=True)
        print_json(value)
        return
    for remark in found.remarks:
        note(remark)
    for line in lines(found.shared):
        say(line)
    which = f"{found.run.id[:8]}{named(args.inventory)}"
    say(f"run {found.run.id}; `farm results show {which}` tells it again, `farm collect {which}` takes what was wrong")
    if found.verdict is None:
        return
    for line in text(Gate(found.run, found.verdict)):
        say(line)
    (say if found.verdict.outcome == "pass" else warn)(headline(found.shared, found.verdict))
