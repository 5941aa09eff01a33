"""The helper on a board and the thread that hears it: what changes is told, what nobody saw is not made up."""

import inspect
import subprocess
import threading
import time
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from devices.coral_dev import CoralDev
from devices.errors import ConnectionLost
from farm.store.record import AcceleratorFacts
from farm.trial import clock_watch
from farm.trial.state import helper
from farm.trial.state.watch import StateWatch

CPU = "sys/devices/system/cpu"


@pytest.fixture
def board(local_bench, tmp_path):
    """A Coral whose files lie in a folder."""
    root = tmp_path / "root"
    files = {
        f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
        f"{CPU}/cpufreq/policy0/scaling_governor": "performance\n",
        "sys/class/thermal/thermal_zone0/type": "cpu\n",
        "sys/class/thermal/thermal_zone0/temp": "43000\n",
        "sys/class/thermal/cooling_device0/type": "thermal-cpufreq-0\n",
        "sys/class/thermal/cooling_device0/cur_state": "0\n",
        "sys/bus/usb/devices/2-1/speed": "5000\n",
        "proc/meminfo": "MemTotal: 1000 kB\nMemAvailable:  800 kB\n",
        "proc/stat": "cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 100 0 0 900 0 0 0 0 0 0\n",
        "proc/17/stat": "17 (a) b) S 1 17 17 0 -1 0 0 0 0 0 40 2 0 0 20 0 1 0\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.jsonl.pid").write_text("17\n")
    return CoralDev("here", local_bench().shell, str(root))


def write(board, path, text):
    (Path(board.root) / path).write_text(text)


