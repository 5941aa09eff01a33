"""farm trace energy: a file and a window in, joules or a clear refusal out."""

import json
from pathlib import Path

import pytest

from farm.cli.main import main

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
