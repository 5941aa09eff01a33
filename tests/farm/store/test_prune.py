"""What pruning deletes, and what it never does."""

import sqlite3
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from farm.store import leases, pins, schema
from farm.store.comparison_facts import ComparisonFacts
from farm.store.database import Store
from farm.store.health import history, note_fault, quarantined
from farm.store.prune import Rules
from farm.store.record import utc
from farm.store.run import GateVerdict, Run
from farm.verdict.criteria import Limits, judge
from power.block import Block

OLD = datetime(2026, 1, 1, tzinfo=UTC)
LATER = OLD + timedelta(days=100)
BEFORE = Rules(before=OLD + timedelta(days=50), keep_passes=0)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "results.sqlite") as store:
        yield store


@pytest.fixture
def keep(store, a_record):
    """``keep("1111", at=OLD, passes=True, readings=0)``: a record in the store."""

    def make(id_, *, at=OLD, passes=None, readings=10, **changes):
        record = a_record(id=id_, started_utc=at.isoformat(), **changes)
        noise = np.random.default_rng(1).normal(1, 0.1, readings)
        block = Block(np.arange(readings, dtype=np.int64), noise, noise, np.zeros(readings, np.uint8))
        store.save(record, {"um25c-1": block}, b"log")
        if passes is not None:
            store.judge(id_, judge(record, Limits(max_p99_ms=50 if passes else 1)))

    return make


def begin(store, id_, *, at=OLD, ended=True, verdict=None):
    value = {
        "id": id_,
        "kind": "gate",
        "started_utc": at,
        "command": ["farm"],
        "owner": "o",
        "lab": "demo",
        "inventory": "i",
        "inventory_sha256": "1",
        "farm_version": "0",
    }
    store.begin(Run.model_validate(value))
    if ended:
        store.end(id_, verdict)


def left(store):
    return sorted(one.record.id for one in store.records(limit=1000))


def test_what_is_older_goes_with_all_that_it_seals(store, keep, tmp_path):
    keep("1111", passes=False)
    keep("2222", at=LATER)
    pruned = store.prune(BEFORE)
    assert pruned.records == ["1111"]
    assert left(store) == ["2222"]
    with sqlite3.connect(tmp_path / "results.sqlite") as raw:
        for table in ("traces", "consoles", "verdicts"):
            assert raw.execute(f"SELECT count(*) FROM {table} WHERE record_id = '1111'").fetchone() == (0,)  # noqa: S608
    raw.close()


def test_the_newest_passes_of_a_board_with_an_artifact_stay(store, keep):
    for n in range(4):
        keep(f"aaaa{n}", passes=True)
    keep("bbbb", passes=True, board__name="tx2-01")
    keep("cccc", passes=False)
    pruned = store.prune(Rules(before=BEFORE.before, keep_passes=2))
    assert left(store) == ["aaaa2", "aaaa3", "bbbb"]
    assert pruned.kept == {"among the newest 2 passes": 3}


def test_a_baseline_of_a_kept_run_stays_however_old(store, keep):
    begin(store, "run1")
    keep("base", run_id="run1", role="baseline")
    keep("cand", at=LATER, run_id="run1", role="candidate")
    assert store.prune(BEFORE).records == []
    assert left(store) == ["base", "cand"]


def test_a_comparison_of_which_a_trial_is_kept_stays_whole(store, keep):
    facts = ComparisonFacts(
        model="jetson-tx2",
        boards={"tx2-01": "board"},
        variants=[],
        figures=[],
        scenario={},
        seed=0,
        alpha=0.05,
        resolution=0.01,
        most_rounds=4,
        most_voids=5,
        time_budget_s=1.0,
        until="pairs",
    )
    begin(store, "run1")
    store.end("run1", comparison=facts)
    keep("aaaa", run_id="run1")
    keep("bbbb", run_id="run1")
    keep("cccc", at=LATER, run_id="run1")
    pruned = store.prune(BEFORE)
    assert (pruned.records, pruned.kept) == ([], {"a part of a kept whole": 2})


def test_a_baseline_goes_with_the_last_of_its_run(store, keep):
    begin(store, "run1")
    keep("base", run_id="run1", role="baseline")
    keep("cand", run_id="run1", role="candidate")
    pruned = store.prune(BEFORE)
    assert (pruned.records, pruned.runs) == (["base", "cand"], ["run1"])
    assert store.runs() == []


def test_what_a_kept_runs_verdict_rests_on_stays_even_of_another_run(store, keep):
    keep("elsewhere")
    criterion = {"name": "fps", "unit": "fps", "wanted": ">= 1", "limit": 1, "outcome": "pass", "board": "b"}
    criterion |= {"model": "m", "artifact": "a", "records": ["elsewhere", "cand"]}
    begin(store, "run1", verdict=GateVerdict.model_validate({"outcome": "pass", "criteria": [criterion]}))
    keep("cand", at=LATER, run_id="run1", role="candidate")
    assert store.prune(BEFORE).kept == {"a kept run's verdict rests on it": 1}
    assert left(store) == ["cand", "elsewhere"]


def test_what_is_pinned_stays_by_its_own_id_or_its_runs(store, keep):
    begin(store, "run1")
    keep("1111")
    keep("2222", run_id="run1")
    pins.pin(store, "1111", "asked for")
    pins.pin(store, "run1", "")
    assert store.prune(BEFORE).kept == {"pinned": 2}
    assert pins.unpin(store, "1111")
    assert not pins.unpin(store, "1111")
    assert store.prune(BEFORE).records == ["1111"]


