"""``farm report``: a run as one HTML file that opens offline, as Markdown, its plots as PNG and SVG."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, LabFault, UsageFault
from .common import add_inventory, open_records
from .output import say, warn

if TYPE_CHECKING:
    from ..report.collect import Subject
    from ..store.database import Store

HELP = "write a run as one HTML file that opens offline, as Markdown, or its plots as PNG and SVG"


def arguments(parser: ArgumentParser) -> None:
    """Add the run, and what is written."""
    parser.add_argument(
        "run_id", metavar="RUN", help="a run's or record's id, or how it begins; `last` is the newest run"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="the page")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="trials, and predictions beside them, as Markdown"
    )
    parser.add_argument("--png", type=Path, metavar="DIR", help="each plot as a PNG")
    parser.add_argument("--svg", type=Path, metavar="DIR", help="each plot as an SVG")
    add_inventory(parser)


def run(args: Namespace) -> int:
    """Write what is asked for; what the run decided is no matter of the exit code."""
    drawn = args.html or args.png or args.svg
    if not (drawn or args.markdown):
        raise UsageFault("nothing to write: give --html FILE, --markdown FILE, --png DIR or --svg DIR")
    if drawn and (lacking := missing_extra("farm report")):
        raise UsageFault(lacking)
    from ..report.collect import collect

    with open_records(args) as store:
        subject = collect(store, args.run_id)
        for one in subject.unreadable:
            warn(f"record {one.id}: {one.why}")
        if args.markdown:
            say(_markdown(args.markdown, store, subject))
        if args.html:
            say(write_page(args.html, store, subject))
        if args.png or args.svg:
            _plots(args, store, subject)
    return Exit.USAGE if subject.unreadable else Exit.PASS


def missing_extra(what: str) -> str:
    """Return what is to be installed before ``what`` can draw; empty where nothing is missing."""
    from importlib.util import find_spec

    missing = [name for name in ("altair", "jinja2", "vl_convert") if find_spec(name) is None]
    return f"{what} needs {' and '.join(missing)}: pip install 'edge-test-farm[report]'" if missing else ""


def _markdown(path: Path, store: "Store", subject: "Subject") -> str:
    from ..report.prediction.beside import Lookup
    from ..report.run_markdown import markdown

    _write(path, markdown(subject, Lookup(store).text).encode())
    return str(path)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise LabFault("report", str(error), hint="is the disk full, the folder writable?") from error


def write_page(path: Path, store: "Store", subject: "Subject") -> str:
    """Write a run's page, and return what to say of it; LabFault where it cannot be written."""
    from ..report.collect import evidence
    from ..report.html.page import render
    from ..report.html.words import size
    from ..report.prediction.beside import Lookup

    lookup = Lookup(store)
    page = render(subject, lambda stored: evidence(store, stored, lookup)).encode()
    _write(path, page)
    return f"{path}: {size(len(page))}; opens in any browser, offline"


def _plots(args: Namespace, store: "Store", subject: "Subject") -> None:
    from ..report.collect import evidence
    from ..report.html.datasets import drawables
    from ..report.html.detail import LEVELS
    from ..report.html.images import write
    from ..report.html.plot_view import plot_title

    plots = (
        (f"{one.record.board.name}-{one.record.id[:8]}-{name}", plot_title(name, one.record), drawn)
        for one in subject.trials
        for name, drawn in drawables(evidence(store, one), LEVELS[0]).items()
    )
    written = write(plots, png=args.png, svg=args.svg)
    if not written:
        warn("no plots: the run holds no trial with traces or frames")
    for path in written:
        say(str(path))
