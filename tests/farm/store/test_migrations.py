"""A database goes from any farm's tables to this one's, and keeps what is in it."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, create_mock_engine, inspect

from farm.errors import UsageFault
from farm.store import migrate, schema
from farm.store.database import Store
from farm.store.opening import connect, exclusive


@pytest.fixture
def file(tmp_path):
    return tmp_path / "results.sqlite"


def at(file: Path, version: str) -> None:
    """Make a database as a farm of that version left it."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        migrate.upgrade(connection, since="", to=version)
    engine.dispose()


def of_before_there_were_versions(file: Path) -> None:
    at(file, "0001")
    with sqlite3.connect(file) as database:
        database.execute("DROP TABLE alembic_version")
    database.close()


def tables_of(connection) -> dict[str, object]:
    """Everything that a database says of its tables, but for the order of columns."""
    found = inspect(connection)
    return {
        name: (
            sorted((c["name"], str(c["type"]), c["nullable"], c["primary_key"]) for c in found.get_columns(name)),
            sorted((i["name"], i["unique"], str(i["column_names"]), _where(i)) for i in found.get_indexes(name)),
            sorted((str(k["constrained_columns"]), k["referred_table"]) for k in found.get_foreign_keys(name)),
            sorted(str(u["column_names"]) for u in found.get_unique_constraints(name)),
        )
        for name in found.get_table_names()
    }


def _where(index) -> str:
    return str(index.get("dialect_options", {}).get("sqlite_where"))


def test_the_steps_lead_to_exactly_the_tables_of_today(file, tmp_path):
    of_before_there_were_versions(file)
    with Store.open(file) as old, Store.open(tmp_path / "new.sqlite") as new:
        with old.transaction() as connection:
            assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
            migrated = tables_of(connection)
        with new.transaction() as connection:
            assert migrated == tables_of(connection)


def test_numbers_of_leases_are_never_used_again_after_a_migration_either(file):
    of_before_there_were_versions(file)
    Store.open(file).close()
    with sqlite3.connect(file) as database:
        made = database.execute("SELECT sql FROM sqlite_master WHERE name = 'leases'").fetchone()[0]
    database.close()
    assert "AUTOINCREMENT" in made


def test_an_old_database_keeps_its_records(file, a_record):
    of_before_there_were_versions(file)
    record = a_record()
    with sqlite3.connect(file) as database:
        database.execute(
            "INSERT INTO records (id, started_utc, board, made, json) VALUES (?, ?, ?, ?, ?)",
            (record.id, "2026-01-02T03:04:05Z", "zero-01", "process twin", record.model_dump_json(exclude_none=True)),
        )
        database.execute("INSERT INTO consoles VALUES (?, ?)", (record.id, bytes.fromhex("28b52ffd2000010000")))
    database.close()
    with Store.open(file) as store:
        assert store.load(record.id).record == record
        assert store.console(record.id) == b""
        store.save(a_record(id="1" * 16), {})


def test_a_newer_farm_s_database_is_left_alone(file):
    Store.open(file).close()
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = file.read_bytes()
    with pytest.raises(UsageFault, match=r"results\.sqlite: written by a newer farm .*9999.*update edge-test-farm"):
        Store.open(file)
    assert file.read_bytes() == before


def test_a_step_that_fails_changes_nothing(file, monkeypatch):
    of_before_there_were_versions(file)
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE wear (in_the_way)")
    database.close()
    with pytest.raises(Exception, match="wear"):
        Store.open(file)
    with sqlite3.connect(file) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    database.close()
    assert "runs" not in names


def test_two_that_open_an_old_database_at_once_migrate_it_once(file):
    of_before_there_were_versions(file)
    script = (
        "import sys; from pathlib import Path; from farm.store.database import Store; Store.open(Path(sys.argv[1]))"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, str(file)]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]


def test_opening_what_is_up_to_date_loads_no_alembic(file):
    Store.open(file).close()
    script = (
        "import sys; from pathlib import Path; from farm.store.database import Store\n"
        "Store.open(Path(sys.argv[1])).close(); sys.exit('alembic' in sys.modules)"
    )
    for target in (file, file.with_name("fresh.sqlite")):
        assert subprocess.run([sys.executable, "-c", script, str(target)], check=False).returncode == 0


def test_every_step_follows_the_one_before():
    script = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    steps = [revision.revision for revision in script.walk_revisions()]
    assert steps == sorted(steps, reverse=True)
    assert (steps[-1], script.get_heads()) == (migrate.FIRST, [migrate.newest()])


def test_who_is_alone_sees_what_the_one_before_wrote(file):
    engine = connect(file)
    with exclusive(engine) as connection:
        connection.execute(schema.wear.insert().values(board="a", uses=1, used_ms=1))
    with exclusive(engine) as connection:
        assert connection.execute(schema.wear.select()).one() == ("a", 1, 1)
    engine.dispose()


def test_a_new_postgresql_keeps_a_second_holder_out_too():
    said = []
    engine = create_mock_engine("postgresql://", lambda sql, *_, **__: said.append(str(sql.compile(engine))))
    schema.metadata.create_all(engine, checkfirst=False)
    kept = [one for one in said if "CREATE UNIQUE INDEX lease_" in one]
    assert {one.partition("WHERE ")[2] for one in kept} == {str(schema._IN_USE), str(schema._RESERVED)}
