"""An artifact with a program of its own, instead of a runtime that the farm knows."""

import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from farm.errors import LabFault, UsageFault
from farm.trial.remote import run_on_board
from farm.trial.scenario import Server, SingleStream
from farm.trial.starting import require_clock
from farm.trial.trial import run_trial

from .breaking import BreakingShell

SOURCE = Path(__file__).parent / "command.c"
QUICK = SingleStream(0.3, min_queries=70, idle_s=0.1, bursts=False)


@pytest.fixture
def program(tiny, tmp_path):
    """A model whose program is compiled, and knows one class."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler: cc")
    subprocess.run([compiler, "-o", tmp_path / "predict", SOURCE], check=True, timeout=60)
    facts = {name: {"sha256": "0" * 64, "size": 1, "executable": True} for name in ("predict", "model.onnx")}
    command = ["./predict", "{model}", "{images}"]
    return lambda *words, **more: tiny(
        runtime="command", command=[*command[: 3 - len(words)], *words], files=facts, **more
    )


def test_a_program_of_its_own_leaves_a_record_like_any_other(program, local_bench):
    record = run_trial(local_bench(shift_s=0), program(), QUICK).record
    assert record.board.runtime == "all threes 1.0"
    assert record.latency.stages_mean_ms["infer"] >= 1
    assert list(record.latency.stages_mean_ms) == ["infer", "draw"]
    assert record.scenario.queries == record.scenario.frames >= 70
    assert record.latency.bound is not None
    assert record.latency.bound.at_most_ms is not None
    assert record.accuracy is not None
    assert (record.accuracy.correct, record.accuracy.total) == (4, 40)
    assert record.runner is None
    assert record.deadlines.missed is None
    assert record.power[0].joules_per_inference > 0


def test_what_a_program_prints_is_kept_while_the_link_is_away(program, local_bench, tmp_path, monkeypatch):
    """The program knows nothing of it: nobody keeps its output waiting, and nothing of it is lost."""
    monkeypatch.setattr("farm.trial.lookout.AGAIN_S", 0.05)
    bench = local_bench(shift_s=0)
    bench.shell = BreakingShell(tmp_path / "board", shift_s=0)
    bench.shell.passes, bench.shell.away = [100, 1000], 2
    record = run_trial(bench, replace(program(), runs_path=str(tmp_path / "runs")), QUICK).record
    assert record.scenario.frames >= 70
    assert record.accuracy is not None
    assert (record.accuracy.correct, record.accuracy.total) == (4, 40)
    assert list((tmp_path / "runs").iterdir()) == []
    assert record.runner.link_away_s > 0
    assert record.runner.frame_us is None


NO_PYTHON = "#!/bin/sh\necho python3: not found >&2; exit 127\n"


def test_a_program_that_tells_its_time_needs_no_python_on_its_board(program, local_bench, tmp_path):
    bench = local_bench(shift_s=1000)
    (tmp_path / "bin" / "python3").write_text(NO_PYTHON)
    deployment = replace(program(clock=["./predict", "clock"]), runs_path=str(tmp_path / "runs"))
    record = run_trial(bench, deployment, QUICK).record
    assert record.power[0].joules_per_inference > 0
    assert record.state_during.readings >= 2
    assert record.state_during.why_unwatched is None


def test_a_board_on_which_nothing_tells_the_time_is_refused_before_anything_runs(program, tiny, local_bench):
    require_clock("here", None, program(clock=["./predict", "clock"]))
    require_clock("here", "3.5.3", program())
    bench = local_bench()
    without = replace(bench.board.identity(), python=None)
    bench.board.identity = lambda: without
    with pytest.raises(UsageFault, match=r"no python3 that could tell the time .* pack it with --clock"):
        run_trial(bench, program(), QUICK)
    assert len(bench.board.states) == 2  # nobody has looked
    with pytest.raises(LabFault, match="has no python3, which runtime onnx needs"):
        require_clock("here", None, tiny())


@pytest.mark.parametrize(
    ("clock", "why"),
    [
        (["./predict", "wrong"], "asked for its time, the artifact's clock answers: '1 noon'"),
        (["/nowhere"], "asked for its time, the artifact's clock ends with status 127.*\n.*run `/nowhere` there"),
    ],
)
def test_a_clock_that_tells_no_time_is_a_lab_fault(program, local_bench, clock, why):
    with pytest.raises(LabFault, match=why):
        run_trial(local_bench(shift_s=0), program(clock=clock), QUICK)


def run(deployment, bench, scenario=QUICK):
    return run_on_board(bench.shell, deployment, scenario, quiet_s=0.0, progress=lambda _: None, watch=lambda: None)


def test_what_a_program_cannot_do_it_says_as_a_runner_does(program, local_bench):
    with pytest.raises(LabFault, match="no images"):
        run(program("/nowhere"), local_bench(shift_s=0))


def told(deployment, tmp_path, script):
    (tmp_path / "predict").unlink(missing_ok=True)
    (tmp_path / "predict").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "predict").chmod(0o755)
    return replace(deployment)


@pytest.mark.parametrize("soak_s", [0.0, 60.0])
def test_a_trial_is_ended_from_without_while_its_run_says_nothing(program, local_bench, tmp_path, soak_s):
    silent, begun = told(program(), tmp_path, f"echo $$ > {tmp_path}/number; exec sleep 60"), time.monotonic()

    def heed():
        if (tmp_path / "number").exists():
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run_trial(local_bench(shift_s=0), silent, replace(QUICK, soak_s=soak_s), heed=heed)
    assert time.monotonic() - begun < 30
    assert not Path(f"/proc/{(tmp_path / 'number').read_text().strip()}").exists()


def test_the_plan_stands_in_a_programs_environment(program, local_bench, tmp_path):
    kept = tmp_path / "environment"
    broken = told(program(), tmp_path, f"env > {kept}; exit 7")
    with pytest.raises(LabFault, match="status 7"):
        run(broken, local_bench(shift_s=0), Server(50, deadline_ms=15, seed=4))
    environment = dict(line.split("=", 1) for line in kept.read_text().splitlines() if line.startswith("FARM_"))
    assert (environment["FARM_RATE_HZ"], environment["FARM_SEED"], environment["FARM_SCENARIO"]) == (
        "50",
        "4",
        "server",
    )
    assert environment["FARM_PLAN"].startswith("{")


def test_a_program_that_leaves_out_what_counts_is_told_what_it_lacks(program, local_bench, tmp_path):
    said = '{"event": "hello", "runtime": "r", "columns": ["image", "arrival_ns", "infer_ns"]}'
    with pytest.raises(LabFault, match="rows lack wake_ns, prediction"):
        run(told(program(), tmp_path, f"echo '{said}'"), local_bench(shift_s=0))


COLUMNS = '{"event": "hello", "runtime": "r", "columns": ["image", "arrival_ns", "wake_ns", "infer_ns", "prediction"]}'
START, END = '{"event": "start", "frames": 2}', '{"event": "end"}'


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([START, '{"event": "frames", "rows": [[0, 1, 1, 2]]}', END], "says .*frames"),
        ([START, '{"event": "frames", "rows": [[0, 1, 1, null, 3]]}', END], "says .*frames"),
        (['{"event": "frames", "rows": [[0, 1, 1, 2, 3]]}', END], "told no start"),
        (
            [START, '{"event": "frames", "rows": [[0, 1, 1, 2, 3]]}', '{"event": "end", "dropped": 1}'],
            "rows lack frame",
        ),
        ([START, '{"event": "frames", "rows": [[0, 5, 5, 5, 3]]}', END], "took no time at all"),
        (
            [START, '{"event": "frames", "rows": [[0, 1, 1, 2, 3]]}', '{"event": "end", "frames": 2, "scored": 0}'],
            "has done 2 frames, and 1 of them were told",
        ),
        (
            ['{"event": "hello", "runtime": "r", "device": 7, "columns": []}', END],
            "says .*device: Input should be a valid",
        ),
    ],
)
def test_a_program_that_tells_too_little_is_a_fault_and_no_crash(program, local_bench, tmp_path, lines, why):
    said = "\n".join([COLUMNS, *lines])
    with pytest.raises(LabFault, match=why):
        run(told(program(), tmp_path, f"cat <<EOF\n{said}\nEOF"), local_bench(shift_s=0))


def test_a_device_and_drawing_are_asked_for_with_the_plan(tiny, local_bench):
    plain, bench = tiny(), local_bench(shift_s=0)
    asked = SingleStream(0.02, min_queries=1, draw=True)
    drawn = run(plain, bench, asked)
    assert (drawn.stages[-1], drawn.device) == ("draw", "cpu")
    with pytest.raises(UsageFault, match="'cpu:0' cannot be asked for"):
        run(plain, bench, replace(asked, device="cpu:0"))


def test_images_that_the_data_set_does_not_have_are_no_fault_of_the_board(tiny, local_bench):
    with pytest.raises(UsageFault, match="part: 30, 50: the data set has 40 images"):
        run(tiny(), local_bench(shift_s=0), replace(QUICK, part=(30, 50)))


def test_a_program_that_was_to_draw_and_cannot_is_told_so(program, local_bench, tmp_path):
    rows = '{"event": "start", "frames": 1}\n{"event": "frames", "rows": [[0, 1, 1, 2, 3]]}\n{"event": "end"}'
    quiet = told(program(), tmp_path, f"cat <<EOF\n{COLUMNS}\n{rows}\nEOF")
    bench = local_bench(shift_s=0)
    with pytest.raises(LabFault, match="knows no stage draw"):
        run(quiet, bench, replace(QUICK, draw=True))
    with pytest.raises(LabFault, match="without a single frame"):
        run(told(quiet, tmp_path, f"echo '{END}'"), bench, replace(QUICK, draw=True))
