"""Records as a table for other programs."""

import csv
import json
import sys

import numpy as np
import pytest

from farm.errors import UsageFault
from farm.report import export
from farm.report.export import rows, write, write_traces
from farm.report.export_predictions import write_predictions
from farm.store.database import Store, Stored
from farm.store.frames import FrameTimes
from farm.store.predictions import Predictions


def test_csv_has_a_row_a_record_and_meter_with_units_in_its_columns(timed, tmp_path):
    two_meters = timed().model_dump(mode="json", exclude_none=True)["power"] * 2
    two_meters[1] = two_meters[1] | {"meter": "wall-1", "rail": "230 V"}
    none = timed(id="2" * 16, power=[], supply_meter=None)
    found = [Stored(timed(power=two_meters), None), Stored(none, None)]
    assert write(rows(found), tmp_path / "new" / "r.csv", "csv") == 3
    with (tmp_path / "new" / "r.csv").open(newline="") as file:
        first, second, third = csv.DictReader(file)
    assert (first["meter"], first["is_supply"], first["mean_watts"], first["u_mean_watts"]) == (
        "um25c-1",
        "True",
        "1.2",
        "0.02",
    )
    assert (second["meter"], second["is_supply"]) == ("wall-1", "False")
    assert third["mean_watts"] == third["meter"] == ""
    assert first["started_utc"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t"])
def test_no_text_becomes_a_formula_in_a_spreadsheet_and_numbers_stay_numbers(timed, tmp_path, begin):
    power = timed().model_dump(mode="json", exclude_none=True)["power"][0]
    named = power | {"rail": f"{begin}cmd|' /C calc'!A0", "joules_per_inference_above_idle": -0.01}
    write(rows([Stored(timed(power=[named]), None)]), tmp_path / "r.csv", "csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["rail"] == f"'{begin}cmd|' /C calc'!A0"
    assert row["joules_per_inference_above_idle"] == "-0.01"


def test_what_is_unknown_is_left_out_of_json(timed, tmp_path):
    write(rows([Stored(timed(accuracy=None), None)]), tmp_path / "r.json", "json")
    (row,) = json.loads((tmp_path / "r.json").read_text())
    assert "accuracy" not in row
    assert row["joules_per_inference"] == 0.06


def test_parquet_keeps_types_and_nulls(timed, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    write(rows([Stored(timed(accuracy=None), None)]), tmp_path / "r.parquet", "parquet")
    table = pq.read_table(tmp_path / "r.parquet")
    assert str(table.schema.field("mean_watts").type) == "double"
    assert str(table.schema.field("frames").type) == "int64"
    assert table["accuracy"].to_pylist() == [None]


def test_traces_are_exact_and_a_reading_without_value_is_empty(store, timed, a_trace, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_AT_ONCE", 7)
    trace = a_trace(seconds=1)
    trace.amps[3] = np.nan
    store.save(timed(), {"um25c-1": trace})
    found = [store.load("00c0")]
    assert found[0].record.started_ns is None
    assert write_traces(store, found, tmp_path / "t.csv", "csv") == 100
    with (tmp_path / "t.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(row["volts"]) for row in read] == trace.volts.tolist()
    assert int(read[0]["t_ns"]) == trace.t_ns[0]
    assert (read[0]["t_s"], read[0]["unix_ns"], read[3]["amps"], read[3]["watts"]) == ("-2.0", "", "", "")
    with pytest.raises(UsageFault, match=r"\.csv or \.parquet"):
        write_traces(store, found, tmp_path / "t.json", "json")


def test_without_pyarrow_it_says_what_to_install(timed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageFault, match=r"edge-test-farm\[parquet\]"):
        write(rows([Stored(timed(), None)]), tmp_path / "r.parquet", "parquet")


def test_what_was_predicted_says_what_predicted_it(timed, tmp_path):
    told = Predictions(np.array([3, 4]), np.array([1, 2]), np.array([0.5, np.nan]), np.array([1, 1]))
    none = np.zeros(0, np.int64)
    with Store.open(tmp_path / "results.sqlite") as store:
        record = timed(board__made="process twin")
        store.save(record, {}, b"", FrameTimes(none, none, {}, none, none, told))
        assert write_predictions(store, [Stored(record, None)], tmp_path / "p.json", "json") == 2
    first, second = json.loads((tmp_path / "p.json").read_text())
    assert (first["made"], first["image"], first["correct"], first["margin"]) == ("process twin", 3, True, 0.5)
    assert second["correct"] is False
    assert "margin" not in second
