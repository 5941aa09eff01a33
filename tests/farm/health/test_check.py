"""The longer check on a twin: from a cold start on, and back to how the board was."""

import shutil
from pathlib import Path
from threading import Event

import pytest

from farm.errors import LabFault, UsageFault
from farm.health.check import InUse, check_board
from farm.health.check_plan import planned
from farm.health.lab_faults import note_lab_fault
from farm.health.policy import load_policy
from farm.lab.bench import borrow
from farm.lab.lease import LeaseLost
from farm.lab.twins import inject
from farm.store.database import Store
from farm.store.health import QUARANTINE_AFTER, history, note_fault, quarantined
from farm.trial.state.demands import NotAsDemanded
from power.errors import MeterOffline

SAMPLES = Path(__file__).parents[2] / "lab"


@pytest.fixture
def check(twins):
    """Check ``atom-01`` against the fixture's policy, or only against one line: ``check("max_celsius: 5")``."""

    def run(line=None, stop=None):
        if line is not None:
            twins.policy.write_text(f"quarantine_after: 2\nmodels:\n  atom-e3930:\n    {line}\n")
        with planned(load_policy(twins.policy), twins.lab, ["atom-01"]) as plans:
            return check_board(twins.lab, "atom-01", plans["atom-e3930"], state=twins.state, stop=stop)

    return run


@pytest.fixture
def powered(twins):
    """Switch the board on or off, and tell which it is."""

    def switch(on=None):
        with borrow(twins.lab, "atom-01", state=twins.state) as bench:
            if on is not None:
                bench.settings.leave_on()
                (bench.ensure_up if on else bench.power_off)()
            return bench.switch.state()

    return switch


def test_a_board_that_is_well_passes_and_is_off_again_if_it_was(twins, check, powered):
    powered(False)
    result = check()
    assert {step.name: step.outcome for step in result.steps} == {
        "boot": "passed",
        "identity": "passed",
        "console": "passed",
        "limits": "passed",
        "rest": "passed",
    }
    assert (result.outcome, result.fault, result.made) == ("passed", "", "process twin")
    assert powered() is False
    with Store.open(twins.state / "results.sqlite") as store:
        (entry,) = history(store, "atom-01")
    assert (entry.what, entry.good) == ("check", True)
    assert '"boot"' in entry.json


def test_a_board_that_was_on_stays_on_with_the_governor_that_it_had(twins, check, powered):
    powered(True)
    with borrow(twins.lab, "atom-01", state=twins.state) as bench:
        path = bench.board.path("/sys/devices/system/cpu/cpufreq")
        bench.shell.sudo(f"for f in {path}/policy*/scaling_governor; do echo performance > $f; done")
    assert check().outcome == "passed"
    assert powered() is True
    with borrow(twins.lab, "atom-01", state=twins.state) as bench:
        assert bench.board.state().governor == "performance"


def test_two_failed_checks_quarantine_and_a_passed_one_brings_back(twins, check, powered):
    powered(True)
    inject(twins.state, "wall-1", "silent")
    line = "rest: {for_s: 0.3, min_watts: 2, max_watts: 12}"
    first, second = check(line), check(line)
    inject(twins.state, "wall-1", "silent", False)
    assert [step.name for step in first.steps if step.outcome == "failed"] == ["rest"]
    assert first.fault.startswith("wall-1: ")
    assert (first.quarantine, second.quarantine is not None) == (None, True)
    assert check().quarantine is None
    with Store.open(twins.state / "results.sqlite") as store:
        assert quarantined(store) == {}
        assert [entry.what for entry in history(store)] == ["release", "check", "quarantine", "check", "check"]


def test_a_board_that_does_not_boot_is_asked_nothing_more(twins, check):
    inject(twins.state, "atom-01", "kernel-panic")
    result = check()
    inject(twins.state, "atom-01", "kernel-panic", False)
    assert [(step.name, step.outcome) for step in result.steps] == [("boot", "failed")]
    assert "panic" in result.fault


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("boot: {within_s: 0.001}", "s after power on; 0.001 s are allowed"),
        ("console: {command: echo one two, answer: one}", "printed 'one two', not 'one'"),
        ("max_celsius: 5", "5 °C are allowed at rest"),
        ("min_disk_free_mb: 1.0e+9", "1e+09 MB are wanted"),
        ("rest: {for_s: 0.3, min_watts: 2, max_watts: 3}", "with atom-01 at rest; 2 to 3 W are usual"),
    ],
)
def test_a_limit_that_is_missed_is_told_with_its_figures(check, powered, line, told):
    powered(True)
    result = check(line)
    assert [step.outcome for step in result.steps].count("failed") == 1
    assert told in result.fault


