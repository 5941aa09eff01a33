"""A link that breaks while the board works: nothing is lost, and nothing goes on for ever."""

import dataclasses
import json
import os
import shlex
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from farm.errors import LabFault
from farm.trial.following import Following
from farm.trial.kept import Kept
from farm.trial.remote import run_on_board
from farm.trial.scenario import FixedRate, Offline, Server
from farm.trial.signs import Signs
from farm.trial.trial import run_trial

from .breaking import BreakingShell

SHORT = FixedRate(rate_hz=20, duration_s=0.8, idle_s=0.1, bursts=False)


@pytest.fixture
def kept(tiny, tmp_path):
    return dataclasses.replace(tiny(), runs_path=str(tmp_path / "runs"))


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setattr("farm.trial.lookout.AGAIN_S", 0.05)
    return BreakingShell(tmp_path / "board")


def run(shell, deployment, scenario=SHORT, **how):
    how = {"quiet_s": 0.1, "progress": lambda _: None, "watch": lambda: None} | how
    return run_on_board(shell, deployment, scenario, **how)


def files(deployment):
    return sorted(path.name for path in Path(deployment.runs_path).iterdir())


def shown(run):
    """Return of each frame and of each image after them what was predicted."""
    columns = [run.hello["columns"].index(name) for name in ("frame", "image", "prediction", "margin")]
    return [[row[at] for at in columns] for row in run.rows], list(zip(run.scored, run.scored_margins, strict=True))


def test_a_record_is_the_same_whatever_the_link_does(kept, local_bench, shell):
    bench = local_bench()
    shell.passes, shell.away = [900, 700], 3
    bench.shell = shell
    record = run_trial(bench, kept, SHORT).record
    assert record.scenario.frames == 16
    assert record.deadlines.unfinished == 0
    assert record.accuracy is not None
    assert record.accuracy.total == 40
    assert record.runner is not None
    assert record.runner.link_away_s is not None
    assert record.runner.link_away_s > 0.1
    (whole,) = [event for event in record.events if event.kind == "frames"]
    assert record.power[0].readings == pytest.approx((whole.until_ns - whole.t_ns) / 50e6, abs=3)
    assert record.power[0].readings >= 13
    assert files(kept) == []


def test_where_the_link_holds_nothing_was_away_and_no_file_stays(kept, local_bench):
    record = run_trial(local_bench(), kept, SHORT).record
    assert record.runner is not None
    assert record.runner.link_away_s is None
    assert files(kept) == []


@pytest.mark.parametrize("scenario", [Offline(0.3, min_samples=200, idle_s=0), Server(300, duration_s=0.3, idle_s=0)])
def test_frames_and_predictions_are_those_of_a_run_whose_link_held(kept, shell, scenario):
    """Broken before its first word, in it, among frames and while the images are scored that no frame has shown."""
    fixed = dataclasses.replace(scenario, score_s=5)
    whole = run(shell, kept, fixed)
    shell.passes = [1, 300, 2000, 8000]
    broken = run(shell, kept, fixed)
    frames, scored = shown(whole)
    if isinstance(scenario, Server):
        assert shown(broken) == (frames, scored)
    else:  # how many fit into its time is chance
        again = shown(broken)[0]
        shared = min(len(again), len(frames))
        assert (again[:shared], [row[0] for row in again]) == (frames[:shared], list(range(len(again))))
    assert broken.ended
    assert broken.away_s > 0


def told(shell, kept, command, *, keeps=False):
    following = Following(shell, command, kept, keeps=keeps, signs=Signs(), timeout_s=30)
    events = [one.event for one in following.events()]
    following.end()
    return events, following


@pytest.fixture(scope="module")
def story():
    """What a run might tell, one event a line."""
    frames = [{"event": "frames", "rows": [[n, n, 10**15 + n, 7, None]] * (n % 5)} for n in range(12)]
    return [{"event": "hello", "columns": ["frame"]}, {"event": "start", "frames": 30}, *frames, {"event": "end"}]


