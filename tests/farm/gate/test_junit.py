"""JUnit XML of a gate: what every reader of it can rely on."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from farm.report.gate_junit import junit

GATES = ["passed", "regressed", "undecided", "hostile"]


@pytest.mark.parametrize("name", GATES)
def test_it_is_valid_against_the_common_schema(name, request, junit_schema):
    assert junit_schema.faults(junit(request.getfixturevalue(name))) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (('hostname="', 'host="'), "attribute hostname is missing"),
        (("<system-err />", ""), "holds"),
        (('time="0', 'time="-1'), "is no Seconds"),
        (("<properties>", "<properties>text"), "text"),
        (('type="regression"', ""), "attribute type is missing"),
        (("<failure", "<system-out>x</system-out><failure"), "holds"),
    ],
)
def test_the_schema_refuses_what_its_readers_do(change, fault, regressed, junit_schema):
    assert any(fault in found for found in junit_schema.faults(junit(regressed).replace(*change)))


@pytest.mark.parametrize(
    ("name", "tags"), [("passed", set()), ("regressed", {"failure", "error"}), ("undecided", {"error"})]
)
def test_failures_are_regressions_and_everything_else_that_is_wrong_is_an_error(name, tags, request):
    root = ET.fromstring(junit(request.getfixturevalue(name)))
    assert {child.tag for case in root.iter("testcase") for child in case} == tags
    for tag in ("failure", "error"):
        assert sum(int(suite.get(f"{tag}s")) for suite in root) == len(list(root.iter(tag)))


def test_each_board_and_criterion_is_a_case_of_its_own_name(regressed):
    root = ET.fromstring(junit(regressed))
    cases = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert cases == [
        ("release.tx2-01", "joules_per_inference"),
        ("release.tx2-01", "joules_per_inference against baseline"),
        ("release.atom-01", "lab"),
        ("release.gate", "verdict"),
    ]


def test_units_and_intervals_are_properties(regressed):
    root = ET.fromstring(junit(regressed))
    properties = {p.get("name"): p.get("value") for p in root[0].iter("property")}
    assert properties["joules_per_inference.unit"] == "J"
    assert float(properties["joules_per_inference.low"]) == 0.4101
    assert float(properties["joules_per_inference.vs_baseline.high"]) == 0.0355
    assert properties["joules_per_inference.vs_baseline.interval_unit"] == "relative change"
    assert properties["made"] == "process twin"


def test_what_was_not_measured_is_no_property(undecided):
    names = {p.get("name") for p in ET.fromstring(junit(undecided)).iter("property")}
    assert "p99_ms.wanted" in names
    assert not names & {"p99_ms.got", "p99_ms.low", "p99_ms.high", "p99_ms.baseline"}


def test_a_fault_that_a_neighbour_made_up_for_is_told_and_is_no_error(a_gate):
    from farm.store.run import GateFault

    moved = GateFault(board="tx2-02", what="tx2-02: SSH refused", retried_on="tx2-01")
    root = ET.fromstring(junit(a_gate(faults=[moved])))
    assert list(root.iter("error")) == []
    assert "tx2-02" in "".join(root.itertext())


def test_a_console_may_say_what_xml_cannot(hostile):
    text = junit(hostile)
    ET.fromstring(text)
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


def test_the_schema_itself_is_read_whole(junit_schema):
    assert set(junit_schema.elements) >= {"testsuites", "testsuite", "testcase", "properties", "failure", "error"}
    assert Path(__file__).parents[2].joinpath("data", "junit.xsd").exists()
