"""CPU time of the board's processes is counted to the last one, and none gets away."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from devices.twin.processes import PowerLost, Processes

BURN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "BOARD": str(tmp_path)}


@pytest.fixture
def processes(tmp_path):
    processes = Processes(f"BOARD={tmp_path}", tmp_path)
    processes.allow()
    yield processes
    processes.close()


def burn(seconds: float) -> list[str]:
    return [sys.executable, "-Sc", BURN.format(seconds)]


def test_an_ended_process_counts_to_the_microsecond(processes, env, tmp_path):
    process = processes.spawn(burn(0.3), env=env, cwd=tmp_path)
    assert process.ended.wait(60)
    assert process.status == 0
    counted = processes.cpu_ns()
    assert 0.3e9 <= counted < 0.6e9
    processes.close()
    assert processes.cpu_ns() == counted  # a meter may still ask


def test_a_running_process_counts_while_it_runs_in_steps_far_below_a_tick(processes, env, tmp_path):
    process = processes.spawn(burn(30), env=env, cwd=tmp_path)
    time.sleep(0.3)
    clock = (~process.pid << 3) | 2
    before, total, after = time.clock_gettime_ns(clock), processes.cpu_ns(), time.clock_gettime_ns(clock)
    assert 0 < before <= total <= after
    readings, deadline = set(), time.monotonic() + 60
    while len(readings) <= 20 and time.monotonic() < deadline:
        readings.add(processes.cpu_ns())
        time.sleep(0.005)
    assert len({reading % 10_000_000 for reading in readings}) > 10


def test_many_short_processes_are_not_lost(processes, env, tmp_path):
    loop = "for i in 1 2 3 4 5 6 7 8; do " + f"\"{sys.executable}\" -Sc '{BURN.format(0.04)}'; done; exec sleep 60"
    processes.spawn(["/bin/sh", "-c", loop], env=env, cwd=tmp_path)
    last, deadline = 0, time.monotonic() + 60
    while time.monotonic() < deadline and last < 0.32e9:
        now = processes.cpu_ns()
        assert now >= last
        last = now
        time.sleep(0.01)
    assert 0.32e9 <= last < 2e9


def test_daemons_are_counted_and_ended(processes, env, tmp_path):
    daemon = f"setsid setsid {sys.executable} -Sc '{BURN.format(30)}' & exit 0"
    leader = processes.spawn(["/bin/sh", "-c", daemon], env=env, cwd=tmp_path)
    assert leader.ended.wait(60)
    start = processes.cpu_ns()
    deadline = time.monotonic() + 60
    while processes.cpu_ns() < start + 100_000_000:
        assert time.monotonic() < deadline, "the daemon's CPU time is not seen"
        time.sleep(0.02)
    assert processes.count() == 1
    assert processes.kill_all()
    assert processes.count() == 0


def test_other_children_of_this_process_are_left_alone(processes, env, tmp_path):
    with subprocess.Popen(["/bin/sleep", "60"], env={"PATH": "/usr/bin:/bin"}) as stranger:
        processes.spawn(["sleep", "61"], env=env, cwd=tmp_path)
        assert processes.count() == 1
        assert processes.kill_all()
        assert stranger.poll() is None
        stranger.kill()


def test_nothing_starts_after_the_power_went(processes, env, tmp_path):
    processes.kill_all()
    with pytest.raises(PowerLost):
        processes.spawn(["true"], env=env, cwd=tmp_path)


def test_a_storm_of_forks_ends_too(processes, env, tmp_path):
    storm = "while :; do (sleep 60 & sleep 60) & (setsid sh -c 'sleep 60' &) ; sleep 0.01; done"
    processes.spawn(["/bin/sh", "-c", storm], env=env, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while processes.count() <= 10:
        assert time.monotonic() < deadline, "the storm never came"
        time.sleep(0.02)
    assert processes.kill_all()
    marker = f"BOARD={tmp_path}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            assert marker not in (process / "environ").read_bytes().split(b"\0")
