"""A trace in a few lines of text."""

import numpy as np
import pytest

from farm.cli.main import main
from farm.report.terminal_plot import Lane, plot
from farm.store.database import Store

T_S = np.linspace(0, 10, 1001)
STEP = np.where(T_S < 5, 1.0, 9.0)


def test_a_step_is_seen_where_it_is_and_its_levels_are_named():
    lines = plot(T_S, STEP, columns=20, rows=4, encoding="utf-8")
    assert lines[0] == f"      9 W {' ' * 10}{'█' * 10}"
    assert lines[3].startswith("      1 W ▁▁▁▁▁▁▁▁▁▁█")
    assert lines[-1].split() == ["0", "10", "s"]


def test_a_short_peak_is_shaded_and_not_averaged_away():
    watts = np.ones(1001)
    watts[505] = 9.0
    lines = plot(T_S, watts, columns=20, rows=4, encoding="utf-8")
    assert lines[0].startswith("      9 W")
    assert all("░" in line for line in lines[:3])


def test_a_stretch_without_a_value_is_empty_and_never_low():
    watts = STEP.copy()
    watts[200:400] = np.nan
    bottom = plot(T_S, watts, columns=10, rows=3, encoding="utf-8")[2]
    assert bottom[10:] == "▁▁  ▁█████"
    assert plot(T_S, np.full(1001, np.nan)) == ["no reading with a value"]


def test_a_flat_trace_is_a_line_and_no_division_by_zero():
    assert plot(T_S, np.ones(1001), columns=5, rows=3, encoding="utf-8")[2].endswith("▁▁▁▁▁")


def test_lanes_lie_below_on_the_same_axis():
    frames = [(2.0 + i, 2.01 + i) for i in range(3)]
    lines = plot(T_S, STEP, [Lane("frames", frames), Lane("idle", [(-5.0, 1.9)])], columns=20, rows=2, encoding="utf-8")
    assert lines[2] == "   frames     │ │ │"
    assert lines[3] == "     idle ━━━━"


def test_frames_that_are_too_dense_to_tell_apart_are_a_bar():
    frames = [(0.01 * i, 0.01 * i + 0.001) for i in range(1000)]
    assert plot(T_S, STEP, [Lane("frames", frames)], columns=10, rows=2, encoding="utf-8")[2].endswith("━" * 10)


def test_a_terminal_without_blocks_gets_letters():
    lines = plot(T_S, STEP, [Lane("frames", [(1.0, 1.0)])], columns=20, rows=3, encoding="ascii")
    assert "\n".join(lines).isascii()


@pytest.fixture
def kept(tmp_path, monkeypatch, timed, a_trace, some_frames):
    with Store.open(tmp_path / ".farm" / "results.sqlite") as store:
        record = timed()
        store.save(record, {"um25c-1": a_trace()}, frames=some_frames())
    monkeypatch.chdir(tmp_path)
    return record


def test_a_trial_is_plotted_with_its_frames(kept, capsys):
    assert main(["results", "plot", kept.id]) == 0
    out = capsys.readouterr().out
    assert out.startswith("um25c-1: 1,000 readings, seconds from the first frame\n")
    assert "   frames " in out
    assert main(["results", "plot", kept.id, "--from", "0", "--to", "1"]) == 0
    assert "um25c-1: 101 readings" in capsys.readouterr().out


def test_what_cannot_be_plotted_is_told(kept, capsys):
    assert main(["results", "plot", kept.id, "--meter", "wall"]) == 2
    assert "no trace of a meter wall; there are um25c-1" in capsys.readouterr().err
    assert main(["results", "plot", kept.id, "--from", "900"]) == 2
    assert "fewer than two readings there" in capsys.readouterr().err


def test_a_trace_of_another_program_is_shown(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("time,power\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:01Z,2\n2026-01-01T00:00:03Z,3\n")
    assert main(["trace", "show", str(table)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "csv: 3 rows from 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:03.000Z"
    assert out[1:3] == ["1 to 3 W, mean of the rows 2 W", "a row each 1.5 s, largest gap 2 s"]
    assert "3 s" in out[-1]
