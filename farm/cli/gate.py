"""``farm gate``: hold a release against a policy on the lab's boards, and say whether it may go out."""

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, LabFault
from . import output
from .common import STATE, add_inventory, named, open_lab
from .files import STDOUT, unwritable, written
from .report import missing_extra, write_page
from .scenario_options import add_settings, settings_of

if TYPE_CHECKING:
    from ..report.gate_view import Gate
    from ..verdict.gate_plan import Plan

HELP = "hold a release against a policy, on boards: pass, regression, or no verdict"

_SUMMARY = "GITHUB_STEP_SUMMARY"
"""GitHub's name for the file whose Markdown it shows on the job's page."""
_EXITS = {"pass": Exit.PASS, "regression": Exit.REGRESSION, "no verdict": Exit.LAB_FAULT}


def arguments(parser: ArgumentParser) -> None:
    """Add the policy, the releases, and where the verdict goes."""
    parser.add_argument("policy", type=Path, metavar="POLICY", help="what a release is held to, and on which boards")
    release = "a packed model, or a YAML file that names one for each board model"
    parser.add_argument("--candidate", type=Path, required=True, metavar="FILE", help=f"the release: {release}")
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="what it is compared with, likewise")
    parser.add_argument("--dataset", type=Path, metavar="PATH", help="[found by name near each packed model]")
    add_settings(parser, "another setting of every scenario than the policy's, for a quick try")
    parser.add_argument("--dry-run", action="store_true", help="check everything and show what would run where")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the verdict as JUnit XML")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="… as Markdown for a CI's summary or note")
    parser.add_argument(
        "--json", type=Path, nargs="?", const=STDOUT, metavar="FILE", help="… as JSON; without FILE instead of a table"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="… as a page with every plot: see `farm report`")
    parser.add_argument("--code-quality", type=Path, metavar="FILE", help="… as GitLab's code quality report")
    parser.add_argument(
        "--annotations", choices=("auto", "github", "gitlab", "none"), default="auto", help="for the CI's log [auto]"
    )
    add_inventory(parser)


def run(args: Namespace) -> int:
    """Return 0 for a pass, 1 for a regression, 3 where nothing is said about the release."""
    from tempfile import TemporaryDirectory

    from ..verdict.gate_plan import Asked, plan_gate

    asked = Asked(args.policy, args.candidate, args.baseline, args.dataset, settings_of(args))
    with TemporaryDirectory(prefix="farm-") as folder:
        plan = plan_gate(asked, lambda: open_lab(args), Path(folder), faults=_unwritable(args))
        if args.dry_run:
            _show(plan)
            return Exit.PASS
        gate = _run(plan)
    written = _tell(gate, args, plan.lab.database(STATE))
    status = _EXITS[gate.verdict.outcome]
    return status if written or status != Exit.PASS else Exit.LAB_FAULT  # a CI without its file has no pass


def _unwritable(args: Namespace) -> list[str]:
    faults = [lacking] if args.html and (lacking := missing_extra("--html")) else []
    files = [("--junit", args.junit), ("--markdown", args.markdown), ("--json", args.json), ("--html", args.html)]
    return [*faults, *unwritable([*files, ("--code-quality", args.code_quality)])]


def _show(plan: "Plan") -> None:
    """Print what would run where; nothing is touched."""
    from ..verdict.seat_run import boards_of

    rows = [
        (
            seat.key,
            ", else ".join(_label(plan, board) for board in boards_of(seat, plan.seats)),
            "baseline and candidate in turn" if seat.compares else "candidate",
            f"{plan.least_trials(seat)} to {plan.most_trials(seat)}",
            f"{plan.least_s(seat):.0f} s or more",
        )
        for seat in plan.seats
    ]
    output.table(("seat", "board", "runs", "trials", "takes"), rows)
    most_s = max(plan.least_s(seat) for seat in plan.seats)
    output.say(f"all at once: {most_s:.0f} s or more, and booting; the policy gives {plan.policy.time_budget_s:g} s")


def _label(plan: "Plan", board: str) -> str:
    twin = plan.lab.boards[board].twin
    return f"{board} ({twin} twin)" if twin else board


def _run(plan: "Plan") -> "Gate":
    import sys

    from ..report.gate_view import Gate
    from ..store.database import Store
    from ..verdict.gate_run import new_run, run_gate

    run = new_run(plan, ["farm", *sys.argv[1:]])
    with Store.open(plan.lab.database(STATE)) as store:
        store.begin(run)
        verdict = None
        try:
            verdict = run_gate(plan, store, run.id, output.progress, state=STATE)
        finally:  # an interrupted one has ended too, without a verdict
            store.end(run.id, verdict)
        return Gate.load(store, run.id, plan.lab)


def _tell(gate: "Gate", args: Namespace, database: Path) -> bool:
    """Print the verdict and write every file that was asked for; return whether all could be written."""
    import json
    import os

    from ..report.annotations import code_quality
    from ..report.gate_json import gate_json
    from ..report.gate_junit import junit
    from ..report.gate_markdown import markdown

    value = gate_json(gate)
    if args.json == STDOUT:
        output.print_json(value)
    else:
        _print(gate, args)
    summary = os.environ.get(_SUMMARY)
    files = [
        (args.junit, False, lambda: junit(gate)),
        (args.markdown, False, lambda: markdown(gate)),
        (None if args.json == STDOUT else args.json, False, lambda: json.dumps(value, indent=2) + "\n"),
        (args.code_quality, False, lambda: json.dumps(code_quality(gate), indent=2) + "\n"),
        (Path(summary) if summary else None, True, lambda: markdown(gate)),
    ]
    done = [
        written(path, text().encode(), of="verdict", append=append) for path, append, text in files if path is not None
    ]
    if args.html:
        _draw(args, gate, database)
    return all(done)


def _draw(args: Namespace, gate: "Gate", database: Path) -> None:
    """Write the page; without it nothing is lost, for `farm report` draws it at any time."""
    from ..report.collect import collect
    from ..store.database import Store

    try:
        with Store.open(database) as store:
            said = write_page(args.html, store, collect(store, gate.run.id))
    except LabFault as fault:
        output.warn(f"{fault}; the verdict stands above")
    else:
        (output.warn if args.json == STDOUT else output.say)(said)


def _print(gate: "Gate", args: Namespace) -> None:
    """Print table, remarks and verdict as the CI that this runs in shows them best."""
    from ..report.annotations import ci_here, github, section
    from ..report.gate_text import text

    ci = ci_here() if args.annotations == "auto" else args.annotations
    lines = text(gate)
    if ci == "gitlab":
        lines = section("farm_gate", f"{gate.policy}: every criterion", lines, unix_s=int(time.time()))
    for line in lines:
        output.say(line)
    if ci == "github":
        for line in github(gate):
            output.warn(line)
    which = f"{gate.run.id[:8]}{named(args.inventory)}"
    output.say(f"verdict: {gate.headline()}")
    draws = "" if args.html else f"; `farm report {which} --html gate.html` draws it"
    output.say(f"run {gate.run.id}{draws}")
