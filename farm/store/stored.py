"""A record as it comes out of the database, with the verdict on it."""

from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import RowMapping, select

from . import schema
from .record import Record, Verdict

STORED = select(schema.records.c.id, schema.records.c.json, schema.verdicts.c.json.label("verdict")).join_from(
    schema.records, schema.verdicts, isouter=True
)
"""What :func:`read_row` reads."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One record, and what was decided on it."""

    record: Record
    verdict: Verdict | None
    """Absent: never judged."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in the place of a record that this farm cannot read."""

    id: str
    why: str


def read_row(row: RowMapping) -> Stored | Unreadable:
    """Return the record of a row; what no longer fits says so in its place."""
    verdict: str | None = row["verdict"]
    try:
        return Stored(
            Record.model_validate_json(row["json"]),
            None if verdict is None else Verdict.model_validate_json(verdict),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"])) or "JSON"
        return Unreadable(
            row["id"], f"not one that this farm can read: {at}: {first['msg']}; was it written by a newer?"
        )
