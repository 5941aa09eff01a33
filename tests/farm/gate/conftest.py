"""What a gate decided, and what its outputs are held against."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from farm.report.gate_view import Gate
from farm.store.run import EvidenceCheck, GateCriterion, GateFault, GateVerdict, Run

DATA = Path(__file__).parents[2] / "data"
HELD = {
    "name": "joules_per_inference", "unit": "J", "wanted": "<= 0.55", "limit": 0.55, "got": 0.4128, "u": 0.0016,
    "outcome": "pass", "board": "tx2-01", "model": "jetson-tx2", "artifact": "lenet5-fine", "low": 0.4101,
    "high": 0.4155, "trials": 3, "records": ["a1", "b1"],
}  # fmt: skip


def criterion(**changes: object) -> GateCriterion:
    return GateCriterion.model_validate(HELD | changes)


AGAINST = {"against": "baseline", "wanted": "<= +1.5 %", "limit": 0.015, "baseline": 0.4}
MISSED = criterion(**AGAINST, got=0.4128, low=0.0285, high=0.0355, outcome="regression")
UNDECIDED = criterion(name="p99_ms", unit="ms", wanted="<= 50", got=None, low=None, high=None, trials=0,
                      outcome="no verdict", why="no valid trial")  # fmt: skip
FAULT = GateFault(board="atom-01", what="atom-01: no answer within 8 s", hint="is it on?")


@pytest.fixture
def a_gate() -> Callable[..., Gate]:
    """``a_gate("regression", criteria=[…], faults=[…])``: a gate that has ended so."""

    def make(outcome: str = "pass", **parts: object) -> Gate:
        run = Run.model_validate(
            {
                "id": "0123456789abcdef", "kind": "gate", "started_utc": "2026-01-02T03:04:05Z",
                "command": ["farm", "gate", "playbooks/release.yaml", "--candidate", "new model.tar.zst"],
                "owner": "ci@host", "lab": "demo", "inventory": "inventory.yaml", "inventory_sha256": "1" * 64,
                "farm_version": "0.1.0", "policy_path": "playbooks/release.yaml", "policy_sha256": "2" * 64,
                "releases": {"candidate": {"jetson-tx2": "c" * 64}, "baseline": {"jetson-tx2": "b" * 64}},
            }
        )  # fmt: skip
        verdict = GateVerdict.model_validate({"outcome": outcome, "criteria": [criterion()]} | parts)
        return Gate(run, verdict, twins={"tx2-01": "process twin"})

    return make


@pytest.fixture
def passed(a_gate) -> Gate:
    return a_gate(evidence=[EvidenceCheck(what="idle", board="tx2-01", held=True)])


@pytest.fixture
def regressed(a_gate) -> Gate:
    """With a fault that a neighbour made up for, and one that none did."""
    moved = GateFault(board="tx2-02", what="tx2-02: SSH refused", retried_on="tx2-01")
    return a_gate("regression", criteria=[criterion(), MISSED], faults=[moved, FAULT])


@pytest.fixture
def undecided(a_gate) -> Gate:
    checks = [EvidenceCheck(what="not throttled", board="tx2-01", held=False, detail="throttled: 1 of 3 trials")]
    reasons = ["time was up: 600 s"]
    return a_gate("no verdict", criteria=[criterion(), UNDECIDED], evidence=checks, faults=[FAULT], reasons=reasons)


@pytest.fixture
def hostile(a_gate) -> Gate:
    """A board and a fault that say what would break out of a cell, a line or a document."""
    words = (
        "| x | <script>alert(1)</script> @everyone #1 `a` [l](http://e) **b**\n## no\n::error::no\x1b[31m ]]> \ud800"
    )
    words = words.encode("utf-8", "replace").decode()
    fault = GateFault(board="a|b*", what=words, hint=words)
    bad = criterion(outcome="no verdict", why=words, artifact=words)
    return a_gate("no verdict", criteria=[bad], faults=[fault], reasons=[words])


XS = "{http://www.w3.org/2001/XMLSchema}"
BUILT_IN = {"xs:string": r"(?s).*", "xs:token": r"(\S+( \S+)*)?", "xs:int": r"[+-]?\d{1,10}"}


class Schema:
    """As much of XML Schema as tests/data/junit.xsd uses: no library of the venv holds XML against it.

    Whatever of the schema it does not know is an error of its own, never a rule that is not looked at.
    """

    def __init__(self, path: Path) -> None:
        root = ET.parse(path).getroot()
        self.elements = {e.get("name"): e for e in root.findall(f"{XS}element")}
        self.types = {e.get("name"): e for e in root.findall(f"{XS}simpleType")}

    def faults(self, document: str) -> list[str]:
        """Return all that is wrong; ValueError when it is no XML."""
        root = ET.fromstring(document)
        return self._element(root, self.elements[root.tag], root.tag)

    def _element(self, found: ET.Element, rule: ET.Element, at: str) -> list[str]:
        if "ref" in rule.attrib:
            rule = self.elements[rule.get("ref")]
        if "type" in rule.attrib:
            return [f"{at}: children"] * bool(len(found)) + self._value(found.text or "", rule.get("type"), at)
        (body,) = rule
        assert body.tag == f"{XS}complexType", body.tag
        faults = self._attributes(found, body, at)
        if body.get("mixed") != "true" and any((text or "").strip() for text in _texts(found)):
            faults.append(f"{at}: text")
        models = [part for part in body if part.tag != f"{XS}attribute"]
        return faults + (self._children(found, models[0], at) if models else [f"{at}: children"] * bool(len(found)))

    def _attributes(self, found: ET.Element, body: ET.Element, at: str) -> list[str]:
        rules = {rule.get("name"): rule for rule in body.findall(f"{XS}attribute")}
        faults = [f"{at}: attribute {name} is not known" for name in found.attrib.keys() - rules.keys()]
        for name, rule in rules.items():
            if name in found.attrib:
                faults += self._value(found.get(name), rule.get("type"), f"{at}@{name}")
            elif rule.get("use") == "required":
                faults.append(f"{at}: attribute {name} is missing")
        return faults

    def _children(self, found: ET.Element, model: ET.Element, at: str) -> list[str]:
        """A content model as a regular expression over the children's names."""
        assert model.tag in (f"{XS}sequence", f"{XS}choice"), model.tag
        parts = {(part.get("name") or part.get("ref")): part for part in model}
        joint = "" if model.tag == f"{XS}sequence" else "|"
        pattern = joint.join(f"(?:{re.escape(name)} ){_times(part)}" for name, part in parts.items())
        names = "".join(f"{child.tag} " for child in found)
        if not re.fullmatch(f"(?:{pattern}){_times(model)}", names):
            return [f"{at}: holds {names}"]
        return [
            fault
            for n, child in enumerate(found)
            for fault in self._element(child, parts[child.tag], f"{at}/{child.tag}[{n}]")
        ]

    def _value(self, value: str, kind: str, at: str) -> list[str]:
        if kind in BUILT_IN:
            return [] if re.fullmatch(BUILT_IN[kind], value) else [f"{at}: {value!r} is no {kind}"]
        (restriction,) = self.types[kind]
        faults = self._value(value, restriction.get("base"), at)
        for facet in restriction:
            given = facet.get("value")
            if facet.tag == f"{XS}pattern":
                faults += [] if re.fullmatch(given, value) else [f"{at}: {value!r} is no {kind}"]
            else:
                assert facet.tag == f"{XS}minLength", facet.tag
                faults += [] if len(value) >= int(given) else [f"{at}: {value!r} is too short"]
        return faults


def _texts(found: ET.Element) -> list[str | None]:
    return [found.text, *(child.tail for child in found)]


def _times(part: ET.Element) -> str:
    least, most = part.get("minOccurs", "1"), part.get("maxOccurs", "1")
    return f"{{{least},{'' if most == 'unbounded' else most}}}"


@pytest.fixture(scope="session")
def junit_schema() -> Schema:
    return Schema(DATA / "junit.xsd")
