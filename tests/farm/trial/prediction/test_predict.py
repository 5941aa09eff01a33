"""A prediction from end to end: the boards' own runner, on this machine."""

import os
from dataclasses import replace

import pytest

from farm.errors import LabFault, UsageFault
from farm.trial.prediction import host, run
from farm.trial.prediction.asked import Asked
from farm.trial.prediction.cgroup import places
from farm.trial.prediction.limits import limits_of
from farm.trial.prediction.mechanism import choose
from farm.trial.prediction.predict import predict
from farm.trial.scenario import FixedRate, SingleStream

QUICK = SingleStream(0.3, min_queries=40)


@pytest.fixture(scope="module")
def here():
    """This machine, that says a clock however it is told."""
    return replace(host.look(), clock_hz=2.6e9, clock_source="made up")


@pytest.fixture
def asked(tiny, here):
    """``asked("share=0.5", scenario=…, groups=False)``: of a model of some 3 ms a frame."""

    def make(*settings, scenario=QUICK, groups=True, columns=4000, **changes):
        limits = limits_of("atom-e3930", settings)
        put = tiny(upscale=4, columns=columns, **changes)
        found = places() if groups else (None, "for this test")
        return Asked(put.artifact, put.dataset, scenario, limits, here, choose(limits, here, found))

    return make


def predicted(one):
    return predict(one, lab="none", progress=lambda _: None).record


def test_a_prediction_is_a_record_that_says_so_and_states_no_watts(asked):
    record = predicted(asked(groups=False))
    assert (record.made, record.board.model, record.power) == ("prediction", "atom-e3930", [])
    assert record.board.runtime.startswith("onnxruntime ")
    assert (record.accuracy.correct, record.accuracy.total) == (40, 40)
    assert record.deadlines.wake_lateness_max_ms is None
    facts = record.prediction
    assert (facts.share, facts.timing, facts.as_it_ran, facts.period_ms) == (0.5, "computed", None, None)
    assert facts.mechanism.startswith("no quota (for this test): clock computed from processor time")
    assert facts.memory_peak_bytes > 10_000_000
    assert facts.sources["cores"].startswith("Intel")


def test_at_half_the_share_the_same_model_takes_about_twice_as_long(asked):
    for _ in range(4):  # other load changes what a frame takes, too
        whole, half = (predicted(asked(f"share={share}", groups=False)).latency.p50_ms for share in (1, 0.5))
        if 1.5 < half / whole < 2.7:
            return
    pytest.fail(f"p50 {whole:.2f} ms with a whole core, {half:.2f} ms with half of one")


def test_a_quota_holds_what_runs_to_its_share_and_leaves_no_group(asked):
    one = asked("share=0.3")
    if (place := one.mechanism.place) is None:
        pytest.skip(f"needs control groups that may be written here: {one.mechanism.why_none}")
    for _ in range(4):  # the first period is given whole, and a tick may be late
        record = predicted(one)
        assert record.prediction.as_it_ran is not None
        # without a quota it would be 3.3 times the computed one; other load only makes it less
        if record.prediction.as_it_ran.fps < 1.5 * record.deadlines.fps:
            break
    else:
        pytest.fail(f"{record.prediction.as_it_ran.fps:.0f} fps ran, {record.deadlines.fps:.0f} were to")
    assert not list(place.folder.glob(f"farm-predict-{os.getpid()}-*"))


def test_a_net_that_the_boards_memory_does_not_hold_is_refused(asked):
    with pytest.raises(UsageFault, match=r"tiny: does not fit into atom-e3930's 40,000,000 bytes \(--limit\)"):
        predicted(asked("memory_bytes=40e6", groups=False))


@pytest.mark.parametrize("said", ["cannot map zero-fill pages", "failed to map segment from shared object"])
def test_a_memory_that_not_even_the_libraries_fit_into_is_told(asked, monkeypatch, said):
    one = asked("memory_bytes=1e6", groups=False)

    def ends(shell, *_, **__):
        raise LabFault(shell.name, f"the runner ended early; on stderr: libpython3.so: {said}")

    monkeypatch.setattr(run, "run_on_board", ends)
    with pytest.raises(UsageFault, match=r"tiny: does not fit into atom-e3930's 1,000,000 bytes \(--limit\)"):
        predicted(one)


def test_a_runtime_that_this_machine_lacks_is_told_with_the_extra_that_brings_it(asked, monkeypatch):
    one = asked(groups=False)

    def lacks(shell, *_, **__):
        raise LabFault(shell.name, "the runner cannot begin: onnxruntime is not installed", hint="run `farm provision`")

    monkeypatch.setattr(run, "run_on_board", lacks)
    with pytest.raises(UsageFault, match=r"pip install 'edge-test-farm\[onnx\]'; .*onnxruntime is not installed$"):
        predicted(one)


def test_what_only_a_board_has_cannot_be_asked_for(asked):
    with pytest.raises(UsageFault, match="a prediction knows no temperature"):
        predicted(asked(scenario=replace(QUICK, soak_s=3.0)))


def test_frames_that_are_dropped_need_a_quota(asked):
    drops = FixedRate(20.0, 0.2, late="drop")
    with pytest.raises(LabFault, match="has no quota, and these frames' times cannot be computed"):
        predicted(asked(scenario=drops, groups=False, columns=10))


def test_a_thread_that_opens_other_cores_to_itself_ends_the_prediction(asked, monkeypatch):
    one = asked(groups=False, columns=10)
    monkeypatch.setattr(run, "numbers", lambda _: {0, 1, 2, 97})
    with pytest.raises(LabFault, match=r"a thread of the runner has opened the cores \[0, 1, 2, 97\] to itself"):
        predicted(one)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runtime": "edgetpu"}, "edgetpu runs on an accelerator"),
        ({"architecture": "aarch64"}, "is for aarch64, atom-e3930 is x86_64"),
        ({"device": "MYRIAD"}, "is to run on MYRIAD: only a processor"),
    ],
)
def test_what_is_not_the_processors_is_refused_before_anything_runs(asked, changes, said):
    one = asked()
    manifest = one.artifact.manifest.model_copy(update=changes)
    with pytest.raises(UsageFault, match=said):
        predicted(replace(one, artifact=replace(one.artifact, manifest=manifest)))
