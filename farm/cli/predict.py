"""``farm predict``: the same trial on this machine, under the limits of a board that is not here."""

from argparse import ArgumentParser, Namespace
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit
from .common import RUNNING, SOURCE, add_dataset, add_inventory, add_json, as_json, database, named
from .output import print_json, progress, say, warn
from .scenario_options import add_scenario, scenario

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from ..store.database import Store
    from ..store.record import Record
    from ..trial.prediction.asked import Asked

HELP = "run a packed model on this machine under an Atom board's limits: a prediction, no board needed"

MODELS = "atom-e3930 atom-e3940 deeplens"
LIMITS = "clock_hz cores host_clock_hz memory_bytes share threads"
"""What ``--model`` and ``--limit`` take. Copies, held equal by a test: the help must not load what checks them."""


def arguments(parser: ArgumentParser) -> None:
    """Add the model, the board that is predicted, how frames are offered, and other limits."""
    parser.add_argument("artifact", type=Path, help="a file that `farm artifact pack` made")
    add_dataset(parser)
    parser.add_argument("--model", required=True, metavar="MODEL", help=f"the board's, one of: {MODELS}")
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"instead of the board's own, e.g. clock_hz=1.8e9; repeatable. Names: {LIMITS}",
    )
    add_scenario(parser)
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Run it, keep the record, and tell; nothing is judged, for a prediction decides nothing."""
    record, beside = _predicted(args)
    if args.json:
        print_json(as_json(record, None))
    else:
        _tell(record, beside, args)
    return Exit.LAB_FAULT if record.voids else Exit.PASS


def _predicted(args: Namespace) -> "tuple[Record, list[str]]":
    """Return the record of one prediction, kept as a run of its own, and what earlier ones were worth."""
    from functools import partial
    from tempfile import TemporaryDirectory

    from ..report.prediction.beside import Lookup
    from ..store.database import Store
    from ..trial.prediction.predict import predict

    with TemporaryDirectory(prefix="farm-") as folder:
        lab = _lab(args)
        asked = _asked(args, lab, Path(folder))
        asked.require_predictable()
        with Store.open(database(args.inventory)) as store, _begun(store, lab, asked) as run_id:
            tell = partial(progress, of=asked.name)
            trial = predict(asked, lab=lab.lab if lab else _NO_LAB, progress=tell).within(run_id)
            store.save(trial.record, {}, frames=trial.frames)
            beside = Lookup(store).text(trial.record)
    return trial.record, beside.notes if beside else []


_NO_LAB = "none"
"""Of the record and the run: there was no inventory."""


def _lab(args: Namespace) -> "Lab | None":
    """Return the lab, whose twins need not be up; none where there is no inventory and none was named."""
    from ..lab.inventory import load

    path = args.inventory or next((path for path in (RUNNING, SOURCE) if path.exists()), None)
    return None if path is None else load(path)


def _asked(args: Namespace, lab: "Lab | None", folder: Path) -> "Asked":
    from ..artifact.feed import feed
    from ..artifact.signed import open_accepted
    from ..artifact.unpack import open_artifact
    from ..trial.prediction import host
    from ..trial.prediction.asked import Asked
    from ..trial.prediction.limits import limits_of
    from ..trial.prediction.mechanism import choose

    limits, asked = limits_of(args.model, args.limit), scenario(args)
    artifact = open_artifact(args.artifact, folder) if lab is None else open_accepted(lab, args.artifact, folder)
    dataset = feed(artifact, args.artifact, args.dataset)
    here = host.look()
    return Asked(artifact, dataset, asked, limits, here, choose(limits, here))


@contextmanager
def _begun(store: "Store", lab: "Lab | None", asked: "Asked") -> Generator[str]:
    """Note a run, and yield its id; it has ended when this is left, unless the farm is killed."""
    import secrets
    import sys
    from datetime import UTC, datetime
    from importlib.metadata import version

    from ..lab.lease import owner
    from ..store.run import Run

    run = Run(
        id=secrets.token_hex(8),
        kind="predict",
        started_utc=datetime.now(UTC),
        command=["farm", *sys.argv[1:]],
        owner=owner(),
        lab=lab.lab if lab else _NO_LAB,
        inventory=_NO_LAB if lab is None else lab.resolved.source if lab.resolved else str(lab.path),
        inventory_sha256="" if lab is None else lab.resolved.sha256 if lab.resolved else lab.sha256,
        farm_version=version("edge-test-farm"),
        releases={"candidate": {asked.limits.model: asked.artifact.id}},
    )
    store.begin(run)
    try:
        yield run.id
    finally:
        store.end(run.id)


def _tell(record: "Record", beside: list[str], args: Namespace) -> None:
    from ..report.prediction.said import lines
    from ..report.table import row, table

    for line in [*table([row(record, None)]), *lines(record), *beside]:
        say(line)
    which = f"{record.id[:8]}{named(args.inventory)}"
    say(f"record {record.id}; `farm results show {which}` tells all of it, beside what was measured on such boards")
    for reason in record.voids:
        warn(f"void: {reason}")
    for warning in record.warnings:
        warn(warning)
