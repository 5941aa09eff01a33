"""``farm compare``: variants of a net on all free boards of a model, until it is certain which are worth having."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from . import output
from .amounts import ago
from .common import STATE, add_dataset, add_inventory, named, open_lab, open_records
from .conditions import add_conditions
from .files import STDOUT, unwritable, written
from .report import missing_extra
from .scenario_options import add_scenario, scenario

if TYPE_CHECKING:
    from ..report.variants.view import Comparison
    from ..verdict.variants.plan import Asked, Plan

HELP = "compare variants of a net on all free boards of a model: a table, and who dominates whom"


def arguments(parser: ArgumentParser) -> None:
    """Add the variants, the boards, how sure to be, and where the result goes."""
    parser.add_argument("artifacts", type=Path, nargs="*", metavar="ARTIFACT", help="files of `farm artifact pack`")
    parser.add_argument("--model", metavar="MODEL", help="the boards' model: all that are free run, each every variant")
    parser.add_argument("--board", action="append", default=[], metavar="NAME", help="only this board; repeatable")
    add_dataset(parser)
    parser.add_argument(
        "--figures",
        metavar="LIST",
        help="compare by these [accuracy,fps,joules_per_inference,size_bytes; p99_ms for fps at a fixed rate]",
    )
    parser.add_argument("--resolution", default="1%", metavar="SHARE", help="a smaller difference is none [1%%]")
    parser.add_argument("--alpha", type=float, default=0.05, metavar="P", help="risk that any interval is wrong [0.05]")
    parser.add_argument(
        "--until", choices=("pairs", "front"), default="pairs", help="decide every pair, or only who is on the front"
    )
    parser.add_argument("--time-budget", default="30m", metavar="SPAN", help="no trial begins later [30m]")
    parser.add_argument("--max-rounds", type=int, metavar="N", help="of each board, even [as many as the time allows]")
    parser.add_argument("--max-voids", type=int, metavar="N", help="trials that each board runs again [5]")
    parser.add_argument("--seed", type=int, metavar="N", help="of the order [drawn, and recorded]")
    parser.add_argument("--dry-run", action="store_true", help="check everything and show what would run where")
    parser.add_argument("--again", metavar="RUN", help="run nothing: tell of this comparison; `last` is the newest run")
    add_scenario(parser, usual="single-stream")
    add_conditions(parser)
    parser.add_argument(
        "--json", type=Path, nargs="?", const=STDOUT, metavar="FILE", help="the result as JSON; without FILE, no table"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="… as Markdown")
    parser.add_argument("--png", type=Path, metavar="FILE", help="… as a Pareto plot")
    add_inventory(parser)


def run(args: Namespace) -> int:
    """Return 0 where anything is certain, 3 where nothing could be said."""
    if args.again is not None:
        return _again(args)
    from tempfile import TemporaryDirectory

    from ..verdict.variants.plan import plan_comparison

    with TemporaryDirectory(prefix="farm-") as folder:
        plan = plan_comparison(_asked(args), lambda: open_lab(args), Path(folder), faults=_unwritable(args))
        if args.dry_run:
            _show(plan)
            return Exit.PASS
        return _run(plan, args)


def _again(args: Namespace) -> int:
    from ..report.variants.view import Comparison

    if args.artifacts:
        raise UsageFault("--again runs nothing: leave the artifacts out")
    if faults := _unwritable(args):
        raise UsageFault(faults)
    with open_records(args) as store:
        return _tell(Comparison.load(store, args.again), args)


def _asked(args: Namespace) -> "Asked":
    from secrets import randbelow

    from ..verdict.variants.plan import MOST_VOIDS, Asked

    if args.model is None:
        raise UsageFault("--model: name the boards' model, e.g. --model atom-e3930; `farm devices` lists them")
    return Asked(
        artifacts=args.artifacts,
        model=args.model,
        scenario=scenario(args),
        boards=args.board,
        demands=args.demand,
        settings=args.set,
        dataset=args.dataset,
        figures=[name.strip() for name in (args.figures or "").split(",") if name.strip()],
        seed=randbelow(1_000_000) if args.seed is None else args.seed,
        alpha=args.alpha,
        resolution=_share(args.resolution),
        most_rounds=args.max_rounds,
        most_voids=MOST_VOIDS if args.max_voids is None else args.max_voids,
        time_budget_s=ago(args.time_budget, "--time-budget").total_seconds(),
        until=args.until,
    )


def _share(text: str) -> float:
    """Return ``1%`` as 0.01; a bare number is refused, for it may mean either."""
    try:
        if text.endswith("%"):
            return float(text.removesuffix("%")) / 100
    except ValueError:
        pass
    raise UsageFault(f"--resolution {text}: wants a share with its unit, e.g. 1%")


def _unwritable(args: Namespace) -> list[str]:
    faults = [lacking] if args.png and (lacking := missing_extra("--png")) else []
    return [*faults, *unwritable([("--json", args.json), ("--markdown", args.markdown), ("--png", args.png)])]


def _show(plan: "Plan") -> None:
    """Print what would run where; nothing is touched."""
    facts = plan.facts
    output.table(("variant", "file"), plan.sources.items())
    boards = ", ".join(name if made == "board" else f"{name} ({made})" for name, made in facts.boards.items())
    output.say(f"on those that are free of: {boards}; compared by {', '.join(facts.figures)}")
    for name, why in facts.left_out.items():
        output.say(f"not by {name}: {why}")
    output.say(
        f"a round takes about {plan.round_s:.0f} s; at most {facts.most_rounds} rounds on each board, "
        f"and {facts.time_budget_s:g} s in all; seed {facts.seed}"
    )
    if plan.doubt:
        output.say(plan.doubt)


def _run(plan: "Plan", args: Namespace) -> int:
    import sys

    from ..lab.new_run import new_run
    from ..report.variants.view import Comparison
    from ..store.database import Store
    from ..verdict.variants.engine import run_comparison

    if plan.doubt:
        output.note(plan.doubt)
    run = new_run(plan.lab, "compare", ["farm", *sys.argv[1:]], comparison=plan.facts)
    with Store.open(plan.lab.database(STATE)) as store:
        store.begin(run)
        try:
            run_comparison(plan, store, run.id, output.progress, state=STATE)
        except KeyboardInterrupt:
            output.end_progress()
            _tell(Comparison.load(store, run.id), args)
            raise
        return _tell(Comparison.load(store, run.id), args)


def _tell(comparison: "Comparison", args: Namespace) -> int:
    """Print the result and write every file that was asked for."""
    import json

    from ..report.variants.as_json import as_json
    from ..report.variants.markdown import markdown
    from ..report.variants.text import text

    value = as_json(comparison)
    if args.json == STDOUT:
        output.print_json(value)
    else:
        for line in text(comparison):
            output.say(line)
    files = [
        (None if args.json == STDOUT else args.json, lambda: json.dumps(value, indent=2).encode() + b"\n"),
        (args.markdown, lambda: markdown(comparison).encode()),
        (args.png, lambda: _png(comparison)),
    ]
    done = [written(path, content(), of="result") for path, content in files if path is not None]
    if args.json != STDOUT:
        which = f"{comparison.run.id[:8]}{named(args.inventory)}"
        output.say(f"run {comparison.run.id}; `farm compare --again {which}` tells it again")
    return Exit.PASS if comparison.result.told and all(done) else Exit.LAB_FAULT


def _png(comparison: "Comparison") -> bytes:
    from ..report.variants.plot import png

    return png(comparison)
