"""Predictions beside measurements: which belong together, and how far off they have been."""

import html
import json

import numpy as np
import pytest

from farm.cli.main import main
from farm.report.collect import Subject, evidence
from farm.report.html.page import render
from farm.report.prediction.beside import Lookup
from farm.report.prediction.pairs import beside, offered
from farm.store.database import Store
from farm.store.frames import FrameTimes
from farm.store.predictions import Predictions

HOST = {"name": "Server", "cores": 8, "clock_hz": 2.6e9, "clock_source": "cpufreq"}
FACTS = {
    "cores": 2,
    "board_cores": 2,
    "clock_hz": 1.3e9,
    "share": 0.5,
    "threads": 1,
    "memory_bytes": 8 << 30,
    "sources": {"cores": "Intel"},
    "mechanism": "cgroup v2",
    "timing": "computed",
    "host": HOST,
}


@pytest.fixture
def measured(a_record):
    """``measured("id", p50=6.0, …)``: on a real board."""

    def make(name, *, p50=6.0, **changes):
        at = {"board__name": "atom-01", "board__model": "atom-e3930", "board__made": "board", "power": []}
        return a_record(id=name, latency__p50_ms=p50, **at | {"board__runtime": "onnxruntime 1.20"} | changes)

    return make


@pytest.fixture
def predicted(measured):
    """``predicted("id", p50=3.0, …)``: on this controller."""

    def make(name, *, p50=3.0, **changes):
        of = {"board__name": "atom-e3930 on this controller", "board__made": "prediction", "prediction": FACTS}
        return measured(name, p50=p50, **of | changes)

    return make


def test_a_pair_is_one_trial_predicted_and_measured(measured, predicted):
    said, was = predicted("aaaa"), measured("bbbb")
    found = beside(was, [said], [was])
    assert found.pair is not None
    assert found.pair.ratio("p50_ms") == 2.0
    assert found.pair.ratio("missed") is None  # none of either: no ratio
    assert found == beside(said, [said], [was])
    assert found.pair.differs == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"artifact__id": "b" * 64},
        {"board__model": "atom-e3940"},
        {"board__device": "GPU"},
        {"scenario__rate_hz": 10.0},
        {"scenario__name": "server"},
        {"scenario__late": "drop"},
        {"scenario__seed": 1},
        {"scenario__part": (0, 100)},
        {"deadlines__deadline_ms": 20.0},
        {"latency__stages_mean_ms": {"infer": 2.0, "draw": 0.1}},
        {"voids": ["host: the controller was stopped for 2.0 s"]},
    ],
)
def test_what_was_done_otherwise_is_no_pair(measured, predicted, changes):
    was = measured("bbbb", **changes)
    found = beside(was, [predicted("aaaa")], [was])
    assert (found.pair, found.past) == (None, ())


def test_how_long_it_took_and_a_policy_that_an_older_record_leaves_out_part_no_pair(measured, predicted):
    was = measured("bbbb", scenario__duration_s=600.0, scenario__frames=12_000)
    assert offered(was) == offered(predicted("aaaa", scenario__late="queue"))


def test_another_runtime_is_told(measured, predicted):
    was = measured("bbbb", board__runtime="onnxruntime 1.16")
    found = beside(was, [predicted("aaaa")], [was])
    assert found.pair is not None
    assert found.pair.differs == "runtime: onnxruntime 1.20 predicted, onnxruntime 1.16 measured"


def test_the_newest_prediction_counts_and_boards_before_twins(measured, predicted):
    said = [predicted("new", p50=4.0), predicted("old", p50=3.0)]
    was = [measured("twin", p50=2.0, board__made="process twin"), measured("board", p50=6.0)]
    found = beside(said[0], said, was)
    assert found.pair is not None
    assert (found.pair.measured.id, found.pair.ratio("p50_ms")) == ("board", 1.5)
    assert beside(was[1], said, was).pair == found.pair


def test_how_far_off_is_counted_by_limits_and_never_mixes_boards_with_twins(measured, predicted):
    said = [predicted("p1"), predicted("p2", p50=1.0, artifact__id="b" * 64)]
    said += [predicted("p3", p50=99.0, prediction=FACTS | {"clock_hz": 1.8e9})]
    was = [measured("m1", p50=6.0), measured("m2", p50=9.0), measured("m3", p50=4.0, artifact__id="b" * 64)]
    was += [measured("t1", p50=1.5, board__made="process twin")]
    on_boards, on_twins = beside(was[0], said, was).past
    assert (on_boards.made, on_boards.pairs, on_boards.artifacts) == ("board", 3, 2)
    assert on_boards.ratios["p50_ms"] == (3.0, 2.0, 4.0)
    assert (on_twins.made, on_twins.ratios["p50_ms"]) == ("process twin", (0.5, 0.5, 0.5))


