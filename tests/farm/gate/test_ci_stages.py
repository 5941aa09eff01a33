"""The stages in docs/ci, run as their CIs run them: the shell lines are taken from the files themselves."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from farm.cli.main import parser

CI = Path(__file__).parents[3] / "docs" / "ci"
GATE = {"POLICY": "playbooks/release.yaml", "CANDIDATE": "release.yaml", "BASELINE": "released.yaml"}
OUTCOMES = {0: "pass", 1: "regression", 2: "failed", 3: "no verdict", 130: "failed"}

FARM = """\
#!/bin/bash
printf '%s\\0' "$@" >>calls; printf '\\n' >>calls
: >gate.xml; echo '## verdict' >gate.md
exit "$GATE_EXIT"
"""
"""Notes how it was called, and ends as it is told."""


def github() -> str:
    workflow = yaml.safe_load((CI / "github-actions.yml").read_text())
    (step,) = [step for step in workflow["jobs"]["gate"]["steps"] if step.get("id") == "gate"]
    assert step["shell"] == "bash"
    return "set -e -o pipefail\n" + step["run"]  # what `shell: bash` means there


def gitlab() -> str:
    job = yaml.safe_load((CI / "gitlab-ci.yml").read_text())["gate"]
    return "\n".join(["set -e -o pipefail", *job["script"]])


def jenkins() -> str:
    found = re.search(r"sh\(returnStatus: true, script: '''(.*?)'''\)", (CI / "Jenkinsfile").read_text(), re.S)
    assert found is not None
    return "set -e\n" + found[1].replace("\\\\", "\\")  # Groovy's escape; `sh` runs with -e


@dataclass(frozen=True)
class Stage:
    """A stage that has run."""

    exit: int
    calls: list[list[str]]
    folder: Path


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., Stage]:
    """``stage(script, gate_exit)``: run shell lines in a folder where ``farm`` ends as it is told."""
    folder = tmp_path / "job"
    (folder / "bin").mkdir(parents=True)
    (lab := tmp_path / "lab").mkdir()
    (folder / "bin" / "farm").write_text(FARM)
    (folder / "bin" / "farm").chmod(0o755)

    def run(script: str, gate_exit: int, shell: str = "bash", **environment: str) -> Stage:
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        output = {"GITHUB_OUTPUT": str(folder / "output")}
        env = {"PATH": path, "GATE_EXIT": str(gate_exit), "LAB": str(lab), **GATE, **output, **environment}
        ended = subprocess.run([shell, "-c", script], cwd=folder, env=env, capture_output=True, timeout=20, check=False)
        calls = (folder / "calls").read_text() if (folder / "calls").exists() else ""
        return Stage(ended.returncode, [line.split("\0")[:-1] for line in calls.splitlines()], folder)

    return run


@pytest.mark.parametrize("gate_exit", OUTCOMES)
@pytest.mark.parametrize(("script", "shell"), [(github, "bash"), (gitlab, "bash"), (jenkins, "sh")])
def test_the_stage_ends_as_the_gate_did(script, shell, gate_exit, stage, tmp_path):
    ran = stage(script(), gate_exit, shell)
    assert ran.exit == gate_exit
    (gate,) = ran.calls
    assert gate[0] == "gate"
    assert (ran.folder / ".farm").readlink() == tmp_path / "lab"  # or its leases would keep nobody out


@pytest.mark.parametrize("script", [github, gitlab, jenkins])
def test_the_gate_takes_every_word_that_a_stage_gives_it(script, stage):
    (gate,) = stage(script(), 0).calls
    args = parser(["gate"]).read(gate)
    assert (str(args.policy), str(args.candidate), str(args.baseline)) == tuple(GATE.values())
    written = [str(path) for path in (args.junit, args.markdown, args.json, args.html)]
    assert written == ["gate.xml", "gate.md", "gate.json", "gate.html"]


@pytest.mark.parametrize(("gate_exit", "outcome"), OUTCOMES.items())
def test_github_tells_later_jobs_the_outcome(gate_exit, outcome, stage):
    ran = stage(github(), gate_exit)
    assert (ran.folder / "output").read_text() == f"outcome={outcome}\n"
    job = yaml.safe_load((CI / "github-actions.yml").read_text())["jobs"]["gate"]
    assert job["outputs"] == {"outcome": "${{ steps.gate.outputs.outcome }}"}


def kept_by_github() -> list[str]:
    job = yaml.safe_load((CI / "github-actions.yml").read_text())["jobs"]["gate"]
    (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
    return upload["with"]["path"].split()


def kept_by_gitlab() -> list[str]:
    artifacts = gitlab_job()["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["reports"] == {"junit": "gate.xml", "codequality": "gl-code-quality-report.json"}
    return artifacts["paths"]


def kept_by_jenkins() -> list[str]:
    found = re.search(r"archiveArtifacts artifacts: '([^']*)', allowEmptyArchive: true", jenkinsfile())
    assert found is not None
    return found[1].split(",")


@pytest.mark.parametrize("kept", [kept_by_github, kept_by_gitlab, kept_by_jenkins])
def test_all_that_the_gate_writes_is_kept_whatever_the_verdict(kept):
    assert kept() == ["gate.xml", "gate.md", "gate.json", "gate.html"]


def gitlab_job() -> dict[str, Any]:
    return yaml.safe_load((CI / "gitlab-ci.yml").read_text())["gate"]


def jenkinsfile() -> str:
    return (CI / "Jenkinsfile").read_text()


def test_only_no_verdict_is_tried_again_and_neither_green_nor_red():
    assert gitlab_job()["allow_failure"] == {"exit_codes": 3}
    assert gitlab_job()["retry"] == {"max": 1, "exit_codes": 3}
    branches = re.findall(r"status (==|!=) (\d+)\) \{\s*(\w+)\(", jenkinsfile())
    assert branches == [("==", "3", "unstable"), ("==", "1", "error"), ("!=", "0", "error")]


@pytest.mark.parametrize("token", ["", "secret"])
def test_gitlab_notes_the_verdict_in_the_merge_request_where_it_may(token, stage, tmp_path):
    ran = stage(gitlab(), 1)
    curl = ran.folder / "bin" / "curl"
    curl.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >note\n')
    curl.chmod(0o755)
    request = {"CI_MERGE_REQUEST_IID": "7", "CI_API_V4_URL": "http://git/api/v4", "CI_PROJECT_ID": "9"}
    stage("\n".join(gitlab_job()["after_script"]), 0, GATE_NOTE_TOKEN=token, **request)
    assert (ran.folder / "note").exists() == bool(token)
    if token:
        words = (ran.folder / "note").read_text().split("\n")
        assert "http://git/api/v4/projects/9/merge_requests/7/notes" in words
        assert "body@gate.md" in words
        assert "PRIVATE-TOKEN: secret" in words


def test_the_jenkinsfile_closes_what_it_opens():
    text = re.sub(r"'''.*?'''|'[^']*'|\"[^\"]*\"|//[^\n]*", "", jenkinsfile(), flags=re.S)
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
