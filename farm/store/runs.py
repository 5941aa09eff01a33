"""Runs in the database: begun before the first trial, so that a killed one leaves its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping, select

from ..errors import UsageFault
from . import schema
from .comparison_facts import ComparisonFacts
from .record import utc
from .run import GateVerdict, Run
from .shared_facts import SharedAccuracy


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run, and what its gate decided."""

    run: Run
    verdict: GateVerdict | None
    """Absent: it had no gate, or did not come to its end."""


def begin(connection: Connection, run: Run) -> None:
    """Note that a run begins."""
    row = {"id": run.id, "started_utc": utc(run.started_utc), "kind": run.kind, "json": _json(run)}
    connection.execute(schema.runs.insert().values(row))


def end(
    connection: Connection,
    run_id: str,
    verdict: GateVerdict | None,
    comparison: ComparisonFacts | None = None,
    accuracy: SharedAccuracy | None = None,
) -> None:
    """Note that a run has ended, and what came of it as a whole; UsageFault when there is no such run."""
    whole = {"comparison": comparison, "accuracy": accuracy}
    known = {name: facts for name, facts in whole.items() if facts is not None}
    run = load(connection, run_id).run.model_copy(update={"ended_utc": datetime.now(UTC), **known})
    values = {"json": _json(run)}
    if verdict is not None:
        values |= {"outcome": verdict.outcome, "verdict": verdict.model_dump_json(exclude_none=True)}
    connection.execute(schema.runs.update().where(schema.runs.c.id == run_id).values(values))


def load(connection: Connection, id_prefix: str) -> StoredRun:
    """Return the one run whose id begins so; ``last`` is the newest.

    Raises:
        UsageFault: none does, or several do, or it cannot be read.
    """
    query = select(schema.runs).order_by(schema.runs.c.number.desc())
    if id_prefix == "last":
        query = query.limit(1)
    else:
        query = query.where(schema.runs.c.id.startswith(id_prefix, autoescape=True)).limit(2)
    rows = connection.execute(query).mappings().all()
    if len(rows) != 1:
        what = "more than one run begins" if rows else "no run begins"
        raise UsageFault(f"{what} with {id_prefix!r}; see `farm results list --runs`")
    return _read(rows[0])


def newest(connection: Connection, limit: int) -> Sequence[StoredRun]:
    """Return the newest runs, newest first."""
    query = select(schema.runs).order_by(schema.runs.c.number.desc()).limit(limit)
    return [_read(row) for row in connection.execute(query).mappings()]


def outcomes(connection: Connection, limit: int) -> dict[str, set[str]]:
    """Return, of each of the newest runs that had trials judged one by one, how these ended."""
    of = schema.records.c.run_id
    newest_ids = select(schema.runs.c.id).order_by(schema.runs.c.number.desc()).limit(limit)
    query = select(of, schema.verdicts.c.outcome).join_from(schema.records, schema.verdicts).where(of.in_(newest_ids))
    found: dict[str, set[str]] = {}
    for run_id, outcome in connection.execute(query.distinct()):
        found.setdefault(run_id, set()).add(outcome)
    return found


def _read(row: RowMapping) -> StoredRun:
    verdict: str | None = row["verdict"]
    try:
        return StoredRun(
            Run.model_validate_json(row["json"]),
            None if verdict is None else GateVerdict.model_validate_json(verdict),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"])) or "JSON"
        raise UsageFault(f"run {row['id']}: cannot be read: {at}: {first['msg']}; was it written by a newer?") from None


def _json(run: Run) -> str:
    return run.model_dump_json(exclude_none=True)
