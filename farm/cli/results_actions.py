"""What ``farm results`` does beyond looking: compare, export, prune, pin."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .amounts import ago, since, size
from .output import print_json, say, table, warn

if TYPE_CHECKING:
    from ..report.compare import Compared, Pair
    from ..report.export import Format
    from ..store.database import Store, Stored
    from ..store.prune import Pruned
    from ..store.shared_facts import SharedAccuracy

_ALL = 1_000_000
_COVERED = {True: "within ±", False: "beyond ±", None: "-"}


def compare(store: "Store", args: Namespace) -> int:
    """Print two records or runs figure by figure; never judges: that is the gate's work."""
    from ..report.collect import collect
    from ..report.compare import compare as compared

    subjects = [collect(store, name) for name in (args.a, args.b)]
    counted = [one.run.accuracy for one in subjects if one.run is not None and one.run.accuracy is not None]
    if len(counted) == len(subjects):
        return _compare_accuracies(counted[0], counted[1], args)
    pairs, alone = compared(*([one.record for one in subject.trials] for subject in subjects))
    if args.json:
        print_json({"pairs": [asdict(pair) for pair in pairs], "alone": alone})
        return Exit.PASS
    for number, pair in enumerate(pairs):
        if number:
            say("")
        _say_pair(pair)
    for line in alone:
        say(line)
    return Exit.PASS


def _compare_accuracies(a: "SharedAccuracy", b: "SharedAccuracy", args: Namespace) -> int:
    """Print what boards have counted together: a share by itself compares with nothing."""
    from ..report.shared_text import against

    if args.json:
        print_json({"accuracies": [one.model_dump(mode="json", exclude_none=True) for one in (a, b)]})
        return Exit.PASS
    for line in against(a, b):
        say(line)
    return Exit.PASS


def _say_pair(pair: "Pair") -> None:
    say(f"A  {pair.a}  {_trials(pair.trials[0])}")
    say(f"B  {pair.b}  {_trials(pair.trials[1])}")
    table(("figure", "unit", "A", "B", "B - A (±: 95 %)", "relative", "difference"), map(_figure, pair.figures))
    for remark in pair.remarks:
        say(f"note: {remark}")


def _trials(count: int) -> str:
    return f"{count} trial" + "s" * (count != 1)


def _figure(one: "Compared") -> Sequence[str | None]:
    from ..report.html.words import figure, with_bounds

    relative = None if one.relative is None else f"{one.relative:+.2%}"
    told = f"not compared: {one.why}" if one.why else _COVERED[one.covered]
    difference = None if one.difference is None else with_bounds(one.difference, one.u)
    values = [None if value is None else figure(value) for value in (one.a, one.b)]
    return one.name, one.unit or None, *values, difference, relative, told


def export(store: "Store", args: Namespace) -> int:
    """Write what is asked for, and say what lies where."""
    from ..report.export import rows, write, write_traces
    from ..report.gate_view import counted
    from ..report.trace_log import write_log

    forms: tuple[Format, ...] = ("csv", "json", "parquet")
    wanted: list[tuple[Format, Path]] = [(form, path) for form in forms if (path := getattr(args, form))]
    if not wanted and not args.traces and not args.predictions:
        raise UsageFault("nothing to write: give --csv, --json, --parquet, --traces or --predictions FILE")
    if args.traces and args.traces.suffix not in (".csv", ".parquet", ".txt"):
        raise UsageFault(f"--traces {args.traces}: must end with .csv, .parquet, or .txt for MLPerf's rows")
    if args.predictions and args.predictions.suffix not in (".csv", ".json", ".parquet"):
        raise UsageFault(f"--predictions {args.predictions}: must end with .csv, .json or .parquet")
    found = _chosen(store, args)
    if not found:
        raise UsageFault("no record is chosen; nothing was written")
    for form, path in wanted:
        say(f"{path}: {counted(write(rows(found), path, form), 'row')} of {counted(len(found), 'record')}")
    if args.traces and args.traces.suffix == ".txt":
        say(f"{args.traces}: {write_log(store, found, args.traces):,} readings")
    elif args.traces:
        form = "csv" if args.traces.suffix == ".csv" else "parquet"
        say(f"{args.traces}: {write_traces(store, found, args.traces, form):,} readings")
    if args.predictions:
        _export_predictions(store, found, args.predictions)
    return Exit.PASS


