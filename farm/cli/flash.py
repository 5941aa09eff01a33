"""``farm flash``: a new system on a board, the right board proven before and after."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .common import STATE, add_inventory, add_json, open_lab
from .output import print_json, progress, say

if TYPE_CHECKING:
    from devices.flash.flasher import Image

    from ..lab.inventory import Lab

HELP = "put a new system on a board, and prove that it is the right board before and after"


def arguments(parser: ArgumentParser) -> None:
    """Add the board, the images and how to treat it."""
    parser.add_argument("board")
    parser.add_argument("image", nargs="?", type=Path, metavar="IMAGE", help="of the whole medium; .gz, .xz, .zst too")
    parser.add_argument(
        "--partition",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="write one partition; may be given several times, and is written in that order",
    )
    parser.add_argument("--golden", action="store_true", help="write the golden image that the inventory names")
    parser.add_argument("--check", action="store_true", help="only look whether it could be done; touch no board")
    parser.add_argument("--leave-on", action="store_true", help="do not switch a board off again that was off before")
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Flash it, boot it, and say what was written and how that is known."""
    lab = open_lab(args)
    lab.require([args.board])
    images = _images(args, lab)
    return _check(args, lab, images) if args.check else _flash(args, lab, images)


def _images(args: Namespace, lab: "Lab") -> "list[Image]":
    from devices.flash.flasher import WHOLE, Image

    from ..lab.flashing import golden

    if sum((args.image is not None, bool(args.partition), args.golden)) != 1:
        raise UsageFault("name one of IMAGE, --partition NAME=FILE and --golden")
    if args.golden:
        return golden(lab, args.board)
    if args.image is not None:
        return [Image(WHOLE, args.image)]
    pairs = [word.partition("=") for word in args.partition]
    if wrong := [name + equals + file for name, equals, file in pairs if not (name and file)]:
        raise UsageFault([f"--partition {word}: wants NAME=FILE" for word in wrong])
    return [Image(name, Path(file)) for name, _, file in pairs]


def _check(args: Namespace, lab: "Lab", images: "Sequence[Image]") -> int:
    from ..lab.flashing import plan

    steps = plan(lab, args.board, images)
    if args.json:
        print_json({"board": args.board, "would": steps})
    else:
        for step in steps:
            say(f"{args.board}: would {step}")
    return Exit.PASS


def _flash(args: Namespace, lab: "Lab", images: "Sequence[Image]") -> int:
    from dataclasses import asdict

    from ..lab.bench import borrow
    from ..lab.flashing import flash

    with borrow(lab, args.board, state=STATE, reason="farm flash", even_quarantined=True) as bench:
        if args.leave_on:
            bench.settings.leave_on()
        done = flash(bench, images, progress=_teller(args.board))
        label = bench.label
    if args.json:
        print_json(asdict(done))
        return Exit.PASS
    for name, sha256 in done.images.items():
        say(f"{label}: {name} {sha256[:12]}, by {done.driver}")
    say(f"{label}: {done.size_bytes:,} bytes, verified: {done.verified}")
    say(f"{label}: before: {done.proven_before}; after: {done.proven_after}")
    if done.stages:
        say(f"{label}: booted: {', '.join(done.stages)}")
    return Exit.PASS


def _teller(board: str) -> Callable[[str, float | None], None]:
    """Return what tells progress; a share that still rounds to the same percent is not told again."""
    last = ""

    def tell(what: str, share: float | None) -> None:
        nonlocal last
        text = what if share is None else f"{what}: {share:.0%}"
        if text != last:
            progress(text, of=board)
            last = text

    return tell
