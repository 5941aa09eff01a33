"""What people and programs are told of a comparison, while it stands and a year later."""

import json
import os
import signal
import threading

import pytest

from farm.cli.main import main
from farm.errors import Exit
from farm.lab.inventory import Lab
from farm.lab.lending import Lending
from farm.lab.new_run import new_run
from farm.report.variants.as_json import as_json
from farm.report.variants.markdown import markdown
from farm.report.variants.text import text
from farm.report.variants.view import Comparison
from farm.verdict.variants import plan

from .conftest import noisy, planned


@pytest.fixture
def told(world, facts):
    """``told(most_rounds=4, …)``: a comparison that has ended, as the store holds it."""

    def make(behaviour=None, **changes):
        asked = facts(**changes)
        world.boards = dict.fromkeys(asked.boards, behaviour or noisy())
        world.compare(asked)
        return Comparison.load(world.store, "last")

    return make


def test_every_variant_has_its_figures_and_its_place_and_twins_are_called_twins(told):
    lines = text(told())
    assert lines[0].startswith("3 variants on atom-01 (process twin), ")
    (pruned,) = [line for line in lines if line.startswith("pruned (process twin)")]
    assert pruned.endswith("front")
    assert "98.33%" in pruned
    (shared,) = [line for line in lines if line.startswith("shared (process twin)")]
    assert shared.endswith("dominated by pruned")
    assert "ended: all is decided" in lines


def test_both_are_shown_the_figure_with_the_meters_uncertainty_and_the_difference_with_its_own(told):
    comparison = told()
    value = comparison.result.values[0]["joules_per_inference"]
    contrast = comparison.result.contrasts[0, 1]["joules_per_inference"]
    assert value.u >= value.u_meter == 0.001
    assert contrast.high - contrast.low < 2 * value.u_meter / value.got + 0.2
    lines = "\n".join(text(comparison))
    assert "ratios within a board and a round; 95 % sure of all at every look; less than 1 % is equal" in lines
    assert "pruned better" in lines
    assert "equal" in lines


def test_what_is_open_says_so_and_how_much_more_would_do(told):
    lines = "\n".join(text(told(noisy(0.008), most_rounds=4)))
    assert "not separated after 4 rounds in J/inference: pruned and shared" in lines
    assert "more rounds on each of these boards would do" in lines
    assert "ended: 4 rounds were run" in lines


def test_records_that_cannot_be_read_are_told_and_nothing_is_collected_past_them(
    told, world, tmp_path, monkeypatch, capsys
):
    run = told(most_rounds=4).run.id
    with world.store.transaction() as connection:
        oldest = "SELECT min(number) FROM records"
        connection.exec_driver_sql(f"UPDATE records SET json = '{{}}' WHERE number = ({oldest})")  # noqa: S608
    unread = [line for line in text(Comparison.load(world.store, run)) if line.startswith("record ")]
    assert len(unread) == 1
    monkeypatch.chdir(tmp_path)
    (tmp_path / "collect.yaml").write_text("misclassified: true\nprivacy: none\n")
    assert main(["collect", run, "--policy", "collect.yaml", "--out", "hard"]) == Exit.USAGE
    assert f"{unread[0]}; name the others by their own ids" in capsys.readouterr().err


def test_where_nothing_ran_there_is_no_number(told, world):
    world.busy |= {"atom-01", "atom-02"}
    comparison = told()
    lines = text(comparison)
    assert "nothing was measured" in lines
    assert "ended: no board was free" in lines
    assert not comparison.result.told


def test_markdown_marks_who_is_on_the_front_and_nothing_that_is_said_is_markup(told):
    written = markdown(told())
    assert written.startswith("## 1 of 3 variants on the Pareto front\n")
    assert "🏁 front" in written
    assert "**Not measured on boards:** process twin." in written
    assert "joules_per_inference" not in written.replace("&#95;", "_").split("<details>")[0].split("|")[0]


def test_json_holds_all_that_is_printed_and_nothing_that_is_unknown(told):
    comparison = told()
    value = json.loads(json.dumps(as_json(comparison), allow_nan=False))
    assert [variant["place"] for variant in value["variants"]] == ["dominated", "front", "dominated"]
    assert value["variants"][2]["by"] == ["pruned"]
    assert value["run"]["comparison"]["seed"] == 7
    (joules,) = [
        one
        for one in value["differences"]
        if (one["a"], one["b"], one["figure"]) == ("float", "pruned", "joules_per_inference")
    ]
    assert joules["low"] < joules["change"] < joules["high"] < 0
    assert len(value["records"]) == len(comparison.records)


def test_the_plot_draws_every_variant_in_every_panel(told):
    pytest.importorskip("altair")
    from farm.report.variants.plot import pareto

    spec = pareto(told())
    assert {"fps", "joules_per_inference", "size_bytes", "list"} == set(spec["datasets"])
    for name in ("fps", "joules_per_inference", "size_bytes"):
        assert [row["number"] for row in spec["datasets"][name]] == ["1", "2", "3"]
    assert all(row["x_low"] < row["x"] < row["x_high"] for row in spec["datasets"]["joules_per_inference"])
    assert "process twin" in spec["title"]["text"]


def test_it_is_told_again_from_what_is_stored(told, world, tmp_path, monkeypatch, capsys):
    comparison = told()
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--again", comparison.run.id[:8], "--markdown", "out.md"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[: len(text(comparison))] == text(comparison)
    assert (tmp_path / "out.md").read_text() == markdown(comparison)


def test_interrupted_it_tells_what_there_is(world, facts, tmp_path, monkeypatch, capsys):
    told_to_stop, stop = threading.Event(), Lending.stop
    monkeypatch.setattr(Lending, "stop", lambda lending: (stop(lending), told_to_stop.set()))

    def interrupted(name, nth):
        if nth == 8:
            os.kill(os.getpid(), signal.SIGINT)
            assert told_to_stop.wait(60)
        return noisy(0.02)(name, nth)

    monkeypatch.setattr(plan, "plan_comparison", lambda *_, **__: planned(facts(boards=1)))
    monkeypatch.chdir(tmp_path)
    world.boards = {"atom-01": interrupted}
    assert main(["compare", "any.tar.zst", "--model", "atom-e3930"]) == 130
    said = capsys.readouterr()
    assert "ended: interrupted" in said.out
    assert "3 variants on atom-01 (process twin), 2 rounds" in said.out
    assert "farm: interrupted" in said.err
    assert world.returned == ["atom-01"]


def test_a_run_that_compares_nothing_is_refused_by_name(world, tmp_path, monkeypatch, capsys):
    entry = {"model": "atom-e3930", "ssh": {"host": "192.0.2.1", "user": "farm"}}
    world.store.begin(new_run(Lab.model_validate({"lab": "made-up", "boards": {"atom-01": entry}}), "run", []))
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "--again", "last"]) == 2
    assert "compares no variants" in capsys.readouterr().err
    assert main(["compare", "--again", "last", "--markdown", "no/such/folder.md"]) == 2
    assert "no folder no/such" in capsys.readouterr().err


def test_the_page_of_its_run_has_the_same_tables(told, world):
    from farm.report.collect import collect
    from farm.report.html.variants import variants_view

    comparison = told()
    view = variants_view(collect(world.store, comparison.run.id))
    (_, variants), (_, differences) = view.tables
    assert [row[0] for row in variants] == ["variant", *(f"{name} (process twin)" for name in comparison.names)]
    assert len(differences) == 1 + 3 * 2
    assert view.remarks == comparison.remarks()
