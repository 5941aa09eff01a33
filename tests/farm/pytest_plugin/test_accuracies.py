"""``accuracy(…)``: what its check makes of a count, and where it looks for model and boards."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from farm.errors import NoVerdict, UsageFault
from farm.pytest_plugin import accuracies
from farm.pytest_plugin.accuracies import Accuracies
from farm.store.database import Store
from farm.store.run import GateVerdict, Run
from farm.store.shared_facts import SharedAccuracy, ShareFacts
from farm.verdict.shared import Found

RUN = Run(
    id="f00d" * 4,
    kind="accuracy",
    started_utc=datetime(2026, 1, 2, tzinfo=UTC),
    command=["pytest"],
    owner="ci@host",
    lab="demo",
    inventory="inventory.yaml",
    inventory_sha256="0" * 64,
    farm_version="0.1.0",
)


@pytest.fixture
def counted(monkeypatch, tmp_path, a_record):
    """``counted(verdict=None)``: an ``accuracy`` fixture whose boards have counted 354 of 360."""
    record = a_record()
    share = ShareFacts(begin=0, end=360, board="zero-01", made="process twin", correct=354, record=record.id)
    shared = SharedAccuracy(
        artifact=record.artifact, dataset=record.dataset, accuracy=record.accuracy, expected_correct=354, shares=[share]
    )

    def ready(verdict: GateVerdict | None = None) -> Accuracies:
        asked: list = []

        def count(what, store, progress, *, state):
            asked.append(what)
            store.begin(RUN)
            store.save(record, {})
            store.end(RUN.id, verdict, accuracy=shared)
            return Found(RUN, shared, verdict)

        monkeypatch.setattr(accuracies, "count", count)
        monkeypatch.setattr(accuracies, "open_accepted", lambda _lab, path, _folder: path)
        monkeypatch.setattr(accuracies, "feed", lambda _opened, _path, images: images)
        monkeypatch.setattr(accuracies, "boards_for", lambda _lab, model, _named: (model or "any",))
        option = SimpleNamespace(farm_board=[], farm_state=tmp_path, farm_wait=None)
        lab = SimpleNamespace(database=lambda state: state / "results.sqlite")
        session = SimpleNamespace(require_up=lambda: None, lab=lab, config=SimpleNamespace(option=option))
        marks = {
            "board": SimpleNamespace(args=(), kwargs={"model": "pi-zero-aiy"}),
            "artifact": SimpleNamespace(args=("marked.tar.zst",), kwargs={}),
        }
        stash = pytest.Stash()
        item = SimpleNamespace(nodeid="test_it", path=Path("/tests/test_it.py"), stash=stash)
        item.get_closest_marker = marks.get
        item.config = SimpleNamespace(stash=pytest.Stash())
        made = Accuracies(session, item, tmp_path)
        made.asked, made.stash = asked, stash
        return made

    return ready


def test_a_test_may_name_all_by_its_markers(counted):
    accuracy = counted()
    found = accuracy()
    (asked,) = accuracy.asked
    assert (asked.artifact, asked.boards, asked.at_once) == (Path("/tests/marked.tar.zst"), ("pi-zero-aiy",), 1)
    assert (found.fraction, found.loss) == (354 / 360, 0.0042)


def test_or_by_its_arguments_which_are_stronger(counted):
    accuracy = counted()
    accuracy("other.tar.zst", "set", model="atom-e3930", boards=2, cross_check=9)
    (asked,) = accuracy.asked
    assert asked.artifact == Path("/tests/other.tar.zst")
    assert (asked.dataset, asked.boards, asked.at_once, asked.check) == (Path("/tests/set"), ("atom-e3930",), 2, 9)


def test_a_limit_that_is_missed_fails_the_test_and_is_kept(counted, tmp_path):
    found = counted()()
    with pytest.raises(pytest.fail.Exception, match=r"accuracy_loss .*wanted <= 0.004(?s:.*)regression: accuracy_loss"):
        found.check(max_accuracy_loss=0.004)
    with Store.open(tmp_path / "results.sqlite") as store:
        assert store.run("last").verdict.outcome == "regression"


def test_a_limit_that_is_held_passes(counted, tmp_path):
    counted()().check(max_accuracy_loss=0.005, min_accuracy=0.98)
    with Store.open(tmp_path / "results.sqlite") as store:
        assert store.run("last").verdict.outcome == "pass"


def test_a_check_of_nothing_is_no_check(counted):
    with pytest.raises(UsageFault, match="wants a limit"):
        counted()().check()


def test_images_that_no_board_could_do_end_the_test_without_a_verdict(counted):
    undecided = GateVerdict(outcome="no verdict", criteria=[], reasons=["180 of 360 images were predicted"])
    with pytest.raises(NoVerdict, match="180 of 360"):
        counted(undecided)()


def test_a_limit_on_what_is_not_measured_is_no_check_either(counted):
    found = counted()()
    with pytest.raises(UsageFault, match="min_fps: nothing is measured here"):
        found.check(min_fps=1)
    with pytest.raises(UsageFault, match=r"limit max_accuracy_los=.*did you mean max_accuracy_loss"):
        found.check(max_accuracy_los=0.02)
