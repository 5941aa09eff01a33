"""Markdown of a gate, as CommonMark with tables renders it."""

import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt

from farm.report import gate_markdown, run_markdown
from farm.report.collect import Subject
from farm.report.gate_markdown import markdown
from farm.store.database import Stored
from farm.store.run import EvidenceCheck


def rendered(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("passed", "## ✅ pass: 1 criterion held on 1 board"),
        ("regressed", "## ❌ regression: 1 of 2 criteria missed"),
        ("undecided", "## ⚠️ no verdict: 1 of 2 criteria undecided, evidence missing 1 time, 1 lab fault"),
    ],
)
def test_the_verdict_stands_first(name, first, request):
    assert markdown(request.getfixturevalue(name)).splitlines()[0] == first


def test_the_short_table_says_what_decided_and_the_rest_is_folded(regressed):
    page = rendered(markdown(regressed))
    short, _, folded = page.partition("<details>")
    assert "joules_per_inference against baseline 0.4128 J (+3.20 %), wanted &lt;= +1.5 %" in short
    assert "+2.85 … +3.55 %" not in short
    assert "+2.85 … +3.55 %" in folded
    assert page.count("<details>") == page.count("</details>") == 3


def test_twins_are_labelled_wherever_they_stand(regressed):
    page = rendered(markdown(regressed))
    assert "<strong>Not measured on boards:</strong> tx2-01 (process twin)" in page
    cells = re.findall(r"<td>(tx2-01[^<]*)</td>", page)
    assert len(cells) >= 3
    assert set(cells) == {"tx2-01 (process twin)"}


def test_no_verdict_says_why_and_blames_no_release(undecided):
    page = rendered(markdown(undecided))
    assert "time was up: 600 s" in page
    assert "Nothing is said about the release" in page
    assert "throttled: 1 of 3 trials" in page


def test_the_command_can_be_copied_as_it_was_typed(passed):
    command = "farm gate playbooks/release.yaml --candidate 'new model.tar.zst'"
    assert f"<code>{command}</code>" in rendered(markdown(passed))


def test_what_boards_say_stays_text(hostile):
    page = rendered(markdown(hostile))
    assert "<script" not in page
    assert "<strong>b</strong>" not in page
    assert "<a " not in page
    assert page.count("<h2>") == 1
    for row in re.findall(r"<tr>(.*?)</tr>", page, re.S):
        assert len(re.findall("<t[dh]", row)) in (2, 4, 8)
    text = markdown(hostile)
    assert not re.search(r"(?<!&)[@#]\w", text)  # nobody is mentioned, nothing is referred to


def test_what_is_too_long_for_a_summary_loses_its_details_and_says_so(a_gate, monkeypatch):
    monkeypatch.setattr(gate_markdown, "MOST_BYTES", 2_000)
    checks = [EvidenceCheck(what="idle", board="tx2-01", held=False, detail="x" * 100) for _ in range(100)]
    text = markdown(a_gate("no verdict", evidence=checks))
    assert len(text.encode()) <= 2_001
    assert text.startswith("## ⚠️ no verdict")
    assert "Too long for a summary" in text


def test_each_board_is_told_what_a_faster_stage_would_buy(passed, a_record):
    stages = {"acquire": 0.1, "convert": 2.0, "infer": 7.0, "decode": 0.9}
    trials = [
        a_record(board__name="tx2-01", role=role, latency__stages_mean_ms=stages | {"infer": infer})
        for role, infer in [("candidate", 6.0), ("candidate", 8.0), ("baseline", 90.0)]
    ]
    page = unescape(markdown(replace(passed, records=trials)))
    assert "What a faster stage would buy" in page
    assert (
        "tx2-01 (process twin): infer is 70% of a frame's work: twice as fast it makes a frame 1.54 times faster"
        in page
    )
    assert "3.33 times at the very most" in page


def test_a_gate_s_run_as_markdown_says_what_was_decided_of_the_run_and_of_each_trial(regressed, a_record):
    judged, void = a_record(id="a1", board__name="tx2-01"), a_record(id="c1", voids=["host: was stopped"])
    subject = Subject(regressed.run, regressed.verdict, [Stored(one, None) for one in (judged, void)], [])
    page = unescape(run_markdown.markdown(subject, lambda _: None))
    assert "regression: 1 of 2 criteria missed" in page
    assert [line.split("|")[-2].strip() for line in page.splitlines() if line.startswith("|")][2:] == [
        "gate: REGRESSION",
        "void",
    ]
