"""A gate as the lines that a CI shows beside the change: GitHub's commands, GitLab's sections and code quality."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .gate_view import Gate, got, interval, title, unresolved, wanted

Ci = Literal["github", "gitlab", "none"]

_MOST = 10
"""GitHub shows so many errors, and so many warnings, of one step."""


def ci_here(environment: Mapping[str, str] = os.environ) -> Ci:
    """Return which CI this process runs in, from the variable that each sets for its jobs."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return "github"
    return "gitlab" if environment.get("GITLAB_CI") == "true" else "none"


def github(gate: Gate) -> list[str]:
    """Return ``::error`` for each missed limit and ``::warning`` for whatever left it undecided."""
    missed = [_github("error", gate, what, said) for what, said in _missed(gate)]
    undecided = [_github("warning", gate, what, said) for what, said in _undecided(gate)]
    return [*_at_most(missed, "error", gate), *_at_most(undecided, "warning", gate)]


def code_quality(gate: Gate) -> list[dict[str, Any]]:
    """Return GitLab's code quality report: what is shown in the merge request, at the policy."""
    found = [("major", *line) for line in _missed(gate)] + [("info", *line) for line in _undecided(gate)]
    return [
        {
            "description": f"{what}: {said}",
            "check_name": "farm gate",
            "fingerprint": hashlib.sha256(f"{gate.policy}\0{what}".encode()).hexdigest(),
            "severity": severity,
            "location": {"path": gate.policy.removeprefix("./"), "lines": {"begin": 1}},
        }
        for severity, what, said in found
    ]


def section(name: str, header: str, lines: Sequence[str], *, unix_s: int) -> list[str]:
    """Return lines folded away under a header in GitLab's job log."""
    start = f"\x1b[0Ksection_start:{unix_s}:{name}[collapsed=true]\r\x1b[0K{header}"
    return [start, *lines, f"\x1b[0Ksection_end:{unix_s}:{name}\r\x1b[0K"]


def _missed(gate: Gate) -> list[tuple[str, str]]:
    return [
        (f"{gate.label(c.board)}: {title(c)}", f"wanted {wanted(c)}, got {got(c)}, interval {interval(c)}")
        for c in gate.verdict.criteria
        if c.outcome == "regression"
    ]


def _undecided(gate: Gate) -> list[tuple[str, str]]:
    """Return whatever stands between this gate and a verdict; after a regression nothing does."""
    verdict = gate.verdict
    if verdict.outcome == "regression":
        return []
    found = [(f"{gate.label(f.board)}: lab fault", f.what) for f in unresolved(verdict)]
    found += [
        (f"{gate.label(e.board)}: evidence {e.what}", e.detail or "not recorded")
        for e in verdict.evidence
        if not e.held
    ]
    found += [
        (f"{gate.label(c.board)}: {title(c)}", f"no verdict: {c.why}")
        for c in verdict.criteria
        if c.outcome == "no verdict"
    ]
    return found + [("no verdict", reason) for reason in verdict.reasons]


def _at_most(lines: list[str], level: str, gate: Gate) -> list[str]:
    if len(lines) <= _MOST:
        return lines
    more = f"{len(lines) - _MOST + 1} more stand in the summary and in the JUnit XML"
    return [*lines[: _MOST - 1], _github(level, gate, "farm gate", more)]


def _github(level: str, gate: Gate, title: str, message: str) -> str:
    return f"::{level} file={_property(gate.policy)},title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
