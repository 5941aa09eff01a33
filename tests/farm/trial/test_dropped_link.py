"""A link that breaks while the board works: nothing is lost, and nothing goes on for ever."""

import dataclasses
import json
import time
from pathlib import Path

import pytest

from devices.errors import ConnectionLost
from farm.trial.remote import run_on_board
from farm.trial.scenario import FixedRate
from farm.trial.trial import run_trial

SHORT = FixedRate(rate_hz=20, duration_s=0.8, idle_s=0.1, bursts=False)


@pytest.fixture
def kept(tiny, tmp_path):
    return dataclasses.replace(tiny(), runs_path=str(tmp_path / "runs"))


def cut(bench, monkeypatch, *, after, outages=1):
    """Break every stream once so many of the runner's lines have been heard, and refuse new ones for a while."""
    shell, left = bench.shell, [outages]
    real = shell.stream

    def stream(command, *, timeout_s):
        if left[0] < outages and left[0] >= 0 and "follow.py" in command:
            left[0] -= 1
            if left[0] >= 0:
                raise ConnectionLost("here", "no route")
        opened = real(command, timeout_s=timeout_s)
        if "--keep" in command:
            lines = opened.lines

            def until(*, idle_timeout_s):
                for number, line in enumerate(lines(idle_timeout_s=idle_timeout_s)):
                    if number == after:
                        left[0] -= 1
                        raise ConnectionLost("here", "the link broke")
                    yield line

            opened.lines = until
        return opened

    monkeypatch.setattr(shell, "stream", stream)


@pytest.mark.parametrize("after", [0, 3])
def test_what_the_board_says_meanwhile_is_read_afterwards(kept, local_bench, monkeypatch, after):
    monkeypatch.setattr("farm.trial.kept._AGAIN_S", 0.1)
    bench = local_bench()
    cut(bench, monkeypatch, after=after, outages=3)
    record = run_trial(bench, kept, SHORT).record
    assert record.scenario.frames == 16
    assert record.deadlines.unfinished == 0
    assert record.accuracy is not None
    assert record.accuracy.total == 40
    assert record.runner is not None
    assert record.runner.link_away_s is not None
    assert 0.2 < record.runner.link_away_s < 5
    assert record.power[0].readings == pytest.approx(16, abs=3)
    assert list(Path(kept.runs_path).iterdir()) == []


def test_where_the_link_holds_nothing_was_away_and_no_file_stays(kept, local_bench):
    record = run_trial(local_bench(), kept, SHORT).record
    assert record.runner is not None
    assert record.runner.link_away_s is None
    assert list(Path(kept.runs_path).iterdir()) == []


def test_what_ends_a_trial_here_ends_it_there(kept, local_bench):
    bench, seen = local_bench(), []

    def watch():
        found = list(Path(kept.runs_path).glob("*.pid"))
        if found and not seen:
            seen.append(int(found[0].read_text()))
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run_on_board(bench.shell, kept, FixedRate(20, 60), quiet_s=0.1, progress=lambda _: None, watch=watch)
    assert seen
    assert list(Path(kept.runs_path).iterdir()) == []
    deadline = time.monotonic() + 10
    while Path("/proc", str(seen[0]), "cmdline").exists() and Path("/proc", str(seen[0]), "cmdline").read_bytes():
        assert time.monotonic() < deadline


def test_a_board_that_is_not_reached_again_is_the_links_fault_and_the_next_run_ends_its_runner(
    kept, local_bench, monkeypatch
):
    monkeypatch.setattr("farm.trial.kept._AGAIN_S", 0.05)
    monkeypatch.setattr("farm.trial.remote._STARTED_S", -58.0)  # so that it must be over after some seconds
    bench = local_bench()
    with monkeypatch.context() as broken:
        cut(bench, broken, after=1, outages=10**6)
        broken.setattr(bench.shell, "run", lambda *_, **__: (_ for _ in ()).throw(ConnectionLost("here", "no route")))
        broken.setattr("farm.trial.kept.Kept.clear", lambda _: Path(kept.runs_path).mkdir(exist_ok=True))
        with pytest.raises(ConnectionLost, match="the link broke"):
            run_on_board(
                bench.shell, kept, FixedRate(20, 0.2, score_s=0), quiet_s=0, progress=lambda _: None, watch=lambda: None
            )
    assert len(list(Path(kept.runs_path).glob("*.pid"))) == 1
    run = run_on_board(bench.shell, kept, SHORT, quiet_s=0.1, progress=lambda _: None, watch=lambda: None)
    assert len(run.rows) == 16
    assert list(Path(kept.runs_path).iterdir()) == []


def test_the_file_holds_what_was_said(kept, local_bench, monkeypatch):
    monkeypatch.setattr("farm.trial.kept.Kept.end", lambda _: None)
    bench = local_bench()
    run_on_board(bench.shell, kept, SHORT, quiet_s=0.1, progress=lambda _: None, watch=lambda: None)
    (file,) = Path(kept.runs_path).glob("*.jsonl")
    told = file.read_bytes().splitlines()
    assert told == bench.shell.heard
    assert json.loads(told[-1])["event"] == "end"
