"""Records that a prediction may be held against, and the predictions of a board model."""

from sqlalchemy import select

from . import schema
from .database import Store
from .record import Record
from .stored import STORED, Stored, read_row

_MOST = 2_000
"""Newest records of each kind (assumed): a median of more says no more."""


def predictions(store: Store, model: str) -> list[Record]:
    """Return the predictions for a board model, the newest first."""
    query = STORED.where(schema.records.c.made == "prediction").order_by(schema.records.c.number.desc()).limit(_MOST)
    with store.transaction() as connection:
        rows = connection.execute(query).mappings().all()
    found = [one.record for row in rows if isinstance(one := read_row(row), Stored)]
    return [record for record in found if record.board.model == model and record.prediction is not None]


def measured(store: Store, model: str, artifacts: set[str]) -> list[Record]:
    """Return what was measured of these artifacts on boards of a model and their twins, the newest first."""
    found: list[Record] = []
    for artifact in sorted(artifacts):
        newest = select(schema.records.c.id).where(schema.records.c.made != "prediction")
        # JSON functions differ between databases; a 64-digit hash in the text does not
        newest = newest.where(schema.records.c.json.contains(artifact, autoescape=True))
        newest = newest.order_by(schema.records.c.number.desc()).limit(_MOST)
        query = STORED.where(schema.records.c.id.in_(newest)).order_by(schema.records.c.number.desc())
        with store.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        records = [one.record for row in rows if isinstance(one := read_row(row), Stored)]
        found += [one for one in records if one.artifact.id == artifact and one.board.model == model]
    return found
