"""``farm results`` on what is kept in the working folder."""

import json
import sqlite3

import pytest

from farm.cli.main import main
from farm.store.database import Store
from farm.verdict.criteria import Limits, judge


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
