"""A gate as JUnit XML, within what Jenkins', GitLab's and Ant's own schemas have in common.

A suite for each board, a case for each criterion. A missed limit is a ``<failure>``; a lab fault, missing evidence
and an undecided criterion are an ``<error>``. None of the schemas knows properties of a case: the suite holds them,
``CRITERION.got``, ``CRITERION.low`` and so on.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC
from importlib.metadata import version
from platform import node

from farm.store.run import GateCriterion

from .gate_view import Gate, OnBoard, baseline, got, interval, title, wanted

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no character for; a console's bytes hold such."""


def junit(gate: Gate) -> str:
    """Return the whole document. It holds a failure or an error exactly when the gate did not pass."""
    suites = ET.Element("testsuites")
    for seen in map(gate.on, gate.boards):
        if seen.outcome is not None:
            suites.append(_suite(gate, seen, len(suites)))
    suites.append(_verdict(gate, len(suites)))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(gate: Gate, seen: OnBoard, number: int) -> ET.Element:
    board = seen.board
    cases = [_criterion(gate, criterion) for criterion in seen.criteria]
    for check in seen.missing:
        cases.append(_case(gate, board, f"evidence: {check.what}"))
        _ended(cases[-1], "error", "no verdict", check.detail or "not recorded", check.detail)
    for fault in seen.faults:
        if fault.retried_on is None:
            cases.append(_case(gate, board, "lab"))
            _ended(cases[-1], "error", "lab fault", fault.what, f"{fault.what}\n{fault.hint}".strip())
    properties = {"board": board, "made": gate.made(board), **_identity(gate), **figures(seen.criteria)}
    moved = [fault for fault in gate.verdict.faults if fault.retried_on == board]
    said = [f"in the place of {fault.board}: {fault.what}" for fault in moved]
    return _assembled(gate, gate.label(board), number, cases, properties, seen.seconds, said)


def _verdict(gate: Gate, number: int) -> ET.Element:
    """Return the suite of the whole: it fails where the gate does, so that no reader can miss it."""
    case, reasons = _case(gate, "gate", "verdict"), gate.verdict.reasons
    if gate.verdict.outcome != "pass":
        tag = "failure" if gate.verdict.outcome == "regression" else "error"
        _ended(case, tag, gate.verdict.outcome, gate.headline(), "\n".join(reasons))
    said = [gate.headline(), *reasons] if gate.overridden else reasons
    return _assembled(gate, gate.policy, number, [case], _identity(gate), 0.0, said)


def _criterion(gate: Gate, criterion: GateCriterion) -> ET.Element:
    case = _case(gate, criterion.board, title(criterion))
    lines = [
        f"wanted    {wanted(criterion)}",
        f"got       {got(criterion)}",
        f"interval  {interval(criterion)}",
        f"baseline  {baseline(criterion)}",
        f"trials    {criterion.trials}",
    ]
    if criterion.outcome == "regression":
        message = (
            f"{title(criterion)}: wanted {wanted(criterion)}, got {got(criterion)}, interval {interval(criterion)}"
        )
        _ended(case, "failure", "regression", message, "\n".join(lines))
    elif criterion.outcome == "no verdict":
        message = f"{title(criterion)}: {criterion.why}"
        _ended(case, "error", "no verdict", message, "\n".join([criterion.why, *lines]))
    return case


def _case(gate: Gate, board: str, name: str) -> ET.Element:
    return ET.Element("testcase", name=_clean(name), classname=_clean(f"{_stem(gate.policy)}.{board}"), time="0.000")


def _ended(case: ET.Element, tag: str, kind: str, message: str, text: str) -> None:
    ended = ET.SubElement(case, tag, type=kind, message=_clean(message.partition("\n")[0]))
    ended.text = _clean(text)


def _assembled(
    gate: Gate, name: str, number: int, cases: list[ET.Element], properties: dict[str, object], seconds: float,
    said: list[str],
) -> ET.Element:  # fmt: skip
    for case in cases:  # all cases of a board share its trials: their times add up to what was measured
        case.set("time", f"{seconds / len(cases):.3f}")
    suite = ET.Element(
        "testsuite",
        id=str(number),
        package=_clean(_stem(gate.policy)),
        name=_clean(name),
        timestamp=gate.run.started_utc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),  # the schema has no zone
        hostname=_clean(node() or "unknown"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        time=f"{seconds:.3f}",
    )
    within = ET.SubElement(suite, "properties")
    for key, value in properties.items():
        if value is not None:
            ET.SubElement(within, "property", name=_clean(key), value=_clean(as_text(value)))
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = _clean("\n".join(said))
    ET.SubElement(suite, "system-err")
    return suite


def _identity(gate: Gate) -> dict[str, object]:
    run = gate.run
    released = {
        f"{role}.{model}": artifact for role, models in run.releases.items() for model, artifact in models.items()
    }
    return {
        "run": run.id,
        "verdict": gate.verdict.outcome,
        "policy": run.policy_path,
        "policy_sha256": run.policy_sha256,
        "overridden": gate.overridden or None,
        "lab": run.lab,
        "farm_version": version("edge-test-farm"),
        **released,
    }


def figures(criteria: Sequence[GateCriterion]) -> dict[str, object]:
    """Return what is known of criteria of one board, ``CRITERION.WHAT``; names and units are texts, None is unknown."""
    found: dict[str, object] = {}
    for criterion in criteria:
        relative = criterion.against == "baseline"
        found |= {
            f"{criterion.name}{'.vs_baseline' * relative}.{key}": value
            for key, value in {
                "unit": criterion.unit or "1",
                "wanted": criterion.wanted,
                "limit": criterion.limit,
                "got": criterion.got,
                "u": criterion.u,
                "baseline": criterion.baseline,
                "interval_unit": "relative change" if relative else criterion.unit or "1",
                "low": criterion.low,
                "high": criterion.high,
                "trials": criterion.trials,
                "outcome": criterion.outcome,
                "records": " ".join(criterion.records) or None,
            }.items()
        }
    return found


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0] or path


def as_text(value: object) -> str:
    """Return a property's value: six significant digits of a measured one."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _clean(text: str) -> str:
    return _NOT_XML.sub(lambda letter: f"\\x{ord(letter[0]):02x}", text)
