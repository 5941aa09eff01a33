"""``farm results``: what trials left behind."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .amounts import since
from .common import add_inventory, add_json, as_json, database, open_records
from .output import local, print_json, say, table, warn

if TYPE_CHECKING:
    from ..store.database import Store, Stored, Unreadable
    from ..store.run import GateVerdict
    from ..store.runs import StoredRun

HELP = "list, show, compare, export and prune what past trials left behind"

_SHORT_ID = 8


def arguments(parser: ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="the newest records or runs, newest first")
    listed.add_argument("--runs", action="store_true", help="runs instead of records")
    _add_choice(listed)
    listed.add_argument("--limit", type=int, default=20, metavar="N", help="so many at most [20]")
    listed.set_defaults(action=_list)
    add_json(listed)
    shown = actions.add_parser("show", help="everything that a record holds, or a run")
    shown.add_argument("id", metavar="RUN", help="a record's or run's id, or how it begins; `last` is the newest run")
    shown.add_argument("--budget", action="store_true", help="of a record: what makes its joules uncertain")
    shown.set_defaults(action=_show)
    add_json(shown)
    said = actions.add_parser("console", help="what the board said on its console, with the time of each line")
    said.add_argument("id", metavar="RECORD", help="a record's id, or how it begins")
    said.set_defaults(action=_console)
    add_json(said)
    plotted = actions.add_parser("plot", help="a trial's watts over time in the terminal, its frames marked")
    plotted.add_argument("id", metavar="RECORD", help="a record's id, or how it begins")
    plotted.add_argument("--meter", metavar="NAME", help="this meter only")
    plotted.add_argument("--from", dest="start", type=float, metavar="S", help="seconds from the first frame")
    plotted.add_argument("--to", dest="end", type=float, metavar="S", help="likewise")
    plotted.set_defaults(action=_plot)
    compared = actions.add_parser("compare", help="two records or runs, figure by figure")
    compared.add_argument("a", metavar="RUN", help="as for `show`")
    compared.add_argument("b", metavar="RUN")
    compared.set_defaults(action=_compare)
    add_json(compared)
    _add_export(actions.add_parser("export", help="records as a table for other programs"))
    _add_prune(actions.add_parser("prune", help="delete by age and size, never what a baseline needs"))
    pinned = actions.add_parser("pin", help="keep a record or run from being pruned; without one, list what is pinned")
    pinned.add_argument("id", metavar="RUN", nargs="?", help="as for `show`")
    pinned.add_argument("--reason", default="", metavar="TEXT", help="why it is kept")
    pinned.add_argument("--undo", action="store_true", help="let it be pruned again")
    pinned.set_defaults(action=_pin)
    add_json(pinned)
    for action in actions.choices.values():
        add_inventory(action)


def run(args: Namespace) -> int:
    """Do what is asked for."""
    return args.action(args)


def _add_choice(parser: ArgumentParser) -> None:
    parser.add_argument("--board", metavar="BOARD", help="of this board only")
    parser.add_argument("--since", metavar="WHEN", help="begun since then: 2026-01-31, 2026-01-31T12:00, or 7d ago")


def _add_export(parser: ArgumentParser) -> None:
    parser.add_argument("ids", metavar="RUN", nargs="*", help="only these, each as for `show` [all records]")
    _add_choice(parser)
    for form in ("csv", "json", "parquet"):
        parser.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"a row a record and meter, as {form.upper()}")
    parser.add_argument(
        "--traces", type=Path, metavar="FILE", help="every reading, as .csv or .parquet, or as .txt in MLPerf's rows"
    )
    parser.add_argument(
        "--predictions", type=Path, metavar="FILE", help="every predicted image, as .csv, .json or .parquet"
    )
    parser.set_defaults(action=_export)


def _add_prune(parser: ArgumentParser) -> None:
    parser.description = (
        "Deletes records with their traces, frames and console logs. Never what is pinned, the newest passes of a "
        "board with an artifact, a kept run's baseline or what its verdict rests on, or a run that is still going on. "
        "By age the history of leases and of boards' health goes too, but for the newest of each kind."
    )
    parser.add_argument("--older-than", metavar="AGE", help="what is older goes, e.g. 90d")
    parser.add_argument("--larger-than", metavar="SIZE", help="then the oldest go until the file is so small, e.g. 5GB")
    parser.add_argument("--keep-passes", type=int, default=5, metavar="N", help="of each board and artifact [5]")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.set_defaults(action=_prune)
    add_json(parser)


def _list(args: Namespace) -> int:
    """Print the records or runs that can be read, and tell of each that cannot; 2 when there is such a one."""
    from ..store.database import Stored

    if args.limit < 1:
        raise UsageFault(f"--limit {args.limit}: at least 1")
    if args.runs:
        return _list_runs(args)
    found, gates = _newest(args)
    read = [one for one in found if isinstance(one, Stored)]
    unreadable = [one for one in found if not isinstance(one, Stored)]
    if args.json:
        print_json([as_json(one.record, one.verdict) for one in read])
    elif read:
        _table(read, gates)
    elif not unreadable:
        warn(
            f"{database(args.inventory)}: no records"
            + f" of {args.board}" * bool(args.board)
            + f" since {args.since}" * bool(args.since)
        )
    for one in unreadable:
        warn(f"record {one.id}: {one.why}")
    return Exit.USAGE if unreadable else Exit.PASS


def _newest(args: Namespace) -> "tuple[list[Stored | Unreadable], dict[str, GateVerdict | None]]":
    """Return records, and what the gates among their runs decided."""
    from ..store.database import Store, Stored

    moment = _moment(args)
    path = database(args.inventory)
    if not path.exists():
        return [], {}  # looking must not make a file
    with Store.open(path) as store:
        found = store.records(board=args.board, since=moment, limit=args.limit)
        ids = {one.record.run_id for one in found if isinstance(one, Stored) and one.verdict is None}
        return found, {run_id: _gate(store, run_id) for run_id in ids if run_id is not None}


def _gate(store: "Store", run_id: str) -> "GateVerdict | None":
    try:
        return store.run(run_id).verdict
    except UsageFault:  # a newer farm's run: what it decided cannot be told, its records still can
        return None


def _moment(args: Namespace) -> datetime | None:
    return since(args.since, "--since", now=datetime.now(UTC)) if args.since else None


def _list_runs(args: Namespace) -> int:
    from ..store.database import Store

    if args.board:
        raise UsageFault("--board: a run has several; leave --runs out")
    moment, found, path = _moment(args), list["StoredRun"](), database(args.inventory)
    outcomes = dict[str, set[str]]()
    if path.exists():
        with Store.open(path) as store:
            found = [one for one in store.runs(limit=args.limit) if moment is None or one.run.started_utc >= moment]
            outcomes = store.outcomes(limit=args.limit)
    if args.json:
        print_json([_run_json(one) for one in found])
    elif found:
        table(
            ("id", "started", "kind", "lab", "owner", "ended", "verdict", "command"),
            (_run_row(one, outcomes) for one in found),
        )
    else:
        warn(f"{path}: no runs" + f" since {args.since}" * bool(args.since))
    return Exit.PASS


def _run_json(one: "StoredRun") -> dict[str, object]:
    value: dict[str, object] = {"run": one.run.model_dump(mode="json", exclude_none=True)}
    return value | ({"verdict": one.verdict.model_dump(mode="json", exclude_none=True)} if one.verdict else {})


def _run_row(one: "StoredRun", outcomes: "Mapping[str, set[str]]") -> tuple[str, ...]:
    from shlex import join

    from ..report.gate_view import worst

    run = one.run
    ended = local(run.ended_utc) if run.ended_utc else "not ended"
    if one.verdict:
        verdict = one.verdict.outcome.upper() + ", -s" * bool(run.overridden)
    else:
        verdict = f"trials: {worst([*outcomes[run.id]]).upper()}" if run.id in outcomes else "-"
    return run.id[:_SHORT_ID], local(run.started_utc), run.kind, run.lab, run.owner, ended, verdict, join(run.command)


def _show(args: Namespace) -> int:
    from ..report.collect import collect
    from .results_record import show, show_leaves

    with open_records(args) as store:
        subject = collect(store, args.id)
        if subject.run is None:
            return show(store, subject.trials[0], args)
    if args.budget:
        raise UsageFault(f"{args.id}: is a run; name one of its records")
    if args.json:
        from ..store.runs import StoredRun

        shown = _run_json(StoredRun(subject.run, subject.verdict))
        print_json(shown | {"records": [as_json(one.record, one.verdict) for one in subject.trials]})
        return Exit.PASS
    show_leaves(subject.run.model_dump(mode="json", exclude_none=True, exclude={"accuracy"}))
    if subject.run.accuracy is not None:
        from ..report.shared_text import lines

        for line in lines(subject.run.accuracy):
            say(line)
    if subject.trials:
        _table(subject.trials, {subject.run.id: subject.verdict})
    for one in subject.unreadable:
        warn(f"record {one.id}: {one.why}")
    if subject.verdict is not None:
        from ..report.gate_text import text
        from ..report.gate_view import Gate
        from ..report.shared_text import decided

        gate = Gate(subject.run, subject.verdict, [one.record for one in subject.trials])
        for line in [*text(gate), decided(gate)]:
            say(line)
    return Exit.USAGE if subject.unreadable else Exit.PASS


def _console(args: Namespace) -> int:
    from .results_console import show

    with open_records(args) as store:
        return show(store, args)


def _plot(args: Namespace) -> int:
    from .results_plot import show

    with open_records(args) as store:
        return show(store, args)


def _compare(args: Namespace) -> int:
    from .results_actions import compare

    with open_records(args) as store:
        return compare(store, args)


def _export(args: Namespace) -> int:
    from .results_actions import export

    with open_records(args) as store:
        return export(store, args)


def _prune(args: Namespace) -> int:
    from .results_actions import prune

    return prune(lambda: open_records(args), args)


def _pin(args: Namespace) -> int:
    from .results_actions import pin

    with open_records(args) as store:
        return pin(store, args)


def _table(found: "list[Stored]", gates: "Mapping[str, GateVerdict | None]") -> None:
    from ..report.gate_view import judged
    from ..report.table import TITLES, row

    rows: list[tuple[str, ...]] = []
    for one in found:
        record, texts = one.record, row(one.record, one.verdict).as_dict()
        texts["verdict"] = judged(one, gates.get(record.run_id or ""))
        rows.append((record.id[:_SHORT_ID], local(record.started_utc), *texts.values()))
    table(("id", "started", *TITLES.values()), rows)
