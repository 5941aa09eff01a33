"""One file that says the verdict first, loads nothing, and takes nothing from a board for markup."""

import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from farm.errors import UsageFault
from farm.report.collect import Subject, collect, evidence
from farm.report.html.datasets import Evidence
from farm.report.html.page import render
from farm.report.speed import speed
from farm.store.database import Stored, Unreadable
from farm.store.record import ChangeFacts, DemandFacts, DuringFacts
from farm.store.run import GateVerdict
from farm.verdict.criteria import Limits, judge

HOSTILE = """</script><script>alert(1)</script><img src=x onerror="alert('2')">&"'"""


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        (self.scripts if self._in == "script" else self.texts).append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def page(some_frames, a_trace):
    def make(stored, *, run=None, verdict=None, unreadable=(), console=b"", damaged=(), **how):
        subject = Subject(run, verdict, list(stored), list(unreadable))

        def give(one):
            return Evidence(one.record, {"um25c-1": a_trace()}, some_frames(late=(3,)), console, damaged)

        return render(subject, give, **how)

    return make


def test_beside_the_figures_stands_what_the_queries_show_and_what_the_runner_itself_takes(page, a_record):
    record = a_record(
        latency__bound={"percent": 99, "queries": 400, "least_queries": 459, "over": 0, "missing": 59},
        latency__stages_mean_ms={"acquire": 1.0, "infer": 3.0},
        runner={"frame_us": 9.79, "latency_us": 4.99, "link_away_s": 3.21},
    )
    told = [
        "p99 of 400 queries, 0 of them over 50 ms: not shown to keep it; 59 more that do would show it with 99 %",
        "the runner itself takes 9.79 µs of a frame, 4.99 µs of it within the latency",
        "the link was away for 3.2 s; what the run told meanwhile was fetched afterwards",
        "infer is 75% of a frame's work: twice as fast it makes a frame 1.60 times faster; 4.00 times at the very most",
    ]
    text = Page(page([Stored(record, None)])).text
    assert [line in text for line in told] == [True] * 4
    bound = {"percent": 90, "queries": 100, "least_queries": 64, "missing": 0, "at_most_ms": 4.5}
    assert next(speed(a_record(latency__bound=bound, deadlines__deadline_ms=None))) == (
        "p90 of 100 queries: at most 4.5 ms with 99 % confidence"
    )


def test_the_verdict_stands_first_then_why(page, timed):
    stored = Stored(timed(), judge(timed(), Limits(max_p99_ms=1, min_fps=1)))
    text = Page(page([stored])).text
    assert text.index("Regression") < text.index("1 of 2 limits missed") < text.index("Boards and variants")
    assert "zero-01: p99_ms missed: wanted ≤ 1 ms, got 9.000 ms" in text


