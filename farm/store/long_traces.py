"""Traces in the database: short ones whole, of long ones the index of their pieces."""

from hashlib import sha256
from pathlib import Path

import zstandard
from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from power.block import Block
from power.piecewise import Readings

from . import schema
from .pieces import pack, unpack
from .record import Record
from .spool import Index, KeptTrace


def keep(connection: Connection, record_id: str, meter: str, readings: Readings) -> None:
    """Keep a record's trace; LabFault where the pieces of a long one cannot be made sure of."""
    row = {"record_id": record_id, "meter": meter, "readings": len(readings)}
    if isinstance(readings, KeptTrace):
        readings.sync()
        index = readings.index
        row |= {"piece": zstandard.compress(index.model_dump_json().encode())}
        row |= {"folder": index.folder, "folder_bytes": index.seal.size_bytes}
    else:
        row |= {"piece": pack(readings if isinstance(readings, Block) else Block.join(readings.pieces()))}
    connection.execute(schema.traces.insert().values(row))


def read(connection: Connection, record_id: str, meter: str, root: Path) -> Readings | None:
    """Return a record's trace, None where it has none; ValueError when it is damaged, or another than was sealed."""
    columns = schema.traces.c
    query = select(columns.piece, columns.folder).where(columns.record_id == record_id, columns.meter == meter)
    row = connection.execute(query).one_or_none()
    if row is None or row.folder is None:
        return None if row is None else unpack(row.piece)
    record = connection.execute(select(schema.records.c.json).where(schema.records.c.id == record_id)).scalar_one()
    try:
        told = zstandard.decompress(row.piece)
        seal = Record.model_validate_json(record).traces.get(meter)
        index = Index.model_validate_json(told)
    except (zstandard.ZstdError, ValidationError) as error:
        raise ValueError(f"the index of {meter}'s trace: {error}") from error
    if seal is None or sha256(told).hexdigest() != seal.sha256:
        raise ValueError(f"the index of {meter}'s trace is not the one that record {record_id} sealed")
    return KeptTrace(root, index)


def folder_bytes(connection: Connection) -> int:
    """Return how much lies beside the database."""
    columns = schema.traces.c
    return int(connection.execute(select(func.coalesce(func.sum(columns.folder_bytes), 0))).scalar_one())


def named(connection: Connection, folder: str) -> bool:
    """Return whether a record names a folder."""
    return connection.execute(select(schema.traces.c.meter).where(schema.traces.c.folder == folder)).first() is not None
