"""farm trace energy: a file and a window in, joules or a clear refusal out."""

import json
from pathlib import Path

import pytest

from farm.cli.main import main
from power import trace_text

WIRE = Path(__file__).parents[2] / "wire" / "traces"
MLPERF = str(WIRE / "mlperf-testing.txt")
JOULESCOPE = str(WIRE / "joulescope-statistics.csv")
WINDOW = ("--from", "2020-12-23T10:21:55.2Z", "--to", "2020-12-23T10:22:25Z")


def test_json_says_it_by_two_ways(capsys):
    assert main(["trace", "energy", MLPERF, *WINDOW, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["joules_trapezoid"] == pytest.approx(1116.3, rel=0.05)
    assert found["joules_mean"] == pytest.approx(found["mean_watts"] * 29.8)
    assert (found["rows"], found["duration_s"], found["largest_gap_s"]) == (30, 29.8, 1.012)
    assert (found["format"], found["notes"]) == ("ptdaemon", [])


def test_a_person_reads_the_same(capsys):
    assert main(["trace", "energy", MLPERF, *WINDOW]) == 0
    out = capsys.readouterr().out
    assert "W mean of 30 rows in 29.8 s" in out
    assert "largest gap 1.012 s; read as ptdaemon" in out


def test_a_trace_without_dates_takes_seconds_or_an_instant_for_its_zero(capsys):
    assert main(["trace", "energy", JOULESCOPE, "--from", "0.2", "--to", "1.9", "--json"]) == 0
    by_seconds = json.loads(capsys.readouterr().out)
    zero = ("--zero", "2026-01-01T00:00:00Z", "--from", "2026-01-01T00:00:00.2Z", "--to", "2026-01-01T00:00:01.9Z")
    assert main(["trace", "energy", JOULESCOPE, *zero, "--json"]) == 0
    by_zero = json.loads(capsys.readouterr().out)
    assert by_seconds["joules_trapezoid"] == pytest.approx(by_zero["joules_trapezoid"])
    assert by_seconds["notes"]
    assert by_zero["notes"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["absent.csv", *WINDOW], "absent.csv: cannot be read"),
        ([MLPERF], "give --from and --to"),
        ([MLPERF, *WINDOW[:2]], "give --to too"),
        ([MLPERF, "--from", "2020-12-23T10:21:55", "--to", "2020-12-23T10:22:25Z"], "has no zone"),
        ([MLPERF, "--from", "2020-12-23T10:21:55Z", "--to", "2020-12-24T10:22:25Z"], "is not within the trace"),
        ([MLPERF, *WINDOW, "--zero", "2020-12-23T10:22:25Z"], "--zero is for a trace without dates"),
        ([JOULESCOPE, *WINDOW], "give --zero TIME, or --from and --to in seconds"),
        ([JOULESCOPE, *WINDOW, "--mark", "x"], "--mark is for logs of PTDaemon"),
        ([JOULESCOPE, "--from", "0.2", "--to", "1.9", "--watts-column", "x"], "no column 'x'; there are time, current"),
    ],
)
def test_what_cannot_be_answered_is_refused(words, told, capsys):
    assert main(["trace", "energy", *words, "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_a_file_too_long_for_the_memory_is_refused_before_it_takes_it(capsys, monkeypatch):
    monkeypatch.setattr(trace_text, "memory_bytes", lambda: 1000)
    assert main(["trace", "plot", JOULESCOPE]) == 2
    assert "of memory, and there are 0; take some of its rows" in capsys.readouterr().err


def session(folder):
    """A run whose load generator wrote when its load was on, in the minute of the log."""
    (folder / "run_1").mkdir()
    (folder / "run_1" / "spl.txt").write_bytes((WIRE / "mlperf-testing.txt").read_bytes())
    (folder / "run_1" / "mlperf_log_detail.txt").write_text(
        "".join(
            f':::MLLOG {{"key": "power_{edge}", "value": "12-23-2020 10:22:{s}", "time_ms": 1.5}}\n'
            for edge, s in (("begin", "00.000"), ("end", "20.000"))
        )
    )
    return str(folder)


def test_of_a_session_the_window_is_its_load_generators_and_the_clocks_are_told(tmp_path, capsys):
    assert main(["trace", "energy", session(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "in 20 s" in out
    assert "window: power_begin to power_end of run_1/mlperf_log_detail.txt, in UTC" in out
    assert "clock of the watts against the load's: not known, taken as the same" in out
    assert main(["trace", "energy", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["clock_difference_s"] is None
    assert found["window"].startswith("power_begin to power_end")


def test_a_window_in_another_zone_than_the_watts_is_told_and_not_moved(tmp_path, capsys):
    detail = Path(session(tmp_path)) / "run_1" / "mlperf_log_detail.txt"
    detail.write_text(detail.read_text().replace(" 10:22", " 11:22"))
    assert main(["trace", "energy", str(tmp_path)]) == 2
    assert "the watts of that time stand -1 h from there; one of the two is not in UTC" in capsys.readouterr().err


def test_a_trace_is_drawn_in_the_terminal_with_its_window(tmp_path, capsys):
    assert main(["trace", "plot", session(tmp_path)]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "40 rows, seconds from 2020-12-23T10:22:00.000Z"
    assert any(line.lstrip().startswith("window ") for line in rest)
    assert rest[-1].split()[0].startswith("-8.5")
    assert main(["trace", "plot", MLPERF, *WINDOW]) == 0
    assert capsys.readouterr().out.startswith("30 rows, seconds from 2020-12-23T10:21:55.200Z")


def test_a_trace_becomes_a_picture(tmp_path, capsys):
    assert main(["trace", "plot", session(tmp_path), "--png", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out == f"{tmp_path}/a.png: 40 rows, seconds from 2020-12-23T10:22:00.000Z\n"
    assert main(["trace", "plot", MLPERF, "--png", str(tmp_path / "no" / "a.png")]) == 3
    assert "is the folder there" in capsys.readouterr().err


def test_too_little_to_draw_is_refused(capsys):
    early = ("--from", "2020-12-23T10:21:51Z", "--to", "2020-12-23T10:21:52Z")
    assert main(["trace", "plot", MLPERF, *early]) == 2
    assert "fewer than two rows to draw; the trace has 40" in capsys.readouterr().err
