"""A record's console log: the board's own bytes, each line with its time, from the lease to the release."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from farm.cli.main import main
from farm.errors import LabFault
from farm.store.consoles import ConsoleLog
from farm.store.database import Store

FIRST = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LOG = ConsoleLog(b"U-Boot\r\n\xff\x00\r\n\nlogin: ", [7_000_000_000, 7_000_000_001, 9_500_000_000], FIRST)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.open(tmp_path / ".farm" / "results.sqlite") as store:
        yield store


def test_every_line_has_its_time_on_both_clocks_and_the_bytes_are_the_board_s(store, a_record):
    store.save(a_record(), {}, LOG)
    kept = store.console_log(a_record().id)
    assert store.console(a_record().id) == kept.data == LOG.data
    assert [(line.t_ns, line.data) for line in kept.lines()] == [
        (7_000_000_000, b"U-Boot\r"),
        (7_000_000_001, b"\xff\x00\r"),
        (9_500_000_000, b""),
    ]
    assert [line.utc for line in kept.lines()][::2] == [FIRST, FIRST + timedelta(seconds=2.5)]


def test_a_log_without_times_has_no_lines_with_one(store, a_record):
    store.save(a_record(), {}, b"from an older farm\n")
    kept = store.console_log(a_record().id)
    assert (kept.data, list(kept.lines())) == (b"from an older farm\n", [])


def test_the_log_grows_to_the_release(store, a_record):
    store.save(a_record(), {}, b"begin")
    store.console_until_release(a_record().id, LOG)
    assert store.console_log(a_record().id).data == LOG.data


def test_damaged_times_are_a_lab_fault_that_names_the_database(store, a_record):
    store.save(a_record(), {}, LOG)
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE consoles SET times = x'00'")
    with pytest.raises(LabFault, match=r"results\.sqlite"):
        store.console_log(a_record().id)


def test_it_is_printed_line_by_line_with_the_time(store, a_record, capsys):
    store.save(a_record(), {}, LOG)
    assert main(["results", "console", a_record().id[:6]]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == f"{FIRST.astimezone():%H:%M:%S.%f}  U-Boot"
    assert main(["results", "console", a_record().id[:6], "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert lines[0] == {"t_ns": 7_000_000_000, "utc": "2026-01-02T03:04:05.678901+00:00", "text": "U-Boot"}


def test_a_record_without_a_log_or_without_times_says_so(store, a_record, capsys):
    store.save(a_record(), {})
    assert main(["results", "console", a_record().id]) == 2
    assert "has no console log" in capsys.readouterr().err
    store.console_until_release(a_record().id, ConsoleLog(b"x\n"))
    assert main(["results", "console", a_record().id]) == 2
    assert "has no times; `farm report` shows it" in capsys.readouterr().err
