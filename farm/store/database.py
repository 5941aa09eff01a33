"""Results that outlive the trial: record, traces and console log in one transaction."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import zstandard
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from power.block import Block
from power.piecewise import Readings, thinned

from ..errors import LabFault, UsageFault
from . import consoles, long_traces, runs, schema
from . import frames as frame_pieces
from .comparison_facts import ComparisonFacts
from .consoles import ConsoleLog
from .disk import LEAST_FREE_BYTES
from .frames import FrameTimes
from .opening import BUSY_S, connect, exclusive
from .prune import Pruned, Rules, prune, sweep_traces
from .record import Record, Verdict, utc
from .run import GateVerdict, Run
from .runs import StoredRun
from .shared_facts import SharedAccuracy
from .spool import FOLDER, KeptTrace, Spool
from .stored import STORED, Stored, Unreadable, read_row

RESULTS = Path(".farm/results.sqlite")
"""Where results are kept unless told otherwise: in the working folder, never in HOME."""


MOST_AT_ONCE = 30_000_000
"""Readings: a gigabyte of memory."""
_MOST_IN_A_PLOT = 2_000_000


class Store:
    """All results of a lab. Safe to use from several processes at once."""

    def __init__(self, engine: Engine, where: str) -> None:
        """Take an engine whose tables are there; use :meth:`open`."""
        self._engine, self._where = engine, where
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        self._traces = (Path(file) if file else RESULTS).parent / FOLDER

    @classmethod
    def open(cls, where: str | Path = RESULTS, *, busy_s: float = BUSY_S) -> Self:
        """Open a SQLite file, made when missing, or the database of a URL; an older farm's is brought up to date.

        Raises:
            UsageFault: a newer farm wrote it.
            LabFault: it cannot be opened, or is none.
        """
        name = str(where) if isinstance(where, Path) or "@" not in where else where.rpartition("@")[2]
        try:
            return cls(connect(where, busy_s=busy_s), name)
        except (SQLAlchemyError, OSError) as error:
            raise _fault(name, error) from error

    def begin(self, run: Run) -> None:
        """Note that a run begins: before its first trial, whose record names it."""
        with self.transaction() as connection:
            runs.begin(connection, run)

    def end(
        self,
        run_id: str,
        verdict: GateVerdict | None = None,
        *,
        comparison: ComparisonFacts | None = None,
        accuracy: SharedAccuracy | None = None,
    ) -> None:
        """Note that a run has ended, and what came of it as a whole; UsageFault when there is no such run."""
        with self.transaction() as connection:
            runs.end(connection, run_id, verdict, comparison, accuracy)

    def run(self, id_prefix: str) -> StoredRun:
        """Return the one run whose id begins so; ``last`` is the newest.

        Raises:
            UsageFault: none does, or several do, or it cannot be read.
        """
        with self.transaction() as connection:
            return runs.load(connection, id_prefix)

    def runs(self, *, limit: int = 100) -> Sequence[StoredRun]:
        """Return the newest runs, newest first."""
        with self.transaction() as connection:
            return runs.newest(connection, limit)

    def outcomes(self, *, limit: int = 100) -> dict[str, set[str]]:
        """Return, of each of the newest runs that had trials judged one by one, how these ended."""
        with self.transaction() as connection:
            return runs.outcomes(connection, limit)

    def save(
        self,
        record: Record,
        traces: Mapping[str, Readings],
        console: ConsoleLog | bytes = b"",
        frames: FrameTimes | None = None,
    ) -> None:
        """Keep a trial: all of it, or nothing. The run that it names must have begun.

        Raises:
            LabFault: the database refused, e.g. because the disk is full.
        """
        try:
            with self.transaction() as connection:
                connection.execute(
                    schema.records.insert().values(
                        id=record.id,
                        started_utc=utc(record.started_utc),
                        board=record.board.name,
                        made=record.made,
                        run_id=record.run_id,
                        json=record.model_dump_json(exclude_none=True),
                    )
                )
                for meter, readings in traces.items():
                    long_traces.keep(connection, record.id, meter, readings)
                if frames is not None:
                    row = {"record_id": record.id, "frames": len(frames), "piece": frame_pieces.pack(frames)}
                    connection.execute(schema.frames.insert().values(row))
                log = ConsoleLog(console) if isinstance(console, bytes) else console
                if log.data:
                    consoles.keep(connection, record.id, log)
        except IntegrityError as error:
            raise _fault(self._where, error) from error
        for readings in traces.values():
            if isinstance(readings, KeptTrace):
                readings.sealed()

    def judge(self, record_id: str, verdict: Verdict) -> None:
        """Keep what was decided on a record; a later verdict replaces an earlier one.

        Raises:
            UsageFault: no such record.
            LabFault: the database refused.
        """
        row = {"record_id": record_id, "outcome": verdict.outcome, "json": verdict.model_dump_json(exclude_none=True)}
        try:
            with self.transaction() as connection:
                connection.execute(schema.verdicts.delete().where(schema.verdicts.c.record_id == record_id))
                connection.execute(schema.verdicts.insert().values(row))
        except IntegrityError as error:
            raise UsageFault(f"{self._where}: no record {record_id}") from error

    def records(
        self,
        *,
        board: str | None = None,
        run_id: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Stored | Unreadable]:
        """Return the newest records, newest first; one that cannot be read hides no other."""
        query = STORED.order_by(schema.records.c.number.desc()).limit(limit)
        if board is not None:
            query = query.where(schema.records.c.board == board)
        if run_id is not None:
            query = query.where(schema.records.c.run_id == run_id)
        if since is not None:
            query = query.where(schema.records.c.started_utc >= utc(since))
        with self.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        return [read_row(row) for row in rows]

    def load(self, id_prefix: str) -> Stored:
        """Return the one record whose id begins so.

        Raises:
            UsageFault: none does, or several do, or it cannot be read.
        """
        query = STORED.where(schema.records.c.id.startswith(id_prefix, autoescape=True)).limit(2)
        with self.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        if len(rows) != 1:
            what = "more than one record begins" if rows else "no record begins"
            raise UsageFault(f"{self._where}: {what} with {id_prefix!r}; see `farm results list`")
        found = read_row(rows[0])
        if isinstance(found, Unreadable):
            raise UsageFault(f"record {found.id}: {found.why}")
        return found

    def readings(self, record_id: str, meter: str) -> Readings:
        """Return everything that a meter read during a trial; of a long trace piece by piece, from the disk.

        Raises:
            UsageFault: no such record, or no such meter in it.
            LabFault: the trace is damaged, or not the one that the record seals.
        """
        with self.transaction() as connection:
            try:
                found = long_traces.read(connection, record_id, meter, self._traces)
            except ValueError as error:
                raise _fault(self._where, error) from error
        if found is None:
            raise UsageFault(f"{self._where}: record {record_id} has no trace of a meter {meter!r}")
        return found

    def trace(self, record_id: str, meter: str) -> Block:
        """Return the same in one block.

        Raises:
            UsageFault: no such record, or no such meter in it; or a trace too long for the memory.
            LabFault: the trace is damaged, or not the one that the record seals.
        """
        found = self.readings(record_id, meter)
        if len(found) > MOST_AT_ONCE:
            what = f"{len(found):,} readings of {meter} are too many to hold at once"
            raise UsageFault(f"record {record_id}: {what}; Store.readings yields them in pieces")
        return Block.join(found.pieces())

    def overview(self, record_id: str, meter: str) -> Block:
        """Return the same for a plot: of a long trace means of many readings in a row; raises as :meth:`readings`."""
        return thinned(self.readings(record_id, meter), _MOST_IN_A_PLOT)

    def spool(self, least_free_bytes: int = LEAST_FREE_BYTES) -> Spool:
        """Return where a trial's long traces go while it runs: a ``with`` block around trial and :meth:`save`."""
        return Spool(self._traces.parent, least_free_bytes, self.sweep)

    def sweep(self) -> int:
        """Delete the pieces of long traces that interrupted trials left, and return how many files those were."""
        return sweep_traces(self._engine, self._traces)

    def frames(self, record_id: str) -> FrameTimes | None:
        """Return every frame of a trial; None where they were not kept.

        Raises:
            LabFault: they are damaged.
        """
        with self.transaction() as connection:
            query = select(schema.frames.c.piece).where(schema.frames.c.record_id == record_id)
            piece = connection.execute(query).scalar_one_or_none()
        try:
            return None if piece is None else frame_pieces.unpack(piece)
        except ValueError as error:
            raise _fault(self._where, error) from error

    def console(self, record_id: str) -> bytes:
        """Return the console log that was kept with a record, empty when there was none; raises as its lines."""
        return self.console_log(record_id).data

    def console_log(self, record_id: str) -> ConsoleLog:
        """Return the same with the time of each line.

        Raises:
            LabFault: the log is damaged.
        """
        try:
            with self.transaction() as connection:
                return consoles.read(connection, record_id)
        except (ValueError, zstandard.ZstdError) as error:
            raise _fault(self._where, error) from error

    def console_until_release(self, record_id: str, log: ConsoleLog) -> None:
        """Put a longer log of the same lease in the place of the one that was kept with a record."""
        with self.transaction() as connection:
            consoles.drop(connection, record_id)
            consoles.keep(connection, record_id, log)

    def prune(self, rules: Rules, *, dry_run: bool = False) -> Pruned:
        """Delete by age and size; see :mod:`.prune` for what never goes.

        Raises:
            UsageFault: by size, and the database is no SQLite file.
            LabFault: somebody else uses it for too long, or it refused.
        """
        try:
            return prune(self._engine, self._traces, rules, now=datetime.now(UTC), dry_run=dry_run)
        except SQLAlchemyError as error:
            raise _fault(self._where, error) from error

    def close(self) -> None:
        """Close all connections. May be called twice."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.close()

    @contextmanager
    def transaction(self, *, alone: bool = False) -> Generator[Connection]:
        """Lend a connection: what is done with it is kept whole or not at all. For the other tables of this room.

        Args:
            alone: for "read, decide, write": no other process's transaction of this kind overlaps.

        Raises:
            LabFault: the database refused.
        """
        try:
            with exclusive(self._engine) if alone else self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise _fault(self._where, error) from error


def _fault(where: str, error: Exception) -> LabFault:
    said = getattr(error, "orig", None) or error
    return LabFault(where, f"results: {said}", hint="is the disk full, the folder writable, the file a farm's results?")