def test_a_board_in_use_is_not_checked_and_not_at_fault(twins, check):
    with borrow(twins.lab, "atom-01", state=twins.state, reason="a trial"), pytest.raises(InUse, match="a trial"):
        check()
    with Store.open(twins.state / "results.sqlite") as store:
        assert history(store) == []


def test_an_interrupted_check_decides_nothing_and_is_not_kept(twins, check):
    stop = Event()
    stop.set()
    result = check(stop=stop)
    assert (result.outcome, [step.outcome for step in result.steps]) == ("undecided", ["undecided"])
    with Store.open(twins.state / "results.sqlite") as store:
        assert history(store) == []


def test_a_trial_is_part_of_a_check_and_no_result(twins, check, powered):
    powered(True)
    shutil.copy(SAMPLES / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst", twins.policy.parent / "good.tar.zst")
    where = f"artifact: good.tar.zst, dataset: {SAMPLES}/datasets/digits-540"
    result = check(f"trial: {{{where}, rate_hz: 10, duration_s: 1, min_fps: 9, max_mean_watts: 0.5}}")
    identity, trial = result.steps
    assert (identity.outcome, trial.outcome) in {("passed", "failed"), ("passed", "undecided")}
    if trial.outcome == "failed":  # an overloaded machine decides nothing
        assert "W, at most 0.5 W wanted" in trial.detail
    with Store.open(twins.state / "results.sqlite") as store:
        assert store.records() == []


def test_what_a_check_needs_is_read_before_any_board_is_touched(twins):
    twins.policy.write_text("models:\n  atom-e3930: {provisioned: true}\n")
    with (
        pytest.raises(UsageFault) as told,
        planned(load_policy(twins.policy), twins.lab, ["atom-01", "zero-01"]),
    ):
        pass
    assert ["atom-e3930.yaml:1" in told.value.faults[0], "nothing for 'pi-zero-aiy'" in told.value.faults[1]] == [
        True
    ] * 2


def test_only_faults_of_the_board_and_what_is_wired_to_it_count(twins):
    with Store.open(twins.state / "results.sqlite") as store:
        assert note_lab_fault(store, twins.lab, "atom-01", LeaseLost("atom-01", "taken")) is None
        assert note_lab_fault(store, twins.lab, "atom-01", UsageFault("atom-01: x")) is None
        assert note_lab_fault(store, twins.lab, "atom-01", NotAsDemanded("atom-01", "is at 61 °C")) is None
        assert note_lab_fault(store, twins.lab, "atom-01", MeterOffline("um25c-1")) is None
        assert history(store) == []
        assert note_lab_fault(store, twins.lab, "atom-01", MeterOffline("wall-1")) is None
        assert note_lab_fault(store, twins.lab, "atom-01", MeterOffline("wall-1")) is not None


def test_a_health_policy_that_is_wrong_stops_nobody_who_met_a_fault_and_the_fault_counts(twins, caplog):
    twins.policy.write_text("quarantine_after: never\n")
    with Store.open(twins.state / "results.sqlite") as store:
        said = [note_lab_fault(store, twins.lab, "atom-01", MeterOffline("wall-1")) for _ in range(QUARANTINE_AFTER)]
    assert [why is not None for why in said] == [False] * (QUARANTINE_AFTER - 1) + [True]
    assert "health.yaml:1: quarantine_after" in caplog.text


def test_a_board_in_quarantine_is_lent_to_be_repaired_and_not_to_be_measured(twins):
    with Store.open(twins.state / "results.sqlite") as store:
        note_fault(store, "atom-01", "atom-01: no login", quarantine_after=1)
    refused = pytest.raises(LabFault, match=r"^atom-01: in quarantine: a fault, the last: atom-01: no login")
    with refused, borrow(twins.lab, "atom-01", state=twins.state, wait_s=60):
        pass
    with borrow(twins.lab, "atom-01", state=twins.state, even_quarantined=True) as bench:
        assert bench.name == "atom-01"
