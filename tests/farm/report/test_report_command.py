"""``farm report`` on what is kept in the working folder."""

import sys

import pytest

from farm.cli.main import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kept(store, timed, a_run, a_trace, some_frames):
    store.begin(a_run())
    store.save(timed(run_id="feedfeedfeedfeed"), {"um25c-1": a_trace()}, b"log", some_frames())


@pytest.mark.usefixtures("kept")
def test_a_run_becomes_a_page_and_pictures(folder, capsys):
    assert main(["report", "last", "--html", "new/r.html", "--svg", "plots"]) == 0
    page = (folder / "new" / "r.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "feedfeedfeedfeed" in page
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("new/r.html: ")
    assert sorted(path.name for path in (folder / "plots").iterdir()) == [
        f"zero-01-00c0ffee-{name}.svg" for name in ("energy", "latency", "stages", "time")
    ]


@pytest.mark.usefixtures("kept")
def test_a_record_becomes_a_page_of_its_own(folder):
    assert main(["report", "00c0", "--html", "r.html"]) == 0
    assert "record 00c0ffee00c0ffee" in (folder / "r.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("kept")
def test_wrong_input_writes_nothing(folder, capsys, monkeypatch):
    before = set(folder.iterdir())
    assert main(["report", "last"]) == 2
    assert "give --html FILE" in capsys.readouterr().err
    assert main(["report", "nope", "--html", "r.html"]) == 2
    assert "no run begins with 'nope'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert main(["report", "last", "--html", "r.html"]) == 2
    assert "pip install 'edge-test-farm[report]'" in capsys.readouterr().err
    assert set(folder.iterdir()) == before


def test_before_any_trial_there_is_nothing_to_report(folder, capsys):
    assert main(["report", "last", "--html", "r.html"]) == 2
    assert "no records yet" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("kept")
def test_a_file_that_cannot_be_written_is_no_crash(folder, capsys):
    (folder / "taken").write_text("")
    assert main(["report", "last", "--html", "taken/r.html"]) == 3
    assert "is the disk full, the folder writable?" in capsys.readouterr().err
