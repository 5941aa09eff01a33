"""``farm results`` on what is kept in the working folder."""

import json
import sqlite3
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from farm.cli.main import main
from farm.store.database import Store
from farm.store.run import EvidenceCheck, GateCriterion, GateVerdict, Run
from farm.verdict.criteria import Limits, judge
from power.block import Block


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def two(folder, a_record):
    with Store.open(folder / ".farm" / "results.sqlite") as store:
        store.save(a_record(id="1111aaaa", board__name="tx2-01"), {})
        store.save(a_record(id="2222bbbb"), {})
        store.judge("2222bbbb", judge(a_record(), Limits(max_p99_ms=1)))


@pytest.mark.usefixtures("two")
def test_the_list_labels_twins_and_shows_verdicts(capsys):
    assert main(["results", "list"]) == 0
    head, newest, oldest = capsys.readouterr().out.splitlines()
    assert head.startswith("id ")
    assert newest.startswith("2222bbbb")
    assert "zero-01 (process twin)" in newest
    assert "REGRESSION" in newest
    assert "not judged" in oldest


def test_a_trial_of_a_gate_shows_what_the_gate_decided_on_its_board(folder, a_record, capsys):
    limit = {
        "name": "fps",
        "unit": "fps",
        "wanted": ">= 14",
        "limit": 14,
        "board": "zero-01",
        "model": "m",
        "artifact": "a",
    }
    held = GateCriterion(**limit, outcome="pass")
    idle = EvidenceCheck(what="idle", board="zero-01", held=False)
    for run_id, outcome, evidence in (("a" * 16, "pass", []), ("b" * 16, "no verdict", [idle])):
        run = Run(
            id=run_id,
            kind="gate",
            started_utc=datetime(2026, 1, 2, tzinfo=UTC),
            command=["farm", "gate"],
            owner="ci@host",
            lab="demo",
            inventory="inventory.yaml",
            inventory_sha256="0" * 64,
            farm_version="0.1.0",
        )
        with Store.open(folder / ".farm" / "results.sqlite") as store:
            store.begin(run)
            criterion = held.model_copy(update={"records": [f"1111{run_id}"]})
            store.save(a_record(id=f"1111{run_id}", run_id=run_id, role="candidate"), {})
            store.save(a_record(id=f"2222{run_id}", run_id=run_id, role="candidate", voids=["clock: unknown"]), {})
            store.save(a_record(id=f"3333{run_id}", run_id=run_id, role="baseline"), {})
            store.end(run_id, GateVerdict(outcome=outcome, criteria=[criterion], evidence=evidence))
    assert main(["results", "list"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    ends = ["baseline", "void", "gate: NO VERDICT", "baseline", "void", "gate: PASS"]
    assert all(line.rstrip().endswith(end) for line, end in zip(lines, ends, strict=True)), lines


def test_a_record_that_cannot_be_read_hides_no_other(two, folder, capsys):
    with sqlite3.connect(folder / ".farm" / "results.sqlite") as raw:
        raw.execute("""UPDATE records SET json = replace(json, '"version":1', '"version":2') WHERE id = '2222bbbb'""")
    raw.close()
    assert main(["results", "list"]) == 2
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()] == ["id", "1111aaaa"]
    assert printed.err.startswith("record 2222bbbb: not one that this farm can read: version: ")
    assert main(["results", "list", "--json"]) == 2
    assert [one["record"]["id"] for one in json.loads(capsys.readouterr().out)] == ["1111aaaa"]
    assert main(["results", "show", "2222"]) == 2


@pytest.mark.usefixtures("two")
def test_programs_get_whole_records(capsys, a_record):
    assert main(["results", "list", "--json", "--board", "zero-01"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["made"] == "process twin"
    assert found["record"]["power"][0]["mean"]["watts"] == 1.2
    assert found["verdict"]["outcome"] == "regression"
    assert "idle_after" not in found["record"]["power"][0]


@pytest.mark.usefixtures("two")
def test_one_record_shows_every_figure_with_its_unit(capsys):
    assert main(["results", "show", "2222"]) == 0
    text = capsys.readouterr().out
    for name, value in [("power.0.mean.u_watts", "0.02"), ("clock.bound_ns", "90000"), ("board.boot_id", "b007")]:
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        assert line.split()[1] == value
    assert "missed by 800.0 %" in text


def test_the_budget_of_a_record_names_its_largest_term_first(folder, a_record, capsys):
    budget = [
        {"name": "clock", "joules": 0.01, "shape": "rectangular"},
        {"name": "watts range", "joules": 0.2, "shape": "rectangular"},
        {"name": "a newer term", "joules": 0.0, "shape": "normal"},
    ]
    with Store.open(folder / ".farm" / "results.sqlite") as store:
        store.save(a_record(id="5555aaaa", power__0__budget=budget), {})
    assert main(["results", "show", "5555", "--budget"]) == 0
    head, columns, first, second, *_, last = capsys.readouterr().out.splitlines()
    assert head.startswith("um25c-1 (process twin), ")
    assert "(95 %)" in head
    assert columns.startswith("term ")
    assert first.split("  ")[0] == "watts range"
    assert first.endswith("0.12 J                100%")
    assert second.startswith("clock ")
    assert last.startswith("limits of error: ")


@pytest.mark.usefixtures("two")
def test_a_record_from_before_budgets_were_kept_says_so(capsys):
    assert main(["results", "show", "2222", "--budget"]) == 2
    assert "record 2222bbbb: holds no budget" in capsys.readouterr().err


@pytest.mark.usefixtures("two")
def test_an_id_that_is_not_there_is_wrong_input(capsys):
    assert main(["results", "show", "3333"]) == 2
    assert "no record begins with '3333'" in capsys.readouterr().err


def test_looking_for_results_makes_no_file(folder, capsys):
    assert main(["results", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["results", "show", "1"]) == 2
    assert list(folder.iterdir()) == []


def test_wrong_limits_are_told_before_anything_is_touched(folder, capsys):
    words = ["run", "a.tar.zst", "--board", "b", "--dataset", "d", "--rate-hz", "20", "--duration-s", "1"]
    assert main([*words, "--limit", "max_p99=1", "--limit", "min_fps=x"]) == 2
    assert "did you mean max_p99_ms?" in capsys.readouterr().err
    assert main([*words[:-1], "-1"]) == 2
    assert list(folder.iterdir()) == []


@pytest.fixture
def run(folder, a_record):
    """A run with one record that has a trace, and an older record alone."""
    n = 400
    trace = Block(np.arange(n, dtype=np.int64) * 10**7, np.full(n, 5.0), np.linspace(0, 2, n), np.zeros(n, np.uint8))
    value = {"kind": "gate", "command": ["farm", "gate", "a b"], "owner": "o@h", "lab": "demo", "inventory": "i.yaml"}
    value |= {"id": "feed", "started_utc": "2026-03-01T10:00:00Z", "inventory_sha256": "1", "farm_version": "0"}
    with Store.open(folder / ".farm" / "results.sqlite") as store:
        store.save(a_record(id="0ldone"), {})
        store.begin(Run.model_validate(value))
        store.save(a_record(id="4444dddd", run_id="feed", started_utc="2026-03-01T10:00:05Z"), {"um25c-1": trace})


@pytest.mark.usefixtures("run")
def test_runs_are_listed_with_what_was_typed(capsys):
    assert main(["results", "list", "--runs"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["id", "started", "kind", "lab"]
    assert "not ended" in line
    assert line.endswith("farm gate 'a b'")
    assert main(["results", "list", "--runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run"]["started_utc"] == "2026-03-01T10:00:00Z"


@pytest.mark.usefixtures("run")
def test_a_run_without_a_gate_is_listed_with_the_worst_of_its_trials(folder, a_record, capsys):
    with Store.open(folder / ".farm" / "results.sqlite") as store:
        store.save(a_record(id="5555eeee", run_id="feed"), {})
        for id_, most_ms in (("4444dddd", 1), ("5555eeee", 10_000), ("0ldone", 10_000)):
            store.judge(id_, judge(a_record(), Limits(max_p99_ms=most_ms)))
    assert main(["results", "list", "--runs"]) == 0
    assert "not ended  trials: REGRESSION  farm gate" in capsys.readouterr().out


@pytest.mark.usefixtures("run")
def test_the_list_can_begin_at_a_time(capsys):
    assert main(["results", "list", "--since", "2026-02-01", "--json"]) == 0
    assert [one["record"]["id"] for one in json.loads(capsys.readouterr().out)] == ["4444dddd"]
    assert main(["results", "list", "--since", "yesterday"]) == 2
    assert "--since yesterday: want a date such as 2026-01-31" in capsys.readouterr().err


@pytest.mark.usefixtures("run")
def test_times_are_local_on_the_screen_and_utc_for_programs(capsys, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert main(["results", "list", "--limit", "1"]) == 0
        assert "2026-03-01 19:00:05" in capsys.readouterr().out
        assert main(["results", "list", "--limit", "1", "--json"]) == 0
        assert "2026-03-01T10:00:05Z" in capsys.readouterr().out
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.usefixtures("run")
def test_a_record_shows_its_watts_in_one_line(capsys):
    assert main(["results", "show", "4444"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("um25c-1  ")]
    curve = line.split("  ")[1]
    assert curve.startswith("▁")
    assert curve.endswith("█")
    assert line.endswith("0.000 to 10.000 W in 4.0 s")


@pytest.mark.usefixtures("run")
def test_a_run_shows_what_it_was_and_its_records(capsys):
    assert main(["results", "show", "last"]) == 0
    text = capsys.readouterr().out
    assert "command.2" in text
    assert "4444dddd" in text
    assert "0ldone" not in text


@pytest.mark.usefixtures("run")
def test_two_records_are_compared(capsys):
    assert main(["results", "compare", "0ld", "4444"]) == 0
    text = capsys.readouterr().out
    assert any(line.startswith("mean_watts") and "within ±" in line for line in text.splitlines())
    assert main(["results", "compare", "0ld", "feed", "--json"]) == 0
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert pairs[0]["figures"][0]["name"] == "fps"
    assert main(["results", "compare", "0ld", "nope"]) == 2


@pytest.mark.usefixtures("run")
def test_what_is_chosen_is_exported(folder, capsys):
    words = ["results", "export", "feed", "--csv", "r.csv", "--json", "r.json", "--traces", "t.csv"]
    assert main(words) == 0
    assert "r.csv: 1 row of 1 record" in capsys.readouterr().out
    assert len((folder / "t.csv").read_text().splitlines()) == 401
    assert main(["results", "export"]) == 2
    assert main(["results", "export", "--traces", "t.xlsx"]) == 2
    assert main(["results", "export", "--board", "nobody", "--csv", "n.csv"]) == 2
    assert not (folder / "n.csv").exists()


@pytest.mark.usefixtures("run")
def test_pruning_says_what_it_does_and_a_pin_keeps(capsys):
    assert main(["results", "pin", "4444", "--reason", "asked for"]) == 0
    assert main(["results", "pin"]) == 0
    assert "asked for" in capsys.readouterr().out
    assert main(["results", "prune", "--older-than", "1d", "--dry-run"]) == 0
    assert "would delete 1 record, 0 runs" in capsys.readouterr().out
    assert main(["results", "prune", "--older-than", "1d"]) == 0
    text = capsys.readouterr().out
    assert "deleted 1 record, 0 runs" in text
    assert "kept 1: pinned" in text
    assert main(["results", "pin", "4444", "--undo"]) == 0
    assert main(["results", "prune", "--older-than", "1d", "--json"]) == 0
    pruned = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (pruned["records"], pruned["runs"]) == (["4444dddd"], ["feed"])


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prune"], "give --older-than AGE or --larger-than SIZE"),
        (["prune", "--older-than", "90 fortnights"], "--older-than '90 fortnights' is no span of time"),
        (["prune", "--larger-than", "5XB"], "--larger-than 5XB: want a number and one of"),
        (["prune", "--older-than", "1d", "--keep-passes", "-1"], "--keep-passes -1: at least 0"),
    ],
)
def test_wrong_limits_of_pruning_delete_nothing(capsys, words, said):
    assert main(["results", *words]) == 2
    assert said in capsys.readouterr().err
    assert main(["results", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
