"""``farm gate``, and the same policy as pytest tests in one process and in several: one verdict.

Sessions are real ones, and so is the command, in this process; boards and trials are made up, in whichever process a
seat runs.
"""

import json
import os
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from farm.cli.main import main
from farm.lab import lending
from farm.store.database import Store
from farm.store.runs import StoredRun
from farm.verdict import keep, seat_run

MODELS = Path(__file__).parents[2] / "lab"
BIN = Path(sys.executable).parent

MADE_UP = '''
"""Boards that do what behaviour.json says: joules a role, and after how many trials they fail."""
import json, secrets
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from devices.errors import Unreachable
from farm.store.consoles import ConsoleLog
from farm.store.record import Record
from farm.trial.trial import Trial
from farm.lab import lending
from farm.verdict import keep, seat_run

HERE = Path(__file__).parent
DOES = json.loads((HERE / "behaviour.json").read_text())
RECORD = json.loads((HERE / "record.json").read_text())


@contextmanager
def borrow_any(lab, wanted, **_):
    yield SimpleNamespace(
        name=wanted.boards[0], shell=None, workdir="/opt", ensure_up=lambda _: None, close=lambda: None,
        console_log=ConsoleLog, trials=[],
    )


def run_trial(bench, artifact, scenario, *, conditions, progress, heed, spool):
    does = DOES[bench.name]
    bench.trials.append(artifact)
    if len(bench.trials) > does.get("trials", 1000):
        raise Unreachable(bench.name, "nothing answers")
    name = artifact.manifest.name
    record = RECORD | {
        "id": secrets.token_hex(8),
        "board": RECORD["board"] | {"name": bench.name, "serial_number": "S-" + bench.name},
        "artifact": RECORD["artifact"] | {"id": artifact.id, "name": name},
        "power": [RECORD["power"][0] | {"joules_per_inference": does["joules"].get(name, 0.06)}],
    }
    return Trial(Record.model_validate(record), {}, None)


lending.borrow_any, keep.run_trial = borrow_any, run_trial
seat_run.deploy_to = lambda bench, artifact, dataset, **_: artifact
'''
POLICY = """
accept_twins: true
provision: false
models:
  atom-e3930: {count: 2, scenario: {rate_hz: 20, duration_s: 1}}
against_baseline: {joules_per_inference: "+5 %"}
statistics: {min_pairs: 4, noise_floor: {joules_per_inference: {change: 1 %, reason: made up}}}
"""
MADE_UP_PARTS = ((lending, "borrow_any"), (keep, "run_trial"), (seat_run, "deploy_to"))
TEST = "def test_release(gate):\n    gate.check()\n"
CANDIDATE, BASELINE = "lenet5-shared-onnx", "lenet5-fine-shared-onnx"
FINE = {"joules": {}}
HUNGRY = {"joules": {CANDIDATE: 0.08}}
DEAD = {"joules": {}, "trials": 3}


@dataclass(frozen=True)
class Ended:
    """A session, or a command, that has ended."""

    exit: int
    output: str
    run: StoredRun | None
    folder: Path
    stdout: str


