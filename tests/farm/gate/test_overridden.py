"""A verdict under other settings than the policy's says so wherever it is read."""

from dataclasses import replace
from html import unescape

import pytest

from farm.report.annotations import github
from farm.report.collect import Subject
from farm.report.gate_json import gate_json
from farm.report.gate_junit import junit
from farm.report.gate_markdown import markdown
from farm.report.html.run_view import run_view

SAID = "under -s duration_s=2 -s start_zone=CPU: not as the policy has it"


@pytest.fixture(params=["passed", "regressed", "undecided"])
def tried(request):
    gate = request.getfixturevalue(request.param)
    return replace(gate, run=gate.run.model_copy(update={"overridden": {"duration_s": "2", "start_zone": "CPU"}}))


def test_a_verdict_under_other_settings_says_so_everywhere(tried):
    assert tried.headline().endswith(SAID)
    assert SAID in unescape(markdown(tried).splitlines()[0])
    assert SAID in junit(tried)
    assert gate_json(tried)["run"]["overridden"] == {"duration_s": "2", "start_zone": "CPU"}
    view = run_view(Subject(tried.run, tried.verdict, [], []), {}, "", "")
    assert SAID in view.because
    assert ("duration_s, otherwise than the policy", "2") in view.run_facts


def test_a_policy_as_it_is_says_nothing_of_it(passed):
    for text in (passed.headline(), markdown(passed), junit(passed), *github(passed)):
        assert "not as the policy has it" not in text
        assert "overridden" not in text
