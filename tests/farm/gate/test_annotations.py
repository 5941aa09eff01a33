"""What a CI shows beside the change."""

import json

import pytest

from farm.report.annotations import ci_here, code_quality, github, section
from farm.report.gate_json import gate_json
from farm.report.gate_text import text
from farm.store.run import GateVerdict


@pytest.mark.parametrize(
    ("environment", "ci"),
    [({"GITHUB_ACTIONS": "true"}, "github"), ({"GITLAB_CI": "true"}, "gitlab"), ({"CI": "true"}, "none"), ({}, "none")],
)
def test_the_ci_is_known_by_what_it_sets_for_its_jobs(environment, ci):
    assert ci_here(environment) == ci


def test_github_gets_an_error_for_each_missed_limit_and_no_warning_beside_it(regressed):
    (line,) = github(regressed)
    assert line == (
        "::error file=playbooks/release.yaml,title=tx2-01 (process twin)%3A joules_per_inference against baseline"
        "::wanted <= +1.5 %25, got 0.4128 J (+3.20 %25), interval +2.85 … +3.55 %25"
    )


def test_github_gets_warnings_where_nothing_is_said_about_the_release(undecided):
    lines = github(undecided)
    assert {line.split()[0] for line in lines} == {"::warning"}
    assert any("time was up" in line for line in lines)
    assert any("atom-01: no answer" in line for line in lines)


def test_a_pass_annotates_nothing(passed):
    assert github(passed) == []
    assert code_quality(passed) == []


def test_a_fault_cannot_give_commands_to_the_ci(hostile):
    lines = github(hostile)
    assert all(line.startswith("::warning ") for line in lines)
    assert not any("\n" in line or "\r" in line for line in lines)
    assert not any(line.startswith("::") for line in "\n".join(text(hostile)).splitlines())


def test_github_shows_ten_so_the_tenth_says_how_many_more(a_gate, undecided):
    (missed,) = [c for c in undecided.verdict.criteria if c.outcome == "no verdict"]
    lines = github(a_gate("no verdict", criteria=[missed] * 25))
    assert len(lines) == 10
    assert "16 more" in lines[-1]


def test_gitlab_gets_what_its_code_quality_report_asks_for(regressed, undecided):
    (issue,) = code_quality(regressed)
    assert issue["location"] == {"path": "playbooks/release.yaml", "lines": {"begin": 1}}
    assert issue["severity"] == "major"
    assert {"description", "check_name", "fingerprint"} < issue.keys()
    issues = code_quality(undecided)
    assert {issue["severity"] for issue in issues} == {"info"}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_gitlab_folds_a_section_between_its_own_marks():
    start, line, end = section("gate", "all criteria", ["x"], unix_s=7)
    assert start == "\x1b[0Ksection_start:7:gate[collapsed=true]\r\x1b[0Kall criteria"
    assert line == "x"
    assert end == "\x1b[0Ksection_end:7:gate\r\x1b[0K"


def test_json_gives_the_verdict_back_whole(undecided):
    value = json.loads(json.dumps(gate_json(undecided), allow_nan=False))
    assert GateVerdict.model_validate(value["verdict"]) == undecided.verdict
    assert value["outcome"] == "no verdict"
    assert value["made"] == {"tx2-01": "process twin", "atom-01": "board"}


def test_the_terminal_shows_every_criterion_and_every_reason(undecided):
    lines = text(undecided)
    assert lines[0].split() == ["board", "criterion", "wanted", "got", "interval", "baseline", "trials", "outcome"]
    assert "tx2-01 (process twin): p99_ms: no verdict: no valid trial" in lines
    assert any(line.startswith("atom-01: lab fault: no answer") for line in lines)
    assert lines[-1] == "time was up: 600 s"
