"""``farm run``: one trial of a packed model on a board, kept and judged."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit
from .common import STATE, add_inventory, add_json, add_release, as_json, open_lab
from .output import print_json, progress, say, warn

if TYPE_CHECKING:
    from ..store.record import Record, Verdict
    from ..trial.scenario import FixedRate

HELP = "run a packed model on a board at the product's frame rate, and measure"

LIMITS = (
    "min_fps max_p99_ms max_missed_fraction min_accuracy max_accuracy_loss max_mean_watts max_peak_watts "
    "max_joules_per_inference max_idle_watts max_size_bytes max_boot_s"
)
"""What ``--limit`` takes. A copy, held equal by a test: the help must not load what checks limits."""

_EXITS = {"pass": Exit.PASS, "regression": Exit.REGRESSION, "no verdict": Exit.LAB_FAULT}


def arguments(parser: ArgumentParser) -> None:
    """Add the model, the board, how frames are offered, and the limits."""
    add_release(parser)
    parser.add_argument("--rate-hz", type=float, default=10.0, metavar="R", help="the product's frame rate [10]")
    parser.add_argument("--duration-s", type=float, default=10.0, metavar="S", help="how long frames are offered [10]")
    parser.add_argument("--warmup", type=int, default=5, metavar="N", help="inferences before the first frame [5]")
    parser.add_argument("--idle-s", type=float, default=2.0, metavar="S", help="idle watts, before and after [2]")
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"hold the record against this, e.g. max_p99_ms=50; repeatable. Names: {LIMITS}",
    )
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Deploy, run, keep the record, and judge it; without a limit there is nothing to judge."""
    from ..trial.scenario import FixedRate
    from ..verdict.criteria import judge, parse_limits

    limits = parse_limits(args.limit)
    scenario = FixedRate(args.rate_hz, args.duration_s, warmup_frames=args.warmup, idle_s=args.idle_s)
    record = _trial(args, scenario)
    verdict = judge(record, limits) if args.limit else None
    if verdict is not None:
        _keep(record, verdict)
    _tell(record, verdict, json=args.json)
    if verdict is None:
        return Exit.LAB_FAULT if record.voids else Exit.PASS
    return _EXITS[verdict.outcome]


def _trial(args: Namespace, scenario: "FixedRate") -> "Record":
    from tempfile import TemporaryDirectory

    from ..artifact.dataset import find_dataset, load_dataset
    from ..artifact.deploy import deploy
    from ..artifact.unpack import open_artifact
    from ..lab.bench import borrow
    from ..store.database import Store
    from ..trial.trial import run_trial

    with TemporaryDirectory(prefix="farm-") as folder, Store.open(STATE / "results.sqlite") as store:
        artifact = open_artifact(args.artifact, Path(folder))
        dataset = load_dataset(args.dataset or find_dataset(artifact.manifest.dataset.name, args.artifact))
        with borrow(open_lab(args), args.board, state=STATE) as bench:
            progress(f"{args.board}: bringing it up")
            bench.ensure_up()
            put = deploy(bench.shell, bench.workdir, artifact, dataset, progress=progress)
            trial = run_trial(bench, put, scenario, progress=progress)
            store.save(trial.record, trial.traces, bench.console.log(), trial.frames)
    return trial.record


def _keep(record: "Record", verdict: "Verdict") -> None:
    from ..store.database import Store

    with Store.open(STATE / "results.sqlite") as store:
        store.judge(record.id, verdict)


def _tell(record: "Record", verdict: "Verdict | None", *, json: bool) -> None:
    from ..report.table import row, table
    from ..verdict.criteria import explain

    if json:
        print_json(as_json(record, verdict))
        return
    for line in table([row(record, verdict)]):
        say(line)
    say(f"record {record.id}; `farm results show {record.id[:8]}` tells all of it")
    if verdict is not None:
        say(explain(verdict))
    else:
        for reason in record.voids:
            warn(f"void: {reason}")
