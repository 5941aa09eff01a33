"""Results are kept whole or not at all, and come back as they were."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import ValidationError

from farm.errors import LabFault, UsageFault
from farm.store.database import Store
from farm.store.pieces import pack, unpack
from farm.store.record import Record, Verdict
from power.block import Block

VERDICT = Verdict(outcome="pass", criteria=[])


def trace(readings=1000):
    noise = np.random.default_rng(1).normal(size=readings)
    t_ns = 9_000_000_000_000_000 + np.cumsum(np.full(readings, 100_000_001, np.int64))
    volts = 5.1 + noise / 1000
    volts[3:5] = np.nan
    return Block(t_ns, volts, 0.2 + noise / 100, (noise > 1).astype(np.uint8))


def same(one, other):
    return all(np.array_equal(getattr(one, f), getattr(other, f), equal_nan=True) for f in ("t_ns", "volts", "amps"))


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "deep" / "results.sqlite") as opened:
        yield opened


def test_what_was_saved_comes_back_to_the_last_bit(store, a_record):
    block = trace()
    store.save(a_record(), {"m1": block, "empty": Block.join([])}, b"U-Boot 2020\n\xff")
    stored = store.load("00c0")
    assert stored.record == a_record()
    assert stored.verdict is None
    back = store.trace(stored.record.id, "m1")
    assert same(back, block)
    assert np.array_equal(back.flags, block.flags)
    assert len(store.trace(stored.record.id, "empty")) == 0
    assert store.console(stored.record.id) == b"U-Boot 2020\n\xff"


def test_what_is_unknown_is_absent_and_stays_so(store, a_record):
    store.save(a_record(power__0__idle_before=None, clock__drift_ppm=None), {})
    record = store.load("00c0ffee").record
    assert record.power[0].idle_before is None
    assert record.clock.drift_ppm is None
    assert "drift_ppm" not in record.model_dump_json(exclude_none=True)
    assert store.console(record.id) == b""


def test_a_verdict_is_kept_and_a_later_one_replaces_it(store, a_record):
    store.save(a_record(), {})
    store.judge(a_record().id, VERDICT.model_copy(update={"outcome": "regression"}))
    store.judge(a_record().id, VERDICT)
    assert store.load("00c0").verdict == VERDICT


def test_no_verdict_without_a_record(store):
    with pytest.raises(UsageFault, match="no record nothing"):
        store.judge("nothing", VERDICT)


def test_a_trial_is_kept_whole_or_not_at_all(store, a_record):
    damaged = trace()
    object.__setattr__(damaged, "volts", None)
    with pytest.raises(AttributeError):
        store.save(a_record(), {"good": trace(), "bad": damaged})
    assert store.records() == []
    with pytest.raises(UsageFault):
        store.trace(a_record().id, "good")


def test_the_newest_come_first_of_one_board_or_all(store, a_record):
    for number, board in enumerate(["a", "b", "a"]):
        store.save(a_record(id=f"{number:016x}", board__name=board), {})
    assert [s.record.id[-1] for s in store.records()] == ["2", "1", "0"]
    assert [s.record.id[-1] for s in store.records(board="a")] == ["2", "0"]
    assert [s.record.id[-1] for s in store.records(limit=1)] == ["2"]


def test_an_id_that_says_too_little_is_refused(store, a_record):
    for name in ("abc1", "abc2"):
        store.save(a_record(id=name), {})
    with pytest.raises(UsageFault, match="more than one"):
        store.load("abc")
    with pytest.raises(UsageFault, match="no record"):
        store.load("%")


def test_several_that_open_and_write_at_once_lose_nothing(tmp_path, a_record):
    def one(number):
        with Store.open(tmp_path / "results.sqlite") as mine:
            mine.save(a_record(id=f"{number:016x}"), {"m1": trace(100)})
            mine.judge(f"{number:016x}", VERDICT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(24)))
    with Store.open(tmp_path / "results.sqlite") as store:
        assert [stored.verdict for stored in store.records()] == [VERDICT] * 24


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "results.sqlite").write_bytes(b"not a database, and longer than a header of SQLite " * 40)
    with pytest.raises(LabFault, match=r"results\.sqlite: results: file is not a database"):
        Store.open(tmp_path / "results.sqlite")


def test_a_record_of_a_newer_farm_is_not_read_wrongly(store, tmp_path, a_record):
    store.save(a_record(), {})
    with sqlite3.connect(tmp_path / "deep" / "results.sqlite") as raw:
        raw.execute("""UPDATE records SET json = replace(json, '"version":1', '"version":2')""")
    raw.close()
    with pytest.raises(UsageFault, match="newer"):
        store.load("00c0")


def test_a_damaged_console_log_is_named(store, tmp_path, a_record):
    store.save(a_record(), {}, b"U-Boot")
    with sqlite3.connect(tmp_path / "deep" / "results.sqlite") as raw:
        raw.execute("UPDATE consoles SET log = x'00'")
    raw.close()
    with pytest.raises(LabFault, match=r"results\.sqlite: results: "):
        store.console(a_record().id)


def test_what_is_no_number_is_refused_before_it_is_kept(a_record):
    with pytest.raises(ValidationError, match="finite number"):
        a_record(power__0__rate_hz=float("nan"))


def test_a_damaged_trace_is_never_numbers():
    piece = pack(trace())
    for bad in (piece[:-10], piece[:30] + bytes([piece[30] ^ 1]) + piece[31:], b"", b"plain"):
        with pytest.raises(ValueError, match="not a trace"):
            unpack(bad)


def test_a_twin_anywhere_labels_the_whole_record(a_record):
    real = {"board__made": "board", "power__0__made": "board"}
    assert a_record(**real).made == "board"
    assert a_record(**real | {"power__0__made": "recording"}).made == "recording"
    assert a_record().made == "process twin"


def test_a_record_survives_its_json(a_record):
    assert Record.model_validate_json(a_record().model_dump_json(exclude_none=True)) == a_record()
