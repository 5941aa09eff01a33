"""An accuracy counted by several boards: what is refused, what is decided, and what a fault leaves behind."""

from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from time import monotonic, sleep
from types import SimpleNamespace

import numpy as np
import pytest

from devices.errors import Unreachable
from farm.cli import accuracy
from farm.errors import LabFault, UsageFault
from farm.lab.lending import Lending
from farm.report.shared_text import headline, lines, summary
from farm.store.database import Store
from farm.store.frame_facts import AccuracyFacts
from farm.store.frames import FrameTimes
from farm.store.predictions import Predictions
from farm.store.shared_facts import SharedAccuracy, ShareFacts
from farm.trial import sharded
from farm.trial.trial import Trial
from farm.verdict import shared
from farm.verdict.criteria import Limits
from farm.verdict.shared import Asked, boards_for, count, require_countable, verdict_on

MODELS = {"atom-01": "atom", "atom-02": "atom", "atom-03": "atom", "tx2-01": "tx2"}


class Lab:
    """Boards that need no inventory."""

    lab, path, sha256, resolved = "lab", "inventory.yaml", "0" * 64, None
    boards = {name: SimpleNamespace(model=model) for name, model in MODELS.items()}  # noqa: RUF012

    def require(self, names):
        if unknown := [name for name in names if name not in self.boards]:
            raise UsageFault(f"no board {unknown}")


class World:
    """What boards do: how many shares each does before it dies, and who answers otherwise than the others."""

    def __init__(self, monkeypatch, a_record, deployment) -> None:
        self.dies_after: dict[str, int] = {}
        self.odd: set[str] = set()
        self.busy: set[str] = set()
        self.slow: set[str] = set()
        self.stuck: set[str] = set()
        self.noted: list[str] = []
        self._done: dict[str, int] = {}
        self._out: set[str] = set()
        self._nth = 0
        self._died = Event()
        self._a_record, self.deployment = a_record, deployment
        monkeypatch.setattr(Lending, "lend", self.lend)
        monkeypatch.setattr(sharded, "deploy_to", lambda *_, **__: deployment)
        monkeypatch.setattr(sharded, "run_trial", self.run_trial)
        monkeypatch.setattr(shared, "note_lab_fault", lambda _s, _l, board, _f: self.noted.append(board))

    @contextmanager
    def lend(self, boards, *, wait_s, tell, heed):
        free = [name for name in boards if name not in self.busy | self._out]
        until_s = monotonic() + min(wait_s, 10.0)
        while wait_s and monotonic() < until_s:  # somebody else was quicker, and has it still
            free = []
            heed()
            sleep(0.01)
        if not free:
            raise LabFault(", ".join(boards), "all are in use by ci@host")
        self._out.add(free[0])

        def ensure_up(heed):
            until_s = monotonic() + 30
            while free[0] in self.stuck and monotonic() < until_s:
                heed("in stage kernel")
                sleep(0.01)

        yield SimpleNamespace(name=free[0], made="process twin", ensure_up=ensure_up, console_log=lambda: b"")

    def run_trial(self, bench, put, scenario, *, progress, heed):
        done = self._done[bench.name] = self._done.get(bench.name, 0) + 1
        if done > self.dies_after.get(bench.name, 1000):
            self._died.set()
            raise Unreachable(bench.name, "is gone")
        if self.dies_after and bench.name not in self.dies_after and done > 1:
            assert self._died.wait(10)  # else a quick board leaves the dying one nothing to lose
        until_s = monotonic() + 30
        while bench.name in self.slow and monotonic() < until_s:
            heed()
            sleep(0.01)
        images = np.arange(*scenario.part)
        labels = put.dataset.labels[images].astype(np.int64)
        says = np.where(images == 0, (labels + 1) % 10, 99 if bench.name in self.odd else labels)
        told = Predictions(images, says, np.ones(len(images)), labels)
        none = np.zeros(0, np.int64)
        self._nth += 1
        record = self._a_record(id=f"{self._nth:016x}", board__name=bench.name, power=[], supply_meter=None)
        return Trial(record, {}, FrameTimes(none, none, {}, none, none, told))


@pytest.fixture
def world(monkeypatch, a_record, tiny):
    return World(monkeypatch, a_record, tiny())


