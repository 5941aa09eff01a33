"""What happened, and what the session makes of it: pass, regression (1), lab fault or no verdict (3), usage (4).

The faults are injected into twins; the sessions are those of a user.
"""

import json
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

UP = """
    import pytest

    @pytest.mark.board()
    def test_it(board):
        assert board.identity().boot_id
"""
IMPATIENT = """
    from devices.boot_patterns import STALL_S

    STALL_S.update(dict.fromkeys(STALL_S, 5.0))
"""
"""A stage of the boot that is silent for so long is stuck: a twin needs two seconds for all of them."""
FINE = "max_p99_ms=100, max_accuracy_loss=0.02, max_mean_watts=14, max_joules_per_inference=1.4"


def test_a_release_within_its_limits_passes_and_leaves_its_record_with_the_training_script_s_accuracy(atom):
    session = atom.decided(atom.trial(artifact="lenet5-shared-onnx", check=FINE), "--junitxml=junit.xml")
    assert session.exit == 0, session.output
    assert re.search(r"^atom-01 \(process twin\) +lenet5-shared-onnx .* PASS$", session.output, re.M)
    (kept,) = atom.records()
    assert kept["verdict"]["outcome"] == "pass"
    assert kept["made"] == "process twin"
    properties = {p.get("name"): p.get("value") for p in ET.parse(atom.folder / "junit.xml").iter("property")}
    assert float(properties["farm.meter.wall-1.mean_watts"]) == pytest.approx(
        kept["record"]["power"][0]["mean"]["watts"], rel=1e-5
    )
    inspected = atom.farm(
        "artifact", "inspect", str(atom.models / "artifacts" / "lenet5-shared-onnx.tar.zst"), "--json"
    )
    expected = json.loads(inspected.stdout)["expected"]
    accuracy = kept["record"]["accuracy"]
    assert (accuracy["correct"], accuracy["total"]) == (expected["correct"], expected["total"])


def test_random_weights_fail_the_accuracy_criterion(atom):
    session = atom.decided(atom.trial(artifact="lenet5-random-onnx", check="max_accuracy_loss=0.02"))
    assert session.exit == 1
    assert re.search(r"MISSED +accuracy_loss +wanted <= 0.02 +got 0.8", session.output)


def test_a_missed_limit_is_a_regression_that_prints_every_criterion(atom):
    session = atom.decided(atom.trial(check="max_mean_watts=3.5, max_p99_ms=100"))
    assert session.exit == 1, session.output
    assert re.search(r"MISSED +mean_watts +wanted <= 3.5 W +got [\d.]+ ± [\d.]+ W +missed by", session.output)
    assert re.search(r"pass +p99_ms +wanted <= 100 ms", session.output)


def test_a_limit_inside_the_uncertainty_is_no_verdict(atom):
    check = "max_mean_watts=outcome.record.power[0].mean.watts"
    session = atom.decided(atom.trial(check=check))
    assert session.exit == 3, session.output
    assert "no verdict: mean_watts: " in session.output
    assert "measure longer" in session.output


def test_a_host_under_load_is_never_a_regression(atom):
    source = atom.trial(how="rate_hz=10, duration_s=4, idle_s=1.0", check="max_p99_ms=20, max_missed_fraction=0")
    with atom.start(source) as session:
        _wait_for(lambda: _inferring(atom), 150)
        with _hogs(6):
            output, _ = session.communicate(timeout=250)
    assert session.returncode in (0, 3), output


@pytest.mark.parametrize("fault", ["silent", "garbage"])
def test_a_meter_that_fails_in_mid_trial_is_a_lab_fault_that_names_it(atom, fault):
    session = atom.pytest(atom.trial(check=FINE).replace("# FAULT", f"soon(2.5, 'wall-1', {fault!r})"))
    assert session.exit == 3, session.output
    assert re.search(r"^(lab fault|no verdict): .*wall-1", session.output, re.M)


def test_a_meter_that_loses_readings_decides_nothing(zero):
    source = zero.trial(how="rate_hz=5, duration_s=6, idle_s=1.0", check="max_mean_watts=2.2")
    source = source.replace("# FAULT", "soon(0, 'um25c-1', 'drop')")
    for _ in range(4):  # it loses every fourth answer by chance, so now and then none
        session = zero.pytest(source)
        if session.exit != 0 or any(kept["record"]["power"][0]["lost"] for kept in zero.records()):
            break
        zero.forget()
    assert session.exit == 3, session.output
    assert re.search(r"^(lab fault|no verdict): .*um25c-1", session.output, re.M)


def test_ssh_cut_in_mid_trial_loses_nothing(atom):
    session = atom.decided(atom.trial(check=FINE).replace("# FAULT", "once_it_runs(put, 'atom-01', 'drop-ssh')"))
    assert session.exit == 0, session.output
    (kept,) = atom.records()
    assert kept["record"]["runner"]["link_away_s"] > 0
    assert kept["record"]["accuracy"]["total"] == 540
    assert not any((atom.folder / ".farm").glob("lab/*/board/root/**/runs/*"))


