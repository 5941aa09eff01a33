"""``farm deploy``: put a packed model and its data set on a board."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..errors import Exit
from .bring_up import add_leave_on, brought_up
from .common import add_inventory, add_json, add_release, open_lab
from .output import print_json, progress, say

HELP = "put a packed model and its data set on a board; what is there already is not sent again"


def arguments(parser: ArgumentParser) -> None:
    """Add the artifact, the data set and the board."""
    add_release(parser)
    add_leave_on(parser)
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Check the artifact, bring the board up, and send what is missing there."""
    from functools import partial
    from tempfile import TemporaryDirectory

    from ..artifact.deploy import deploy
    from ..artifact.feed import feed
    from ..artifact.signed import open_accepted

    lab = open_lab(args)
    with TemporaryDirectory(prefix="farm-") as folder:
        artifact = open_accepted(lab, args.artifact, Path(folder))
        dataset = feed(artifact, args.artifact, args.dataset)
        with brought_up(lab, args.board, leave_on=args.leave_on, reason="farm deploy") as bench:
            tell = partial(progress, of=args.board)
            put = deploy(bench.shell, bench.workdir, artifact, dataset, progress=tell)
    if args.json:
        print_json(
            {
                "board": args.board,
                "made": bench.made,
                "artifact": artifact.id,
                "bytes_sent": put.bytes_sent,
                "bytes_reused": put.bytes_reused,
            }
        )
    else:
        sizes = f"{put.bytes_sent:,} bytes sent, {put.bytes_reused:,} were there"
        say(f"{bench.label}: {artifact.manifest.name} {artifact.id[:12]} is deployed; {sizes}")
    return Exit.PASS