@pytest.fixture
def ask(world):
    def asked(*boards: str, **more) -> Asked:
        put = world.deployment
        names = boards or ("atom-01", "atom-02")
        return replace(Asked(Lab(), put.artifact, put.dataset, names, min(2, len(names))), **more)

    return asked


@pytest.fixture
def counting(tmp_path):
    with Store.open(tmp_path / "results.sqlite") as store:
        yield lambda asked: count(asked, store, lambda _text, _board: None, state=tmp_path)


def test_sum_loss_and_what_the_manifest_says_are_exact(counting, ask):
    found = counting(ask(limits=Limits(max_accuracy_loss=0.03)))
    summed = found.shared.accuracy
    assert (summed.correct, summed.total, summed.loss) == (39, 40, 1 - 39 / 40)
    assert found.verdict.outcome == "pass"
    assert found.verdict.criteria[0].board.endswith("(process twin)")
    assert summary(found.shared).startswith(
        "accuracy 97.50% (39 of 40) (process twin), its manifest says 40; baseline 100.00%, loss +2.50%, exact"
    )
    assert headline(found.shared, found.verdict).endswith(" (process twin)")
    assert found.run.accuracy == found.shared


def test_a_limit_that_is_missed_is_a_regression(counting, ask):
    found = counting(ask(limits=Limits(max_accuracy_loss=0.02)))
    assert found.verdict.outcome == "regression"
    assert headline(found.shared, found.verdict) == "regression: accuracy_loss missed (process twin)"


def test_without_a_limit_nothing_is_judged(counting, ask):
    assert counting(ask()).verdict is None


def test_a_neighbour_does_what_a_board_loses_and_its_fault_is_noted(counting, ask, world):
    world.dies_after = {"atom-01": 1}
    found = counting(ask("atom-01", "atom-02", "atom-03"))
    assert found.shared.whole
    (lost,) = found.shared.lost
    assert (lost.board, world.noted) == ("atom-01", ["atom-01"])
    assert lost.redone_by in ("atom-02", "atom-03")
    assert any("atom-01: lab fault at images" in line and "did them again" in line for line in lines(found.shared))


def test_a_board_that_lags_far_behind_is_waited_for_no_longer_when_a_neighbour_is_idle(
    counting, ask, world, monkeypatch
):
    monkeypatch.setattr(sharded, "_LEAST_IDLE_S", 0.05)
    world.slow = {"atom-02"}
    found = counting(ask())
    (lost,) = found.shared.lost
    assert found.shared.whole
    assert (lost.board, lost.redone_by) == ("atom-02", "atom-01")
    assert "images after 0 s, where no neighbour needs more than" in lost.what


def test_nothing_is_sent_to_a_board_once_the_others_have_done_it_all(counting, ask, monkeypatch):
    monkeypatch.setattr(sharded.Shares, "over", property(lambda _: True))
    sent = []

    def deploy_to(bench, *_, progress):
        progress("sends")
        sent.append(bench.name)

    monkeypatch.setattr(sharded, "deploy_to", deploy_to)
    assert counting(ask()).shared.lost == []
    assert sent == []


def test_a_board_that_hangs_at_boot_is_waited_for_no_longer_than_there_is_work(counting, ask, world):
    world.stuck = {"atom-02"}
    found = counting(ask(limits=Limits(max_accuracy_loss=0.03)))
    assert (found.shared.boards, found.shared.lost, world.noted) == (["atom-01"], [], [])
    assert found.verdict.outcome == "pass"
    assert found.remarks == ("atom-02: was not up yet, in stage kernel: nothing was left for it to do",)


def test_where_no_board_is_left_there_is_no_accuracy_and_what_was_done_is_kept(counting, ask, world):
    world.dies_after = {"atom-01": 1, "atom-02": 0}
    found = counting(ask(limits=Limits(min_accuracy=0.1)))
    assert found.verdict.outcome == "no verdict"
    assert "and the others by no board: " in found.verdict.reasons[0]
    assert 0 < found.run.accuracy.accuracy.total < 40
    assert found.shared.accuracy.loss is None
    assert "no accuracy" in summary(found.shared)


def test_boards_that_are_in_use_leave_the_work_to_the_others(counting, ask, world):
    world.busy = {"atom-02"}
    found = counting(ask())
    assert found.shared.boards == ["atom-01"]
    assert found.verdict is None
    assert any("all are in use" in remark for remark in found.remarks)