def test_a_board_that_is_reset_in_mid_trial_is_an_error_of_the_board_also_in_junit(atom):
    source = atom.trial(how="rate_hz=10, duration_s=240, idle_s=0.5").replace(
        "# FAULT", "once_it_runs(put, 'atom-01', 'reset')"
    )
    begun = time.monotonic()
    session = atom.pytest(source, "--junitxml=junit.xml")
    assert session.exit == 3, session.output
    assert re.search(
        r"^lab fault: atom-01: (rebooted|went down or rebooted) (before|after) .*frame", session.output, re.M
    )
    assert time.monotonic() - begun < 200  # a trial to its end takes longer
    (case,) = ET.parse(atom.folder / "junit.xml").iter("testcase")
    assert [child.tag for child in case if child.tag in ("error", "failure")] == ["error"]
    assert atom.records() == []


def test_a_full_disk_is_a_lab_fault_that_says_so(fresh_atom):
    source = fresh_atom.trial(check=FINE).replace(
        "put = deploy()", "inject(Path('.farm'), 'atom-01', 'full-disk', True); put = deploy()"
    )
    session = fresh_atom.pytest(source)
    assert session.exit == 3, session.output
    assert re.search(r"^lab fault: atom-01: .*(space|full|disk)", session.output, re.M)


def test_a_slow_disk_only_takes_longer(fresh_atom):
    source = fresh_atom.trial(check=FINE).replace(
        "put = deploy()", "inject(Path('.farm'), 'atom-01', 'slow-disk', True); put = deploy()"
    )
    session = fresh_atom.decided(source)
    assert session.exit == 0, session.output


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("kernel-panic", "panic"),
        ("new-host-key", "shows ssh-ed25519 .*, trusted is"),
    ],
)
def test_a_board_that_does_not_come_up_is_a_lab_fault_that_says_why(fresh_atom, fault, words):
    fresh_atom.fault(fault)
    session = fresh_atom.pytest(UP)
    assert session.exit == 3, session.output
    assert re.search(rf"^lab fault: atom-01: .*{words}", session.output, re.M), session.output


def test_ssh_that_accepts_and_never_answers_is_a_lab_fault(atom):
    session = atom.pytest("""
        from pathlib import Path

        import pytest

        from farm.lab.twins import inject

        @pytest.mark.board()
        def test_it(board):
            inject(Path(".farm"), "atom-01", "silent-ssh", True)
            inject(Path(".farm"), "atom-01", "drop-ssh", True)
            board.boot_id(timeout_s=3)
            board.boot_id(timeout_s=3)
    """)
    assert session.exit == 3, session.output
    assert re.search(r"^lab fault: atom-01: ", session.output, re.M), session.output


@pytest.mark.timeout(240)
def test_a_hang_while_booting_names_the_stage(atom):
    atom.fault("hang-at-boot")
    session = atom.pytest(IMPATIENT + UP, timeout_s=200)
    assert session.exit == 3, session.output
    assert re.search(r"^lab fault: atom-01: .*(kernel|bootloader|firmware)", session.output, re.M), session.output


def test_a_wrong_artifact_is_a_usage_error(atom):
    source = atom.trial(artifact="lenet-9000", check=FINE)
    session = atom.pytest(source)
    assert session.exit == 4, session.output
    assert "lenet-9000.tar.zst: No such file" in session.output


def test_a_controller_that_is_killed_leaves_no_half_record_and_no_lock(fresh_atom):
    atom = fresh_atom
    with atom.start(atom.trial(how="rate_hz=10, duration_s=30, idle_s=0.5")) as session:
        _wait_for(lambda: _inferring(atom), 150)
        session.send_signal(signal.SIGKILL)
    assert atom.records() == []
    again = atom.decided(atom.trial(check=FINE))
    assert again.exit == 0, again.output
    assert len(atom.records()) == 1


def test_a_session_that_is_interrupted_ends_what_it_started_on_the_board(atom):
    with atom.start(atom.trial(how="rate_hz=10, duration_s=60, idle_s=0.5")) as session:
        _wait_for(lambda: _inferring(atom), 150)
        session.send_signal(signal.SIGINT)
        session.communicate(timeout=150)
    assert session.returncode == 130
    _wait_for(lambda: not _inferring(atom), 60)
    assert atom.pytest(UP).exit == 0


def _inferring(whole) -> bool:
    """Whether a runner is at work on the board: a process of this machine whose model lies in the twin's folder."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended while we looked
            words = process.read_text(errors="replace")
            if str(whole.folder) in words and "--plan" in words:
                return True
    return False


def _wait_for(happened, seconds):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.2)


@contextmanager
def _hogs(count):
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def test_a_lab_is_used_from_another_folder_as_from_its_own(atom):
    elsewhere = atom.folder / "elsewhere"
    elsewhere.mkdir()
    listed = atom.farm("power", "status", "atom-01", "--inventory", str(atom.folder / ".farm/lab/inventory.yaml"))
    assert listed.returncode == 0, listed.stderr
    command = [atom.bin / "farm", "power", "status", "atom-01"]
    command += ["--inventory", str(atom.folder / ".farm/lab/inventory.yaml")]
    seen = subprocess.run(command, cwd=elsewhere, text=True, capture_output=True, check=False)
    assert (seen.returncode, seen.stdout) == (0, listed.stdout), seen.stderr


def test_a_part_of_the_data_set_is_printed_as_such_and_never_as_an_accuracy(atom):
    how = "rate_hz=10, duration_s=3, idle_s=1.0, score_s=0"
    session = atom.decided(atom.trial(how=how, check="max_p99_ms=100"), "--junitxml=junit.xml")
    assert session.exit == 0, session.output
    assert " 30/540 seen " in session.output
    assert "farm.accuracy" not in (atom.folder / "junit.xml").read_text()