def test_it_loads_nothing_and_its_scripts_are_those_that_its_policy_names(page, timed):
    text = page([Stored(timed(), None)])
    found = Page(text)
    policy = next(tag["content"] for name, tag in found.tags if tag.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    assert not re.search(r"script-src[^;]*unsafe-inline", policy)
    for attribute in ("src", "srcset", "poster", "action", "data"):
        assert [tag for _, tag in found.tags if attribute in tag] == []
    assert all(tag["href"].startswith("#") for _, tag in found.tags if "href" in tag)
    assert "@import" not in text.partition("</style>")[0]
    assert "url(" not in text.partition("</style>")[0]
    run = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    hashes = [b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in run]
    assert len(hashes) == 2
    assert all(f"'sha256-{one}'" in policy for one in hashes)


def test_what_was_demanded_of_the_board_and_what_changed_stand_in_its_section(page, timed):
    during = DuringFacts(
        period_s=1.0,
        readings=12,
        cpu_ms=0.3,
        watched=0.75,
        unwatched_s=[(2.0, 4.5)],
        why_unwatched="the connection broke",
        changes=[
            ChangeFacts(what="governor", was="performance", is_now="slow<b>", at_s=3.1, since_s=2.1, voids=True),
        ],
        celsius_max={"cpu-thermal": 71.5},
        other_load=0.125,
    )
    demand = DemandFacts(name="governor", wanted="performance", before="performance", during="slow<b>", held=False)
    record = timed(state_during=during, demands=[demand], voids=["settings: governor performance → slow<b> at 3.1 s"])
    text = Page(page([Stored(record, None)])).text
    assert "What the plan demanded of the board" in text
    assert re.search(r"3\.1\s*governor\s*performance\s*slow<b>", text)
    assert re.search(r"other load\s*-\s*12\.5 %\s*-", text)
    assert "they cover 75 % of the frames (the connection broke)." in text
    assert "What the plan demanded" not in Page(page([Stored(timed(), None)])).text


def test_what_a_board_says_is_never_markup(page, timed, a_run):
    record = timed(
        board__name=HOSTILE,
        artifact__name=HOSTILE,
        power__0__meter=HOSTILE,
        supply_meter=HOSTILE,
        voids=[f"host: {HOSTILE}"],
        state_before__governor=HOSTILE,
        events__0__what=HOSTILE,
        latency__stages_mean_ms={HOSTILE: 1.0},
    )
    verdict = GateVerdict.model_validate(
        {
            "outcome": "no verdict",
            "criteria": [],
            "faults": [{"board": HOSTILE, "what": HOSTILE, "hint": HOSTILE}],
            "reasons": [HOSTILE],
            "evidence": [{"what": HOSTILE, "board": HOSTILE, "held": False, "detail": HOSTILE}],
        }
    )
    run = a_run(command=["farm", HOSTILE], policy={HOSTILE: HOSTILE}, owner=HOSTILE)
    found = Page(page([Stored(record, None)], run=run, verdict=verdict, console=HOSTILE.encode()))
    assert not [tag for tag, _ in found.tags if tag == "img"]
    assert not [name for _, tag in found.tags for name in tag if name.startswith("on")]
    assert [tag for tag, _ in found.tags].count("script") == 4  # descriptions, one trial's data, library, ours
    assert "alert(1)" in found.text  # shown as what it is
    data = next(json.loads(text) for text in found.scripts if text.startswith('{"time":{"data"'))
    assert data["time"]["data"]["lanes"]["what"][0] == HOSTILE


def test_a_console_log_is_cleaned_of_what_moves_cursors_and_turns_text_around(page, timed):
    log = b"\x1b[2J\x1b[31mboot\x1b[0m\r\r\n\x07ok \xff \xe2\x80\xae" + b"x\x00y\x1a"
    found = Page(page([Stored(timed(), None)], console=log))
    assert "boot ok \ufffd \ufffdx y" in found.text.replace("\u2400", " ") or "boot ok" in found.text
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202e]", found.text)
    assert "\u241a" in found.text


def test_twins_are_named_as_such_at_the_top(page, timed):
    found = Page(page([Stored(timed(), None)])).text
    assert found.index("Not on real boards: zero-01 (process twin)") < found.index("Boards and variants")
    real = timed(board__made="board", power__0__made="board")
    assert "Not on real boards" not in Page(page([Stored(real, None)])).text


def test_what_was_not_recorded_is_no_number(page, timed):
    found = Page(page([Stored(timed(accuracy=None, power=[], supply_meter=None), None)])).text
    assert "power not measured" in found
    assert "Energy budget while" not in found
    assert "nan" not in found.lower().replace("domainant", "")


def test_everything_needed_to_do_it_again_is_there(page, timed, a_run):
    run = a_run(policy={"looks": 3}, policy_path="release.yaml", policy_sha256="2" * 64)
    found = Page(page([Stored(timed(run_id=run.id, lease=17), None)], run=run)).text
    for part in ("""pytest tests/lab -k 'it'"'"'s'""", "1" * 64, "2" * 64, "a" * 64, "d" * 64, '"looks": 3', "ci@host"):
        assert part in found
    for part in ("lease (fencing token) 17", "data sheet", "known to ± 90 µs", "b007", "farm 0.1.0, Python 3.11.7"):
        assert part in found


def test_a_gate_s_trials_show_what_the_gate_decided_on_their_board(page, timed, a_run):
    criterion = {"name": "mean_watts", "unit": "W", "wanted": "<= 1", "limit": 1.0, "got": 1.2, "board": "zero-01"}
    criterion |= {"model": "m", "artifact": "a", "low": 1.1, "high": 1.3, "trials": 1, "outcome": "regression"}
    value = {"outcome": "regression", "criteria": [criterion | {"records": ["1111aaaa", "2222bbbb"]}]}
    trials = [
        Stored(timed(id="1111aaaa", role="candidate"), None),
        Stored(timed(id="2222bbbb", role="baseline"), None),
        Stored(timed(id="3333cccc", role="candidate", voids=["host: 80 ms late"]), None),
        Stored(timed(id="4444dddd", role="candidate"), None),
    ]
    text = page(trials, run=a_run(kind="gate"), verdict=GateVerdict.model_validate(value))
    shown = re.findall(r'<td><span class="badge \w+"><span aria-hidden="true">.</span> ([a-z ]+)</span>', text)
    assert shown == ["regression", "baseline", "void", "not judged", "regression"]  # the last one: the criterion
    assert "zero-01: mean_watts missed: wanted ≤ 1 W, got 1.1 … 1.3 W" in Page(text).text


