"""What is refused before any board is touched, and what is compared where nobody says."""

from pathlib import Path

import pytest

from farm.errors import UsageFault
from farm.lab.inventory import Lab
from farm.trial.scenario import FixedRate, SingleStream
from farm.verdict.variants.plan import Asked, plan_comparison

MODELS = Path(__file__).parents[2] / "lab" / "artifacts"
PRUNED, SHARED, RANDOM = (
    MODELS / f"{name}-onnx.tar.zst" for name in ("lenet5-pruned-int8", "lenet5-shared", "lenet5-random")
)


def lab(**changes):
    entry = {"model": "atom-e3930", "ssh": {"host": "192.0.2.1", "user": "farm"}} | changes
    meters = {"wall-1": {"driver": "wt310e", "rail": "12 V", "options": {"resource": "TCPIP::192.0.2.9::INSTR"}}}
    boards = {"atom-01": entry, "atom-02": {**entry, "meters": []}}
    return Lab.model_validate({"lab": "made-up", "meters": meters, "boards": boards})


@pytest.fixture
def planned(tmp_path):
    """``planned(PRUNED, SHARED, alpha=0.1)``: the plan of a comparison, with the made-up lab."""

    def make(*artifacts, the_lab=None, **changes):
        usual = {"artifacts": artifacts, "model": "atom-e3930", "scenario": SingleStream(5.0)}
        return plan_comparison(Asked(**(usual | changes)), lambda: the_lab or lab(meters=["wall-1"]), tmp_path)

    return make


def test_the_usual_figures_are_compared(planned):
    facts = planned(PRUNED, SHARED).facts
    assert set(facts.figures) == {"fps", "accuracy", "joules_per_inference", "size_bytes"}
    assert facts.left_out == {}
    assert facts.scenario["name"] == "single-stream"
    assert [variant.name for variant in facts.variants] == ["lenet5-pruned-int8-onnx", "lenet5-shared-onnx"]


def test_at_a_fixed_rate_frames_a_second_tell_nothing_and_latency_is_compared_instead(planned):
    facts = planned(PRUNED, SHARED, scenario=FixedRate(10, 5)).facts
    assert "p99_ms" in facts.figures
    assert "fps" not in facts.figures
    assert "p99_ms is compared instead" in facts.left_out["fps"]


def test_without_a_meter_on_any_board_there_are_no_joules_and_it_is_said(planned):
    facts = planned(PRUNED, SHARED, the_lab=lab()).facts
    assert "joules_per_inference" not in facts.figures
    assert "has a meter" in facts.left_out["joules_per_inference"]


def test_boards_can_be_named_and_must_be_of_the_model(planned):
    assert list(planned(PRUNED, SHARED, boards=["atom-02"]).facts.boards) == ["atom-02"]
    with pytest.raises(UsageFault, match="no board is"):
        planned(PRUNED, SHARED, model="jetson-tx2")


def test_all_that_is_wrong_is_told_at_once(planned):
    with pytest.raises(UsageFault) as refused:
        planned(
            PRUNED,
            figures=["fpss"],
            alpha=0.7,
            resolution=1.5,
            most_rounds=5,
            most_voids=-1,
            seed=-1,
            demands=["govenor=performance"],
        )
    faults = "\n".join(refused.value.faults)
    for words in (
        "nothing to compare",
        "--alpha 0.7",
        "--resolution 150%",
        "--max-rounds 5",
        "--max-voids",
        "--seed -1",
        'mean "fps"',
    ):
        assert words in faults


def test_the_same_artifact_twice_is_refused(planned):
    with pytest.raises(UsageFault, match="is the same artifact as"):
        planned(PRUNED, PRUNED)


def test_accuracies_on_different_data_sets_are_refused_unless_accuracy_is_not_asked_for(planned, monkeypatch):
    from farm.artifact.unpack import open_artifact
    from farm.verdict.variants import plan

    def renamed(_lab, path, folder):
        artifact = open_artifact(path, folder)
        if path == PRUNED:
            return artifact
        other = artifact.manifest.dataset.model_copy(update={"id": "e" * 64})
        object.__setattr__(artifact, "manifest", artifact.manifest.model_copy(update={"dataset": other}))
        return artifact

    monkeypatch.setattr(plan, "open_accepted", renamed)
    monkeypatch.setattr(plan, "feed", lambda *_: None)
    with pytest.raises(UsageFault, match="different data sets are not compared"):
        planned(PRUNED, SHARED)
    assert "accuracy" not in planned(PRUNED, SHARED, figures=["fps", "size_bytes"]).facts.figures


def test_a_time_in_which_nothing_can_be_said_is_refused(planned):
    with pytest.raises(UsageFault, match="is too short: 4 rounds of 2 trials need about"):
        planned(PRUNED, SHARED, time_budget_s=30.0)
    assert planned(PRUNED, SHARED, time_budget_s=300.0).facts.most_rounds % 2 == 0


def test_a_file_that_is_none_is_told_with_the_rest(planned):
    with pytest.raises(UsageFault) as refused:
        planned(PRUNED, MODELS / "none.tar.zst", alpha=0.0)
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(("boards", "rounds", "doubted"), [(1, 4, True), (2, 4, False), (1, 6, True), (1, 8, False)])
def test_rounds_that_hardly_tell_anything_are_told_of_before_they_run(planned, boards, rounds, doubted):
    named = ["atom-01", "atom-02"][:boards]
    doubt = planned(PRUNED, SHARED, boards=named, most_rounds=rounds).doubt
    assert ("8 rounds or more" in doubt) is doubted
    assert not planned(PRUNED, SHARED, boards=named, most_rounds=rounds, figures=["size_bytes"]).doubt


def test_more_rounds_than_bounds_are_found_for_at_once_are_refused(planned):
    assert planned(PRUNED, SHARED, most_rounds=400).facts.most_rounds == 400
    with pytest.raises(UsageFault, match="--max-rounds 402: at most 400"):
        planned(PRUNED, SHARED, most_rounds=402)