def until(true, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("clock", [None, clock_watch._PYTHON], ids=["by Python", "by a shell and a clock"])
def test_what_changes_on_the_board_is_told_with_the_boards_own_time(board, tmp_path, clock):
    hanging = [AcceleratorFacts(kind="coral-usb", port="2-1", link_mbps=5000)]
    with StateWatch(board, hanging, str(tmp_path / "runs"), clock, period_s=0.02) as watch:
        watch.begun()
        write(board, f"{CPU}/cpufreq/policy0/scaling_governor", "powersave\n")
        write(board, "sys/bus/usb/devices/2-1/speed", "480\n")
        until(lambda: b"\x1e480" in b"".join(watch._heard[-1]))
        watched = watch.finish()
    (life,) = watched.lives
    first, last = life.samples[0], life.samples[-1]
    assert (first.state.governor, first.state.throttled, first.link_mbps) == ("performance", False, {"2-1": 5000})
    assert first.state.celsius == {"cpu": 43.0}
    assert first.state.memory_free_bytes == 800 * 1024
    assert (first.ticks.busy, first.ticks.total, first.ticks.own) == (100, 1000, 42)
    assert (last.state.governor, last.link_mbps) == ("powersave", {"2-1": 480})
    assert last.t_ns > last.before_ns >= first.t_ns > 900 * 10**9  # the clock of this board is another
    assert watched.why_not == ""
    assert watched.cost_s > 0 or clock is not None  # a shell knows its own in ticks of 10 ms


def test_a_link_that_breaks_ends_one_life_and_another_begins(board, monkeypatch):
    monkeypatch.setattr("farm.trial.state.watch._AGAIN_S", 0.01)
    with StateWatch(board, [], "", period_s=0.02) as watch:
        watch.begun()
        watch._stream._process.kill()
        until(lambda: len(watch._heard) > 1 and watch._heard[-1])
        watched = watch.finish()
    assert len([life for life in watched.lives if life.samples]) >= 2


def test_a_board_that_cannot_be_watched_raises_nothing_and_says_why(board, monkeypatch):
    monkeypatch.setattr("farm.trial.state.watch._AGAIN_S", 0.01)
    board.shell.env["PATH"] = "/nowhere"
    with StateWatch(board, [], "") as watch:
        watch.begun()
        until(lambda: not watch._thread.is_alive())  # what fails is not started again, at the cost of the frames
        watched = watch.finish()
    assert len(watch._heard) == 1
    assert watched.lives == ()
    assert "python3" in watched.why_not


def test_a_link_that_is_away_is_told(board, monkeypatch):
    monkeypatch.setattr("farm.trial.state.watch._AGAIN_S", 0.01)

    def away(command, *, timeout_s):
        raise ConnectionLost("here", "the link broke")

    board.shell = SimpleNamespace(name="here", stream=away)
    with StateWatch(board, [], "") as watch:
        watch.begun()
        watched = watch.finish()
    assert watched.why_not == "here: the link broke"


@pytest.fixture
def lines(monkeypatch):
    """What the helper writes, line by line."""
    said: list[str] = []
    monkeypatch.setattr(helper.os, "write", lambda _, data: said.append(data.decode()))
    return said


def places(folder, **files):
    for name, text in files.items():
        (folder / name).write_text(text)
    return "\n".join(f"{name}\t\x1e{folder / name}" for name in files) + "\ndisk_kb\t1000\n"


def test_the_helper_prints_only_what_has_changed(tmp_path, lines):
    found = places(tmp_path, governor="performance\n", **{"celsius.0": "43000\n"}, loadavg="0.1 0.1 0.1 1/1 1\n")
    watch = helper.Watch(found, helper.Runner("", ""), "")
    watch.read(0)
    assert "governor\x1eperformance" in lines[0]
    assert "disk_kb\x1e1000" in lines[0]
    (tmp_path / "celsius.0").write_text("43400\n")  # less than half a degree
    (tmp_path / "loadavg").write_text("0.9 0.1 0.1 1/1 1\n")
    watch.read(0)
    assert len(lines) == 1
    (tmp_path / "celsius.0").write_text("43500\n")
    (tmp_path / "governor").unlink()
    watch.read(0)
    assert lines[1].rstrip("\n").split("\t")[1:] == ["celsius.0\x1e43500", "governor"]


def test_a_quiet_board_is_told_to_be_quiet(tmp_path, lines, monkeypatch):
    now_ns = iter(range(10**9, 10**12, 10**9))
    monkeypatch.setattr(helper, "now", lambda: next(now_ns))
    watch = helper.Watch(places(tmp_path, governor="performance\n"), helper.Runner("", ""), "")
    for _ in range(14):
        watch.read(0)
    assert [line.split(" ")[3] for line in lines] == ["1", "7", "13"]
    assert all("\t" not in line for line in lines[1:])


def test_other_load_is_the_processors_time_less_the_runners(tmp_path, lines):
    found = places(tmp_path, stat="cpu  100 0 0 900 0 0 0 7 0 0\n")
    (tmp_path / "runs").mkdir()
    watch = helper.Watch(found, helper.Runner(str(tmp_path / "runs"), str(tmp_path)), "")
    watch.read(0)
    (tmp_path / "runs" / "x.pid").write_text("17\n")
    (tmp_path / "proc/17").mkdir(parents=True)
    (tmp_path / "proc/17/stat").write_text("17 (python3) R 1 17 17 0 -1 0 0 0 0 0 40 10 7 3 20 0 1 0\n")
    (tmp_path / "stat").write_text("cpu  180 0 0 920 0 0 0 9 0 0\n")
    watch.read(0)
    assert lines[0].split(" ")[5:8] == ["100", "1000", "0\tdisk_kb\x1e1000\n"]
    assert lines[1].split(" ")[5:] == ["180", "1100", "60\tother\x1e20\n"]
    (tmp_path / "proc/17/stat").unlink()  # it took more before it ended: that is nobody else's
    (tmp_path / "stat").write_text("cpu  980 0 0 1120 0 0 0 9 0 0\n")
    watch.read(0)
    assert lines[2].split(" ")[5:] == ["180", "1100", "60\tother\n"]


def test_a_runner_that_has_ended_is_no_other_load_to_a_shell_either(tmp_path):
    (tmp_path / "proc/17").mkdir(parents=True)
    (tmp_path / "17.pid").write_text("17\n")
    (tmp_path / "proc/17/stat").write_text("17 (x) R 1 17 17 0 -1 0 0 0 0 0 40 10 7 3 20 0 1 0\n")
    script = (
        (resources.files("farm.trial.state") / "shell_helper.sh")
        .read_text(encoding="utf-8")
        .partition("\nreadings=0")[0]
    )
    functions = script[: script.index("# whoever holds")] + script[script.index("first() {") :]
    asked = 'count "cpu 100 0 0 900 0 0 0"; echo "$counted $other"; rm "$R/proc/17/stat"; '
    asked += 'count "cpu 900 0 0 950 0 0 0"; echo "$counted $other"'
    words = ["sh", "-c", f"{functions}\n{asked}", "sh", "", "1000", str(tmp_path), str(tmp_path), ""]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["100 1000 60 ", "100 1000 60 "]


def test_what_an_earlier_run_has_left_is_not_taken_for_the_runner(tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    (tmp_path / "proc/17").mkdir(parents=True)
    runner = helper.Runner(str(runs), str(tmp_path))
    (runs / "before.pid").write_text("16\n")  # the board was reset in the middle of it
    assert runner.ticks() == 0
    (runs / "before.pid").unlink()
    (runs / "now.pid").write_text("17\n")
    (tmp_path / "proc/17/stat").write_text("17 (python3) R 1 17 17 0 -1 0 0 0 0 0 40 10 7 3 20 0 1 0\n")
    assert runner.ticks() == 60
    (runs / "now.pid").unlink()
    (tmp_path / "proc/17/stat").unlink()
    assert runner.ticks() is None  # what it took last, nobody knows


def test_the_helper_can_be_given_to_a_python_3_5_that_knows_no_locale():
    """Before 3.7 ``-c`` with anything but ASCII ends there with "Unable to decode the command"."""
    assert inspect.getsource(helper).isascii()


def test_bytes_that_no_locale_knows_are_told_as_they_are(monkeypatch):
    said = []
    monkeypatch.setattr(helper.os, "write", lambda _, data: said.append(data))
    helper.Watch("label\tCPU \udcc2\udcb0\n", helper.Runner("", ""), "").read(0)
    assert "label\x1eCPU °".encode() in said[0]


def test_a_board_on_which_reading_is_dear_is_read_less_often(monkeypatch, tmp_path, lines):
    spent_s, waited_s = iter(range(100)), []
    monkeypatch.setattr(helper.time, "process_time", lambda: next(spent_s) * 0.004)
    monkeypatch.setattr(helper, "step_aside", lambda: None)

    def select(*wait):
        waited_s.append(wait[-1])
        return [[0] if len(waited_s) == 2 else [], [], []]

    monkeypatch.setattr(helper.select, "select", select)
    monkeypatch.setattr(helper.sys, "argv", ["", places(tmp_path, governor="x\n"), "1", "", "", ""])
    helper.main()
    assert waited_s[0] == pytest.approx(8.0)
    assert len(lines) == 2


def test_what_lies_in_no_file_is_asked_for_by_a_script(tmp_path):
    assert helper.ask("printf 'throttled\\tthrottled=0x4\\n'; exit 0") == {"throttled": "throttled=0x4"}
    assert helper.ask("exit 7") == {}


def test_threads_end(board):
    with StateWatch(board, [], ""):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("state of")]