def test_times_are_utc_for_whoever_has_no_javascript(page, timed):
    found = Page(page([Stored(timed(), None)]))
    times = [tag for name, tag in found.tags if name == "time"]
    assert times
    assert all(tag["datetime"] == "2026-01-02T03:04:05Z" for tag in times)
    assert "started 2026-01-02 03:04:05 UTC" in found.text


def test_it_can_be_walked_through_without_seeing_it(page, timed):
    found = Page(page([Stored(timed(), judge(timed(), Limits(max_p99_ms=50)))]))
    names = [tag for tag, _ in found.tags]
    assert names.count("h1") == names.count("main") == names.count("header") == names.count("footer") == 1
    levels = [int(tag[1]) for tag in names if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    first_link = next(tag for name, tag in found.tags if name == "a")
    assert first_link["href"] == "#main"
    for name, tag in found.tags:
        if tag.get("role") in ("region", "group", "toolbar"):
            assert tag["aria-label"]
        if name == "th":
            assert tag["scope"] in ("row", "col")
    assert names.count("table") == names.count("caption")
    ids = [tag["id"] for _, tag in found.tags if "id" in tag]
    assert len(ids) == len(set(ids))
    assert {tag["aria-labelledby"] for _, tag in found.tags if "aria-labelledby" in tag} <= set(ids)


def test_what_is_damaged_or_cannot_be_read_is_named(page, timed):
    lost = Unreadable("badbadbad", "not one that this farm can read")
    found = Page(page([Stored(timed(), None)], unreadable=[lost], damaged=("trace of um25c-1: not a trace",))).text
    assert "record badbadbad: not one that this farm can read" in found
    assert "damaged: trace of um25c-1: not a trace" in found


def test_a_run_that_was_killed_before_its_first_trial_says_so(page, a_run):
    found = Page(page([], run=a_run(ended_utc=None))).text
    assert "No trial of this run was kept" in found
    assert "it is still running, or was killed" in found


def test_a_run_of_200_long_trials_stays_under_8_mb_and_says_what_it_leaves_out(timed, a_trace, some_frames):
    trials = [Stored(timed(id=f"{n:016x}"), _judged(timed(), passes=n % 20 != 0)) for n in range(200)]
    trace, frames, console = a_trace(seconds=60, rate_hz=1000), some_frames(n=1200), b"kernel: line\n" * 10_000
    text = render(
        Subject(None, None, trials, []), lambda one: Evidence(one.record, {"um25c-1": trace}, frames, console)
    )
    assert len(text.encode()) <= 8_000_000
    found = Page(text)
    assert sum(name == "article" for name, _ in found.tags) == 200
    assert "This run is too large to show all of it. Levels of detail: 10 medium, 190 small." in found.text
    assert "shown in the level of detail “medium”" in found.text.replace("Shown", "shown")
    peak = max(
        top
        for text in found.scripts
        if text.startswith('{"time":{"data"')
        for top in json.loads(text)["time"]["data"]["watts"]["high"]
    )
    assert peak == pytest.approx(float(np.max(trace.watts)), rel=1e-5)


def _judged(record, *, passes):
    return judge(record, Limits(max_p99_ms=50 if passes else 1))


def test_what_does_not_even_fit_as_figures_stands_in_the_table(page, timed):
    trials = [Stored(timed(id=f"{n:016x}"), None) for n in range(30)]
    empty = len(page(trials, most_bytes=20_000_000).encode()) - 30 * 100_000
    text = page(trials, most_bytes=max(empty, 1_000_000) + 40_000)
    found = Page(text)
    assert "30 in the table alone" in found.text
    assert found.text.count("lenet5-int8") == 30
    with pytest.raises(UsageFault, match=r"30 trials do not fit .*farm results export"):
        page(trials, most_bytes=900_000)


def test_a_run_a_record_and_the_last_are_found_by_their_ids(store, timed, a_run):
    store.begin(a_run())
    store.save(timed(id="1111aaaa", run_id="feedfeedfeedfeed"), {})
    store.save(timed(id="fee0bbbb"), {})
    assert [one.record.id for one in collect(store, "last").trials] == ["1111aaaa"]
    assert collect(store, "feed").run.id == "feedfeedfeedfeed"
    assert collect(store, "1111").run is None
    with pytest.raises(UsageFault, match="begins a run and a record"):
        collect(store, "fee")
    with pytest.raises(UsageFault, match="no record begins with 'nope'"):
        collect(store, "nope")


def test_a_damaged_trace_hides_no_other_evidence(store, timed, a_trace, some_frames):
    store.save(timed(), {"um25c-1": a_trace()}, b"log", some_frames())
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE traces SET piece = x'00'")
    found = evidence(store, store.load("00c0"))
    assert found.traces == {}
    assert found.damaged[0].startswith("trace of um25c-1: ")
    assert found.console == b"log"
    assert len(found.frames) == 100