@pytest.mark.parametrize("in_order", [False, True], ids=["broken", "shut"])
def test_wherever_the_link_breaks_each_event_is_told_once(shell, tmp_path, story, in_order):
    text = "".join(json.dumps(event) + "\n" for event in story)
    (tmp_path / "story").write_text(text)
    ends = [at + 1 for at, letter in enumerate(text) if letter == "\n"]
    points = {0, 1, *ends, *(end - 1 for end in ends), *(sum(pair) // 2 for pair in pairwise(ends))}
    shell.in_order = in_order
    for point in sorted(points)[in_order::3]:
        shell.passes = [point]
        kept = Kept(str(tmp_path / "runs"))
        shell.run(kept.clear())
        events, following = told(shell, kept, f"cat {tmp_path}/story")
        assert events == story, point
        assert following.status == 0


def test_a_run_that_was_left_behind_is_ended_before_anything_is_measured(kept, local_bench, tmp_path):
    bench, left, number = local_bench(), Kept(kept.runs_path), tmp_path / "number"
    bench.shell.run(left.clear())
    command = f"sh -c 'echo $$ >{number}.part; mv {number}.part {number}; exec sleep 30'"
    bench.shell.run(f"( {left.start(command, keeps=True)}\n) >/dev/null 2>&1 </dev/null &")
    until_s = time.monotonic() + 20
    while not number.exists():
        assert time.monotonic() < until_s
        time.sleep(0.01)
    program, seen = Path(f"/proc/{number.read_text().strip()}/cmdline"), []

    def runs(_):
        seen.append(program.exists() and b"sleep" in program.read_bytes())

    runs("beforehand")
    run_trial(bench, kept, SHORT, progress=runs)
    assert seen == [True] + [False] * (len(seen) - 1)


def test_a_start_that_never_arrives_is_sent_again_and_one_that_did_runs_once(shell, tmp_path, monkeypatch):
    kept, started = Kept(str(tmp_path / "runs")), tmp_path / "started"
    shell.run(kept.clear())
    command = f'echo once >>{started}; echo \'{{"event": "end"}}\''
    real, lost = shell.stream, [1]

    def stream(line, *, timeout_s):
        if lost:
            lost.clear()
            shell.left = 1
            shell._reach()
        return real(line, timeout_s=timeout_s)

    monkeypatch.setattr(shell, "stream", stream)
    following = Following(shell, command, kept, keeps=False, signs=Signs(), timeout_s=30)
    assert [one.event for one in following.events()] == [{"event": "end"}]
    assert started.read_text() == "once\n"
    shell.run(kept.start(command, keeps=True), check=False)  # a second one that was only late
    assert started.read_text() == "once\n"


def test_what_ends_a_trial_here_ends_it_there(kept, shell):
    seen = []

    def watch():
        found = [file for file in Path(kept.runs_path).glob("*.jsonl") if file.read_bytes()]
        if found and not seen:
            seen.append(int(found[0].with_suffix(".leader").read_text()))
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run(shell, kept, FixedRate(20, 60), watch=watch)
    assert files(kept) == []
    _gone(seen[0])


def _gone(process):
    deadline = time.monotonic() + 10
    while Path("/proc", str(process), "cmdline").exists() and Path("/proc", str(process), "cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_board_that_is_not_reached_again_is_given_up_soon_and_the_next_run_there_ends_what_it_left(
    kept, shell, monkeypatch
):
    monkeypatch.setattr("farm.trial.lookout.AWAY_S", 0.4)
    shell.passes, shell.away = [1500], 10**6
    begun = time.monotonic()
    with pytest.raises(LabFault, match=r"answers no more for 0\.4 s after \d.* s of frames .*: last: this:22 cannot"):
        run(shell, kept, FixedRate(20, 60))
    assert time.monotonic() - begun < 5
    (pid,) = Path(kept.runs_path).glob("*.leader")
    process = int(pid.read_text())
    os.kill(process, 0)
    shell.left = 0
    assert len(run(shell, kept).rows) == 16
    assert files(kept) == []
    _gone(process)


def test_the_file_holds_what_was_said(kept, shell, monkeypatch):
    monkeypatch.setattr("farm.trial.following.Following.end", lambda _: None)
    run(shell, kept)
    (file,) = Path(kept.runs_path).glob("*.jsonl")
    *said, empty, left = file.read_bytes().splitlines()
    assert said == shell.heard
    assert json.loads(said[-1])["event"] == "end"
    assert (empty, json.loads(left)) == (b"", {"event": "exit", "status": 0})


def test_a_meter_that_fails_while_the_link_is_away_is_told_at_once(kept, shell):
    shell.passes, shell.away = [1500], 10**6

    def watch():
        if shell.left:
            raise RuntimeError("the meter")

    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="the meter"):
        run(shell, kept, FixedRate(20, 60), watch=watch)
    assert time.monotonic() - begun < 5


def test_a_program_of_ones_own_is_kept_as_well(shell, tmp_path):
    """It has no part in it: its output goes to a file, and whoever reads that may go and come."""
    kept = Kept(str(tmp_path / "runs"))
    shell.run(kept.clear())
    lines = [f'{{"event": "frames", "rows": [[{n}]]}}' for n in range(5)]
    script = "; ".join(f"echo {shlex.quote(line)}; sleep 0.05" for line in lines)
    shell.passes = [50, 40]
    events, following = told(shell, kept, f'{script}; echo \'{{"event": "end"}}\'; echo late >&2')
    assert [event["rows"][0][0] for event in events[:-1]] == list(range(5))
    assert following.status == 0
    assert list((tmp_path / "runs").iterdir()) == []


def test_whoever_is_interrupted_while_he_waits_does_not_wait_for_the_runs_end(kept, shell):
    begun = time.monotonic()
    timer = threading.Timer(1.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(shell, kept, FixedRate(20, 60))
    assert time.monotonic() - begun < 8
    assert files(kept) == []