def _export_predictions(store: "Store", found: "Sequence[Stored]", path: Path) -> None:
    from ..report.export_predictions import write_predictions

    forms: dict[str, Format] = {".csv": "csv", ".json": "json", ".parquet": "parquet"}
    say(f"{path}: {write_predictions(store, found, path, forms[path.suffix]):,} predicted images")


def _chosen(store: "Store", args: Namespace) -> "list[Stored]":
    """Return the records that are wanted, oldest first; those that cannot be read are named and left out."""
    from ..report.collect import collect
    from ..store.database import Stored

    moment = since(args.since, "--since", now=datetime.now(UTC)) if args.since else None
    if args.ids:
        by_id = {one.record.id: one for name in args.ids for one in collect(store, name).trials}
        kept = [one for one in by_id.values() if args.board in (None, one.record.board.name)]
        return [one for one in kept if moment is None or one.record.started_utc >= moment]
    found = store.records(board=args.board, since=moment, limit=_ALL)[::-1]
    for one in found:
        if not isinstance(one, Stored):
            warn(f"record {one.id}: {one.why}")
    return [one for one in found if isinstance(one, Stored)]


def prune(open_store: "Callable[[], Store]", args: Namespace) -> int:
    """Delete by age and size, and say what went, what stayed and why."""
    from ..store.prune import Rules

    now = datetime.now(UTC)
    if not (args.older_than or args.larger_than):
        raise UsageFault("nothing to go by: give --older-than AGE or --larger-than SIZE")
    if args.keep_passes < 0:
        raise UsageFault(f"--keep-passes {args.keep_passes}: at least 0")
    rules = Rules(
        before=now - ago(args.older_than, "--older-than") if args.older_than else None,
        most_bytes=size(args.larger_than, "--larger-than") if args.larger_than else None,
        keep_passes=args.keep_passes,
    )
    with open_store() as store:
        pruned = store.prune(rules, dry_run=args.dry_run)
    if args.json:
        print_json(asdict(pruned) | {"dry_run": args.dry_run})
    else:
        _say_pruned(pruned, dry_run=args.dry_run)
    if not pruned.shrunk:
        warn("boards are in use: the file shrinks when it is next pruned while none is; until then it has room inside")
    if not pruned.fits:
        warn(f"still larger than {args.larger_than}: what is left is never pruned; see `farm results prune --help`")
    return Exit.PASS


def _say_pruned(pruned: "Pruned", *, dry_run: bool) -> None:
    from ..report.gate_view import counted

    would = "would delete" if dry_run else "deleted"
    say(
        f"{would} {counted(len(pruned.records), 'record')}, {counted(len(pruned.runs), 'run')} of which nothing is left"
    )
    if pruned.pieces:
        say(f"{would} {pruned.pieces:,} traces, frames and logs that no record sealed")
    if pruned.history:
        say(f"{would} {pruned.history:,} leases that have ended and entries of boards' health")
    for why, count in pruned.kept.items():
        say(f"kept {count:,}: {why}")
    say(f"{pruned.bytes_before:,} bytes before, {pruned.bytes_after:,} after")


def pin(store: "Store", args: Namespace) -> int:
    """Pin, take a pin out, or list the pins."""
    from ..report.collect import collect
    from ..store import pins

    if args.id is None:
        found = pins.pins(store)
        if args.json:
            print_json(found)
        elif found:
            table(("id", "why"), found.items())
        else:
            warn("nothing is pinned")
        return Exit.PASS
    subject = collect(store, args.id)
    id_ = subject.run.id if subject.run else subject.trials[0].record.id
    if args.undo:
        if not pins.unpin(store, id_):
            raise UsageFault(f"{id_} is not pinned")
        say(f"{id_} may be pruned again")
        return Exit.PASS
    pins.pin(store, id_, args.reason)
    say(f"{id_} is kept: no pruning deletes it" + " or its records" * bool(subject.run))
    return Exit.PASS
