"""The gate with nothing made up but the board: a twin, real artifacts, real trials."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from farm.store.database import Store

POLICY = """
accept_twins: true
provision: {provision}
baseline: optional
evidence: [measured watts, idle, not throttled, accuracy]
models:
  atom-e3930:
    scenario: {{rate_hz: 10, duration_s: {duration_s}, idle_s: 0.5}}
    limits: {{max_accuracy_loss: 0.02, max_mean_watts: {watts}}}
"""


@pytest.fixture
def gate(atom):
    """``gate(watts=…)``: the words after ``farm gate`` for a policy with this limit."""
    (atom.folder / "playbooks").mkdir()
    playbook = Path(__file__).parents[3] / "playbooks" / "atom-e3930.yaml"
    (atom.folder / "playbooks" / playbook.name).write_text(playbook.read_text())
    candidate = str(atom.models / "artifacts" / "lenet5-shared-onnx.tar.zst")

    def words(*, watts: float, duration_s: float = 2) -> list[str]:
        policy = POLICY.format(provision="true", watts=watts, duration_s=duration_s)
        (atom.folder / "policy.yaml").write_text(policy)
        return ["policy.yaml", "--candidate", candidate]

    return words


def last_run(atom):
    with Store.open(atom.folder / ".farm" / "results.sqlite") as store:
        stored = store.run("last")
        return stored, [kept.record for kept in store.records(run_id=stored.run.id)]


def test_a_release_within_its_limits_passes_and_its_summary_says_that_a_twin_ran_it(atom, gate):
    ended = atom.farm("gate", *gate(watts=14), "--markdown", "gate.md", "--html", "gate.html", timeout_s=250)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    stored, records = last_run(atom)
    assert stored.verdict.outcome == "pass"
    assert {record.role for record in records} == {"candidate"}
    assert records[0].lease is not None
    summary = (atom.folder / "gate.md").read_text()
    assert summary.startswith("## ✅ pass: 2 criteria held on 1 board\n")
    assert "atom-01 &#40;process twin&#41;" in summary
    assert stored.run.id in (atom.folder / "gate.html").read_text()


def test_a_release_that_needs_too_much_is_a_regression_of_the_session_and_of_its_run(atom, gate):
    _, _, candidate = gate(watts=3)
    source = "def test_release(gate):\n    gate.check()\n"
    session = atom.pytest(source, "--farm-policy=policy.yaml", f"--farm-candidate={candidate}")
    assert session.exit == 1, session.output
    assert "verdict: regression: 1 of 2 criteria missed" in session.output
    stored, _ = last_run(atom)
    assert (stored.run.kind, stored.verdict.outcome) == ("pytest", "regression")


def test_told_to_end_it_leaves_within_seconds_returns_the_board_and_says_nothing_of_the_release(atom, gate):
    command = [atom.bin / "farm", "gate", *gate(watts=14, duration_s=60), "-v"]
    with subprocess.Popen(
        command, cwd=atom.folder, env=atom.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        for line in running.stderr:
            if "frame " in line:
                break
        told_s = time.monotonic()
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=100)
    assert running.returncode == 130, said
    assert time.monotonic() - told_s < 50  # the trial alone would take longer
    stored, records = last_run(atom)
    assert (stored.verdict, records) == (None, [])
    assert stored.run.ended_utc is not None
    assert "atom-01" not in atom.farm("lease", "list").stdout
    with Store.open(atom.folder / ".farm" / "results.sqlite") as store:
        from farm.store.health import history

        assert history(store, "atom-01") == []
