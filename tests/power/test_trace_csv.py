"""Tables of times and watts: columns by name, units, clocks."""

from pathlib import Path

import numpy as np
import pytest

from power.trace import Recorded, TraceError, instant_ns, iso
from power.trace_csv import read
from power.trace_files import read as read_file

WIRE = Path(__file__).parents[1] / "wire" / "traces"


def first(found: Recorded) -> tuple[str, float]:
    return iso(int(found.t_ns[0])), float(found.watts[0])


def test_a_joulescopes_statistics_are_read() -> None:
    found = read_file(WIRE / "joulescope-statistics.csv")
    assert found.form == "joulescope csv"
    assert found.t_ns.tolist() == [0, 500_000_000, 1_000_000_000, 1_500_000_000, 2_000_000_000]
    assert found.watts[0] == pytest.approx(1.89553)
    assert not found.dated
    assert found.notes == ("its times count from a zero of its own",)


def test_a_joulescopes_samples_have_watts_from_volts_and_amps() -> None:
    found = read("#time (s),current (A),voltage (V)\n0.0000000,0.5,5.0\n0.0000005,nan,nan\n0.0000010,0.25,5.0\n")
    assert found.watts.tolist() == [2.5, 1.25]
    assert found.t_ns.tolist() == [0, 1000]
    assert "left out: rows without a value (1)" in found.notes


@pytest.mark.parametrize(
    "cell",
    ["1608718000", "1608718000.0", "1608718000000", "1608718000000000", "1608718000000000000",
     "2020-12-23T10:06:40Z", "2020-12-23 10:06:40.000+00:00", "2020-12-23T12:06:40+02:00", "2020/12/23 10:06:40Z"],
)  # fmt: skip
def test_instants_are_told_apart_by_their_form_and_size(cell) -> None:
    assert first(read(f"time,power\n{cell},2.5\n")) == ("2020-12-23T10:06:40.000Z", 2.5)


def test_decimals_of_an_instant_are_exact() -> None:
    assert read("time,power\n1608718000.123456789,1\n").t_ns.tolist() == [1608718000123456789]
    assert read("t_ns,power\n1608718000123456789,1\n").t_ns.tolist() == [1608718000123456789]


def test_a_time_without_a_zone_is_taken_as_utc_and_told() -> None:
    found = read("timestamp,watts\n2020-12-23T10:06:40,2.5\n")
    assert first(found)[0] == "2020-12-23T10:06:40.000Z"
    assert found.notes == ("its times name no zone; taken as UTC",)


def test_date_and_time_of_day_may_have_columns_of_their_own() -> None:
    assert first(read("Date,Time,Power\n2020-12-23,10:06:40.5,2.5\n")) == ("2020-12-23T10:06:40.500Z", 2.5)


@pytest.mark.parametrize(
    ("header", "cells", "watts"),
    [
        ("time,Power (mW)", "2500", 2.5),
        ("time,power_mw", "2500", 2.5),
        ("time,mW", "2500", 2.5),
        ("time,power [W]", "2.5", 2.5),
        ("time,voltage_v,current_ma", "5,500", 2.5),
        ("time,U (mV),I (uA)", "5000,500000", 2.5),
        ("time,volts,amps,watts", "5,0.5,2.4", 2.4),
    ],
)
def test_columns_and_units_are_known_by_their_names(header, cells, watts) -> None:
    assert read(f"{header}\n1608718000,{cells}\n").watts[0] == pytest.approx(watts)


def test_what_nvidia_smi_logs_is_read() -> None:
    stamps = (f"2023/05/01 12:00:00.{ms}" for ms in (123, 223, 323))
    watts = ("61.23 W", "[N/A]", "62.00 W")
    found = read("\n".join(["timestamp, power.draw [W]", *map(", ".join, zip(stamps, watts, strict=True))]))
    assert found.watts.tolist() == [61.23, 62.0]
    assert iso(int(found.t_ns[0])) == "2023-05-01T12:00:00.123Z"