def test_nobody_waits_for_a_board_when_the_others_have_done_it_all(counting, ask):
    found = counting(ask(wait_s=10.0))
    assert len(found.shared.boards) == 1
    assert (found.shared.whole, found.remarks, found.shared.lost) == (True, (), [])


def test_none_that_is_free_is_the_labs_fault(counting, ask, world):
    world.busy = {"atom-01", "atom-02"}
    found = counting(ask())
    assert found.verdict.outcome == "no verdict"
    assert "0 of 40 images were predicted" in found.verdict.reasons[0]
    assert "all are in use by ci@host" in found.verdict.reasons[0]


def test_two_boards_that_answer_differently_are_a_lab_fault_that_names_images_and_boards(counting, ask, world):
    world.odd = {"atom-02"}
    found = counting(ask(check=40, limits=Limits(min_accuracy=0.1)))
    assert {tuple(sorted(one.boards)) for one in found.shared.disagreements} == {("atom-01", "atom-02")}
    assert found.verdict.outcome == "no verdict"
    assert "answer differently on image" in found.verdict.reasons[0]
    assert any("atom-02 says 99" in line for line in lines(found.shared))


def test_what_a_broken_board_answers_is_not_held_against_the_release(counting, ask, world):
    world.odd = {"atom-02"}  # the sum misses the limit whoever is right: image 0 is wrong in any case
    found = counting(ask(check=40, limits=Limits(max_accuracy_loss=0.02)))
    assert found.verdict.outcome == "no verdict"
    assert [(one.outcome, one.why) for one in found.verdict.criteria] == [("no verdict", found.verdict.reasons[0])]


def test_a_board_that_nobody_has_checked_is_told_even_where_another_was(ask, a_record):
    facts = a_record()
    share = {"made": "process twin", "correct": 20, "record": facts.id}
    counted = SharedAccuracy(
        artifact=facts.artifact,
        dataset=facts.dataset.model_copy(update={"images": 40}),
        accuracy=AccuracyFacts(correct=40, total=40, fraction=1.0),
        expected_correct=40,
        shares=[
            ShareFacts(begin=0, end=20, board="atom-01", **share),
            ShareFacts(begin=20, end=40, board="atom-02", **share),
            ShareFacts(begin=0, end=5, board="atom-02", check_of="atom-01", **share),
        ],
        checked=5,
    )
    verdict = verdict_on(counted, ask(check=10), None, ())
    assert verdict.outcome == "no verdict"
    assert verdict.reasons == ["no second board was left to check atom-02: none was free"]


def test_a_check_that_no_second_board_could_do_is_not_taken_for_done(counting, ask, world):
    world.busy = {"atom-02"}
    found = counting(ask(check=4))
    assert found.verdict.outcome == "no verdict"
    assert "no second board was left to check atom-01" in found.verdict.reasons[0]


def test_which_boards(ask):
    lab = Lab()
    assert boards_for(lab, "atom", []) == ("atom-01", "atom-02", "atom-03")
    assert boards_for(lab, None, ["atom-02", "atom-02"]) == ("atom-02",)
    for model, named, said in (
        (None, [], "which boards"),
        ("atmo", [], "no board of model 'atmo'"),
        (None, ["atom-01", "tx2-01"], "different models: atom, tx2"),
        ("tx2", ["atom-01"], "different models"),
    ):
        with pytest.raises(UsageFault, match=said):
            boards_for(lab, model, named)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"at_once": 3}, "--boards 3: the lab has 2"),
        ({"at_once": 1, "check": 5}, "needs two boards"),
        ({"check": -1}, "--cross-check -1: from 0 to the data set's 40 images"),
        ({"check": 41}, "--cross-check 41"),
        ({"limits": Limits(max_p99_ms=5, min_accuracy=0.9)}, "max_p99_ms: nothing is measured here"),
    ],
)
def test_what_cannot_come_to_anything_is_refused_before_a_board_is_touched(ask, more, said):
    with pytest.raises(UsageFault, match=said):
        require_countable(ask(**more))


def test_the_command_s_help_names_the_limits_that_there_are():
    assert tuple(accuracy.LIMITS.split()) == shared.LIMITS
    assert set(shared.LIMITS) <= set(Limits.model_fields)
