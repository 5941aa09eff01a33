"""``farm run``: one trial of a packed model on a board, kept and judged."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit
from .bring_up import add_leave_on, brought_up
from .common import STATE, add_inventory, add_json, add_release, as_json, named, open_lab
from .output import print_json, progress, say, warn

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..store.database import Store
    from ..store.record import Record, Verdict
    from ..trial.scenario import Scenario

    Judge = Callable[[Record], Verdict | None]

HELP = "run a packed model on a board at the product's frame rate, or in a scenario of the field, and measure"

SCENARIOS = "fixed-rate single-stream multi-stream offline server comparison250"
"""What ``--scenario`` takes; likewise."""

LIMITS = (
    "min_fps max_p99_ms max_missed_fraction min_accuracy max_accuracy_loss max_mean_watts max_peak_watts "
    "max_p99_watts max_short_term_watts max_joules_per_inference max_idle_watts max_size_bytes max_boot_s"
)
"""What ``--limit`` takes. A copy, held equal by a test: the help must not load what checks limits."""

_EXITS = {"pass": Exit.PASS, "regression": Exit.REGRESSION, "no verdict": Exit.LAB_FAULT}


def arguments(parser: ArgumentParser) -> None:
    """Add the model, the board, how frames are offered, and the limits."""
    add_release(parser)
    parser.add_argument("--scenario", default="fixed-rate", metavar="NAME", help=f"one of: {SCENARIOS} [fixed-rate]")
    parser.add_argument(
        "-s",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the scenario, e.g. deadline_ms=15; repeatable; docs/scenarios.md has them all",
    )
    parser.add_argument("--rate-hz", type=float, metavar="R", help="the product's frame rate [10]")
    parser.add_argument("--duration-s", type=float, metavar="S", help="how long frames are offered [10]")
    parser.add_argument("--warmup", type=int, metavar="N", help="inferences before the first frame [5]")
    parser.add_argument("--idle-s", type=float, default=2.0, metavar="S", help="idle watts, before and after [2]")
    parser.add_argument(
        "--no-bursts", action="store_true", help="leave out the two bursts of load that show whether clocks are right"
    )
    _add_start(parser)
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"hold the record against this, e.g. max_p99_ms=50; repeatable. Names: {LIMITS}",
    )
    add_leave_on(parser)
    add_inventory(parser)
    add_json(parser)


def _add_start(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--short-term-s", type=float, default=1.0, metavar="S", help="length of the highest short-term mean watts [1]"
    )
    parser.add_argument(
        "--start-celsius", type=float, nargs=2, metavar=("LOW", "HIGH"), help="begin within these temperatures only"
    )
    parser.add_argument("--start-zone", metavar="NAME", help="by this sensor of the board [the hottest]")
    parser.add_argument(
        "--start-timeout-s", type=float, default=600.0, metavar="S", help="wait so long for the board to cool [600]"
    )
    parser.add_argument(
        "--soak-s", type=float, default=0.0, metavar="S", help="run the model so long beforehand, to warm the board [0]"
    )


def run(args: Namespace) -> int:
    """Deploy, run, keep the record, and judge it; without a limit there is nothing to judge."""
    from ..verdict.criteria import judge, parse_limits

    limits = parse_limits(args.limit)
    scenario = _scenario(args)
    record, verdict = _trial(args, scenario, lambda record: judge(record, limits) if args.limit else None)
    _tell(record, verdict, args)
    if verdict is None:
        return Exit.LAB_FAULT if record.voids else Exit.PASS
    return _EXITS[verdict.outcome]


def _scenario(args: Namespace) -> "Scenario":
    """Return what the options ask for; what is not given is the scenario's own, and 10 where it has none."""
    from ..errors import UsageFault
    from ..trial.asked import scenario_of, takes

    given: dict[str, object] = {
        "rate_hz": args.rate_hz,
        "duration_s": args.duration_s,
        "warmup_frames": args.warmup,
        "bursts": False if args.no_bursts else None,
        "start_celsius": args.start_celsius,
        "start_zone": args.start_zone,
    }
    settings: dict[str, object] = {key: value for key, value in given.items() if value is not None}
    settings |= {key: getattr(args, key) for key in ("idle_s", "short_term_s", "start_timeout_s", "soak_s")}
    for setting in args.settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageFault(f"-s {setting}: want KEY=VALUE, e.g. duration_s=60")
        settings[key] = value
    known = takes(args.scenario)
    return scenario_of(args.scenario, {key: 10.0 for key in ("rate_hz", "duration_s") if key in known} | settings)


def _trial(args: Namespace, scenario: "Scenario", judge: "Judge") -> "tuple[Record, Verdict | None]":
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
        artifact = open_accepted(lab, args.artifact, Path(folder))
        require_stated(artifact.manifest, parse_limits(args.limit))
        dataset = feed(artifact, args.artifact, args.dataset)
        tell = partial(progress, of=args.board)
        with (
            Store.open(lab.database(STATE)) as store,
            brought_up(lab, args.board, leave_on=args.leave_on, reason="farm run") as bench,
        ):
            put = deploy_to(bench, artifact, dataset, progress=tell)
            with _begun(store, lab, {bench.entry.model: artifact.id}) as run_id:
                with store.spool(lab.least_free_bytes) as spool:
                    trial = run_trial(bench, put, scenario, progress=tell, spool=spool).within(run_id)
                    store.save(trial.record, trial.traces, bench.console_log(), trial.frames)
                bench.last_record = trial.record.id
                verdict = judge(trial.record)
                if verdict is not None:
                    store.judge(trial.record.id, verdict)
    return trial.record, verdict


@contextmanager
def _begun(store: "Store", lab: "Lab", release: dict[str, str]) -> Generator[str]:
    """Note a run, and yield its id; it has ended when this is left, unless the farm is killed."""
    import secrets
    import sys
    from datetime import UTC, datetime
    from importlib.metadata import version

    from ..lab.lease import owner
    from ..store.run import Run

    run = Run(
        id=secrets.token_hex(8),
        kind="run",
        started_utc=datetime.now(UTC),
        command=["farm", *sys.argv[1:]],
        owner=owner(),
        lab=lab.lab,
        inventory=lab.resolved.source if lab.resolved else str(lab.path),
        inventory_sha256=lab.resolved.sha256 if lab.resolved else lab.sha256,
        farm_version=version("edge-test-farm"),
        releases={"candidate": release},
    )
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