def test_a_run_that_still_goes_on_loses_nothing(store, keep):
    begin(store, "now", at=datetime.now(UTC), ended=False)
    keep("1111", run_id="now")
    begin(store, "killed", ended=False)
    keep("2222", run_id="killed")
    assert store.prune(BEFORE).records == ["2222"]


def test_what_cannot_be_read_stays(store, keep, tmp_path):
    keep("1111")
    with sqlite3.connect(tmp_path / "results.sqlite") as raw:
        raw.execute("""UPDATE records SET json = replace(json, '"version":1', '"version":2')""")
    raw.close()
    assert store.prune(BEFORE).kept == {"cannot be read": 1}


def test_by_size_the_oldest_go_first_and_the_file_really_shrinks(store, keep, tmp_path):
    for n in range(10):
        keep(f"{n:04}", at=OLD + timedelta(days=n), readings=50_000)
    path = tmp_path / "results.sqlite"
    limit = 2_500_000
    pruned = store.prune(Rules(most_bytes=limit, keep_passes=0))
    assert pruned.bytes_before > 7_000_000
    assert path.stat().st_size <= limit
    assert pruned.bytes_after == path.stat().st_size + path.with_name("results.sqlite-wal").stat().st_size
    kept = left(store)
    assert 0 < len(kept) < 10
    assert kept == [f"{n:04}" for n in range(10 - len(kept), 10)]
    assert pruned.fits


def test_by_size_a_run_goes_as_a_whole_so_that_no_trial_loses_its_baseline(store, keep):
    begin(store, "run1")
    keep("base", run_id="run1", role="baseline", readings=20_000)
    keep("cand", at=LATER, run_id="run1", role="candidate", readings=20_000)
    keep("later", at=LATER + timedelta(days=1), readings=20_000)
    used = store.prune(Rules(most_bytes=10**9)).bytes_after
    assert store.prune(Rules(most_bytes=used - 1000, keep_passes=0)).records == ["base", "cand"]


def test_what_is_never_pruned_may_leave_it_larger_and_that_is_said(store, keep):
    keep("1111", passes=True, readings=50_000)
    pruned = store.prune(Rules(most_bytes=1000, keep_passes=1))
    assert not pruned.fits
    assert left(store) == ["1111"]


def test_a_rehearsal_says_exactly_what_would_go_and_touches_nothing(store, keep):
    keep("1111", readings=30_000)
    keep("2222", at=LATER)
    told = store.prune(BEFORE, dry_run=True)
    assert left(store) == ["1111", "2222"]
    assert len(store.trace("1111", "um25c-1")) == 30_000
    done = store.prune(BEFORE)
    assert told.records == done.records == ["1111"]
    assert told.bytes_after == pytest.approx(done.bytes_after, rel=0.2)


def test_pieces_that_no_record_seals_go(store, keep, tmp_path):
    keep("1111", at=LATER)
    with sqlite3.connect(tmp_path / "results.sqlite") as raw:  # foreign keys are off: another tool left it
        raw.execute("INSERT INTO consoles (record_id, log) VALUES ('nobody', x'00')")
    raw.close()
    assert store.prune(BEFORE).pieces == 1
    assert left(store) == ["1111"]


def test_old_leases_and_old_health_go_by_age_but_for_what_is_newest_of_each_kind_or_still_stands(store):
    old_ms, later_ms = (int(at.timestamp() * 1000) for at in (OLD, LATER))
    holder = leases.Holder("o", "", "h", "k", None, None)
    with store.transaction() as connection:
        for board, ended_ms in (("a", old_ms), ("a", old_ms), ("a", later_ms), ("b", old_ms), ("b", None)):
            held = leases.take(connection, board, "use", holder)
            lease = schema.leases.update().where(schema.leases.c.token == held.token)
            connection.execute(lease.values(since_ms=old_ms, ended_ms=ended_ms))
        held = leases.take(connection, "a", "reservation", holder)
    for why in ("a: first", "a: second", "a: third"):
        note_fault(store, "a", why, quarantine_after=2)
    with store.transaction() as connection:
        connection.execute(schema.health.update().values(at_utc=utc(OLD)))
    told = store.prune(BEFORE, dry_run=True)
    assert store.prune(BEFORE).history == told.history == 3 + 2
    with store.transaction() as connection:
        assert [past.held.token for past in leases.history(connection, "a", 9)] == [held.token, 3]
        assert [past.ended_utc for past in leases.history(connection, "b", 9)] == [None]
    assert [entry.why.partition(",")[0] for entry in history(store)] == ["a: third", "2 faults in a row"]
    assert "a" in quarantined(store)
    assert store.prune(Rules(most_bytes=10**9)).history == 0


def test_the_file_does_not_shrink_under_a_lease_whose_holder_could_not_renew_it_meanwhile(store, keep):
    keep("1111", readings=50_000)
    with store.transaction() as connection:
        held = leases.take(connection, "a", "use", leases.Holder("o", "", "h", "k", 1, "lock"))
    pruned = store.prune(BEFORE)
    assert (pruned.records, pruned.shrunk) == (["1111"], False)
    with store.transaction() as connection:
        leases.end(connection, held, "returned")
    again = store.prune(BEFORE)
    assert again.shrunk
    assert again.bytes_after < pruned.bytes_after / 2