@pytest.mark.parametrize(
    "text", ["t;P\n0,5;2,5\n1;2,5\n", "t\tP\n0.5\t2.5\n1\t2.5\n", "# by hand\n\nt, P\n0.5, 2.5\n1,2.5\n"]
)
def test_tables_may_be_written_in_other_ways(text) -> None:
    found = read(text)
    assert found.watts.tolist() == [2.5, 2.5]
    assert found.t_ns.tolist() == [500_000_000, 1_000_000_000]


def test_the_caller_may_name_the_columns_also_by_number() -> None:
    text = "when,meter 1,meter 2\n1608718000,1,2\n"
    assert read(text, named={"time": "when", "watts": "Meter 2"}).watts.tolist() == [2.0]
    assert read("1608718000,1,2\n", named={"time": "1", "watts": "3"}).watts.tolist() == [2.0]
    volts_amps = {"time": "when", "volts": "2", "amps": "3"}
    assert read(text, named=volts_amps).watts.tolist() == [2.0]


@pytest.mark.parametrize(
    ("text", "named", "told"),
    [
        ("", {}, "no row"),
        ("time,power\n", {}, "no row below"),
        ("x,power\n1,2\n", {}, "its columns are x, power; say --time-column"),
        ("time,y\n1,2\n", {}, "its columns are time, y; say --watts-column"),
        ("1,2\n3,4\n", {}, "names none of its 2 columns; say --time-column"),
        ("time,power,power\n1,2,3\n", {}, "2 columns are called 'power'; say --watts-column"),
        ("time,power\n1,2\n", {"watts": "Leistung"}, "no column 'Leistung'; there are time, power"),
        ("time,power\n1,two\n2,three\n3,4\n", {}, "1 of 3 rows have a time and watts"),
        ("time,voltage\n1,5\n", {}, "say --watts-column"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(text, named, told) -> None:
    with pytest.raises(TraceError, match=told):
        read(text, named=named)


def test_a_unit_beside_the_number_is_heeded_and_a_wrong_one_is_no_number() -> None:
    found = read("time,power\n1608718000,2500 mW\n1608718001,2.5 W\n1608718002,2.5 V\n")
    assert found.watts.tolist() == [2.5, 2.5]
    assert found.notes == ("left out: rows that are no numbers (1)",)


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "9.91E37", "9.9E37", "inf", "null"])
def test_no_value_is_never_a_number(cell) -> None:
    found = read(f"time,power\n1608718000,2\n1608718001,{cell}\n1608718002,2\n")
    assert found.watts.tolist() == [2.0, 2.0]
    assert found.notes == ("left out: rows without a value (1)",)


def test_a_mark_picks_rows_of_a_table_and_one_that_is_nowhere_is_refused_with_those_that_are() -> None:
    text = "t_s,meter,watts\n0,wall,7\n1,wall,8\n0,rail,5\n1,rail,6\n"
    assert read(text, mark="rail").watts.tolist() == [5, 6]
    assert read(text).marks == ("wall", "wall", "rail", "rail")
    with pytest.raises(TraceError, match="no row has the mark usb; marks are wall, rail"):
        read(text, mark="usb")
    with pytest.raises(TraceError, match="a table without one"):
        read("t_s,watts\n0,7\n", mark="rail")


def test_volts_and_amps_stay_beside_watts() -> None:
    found = read("time,volts,amps,watts\n1608718000,5,0.5,2.4\n1608718001,,0.5,2.4\n")
    assert found.volts[0] == 5.0
    assert np.isnan(found.volts[1])
    assert int(found.t_ns[0]) == instant_ns("2020-12-23T10:06:40Z")


def test_columns_between_blanks_are_read_as_the_fnirsi_logger_writes_them() -> None:
    """Names as baryluk/fnirsi-usb-power-data-logger prints them."""
    names = "timestamp sample_in_packet voltage_V current_A dp_V dn_V temp_C_ema energy_Ws capacity_As"
    found = read(
        f"{names}\n1700000000.010 0 5.08000 0.20000 0.6 0.6 25.3 0 0\n1700000000.020 1  5.1 0.1 0.6 0.6 25 0 0\n"
    )
    assert found.watts == pytest.approx([1.016, 0.51])
    assert np.diff(found.t_ns).tolist() == [10_000_000]
