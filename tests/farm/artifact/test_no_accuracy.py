"""A model that names no data set states no accuracy, and nothing downstream states one for it."""

import json
from types import SimpleNamespace

import pytest

from farm.artifact.pack import pack
from farm.artifact.unpack import open_artifact, read_manifest
from farm.cli.main import main
from farm.errors import Exit, UsageFault
from farm.health.check_plan import planned
from farm.health.policy import load_policy
from farm.lab.inventory import load
from farm.trial.described import accuracy
from farm.verdict.criteria import Limits
from farm.verdict.stated import require_stated

INVENTORY = """\
lab: here
boards:
  atom-01: {model: atom-e3930, ssh: {host: 127.0.0.1, port: 9, user: nobody}}
"""
POLICY = "provision: false\naccept_twins: true\nmodels: {atom-e3930: {scenario: {rate_hz: 10, duration_s: 1}}}\n"


@pytest.fixture
def unstated(source, described, tmp_path):
    """A packed model for speed and watts alone, beside an inventory."""
    for name in ("dataset", "baseline", "expected"):
        del described[name]
    del described["preprocess"]["sha256"]
    (source / "manifest.json").write_text(json.dumps(described))
    pack(source, tmp_path / "unstated.tar.zst")
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return tmp_path / "unstated.tar.zst"


def test_limits_on_speed_and_watts_are_taken_and_on_accuracy_refused(unstated):
    manifest = read_manifest(unstated)
    require_stated(manifest, Limits(min_fps=9, max_mean_watts=5))
    with pytest.raises(UsageFault) as fault:
        require_stated(manifest, Limits(min_accuracy=0.9, max_accuracy_loss=0.02))
    assert [line.split(": ")[1] for line in fault.value.faults] == ["min_accuracy", "max_accuracy_loss"]


def test_run_refuses_such_a_limit_before_it_touches_a_board(unstated, capsys):
    words = [str(unstated), "--board", "atom-01", "--inventory", str(unstated.with_name("inventory.yaml"))]
    assert main(["run", *words, "--limit", "min_accuracy=0.9"]) == Exit.USAGE
    assert "tiny: min_accuracy: no accuracy is stated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("limits: {min_accuracy: 0.9}\n", "tiny: min_accuracy: no accuracy is stated"),
        ("against_baseline: {accuracy: -1 %}\nbaseline: optional\n", "tiny: against_baseline accuracy: no accuracy"),
        ("limits: {min_fps: 1}\nevidence: [accuracy]\n", "evidence: accuracy: none is stated by tiny"),
    ],
)
def test_a_gate_refuses_what_cannot_be_decided(unstated, capsys, more, told):
    policy = unstated.with_name("policy.yaml")
    policy.write_text(POLICY + more)
    words = [str(policy), "--candidate", str(unstated), "--inventory", str(unstated.with_name("inventory.yaml"))]
    assert main(["gate", *words, "--dry-run"]) == Exit.USAGE
    assert told in capsys.readouterr().err


def test_a_health_check_refuses_it_too(unstated):
    policy = unstated.with_name("health.yaml")
    trial = f"{{artifact: {unstated.name}, rate_hz: 10, duration_s: 1, min_accuracy: 0.9}}"
    policy.write_text(f"models: {{atom-e3930: {{trial: {trial}}}}}\n")
    lab = load(unstated.with_name("inventory.yaml"))
    with (
        pytest.raises(UsageFault, match=r"min_accuracy: .* names no data set to count on"),
        planned(load_policy(policy), lab, ["atom-01"]),
    ):
        pass


def test_a_record_of_it_holds_no_accuracy(unstated, dataset, tmp_path):
    deployment = SimpleNamespace(artifact=open_artifact(unstated, tmp_path / "out"), dataset=dataset)
    run = SimpleNamespace(column=lambda _: pytest.fail("nothing is counted"), scored=[])
    assert accuracy(run, deployment) is None
