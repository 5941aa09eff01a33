"""``farm run``: one trial of a packed model on a board, kept and judged."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit
from .bring_up import add_leave_on, brought_up
from .common import STATE, add_inventory, add_json, add_release, as_json, named, open_lab
from .conditions import add_conditions, conditions
from .output import print_json, progress, say, warn
from .scenario_options import add_scenario, scenario

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..store.database import Store
    from ..store.record import Record, Verdict
    from ..trial.scenario import Scenario

    Judge = Callable[[Record], Verdict | None]

HELP = "run a packed model on a board at the product's frame rate, or in a scenario of the field, and measure"

LIMITS = (
    "min_fps max_p99_ms max_missed_fraction min_accuracy max_accuracy_loss max_mean_watts max_peak_watts "
    "max_p99_watts max_short_term_watts max_joules_per_inference max_idle_watts max_size_bytes max_boot_s"
)
"""What ``--limit`` takes. A copy, held equal by a test: the help must not load what checks limits."""

_EXITS = {"pass": Exit.PASS, "regression": Exit.REGRESSION, "no verdict": Exit.LAB_FAULT}


def arguments(parser: ArgumentParser) -> None:
    """Add the model, the board, how frames are offered, and the limits."""
    add_release(parser)
    add_scenario(parser)
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"hold the record against this, e.g. max_p99_ms=50; repeatable. Names: {LIMITS}",
    )
    add_conditions(parser)
    add_leave_on(parser)
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Deploy, run, keep the record, and judge it; without a limit there is nothing to judge."""
    from ..verdict.criteria import judge, parse_limits

    limits = parse_limits(args.limit)
    record, verdict = _trial(args, scenario(args), lambda record: judge(record, limits) if args.limit else None)
    _tell(record, verdict, args)
    if verdict is None:
        return Exit.LAB_FAULT if record.voids else Exit.PASS
    return _EXITS[verdict.outcome]


def _trial(args: Namespace, asked: "Scenario", judge: "Judge") -> "tuple[Record, Verdict | None]":
    """Return the record of one trial and what was decided on it, both kept as a run of their own."""
    from functools import partial
    from tempfile import TemporaryDirectory

    from ..artifact.deploy import deploy_to
    from ..artifact.feed import feed
    from ..artifact.signed import open_accepted
    from ..store.database import Store
    from ..trial.trial import run_trial
    from ..verdict.criteria import parse_limits
    from ..verdict.stated import require_stated

    with TemporaryDirectory(prefix="farm-") as folder:
        lab = open_lab(args)
        wanted = conditions(args, lab)
        artifact = open_accepted(lab, args.artifact, Path(folder))
        require_stated(artifact.manifest, parse_limits(args.limit))
        dataset = feed(artifact, args.artifact, args.dataset)
        tell = partial(progress, of=args.board)
        with (
            Store.open(lab.database(STATE)) as store,
            brought_up(lab, args.board, leave_on=args.leave_on, reason="farm run") as bench,
        ):
            put = deploy_to(bench, artifact, dataset, device=asked.device, progress=tell)
            with _begun(store, lab, {bench.entry.model: artifact.id}) as run_id:
                with store.spool(lab.least_free_bytes) as spool:
                    trial = run_trial(bench, put, asked, conditions=wanted, progress=tell, spool=spool)
                    trial = trial.within(run_id)
                    store.save(trial.record, trial.traces, bench.console_log(), trial.frames)
                bench.last_record = trial.record.id
                verdict = judge(trial.record)
                if verdict is not None:
                    store.judge(trial.record.id, verdict)
    return trial.record, verdict


@contextmanager
def _begun(store: "Store", lab: "Lab", release: dict[str, str]) -> Generator[str]:
    """Note a run, and yield its id; it has ended when this is left, unless the farm is killed."""
    import sys

    from ..lab.new_run import new_run

    run = new_run(lab, "run", ["farm", *sys.argv[1:]], releases={"candidate": release})
    store.begin(run)
    try:
        yield run.id
    finally:
        store.end(run.id)


def _tell(record: "Record", verdict: "Verdict | None", args: Namespace) -> None:
    from ..report.table import row, table
    from ..verdict.criteria import explain

    if args.json:
        print_json(as_json(record, verdict))
        return
    for line in table([row(record, verdict)]):
        say(line)
    which = f"{record.id[:8]}{named(args.inventory)}"
    say(f"record {record.id}; `farm results show {which}` tells all of it, `farm report {which} --html FILE` draws it")
    if verdict is not None:
        say(explain(verdict))
    else:
        for reason in record.voids:
            warn(f"void: {reason}")
    for warning in record.warnings:
        warn(warning)