@pytest.fixture
def kept(tmp_path, monkeypatch, measured, predicted):
    """A board's trial, a twin's and a prediction of it, in this folder."""
    monkeypatch.chdir(tmp_path)
    with Store.open(tmp_path / ".farm" / "results.sqlite") as store:
        store.save(measured("1111aaaa"), {})
        store.save(measured("2222bbbb", board__name="atom-02", board__made="process twin"), {})
        store.save(predicted("3333cccc"), {})
        store.save(measured("4444dddd", board__model="jetson-tx2", board__name="tx2-01"), {})
        yield store


@pytest.mark.usefixtures("kept")
def test_results_label_predictions_and_show_them_beside_measurements(capsys):
    assert main(["results", "list"]) == 0
    listed = {line[:8]: line for line in capsys.readouterr().out.splitlines()}
    assert "atom-e3930 on this controller (prediction)" in listed["3333cccc"]
    assert listed["3333cccc"].rstrip().endswith("PREDICTION")
    assert main(["results", "show", "1111"]) == 0
    shown = capsys.readouterr().out
    assert "p50, ms  3          6         2.00" in shown
    assert "predicted: record 3333cccc, 1.30 GHz; measured: record 1111aaaa on atom-01\n" in shown
    assert "so far, against a board (1 pair of 1 artifact): measured / predicted, median and range: p50 2.00" in shown
    assert main(["results", "show", "2222"]) == 0
    assert "on atom-02, a process twin: at the speed of its host, not of a board" in capsys.readouterr().out
    assert main(["results", "show", "4444"]) == 0
    assert "predict" not in capsys.readouterr().out
    assert main(["results", "show", "3333", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["made"] == "prediction"


def test_a_void_prediction_is_called_void(kept, predicted, capsys):
    kept.save(predicted("5555eeee", voids=["host: the controller was stopped for 2.0 s"]), {})
    assert main(["results", "list", "--limit", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].rstrip().endswith(" void")


@pytest.mark.usefixtures("kept")
def test_markdown_holds_the_table_and_needs_no_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("farm.cli.report.missing_extra", lambda _: "not installed")
    assert main(["report", "1111", "--markdown", str(tmp_path / "run.md")]) == 0
    page = (tmp_path / "run.md").read_text()
    assert "| p50, ms | 3 | 6 | 2.00 |" in page
    assert "against a board (1 pair of 1 artifact)" in html.unescape(page)
    assert main(["report", "3333", "--markdown", str(tmp_path / "run.md")]) == 0
    assert "watts: none" in (tmp_path / "run.md").read_text()


def test_the_page_shows_the_same_and_says_what_a_prediction_is(kept):
    lookup = Lookup(kept)
    trials = [kept.load(one) for one in ("1111", "3333")]
    page = render(Subject(None, None, trials, []), lambda one: evidence(kept, one, lookup))
    assert page.count("<caption>Prediction beside measurement</caption>") == 2
    assert '<td class="number">2.00</td>' in page
    assert "PREDICTION for atom-e3930: 1.30 GHz, 50.0% of 2.60 GHz here; 2 cores; 8 GiB" in page
    assert "watts: none" in page
    assert "not judged" in page
    alone = render(Subject(None, None, trials[1:], []), lambda one: evidence(kept, one, lookup))
    assert "not judged" not in alone.lower()
    assert "1 prediction: nothing was measured on a board, and no gate takes it." in alone


def test_images_of_a_prediction_are_asked_of_no_board(kept, predicted, tmp_path, capsys):
    told = Predictions(np.array([0]), np.array([1]), np.array([0.5]), np.array([2]))
    none = np.zeros(0, np.int64)
    record = predicted("6666ffff", dataset__images_sha256="a" * 64)
    kept.save(record, {}, b"", FrameTimes(none, none, {}, none, none, told))
    (tmp_path / "collect.yaml").write_text("misclassified: true\nprivacy: none\n")
    assert main(["collect", "6666", "--policy", "collect.yaml", "--out", "hard"]) == 2
    assert "made on no board: name the data set's folder: --dataset" in capsys.readouterr().err
