"""An accuracy that boards have counted together, wherever it is told."""

import pytest

from farm.report.collect import Subject
from farm.report.gate_view import Gate
from farm.report.html.run_view import run_view
from farm.report.run_markdown import markdown
from farm.report.shared_text import against, decided
from farm.store.database import Stored
from farm.store.frame_facts import AccuracyFacts
from farm.store.run import GateCriterion, GateVerdict
from farm.store.shared_facts import SharedAccuracy, ShareFacts
from farm.trial.scenario import EachOnce


@pytest.fixture
def shared(timed):
    """``shared(correct, data set)``: two boards that have predicted all of 40 images."""
    facts = timed()

    def make(correct, dataset="d" * 64):
        share = {"made": "board", "correct": 20, "record": facts.id}
        return SharedAccuracy(
            artifact=facts.artifact,
            dataset=facts.dataset.model_copy(update={"images": 40, "id": dataset}),
            accuracy=AccuracyFacts(correct=correct, total=40, fraction=correct / 40),
            expected_correct=correct,
            shares=[
                ShareFacts(begin=0, end=20, board="atom-01", **share),
                ShareFacts(begin=20, end=40, board="atom-02", **share),
            ],
        )

    return make


def test_the_sum_stands_in_every_report_and_the_boards_are_counted(shared, a_run, timed):
    record = timed(scenario__name=EachOnce.name)
    of = {"board": "atom-01, atom-02", "model": "atom", "artifact": "lenet5", "trials": 2, "records": [record.id]}
    limit = GateCriterion(name="accuracy", unit="", wanted=">= 0.9", limit=0.9, got=0.95, outcome="pass", **of)
    run = a_run(kind="accuracy", accuracy=shared(38))
    verdict = GateVerdict(outcome="pass", criteria=[limit])
    subject = Subject(run, verdict, [Stored(record, None)], [])
    view, page = run_view(subject, {}, "", "0"), markdown(subject, lambda _: None)
    assert "95.00% (38 of 40)" in view.because
    assert "accuracy held, on 2 boards" in view.because
    assert "on 2 boards" in page
    assert "accuracy: PASS" in page
    assert "infer is" not in page  # who says how much faster it could be speaks of speed
    assert decided(Gate(run, verdict)) == "pass: accuracy held, on 2 boards"


def test_two_accuracies_differ_exactly_on_the_same_images_and_by_nothing_else(shared):
    assert list(against(shared(38), shared(36)))[-1] == "B - A  -5.00%, exact"
    assert list(against(shared(38), shared(36, "e" * 64)))[-1] == "not compared: different data sets"
    part = shared(30).model_copy(update={"accuracy": AccuracyFacts(correct=30, total=39, fraction=30 / 39)})
    assert list(against(shared(38), part))[-1] == "not compared: not all images were predicted"
