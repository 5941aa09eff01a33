"""Traces as other programs read them, and back."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from farm.cli.main import main
from farm.errors import LabFault, UsageFault
from farm.report.trace_log import write_log, write_trace
from farm.store.database import Store, Stored
from power.block import Block
from power.trace import Recorded, TraceError, instant_ns, since_epoch_ns
from power.trace_files import Reading, read

BEGIN = datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC)


@pytest.fixture
def stored(tmp_path, timed, a_trace):
    """A record that began a second before its trace, in a store."""
    block = a_trace()
    record = timed(started_utc=BEGIN.isoformat(), started_ns=int(block.t_ns[0]) - 10**9)
    with Store.open(tmp_path / ".farm" / "results.sqlite") as store:
        store.save(record, {"um25c-1": block})
        yield store, Stored(record, None), block


def test_a_trials_trace_as_mlperfs_rows_comes_back_with_its_watts_and_utc(stored, tmp_path):
    store, one, block = stored
    assert write_log(store, [one], tmp_path / "new" / "trial.txt") == len(block)
    first = (tmp_path / "new" / "trial.txt").read_text().partition("\n")[0]
    assert first.startswith("Time,01-02-2026 03:04:06.250,Watts,")
    assert first.endswith(f",PF,-1.000000,Mark,{one.record.id}_um25c-1")
    back = read(tmp_path / "new" / "trial.txt", Reading(mark="um25c"))
    assert back.watts == pytest.approx(block.watts, abs=1e-6)
    assert back.volts == pytest.approx(block.volts)
    wanted_ns = block.t_ns - block.t_ns[0] + since_epoch_ns(BEGIN) + 10**9
    assert np.abs(back.t_ns - wanted_ns).max() <= 500_000


def test_a_record_whose_clock_is_not_known_is_refused(stored, tmp_path):
    store, one, _ = stored
    old = Stored(one.record.model_copy(update={"started_ns": None}), None)
    with pytest.raises(UsageFault, match="an older farm made it"):
        write_log(store, [old], tmp_path / "trial.txt")


def test_results_export_writes_mlperfs_rows(stored, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["results", "export", "--traces", "out.txt"]) == 0
    assert capsys.readouterr().out == "out.txt: 1,000 readings\n"
    assert main(["results", "export", "--traces", "out.log"]) == 2
    assert "or .txt for MLPerf's rows" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "parquet", "txt"])
def test_every_form_of_a_trials_traces_is_read_back_a_meter_at_a_time(
    ending, timed, a_trace, tmp_path, monkeypatch, capsys
):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    block = a_trace()
    input_of = timed().model_dump(mode="json", exclude_none=True)["power"][0]
    record = timed(
        started_utc=BEGIN.isoformat(),
        started_ns=int(block.t_ns[0]) - 10**9,
        power=[input_of, input_of | {"meter": "rail-1", "rail": "core"}],
    )
    rail = Block(block.t_ns, block.volts, block.amps / 2, block.flags)
    with Store.open(tmp_path / ".farm" / "results.sqlite") as store:
        store.save(record, {"um25c-1": block, "rail-1": rail})
    monkeypatch.chdir(tmp_path)
    log = f"out.{ending}"
    assert main(["results", "export", "--traces", log]) == 0
    window = ("--from", "2026-01-02T03:04:07Z", "--to", "2026-01-02T03:04:15Z")
    joules = {}
    for meter in ("um25c-1", "rail-1"):
        capsys.readouterr()
        assert main(["trace", "energy", log, "--mark", meter, *window, "--json"]) == 0
        joules[meter] = json.loads(capsys.readouterr().out)["joules_trapezoid"]
    assert joules["rail-1"] == pytest.approx(joules["um25c-1"] / 2, rel=1e-5)
    assert joules["um25c-1"] == pytest.approx(8 * block.watts.mean(), rel=0.05)
    for words in (["energy", log, *window], ["plot", log]):
        assert main(["trace", *words]) == 2
        assert f"say which with --mark: {record.id}_um25c-1, {record.id}_rail-1" in capsys.readouterr().err
    assert main(["trace", "show", log]) == 0
    told = capsys.readouterr().out
    assert "mean of the rows" not in told
    assert f"mark {record.id}_rail-1: 1,000 rows" in told


def a_recorded(**changes) -> Recorded:
    t_ns = instant_ns("2026-12-31T23:59:59.9996Z") + np.arange(3, dtype=np.int64) * 10**9
    nothing = np.full(3, np.nan)
    return Recorded(
        "csv", **{"t_ns": t_ns, "watts": np.array([1.0, np.nan, 3.5]), "volts": nothing, "amps": nothing} | changes
    )


def test_no_value_stays_none_and_an_instant_is_rounded_over_midnight(tmp_path):
    assert write_trace(a_recorded(), tmp_path / "t.txt", "mlperf") == 3
    first, second, _ = (tmp_path / "t.txt").read_text().splitlines()
    assert first == "Time,01-01-2027 00:00:00.000,Watts,1.000000,Volts,-1.000000,Amps,-1.000000,PF,-1.000000,Mark,trace"
    assert ",Watts,nan," in second
    assert read(tmp_path / "t.txt").watts.tolist() == [1.0, 3.5]


def test_readings_closer_than_a_millisecond_keep_instants_of_their_own(tmp_path):
    fast = a_recorded(
        t_ns=instant_ns("2026-12-31T23:59:59Z") + np.arange(3, dtype=np.int64) * 100_000, watts=np.ones(3)
    )
    write_trace(fast, tmp_path / "t.txt", "mlperf")
    assert read(tmp_path / "t.txt").t_ns.tolist() == fast.t_ns.tolist()


def test_a_trace_without_dates_has_no_utc(tmp_path):
    with pytest.raises(TraceError, match="say which instant"):
        write_trace(a_recorded(dated=False), tmp_path / "t.txt", "mlperf")


def test_csv_comes_back_to_the_last_bit(tmp_path):
    kept = a_recorded(marks=("a", "b", "c"), watts=np.array([0.1, 0.2, 0.3]))
    assert write_trace(kept, tmp_path / "t.csv", "csv") == 3
    back = read(tmp_path / "t.csv")
    assert back.t_ns.tolist() == kept.t_ns.tolist()
    assert back.watts.tolist() == kept.watts.tolist()
    assert back.dated


def test_parquet_has_the_same_columns(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    write_trace(a_recorded(), tmp_path / "t.parquet", "parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.column_names == ["t_ns", "watts", "volts", "amps", "mark"]
    assert table["watts"].to_pylist() == [1.0, None, 3.5]


def test_a_file_that_cannot_be_written_is_a_lab_fault(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(LabFault):
        write_trace(a_recorded(), tmp_path / "taken" / "t.txt", "mlperf")


def test_the_command_writes_what_is_asked_for_and_says_so(tmp_path, capsys):
    table = tmp_path / "in.csv"
    table.write_text("time,power\n2026-01-01T00:00:00,1\n2026-01-01T00:00:01,2\n")
    out = tmp_path / "out.txt"
    assert main(["trace", "export", str(table), "--mlperf", str(out), "--csv", str(tmp_path / "out.csv")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{out}: 2 rows\n")
    assert "taken as UTC" in said.err
    assert main(["trace", "export", str(table)]) == 2
    assert "nothing to write" in capsys.readouterr().err
