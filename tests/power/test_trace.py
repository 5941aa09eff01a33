"""Traces that other programs recorded: what is read, what is told, what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from power.trace import Recorded, TraceError, instant_ns, iso, mixed_marks, window_energy
from power.trace_files import Reading, log_of, read, read_covering
from power.trace_ptd import parse
from power.trace_session import load_window

WIRE = Path(__file__).parents[1] / "wire" / "traces"
S = 10**9
MLPERF = WIRE / "mlperf-testing.txt"


def trace(t_s, watts, **more) -> Recorded:
    nothing = np.full(len(t_s), np.nan)
    t_ns = np.rint(np.asarray(t_s) * S).astype(np.int64)
    return Recorded("made up", t_ns, np.asarray(watts, float), nothing, nothing, dated=False, **more)


def by_hand(path: Path, start_ns: int, end_ns: int) -> tuple[float, float]:
    """Both energies of an MLPerf log the slow way, and with nothing of the farm but the instants."""
    rows = []
    for line in path.read_text().splitlines():
        if line.startswith("Time,"):
            _, when, _, watts, *_ = line.split(",")
            day, clock = when.split(" ")
            month, of, year = day.split("-")
            rows.append((instant_ns(f"{year}-{month}-{of}T{clock}Z"), float(watts)))
    steps = 20_000
    at = [start_ns + (end_ns - start_ns) * (2 * i + 1) // (2 * steps) for i in range(steps)]
    heights = np.interp(at, [t for t, _ in rows], [w for _, w in rows])
    inside = [w for t, w in rows if start_ns < t < end_ns]
    seconds = (end_ns - start_ns) / S
    return float(heights.mean()) * seconds, sum(inside) / len(inside) * seconds


def test_a_published_mlperf_log_gives_what_a_sum_by_hand_gives() -> None:
    start_ns, end_ns = instant_ns("2020-12-23T10:21:55.2Z"), instant_ns("2020-12-23T10:22:25Z")
    found = window_energy(read(MLPERF), start_ns, end_ns)
    trapezoid, mean = by_hand(MLPERF, start_ns, end_ns)
    assert found.joules_trapezoid == pytest.approx(trapezoid, rel=1e-6)
    assert found.joules_mean == pytest.approx(mean, rel=1e-12)
    assert (found.rows, found.duration_s, found.notes) == (30, 29.8, ())
    assert found.largest_gap_s == pytest.approx(1.012)


def test_edges_are_interpolated_and_rows_at_an_edge_are_not_inside() -> None:
    found = window_energy(trace([0, 1, 2, 3, 4], [0, 10, 10, 10, 30]), S // 2, 4 * S)
    assert found.joules_trapezoid == pytest.approx(0.5 * 7.5 + 10 * 2 + 20)
    assert (found.rows, found.mean_watts) == (3, 10.0)
    assert found.joules_mean == pytest.approx(35.0)


@pytest.mark.parametrize(
    ("start_s", "end_s", "told"),
    [
        (-1, 2, "not within the trace, which goes from 0 s to 4 s"),
        (1, 5, "not within the trace"),
        (7, 9, "not within the trace"),
        (2, 2, "is empty"),
        (3, 2, "is empty"),
        (1.2, 1.8, "no row between"),
    ],
)
def test_a_window_that_the_rows_do_not_cover_is_refused(start_s, end_s, told) -> None:
    with pytest.raises(TraceError, match=told):
        window_energy(trace(range(5), [1] * 5), round(start_s * S), round(end_s * S))


def test_a_gap_is_told() -> None:
    assert window_energy(trace([0, 1, 5, 6], [1, 1, 1, 1]), S // 2, 5 * S + 1).largest_gap_s == 4.0


def test_a_doubled_row_counts_once_and_is_told() -> None:
    found = window_energy(trace([0, 1, 1, 2, 3], [2, 4, 4, 2, 2]), S // 2, 3 * S)
    assert (found.rows, found.mean_watts) == (2, 3.0)
    assert found.notes == ("left out: doubled rows (1)",)


def test_two_rows_at_one_instant_that_differ_are_refused() -> None:
    with pytest.raises(TraceError, match="two rows at 1 s say 4 W and 5 W"):
        window_energy(trace([0, 1, 1, 2], [2, 4, 5, 2]), S // 2, 2 * S)


def test_rows_that_go_back_in_time_are_refused_where_they_matter_and_told_where_not() -> None:
    back = trace([0, 1, 2, 3, 1.5, 2.5, 3.5, 9], [1, 1, 1, 1, 2, 2, 2, 2])
    with pytest.raises(
        TraceError, match=r"go back in time once, first at 1.5 s: the window's rows are not in time order"
    ):
        window_energy(back, S, 2 * S)
    found = window_energy(back, round(3.2 * S), 9 * S)
    assert found.mean_watts == 2.0
    assert "go back in time" in found.notes[0]


def test_marks_that_follow_one_another_or_take_turns_in_order_are_one_meters() -> None:
    in_order = trace([0, 1, 2, 3], [1, 2, 3, 4], marks=("ranging", "notset", "ranging", "testing"))
    assert mixed_marks(in_order) == ()
    again = trace([0, 1, 2, 3, 0, 1, 2.5], [1] * 7, marks=("a",) * 2 + ("b",) * 2 + ("c",) * 3)
    assert mixed_marks(again) == ("a", "b", "c")
    stepped_back = trace([0, 1, 0.5, 2], [1] * 4, marks=("a",) * 4)
    assert mixed_marks(stepped_back) == ()


def test_an_instant_needs_its_zone_and_keeps_its_nanoseconds() -> None:
    assert instant_ns("2020-12-23T10:21:55.123456789Z") % S == 123_456_789
    assert instant_ns("2020-12-23T11:21:55+01:00") == instant_ns("2020-12-23 10:21:55z")
    assert iso(instant_ns("2020-12-23T10:21:55.1Z")) == "2020-12-23T10:21:55.100Z"
    for wrong in ("2020-12-23T10:21:55", "yesterday", "2020-13-23T10:21:55Z", ""):
        with pytest.raises(TraceError):
            instant_ns(wrong)


# logs of PTDaemon


def written(folder: Path, *lines: str, name: str = "spl.txt", end: str = "\n") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + end)
    return path


def row(stamp: str, watts: object = "5.0", mark: str = "notset") -> str:
    return f"Time,{stamp},Watts,{watts},Volts,230.1,Amps,0.05,PF,0.5,Mark,{mark}"


def test_what_is_no_row_is_left_out_and_counted() -> None:
    found = read(WIRE / "ptdaemon-mixed.txt")
    assert found.watts.tolist() == [272.93, 275.63, 275.63]
    assert np.isnan(found.volts).all()  # -1: a sum of channels has no volts
    assert found.notes == (
        "left out: notices of the daemon (1)",
        "left out: errors of the daemon (1)",
        "left out: lines that are no rows (1)",
    )


def test_a_channel_is_picked_by_its_number() -> None:
    found = read(WIRE / "ptdaemon-mixed.txt", Reading(channel=2))
    assert found.watts.tolist() == [90.97, 91.87, 91.87]
    assert found.volts.tolist() == [120.83, 120.85, 120.83]
    with pytest.raises(TraceError, match="no channel 7; it has 1, 2, 3"):
        read(WIRE / "ptdaemon-mixed.txt", Reading(channel=7))


@pytest.mark.parametrize("watts", ["nan", "-1.000000", "inf", "NAN", "9.91E+37"])
def test_a_row_without_a_value_is_never_zero_watts(watts, tmp_path) -> None:
    found = read(written(tmp_path, *(row(f"01-13-2021 10:00:0{i}.000", 5 if i != 2 else watts) for i in range(5))))
    assert found.watts.tolist() == [5.0] * 4
    assert found.notes == ("left out: rows without a value (1)",)


@pytest.mark.parametrize("stamp", ["2021-02-03 10:00:0{}.500", "2021-02-03T10:00:0{}.500Z", "02-03-2021 10:00:0{}.500"])
def test_rows_that_were_passed_on_with_iso_dates_or_blanks_are_rows(stamp, tmp_path) -> None:
    rows = (row(stamp.format(i), 4.0 + i).replace(",", ", ") for i in range(3))
    found = read(written(tmp_path, *rows))
    assert iso(int(found.t_ns[0])) == "2021-02-03T10:00:00.500Z"
    assert found.watts.tolist() == [4.0, 5.0, 6.0]
    assert [note for note in found.notes if "left out" in note] == []


def test_a_row_that_is_cut_off_at_the_end_of_the_file_is_left_out(tmp_path) -> None:
    whole = [row(f"01-13-2021 10:00:0{i}.000", 42.5) for i in range(3)]
    for cut in ("Time,01-13-2021 10:00:03.000,Watts,4", "Time,01-13-2021 10:00:03.000,Wat", "Time,01-13-2021 10:0"):
        found = read(written(tmp_path, *whole, cut, end=""))
        assert found.watts.tolist() == [42.5] * 3
        assert len(found.notes) == 1


def test_further_columns_and_the_older_form_without_a_first_word_are_read() -> None:
    found = parse("09-23-2020 14:40:23.964,Watts,5.5,Volts,230,Amps,0.1,PF,0.4,Uncertainty,0.004,Mark,a,VoltRange,300")
    assert (found.fields["Watts"], found.mark, found.date) == (5.5, "a", (9, 23, 2020))
    with pytest.raises(ValueError, match="rows without watts"):
        parse("09-23-2020 14:40:23.964,Temp,29.687500,Humidity,0.000000,Mark,notset")


def test_numbers_without_a_name_behind_a_value_shift_nothing() -> None:
    found = parse(
        "Time,03-05-2024 10:00:00.100,Watts,6.869,0.0043,Volts,247.95,0.01,Amps,0.07569,0.2,PF,0.366,Mark,a_1"
    )
    assert (found.fields["Watts"], found.fields["Volts"], found.fields["Amps"], found.mark) == (
        6.869,
        247.95,
        0.07569,
        "a_1",
    )


def test_rows_of_several_analysers_behind_their_sum_are_channels() -> None:
    one, other = (
        f"Time,03-05-2024 10:00:00.{ms},Watts,{watts},Volts,230,Amps,1,PF,1,Mark,x"
        for ms, watts in ((100, 4), (150, 5))
    )
    found = parse(
        f"Time,03-05-2024 10:00:00.100,Watts,9,Volts,-1,Amps,-1,PF,-1,Mark,x,Analyzer1,{one},Analyzer2,{other}"
    )
    assert (found.fields["Watts"], found.mark) == (9.0, "x")
    assert [found.channels[n]["Watts"] for n in (1, 2)] == [4.0, 5.0]


def test_unread_samples_of_several_channels_are_channels_too() -> None:
    found = parse("Time,03-05-2024 10:00:00.100,Watts,9,Volts,-1,Amps,-1,PF,-1,Watts,4,Volts,230,Watts,5,Volts,231")
    assert found.fields["Watts"] == 9.0
    assert [found.channels[n]["Volts"] for n in (1, 2)] == [230.0, 231.0]


def test_rows_are_picked_by_their_mark(tmp_path) -> None:
    marks = ["2021-01-13_10-00-00_ranging"] * 2 + ["2021-01-13_10-00-00_testing"] * 2
    log = written(tmp_path, *(row(f"01-13-2021 10:00:0{i}.000", i, mark) for i, mark in enumerate(marks)))
    assert read(log, Reading(mark="testing")).watts.tolist() == [2.0, 3.0]
    with pytest.raises(TraceError, match="the mark idle; marks are 2021-01-13_10-00-00_ranging, "):
        read(log, Reading(mark="idle"))


@pytest.mark.parametrize(
    ("stamps", "mark", "begins", "told"),
    [
        (["12-23-2020 10:00:00", "12-23-2020 10:00:01"], "notset", "2020-12-23", ""),
        (["23-12-2020 10:00:00", "23-12-2020 10:00:01"], "notset", "2020-12-23", "the day first, which is not"),
        (["08-07-2021 10:00:00", "08-07-2021 10:00:01"], "notset", "2021-08-07", "may be read both ways"),
        (["08-07-2021 10:00:00", "08-07-2021 10:00:01"], "2021-08-07_11-00-00_run", "2021-08-07", ""),
        (["08-07-2021 10:00:00", "08-07-2021 10:00:01"], "2021-07-08_11-00-00_run", "2021-07-08", ""),
        (["08-07-2021 23:59:59", "09-07-2021 00:00:00"], "notset", "2021-07-08", "so the rows lie closest together"),
        (["08-07-2021 23:59:59", "08-08-2021 00:00:00"], "notset", "2021-08-07", ""),
        (["07-07-2021 10:00:00", "07-07-2021 10:00:01"], "notset", "2021-07-07", ""),
        (["12/23/2020 10:00:00.5", "12/23/2020 10:00:01"], "notset", "2020-12-23", ""),
    ],
)
def test_the_order_of_day_and_month_is_found_out_or_told(stamps, mark, begins, told, tmp_path) -> None:
    found = read(written(tmp_path, *(row(stamp, mark=mark) for stamp in stamps)))
    assert iso(int(found.t_ns[0])).startswith(begins)
    assert told in "".join(found.notes)
    assert bool(told) == bool(found.notes)


def test_the_order_may_be_said_and_must_then_fit(tmp_path) -> None:
    log = written(tmp_path, row("08-07-2021 10:00:00"), row("08-07-2021 10:00:01"))
    assert iso(int(read(log, Reading(dates="dmy")).t_ns[0])).startswith("2021-07-08")
    log = written(tmp_path, row("12-23-2020 10:00:00"))
    with pytest.raises(TraceError, match="12-23-2020 is no date with the day first"):
        read(log, Reading(dates="dmy"))
    log = written(tmp_path, row("12-23-2020 10:00:00"), row("23-12-2020 10:00:00"))
    with pytest.raises(TraceError, match="in one file"):
        read(log)


def test_a_session_is_read_with_the_window_that_its_load_generator_wrote(tmp_path) -> None:
    rows = [row(f"03-23-2021 00:54:{i:02d}.170", 2.5, "2021-03-23_00-42-01_testing") for i in range(60)]
    written(tmp_path, *rows, name="run_1/spl.txt")
    written(tmp_path, *rows, name="ranging/spl.txt")
    with pytest.raises(TraceError, match="no row"):
        window_energy(trace([], []), 0, S)
    assert log_of(tmp_path) == tmp_path / "run_1" / "spl.txt"
    assert load_window(tmp_path) is None
    lines = [
        f':::MLLOG {{"key": "power_{edge}", "value": "03-23-2021 00:54:{s}.250", "time_ms": 1.5, "namespace": "x"}}'
        for edge, s in (("begin", "05"), ("end", "45"))
    ]
    written(tmp_path, ':::MLLOG {"key": "half', *lines, name="run_1/mlperf_log_detail.txt")
    found = load_window(tmp_path)
    assert found is not None
    assert found.source == "power_begin to power_end of run_1/mlperf_log_detail.txt, in UTC"
    window = found.start_ns, found.end_ns
    assert [iso(edge) for edge in window] == ["2021-03-23T00:54:05.250Z", "2021-03-23T00:54:45.250Z"]
    assert window_energy(read(tmp_path), *window).joules_trapezoid == pytest.approx(100.0)


def test_of_a_session_the_run_is_taken_that_covers_the_window(tmp_path) -> None:
    for name, minute in (("ranging/spl.txt", "42"), ("run_1/spl.txt", "54")):
        written(tmp_path, *(row(f"03-23-2021 00:{minute}:{i:02d}.170", minute) for i in range(60)), name=name)
    for minute in ("42", "54"):
        window = [instant_ns(f"2021-03-23T00:{minute}:{s}Z") for s in ("10", "20")]
        assert window_energy(read_covering(tmp_path, *window), *window).mean_watts == float(minute)
    with pytest.raises(
        TraceError, match=r"no run's log covers from 2021-03-23T00:42:10.000Z to .*: run_1/spl.txt, ranging"
    ):
        read_covering(tmp_path, instant_ns("2021-03-23T00:42:10Z"), instant_ns("2021-03-23T00:54:10Z"))


def test_a_folder_without_one_measured_run_is_refused(tmp_path) -> None:
    with pytest.raises(TraceError, match=r"no spl.txt"):
        log_of(tmp_path)
    for name in ("a/spl.txt", "b/spl.txt"):
        written(tmp_path, row("12-23-2020 10:00:00"), name=name)
    with pytest.raises(TraceError, match=r"a/spl.txt, b/spl.txt"):
        log_of(tmp_path)


def test_half_a_parquet_file_is_refused_as_that(tmp_path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + bytes(40))
    with pytest.raises(TraceError, match="cannot be read as Parquet: "):
        read(tmp_path / "t.parquet")


def test_the_daemons_own_messages_are_told_from_its_rows(tmp_path) -> None:
    said = ["       SPEC PTDaemon Tool", "03-03-2021 00:42:30.170: ERROR: Can't evaluate uncertainty of this sample!"]
    with pytest.raises(TraceError, match=r"those are in spl\.txt"):
        read(written(tmp_path, *said, name="ptd_logs.txt"))


def test_a_gzipped_log_is_read_and_a_damaged_one_refused(tmp_path) -> None:
    packed = gzip.compress(MLPERF.read_bytes())
    (tmp_path / "spl.txt.gz").write_bytes(packed)
    assert np.array_equal(read(tmp_path / "spl.txt.gz").watts, read(MLPERF).watts)
    (tmp_path / "spl.txt.gz").write_bytes(packed[:-20])
    with pytest.raises(TraceError, match="cannot be read"):
        read(tmp_path / "spl.txt.gz")