@pytest.fixture
def project(tmp_path, a_record, monkeypatch, capsys) -> Callable[..., Ended]:
    """``project(behaviour, *words)``: run pytest, or with ``gate=True`` ``farm gate``, on boards that behave so."""
    boards = {f"atom-0{n}": {"model": "atom-e3930", "console": {"port": f"/dev/ttyS{n}"},
                             "ssh": {"host": f"192.0.2.{n}", "user": "farm"}} for n in (1, 2)}  # fmt: skip
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump({"lab": "made-up", "boards": boards}))
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "record.json").write_text(a_record().model_dump_json(exclude_none=True))
    (tmp_path / "made_up.py").write_text(MADE_UP)
    (tmp_path / "conftest.py").write_text("import made_up\n")
    (tmp_path / "test_release.py").write_text(TEST)
    candidate, baseline = (str(MODELS / "artifacts" / f"{name}.tar.zst") for name in (CANDIDATE, BASELINE))
    monkeypatch.chdir(tmp_path)

    def command(policy: str, *words: str) -> tuple[int, str, str]:
        for part, name in MADE_UP_PARTS:
            monkeypatch.setattr(part, name, getattr(part, name))  # what the next line replaces comes back at the end
        runpy.run_path("made_up.py")
        capsys.readouterr()
        given = ["--candidate", candidate, "--baseline", baseline, "--inventory", "inventory.yaml"]
        return (main(["gate", policy, *given, *words]), *capsys.readouterr())

    def session(*words: str) -> tuple[int, str, str]:
        line = [str(BIN / "pytest"), "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir=.", "test_release.py"]
        line += ["--farm-inventory=inventory.yaml", "--farm-policy=policy.yaml"]
        line += [f"--farm-candidate={candidate}", f"--farm-baseline={baseline}"]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}
        ended = subprocess.run([*line, *words], env=env, text=True, capture_output=True, timeout=250, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    def run(behaviour: dict[str, object], *words: str, gate: bool = False, policy: str = "policy.yaml") -> Ended:
        (tmp_path / "behaviour.json").write_text(json.dumps(behaviour))
        code, out, err = command(policy, *words) if gate else session(*words)
        results, stored = tmp_path / ".farm" / "results.sqlite", None
        if results.exists():
            with Store.open(results) as store:
                stored = next(iter(store.runs(limit=1)), None)
        return Ended(code, out + err, stored, tmp_path, out)

    return run


@pytest.mark.parametrize(
    ("behaviour", "words", "outcome", "exit_code"),
    [
        ({"atom-01": FINE, "atom-02": FINE}, (), "pass", 0),
        ({"atom-01": DEAD, "atom-02": HUNGRY}, ("-n2",), "regression", 1),
        ({"atom-01": FINE, "atom-02": DEAD}, (), "no verdict", 3),
    ],
)
def test_both_ways_give_one_verdict(behaviour, words, outcome, exit_code, project):
    by_command, by_tests = project(behaviour, gate=True), project(behaviour, *words)
    for ended, kind in ((by_command, "gate"), (by_tests, "pytest")):
        assert ended.exit == exit_code, ended.output
        assert (ended.run.run.kind, ended.run.verdict.outcome) == (kind, outcome), ended.output
        assert ended.run.run.ended_utc is not None
        assert f"verdict: {outcome}: " in ended.output
    one, other = (
        [criterion.model_copy(update={"records": []}) for criterion in ended.run.verdict.criteria]
        for ended in (by_command, by_tests)
    )
    assert one == other
    assert by_command.run.verdict.faults == by_tests.run.verdict.faults
    assert by_command.run.run.releases == by_tests.run.run.releases


def test_a_seat_that_was_not_asked_leaves_the_gate_without_a_verdict(project):
    ended = project({"atom-01": FINE, "atom-02": FINE}, "-k", "e3930-1")
    assert ended.exit == 3, ended.output
    assert ended.run.verdict.outcome == "no verdict"
    assert any(reason == "atom-e3930 2 of 2: its test did not run" for reason in ended.run.verdict.reasons)


def test_a_lab_fault_is_an_error_and_figures_are_properties(project):
    ended = project({"atom-01": FINE, "atom-02": DEAD}, "--junitxml=junit.xml")
    assert "lab fault: atom-02: nothing answers" in ended.output
    cases = list(ET.parse(ended.folder / "junit.xml").iter("testcase"))
    assert [[child.tag for child in case if child.tag != "properties"] for case in cases] == [[], ["error"]]
    properties = {p.get("name"): p.get("value") for p in cases[0].iter("property")}
    assert properties["farm.joules_per_inference.vs_baseline.unit"] == "J"
    assert properties["farm.gate.verdict"] == "pass"


def test_a_regression_is_not_rerun_and_a_fault_is_rerun_on_the_same_board(project):
    ended = project({"atom-01": HUNGRY, "atom-02": DEAD}, "--reruns=1", "-rR")
    assert ended.exit == 1, ended.output
    assert "1 rerun" in ended.output
    assert "all have run other seats" not in ended.output


def test_collecting_and_a_dry_run_touch_nothing(project):
    for words in (("--collect-only", "-q"), ("--farm-dry-run",)):
        ended = project({}, *words)
        assert ended.exit == 0, ended.output
        assert "test_release[any-atom-e3930-1]" in ended.output
        assert not (ended.folder / ".farm").exists()
    assert "test_release.py::test_release[any-atom-e3930-2]  atom-02 (atom-e3930)" in ended.output


def test_all_that_is_wrong_is_a_usage_error_at_once(project):
    ended = project({}, "--farm-candidate=nowhere.tar.zst", "--farm-baseline=neither.yaml")
    assert ended.exit == 4
    assert "nowhere.tar.zst: No such file" in ended.output
    assert "neither.yaml" in ended.output


def test_every_output_is_written_and_all_of_them_agree(project, junit_schema, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    words = ("--junit=gate.xml", "--markdown=gate.md", "--json=gate.json", "--code-quality=quality.json")
    behaviour = {"atom-01": FINE, "atom-02": HUNGRY}
    ended = project(behaviour, *words, gate=True)
    assert ended.exit == 1, ended.output
    found = {name: (ended.folder / name).read_text() for name in ("gate.xml", "gate.md", "gate.json", "quality.json")}
    assert junit_schema.faults(found["gate.xml"]) == []
    assert [case.get("classname") for case in ET.fromstring(found["gate.xml"]).iter("testcase") if len(case)] == [
        "policy.atom-02",
        "policy.gate",
    ]
    assert json.loads(found["gate.json"])["verdict"] == ended.run.verdict.model_dump(mode="json", exclude_none=True)
    assert [issue["severity"] for issue in json.loads(found["quality.json"])] == ["major"]
    assert found["gate.md"].startswith("## ❌ regression")
    assert (ended.folder / "summary.md").read_text() == found["gate.md"]
    assert ended.output.count("::error file=policy.yaml,title=atom-02") == 1
    assert ended.stdout.splitlines()[-2] == "verdict: regression: 1 of 2 criteria missed"
    assert ended.run.run.id in ended.stdout.splitlines()[-1]


def test_json_without_a_file_is_all_of_standard_output(project):
    ended = project({"atom-01": FINE, "atom-02": DEAD}, "--html=gate.html", "--json", gate=True)
    assert ended.exit == 3
    value = json.loads(ended.stdout)
    assert value["outcome"] == "no verdict"
    assert value["run"]["id"] == ended.run.run.id
    assert ended.run.run.id in (ended.folder / "gate.html").read_text()
    assert {record["board"] for record in value["records"]} == {"atom-01", "atom-02"}


def test_a_dry_run_checks_everything_and_touches_nothing(project):
    ended = project({}, "--dry-run", gate=True)
    assert ended.exit == 0, ended.output
    assert "atom-e3930 2 of 2  atom-02  baseline and candidate in turn  8 to 48" in ended.stdout
    assert not (ended.folder / ".farm").exists()


def test_all_that_is_wrong_is_told_before_any_board_is_touched(project):
    words = ("--candidate=nowhere.tar.zst", "--baseline=neither.yaml", "--inventory=none.yaml", "--junit=no/gate.xml")
    ended = project({}, *words, gate=True)
    assert ended.exit == 2
    for fault in (
        "nowhere.tar.zst: No such file",
        "neither.yaml:1: ",
        "none.yaml:1: ",
        "--junit no/gate.xml: no folder no",
    ):
        assert fault in ended.output
    assert not (ended.folder / ".farm").exists()


def test_a_budget_in_which_nothing_can_be_decided_is_refused(project, tmp_path):
    (tmp_path / "short.yaml").write_text(POLICY + "time_budget_s: 60\n")
    ended = project({}, "--dry-run", gate=True, policy="short.yaml")
    assert ended.exit == 2
    assert "short.yaml:8: time_budget_s: 60 s is too short: atom-e3930 1 of 2 needs 8 trials of about" in ended.output


def test_a_wrong_policy_hides_no_wrong_release(project, tmp_path):
    (tmp_path / "wrong.yaml").write_text("modles: {}\n")
    ended = project({}, "--candidate=nowhere.tar.zst", gate=True, policy="wrong.yaml")
    assert ended.exit == 2
    assert "wrong.yaml:1: modles: unknown key" in ended.output
    assert "nowhere.tar.zst: No such file" in ended.output


def test_models_that_a_release_leaves_out_are_told_with_their_line(project, tmp_path):
    (tmp_path / "partial.yaml").write_text("artifacts:\n  jetson-tx2: x.tar.zst\n")
    ended = project({}, "--candidate=partial.yaml", "--dry-run", gate=True)
    assert ended.exit == 2
    assert "partial.yaml:1: artifacts: nothing for board model 'atom-e3930'; there are jetson-tx2" in ended.output
