"""Holders that are killed, stopped, far away or cut off: real processes, one board, never two who act on it."""

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from farm.errors import LabFault
from farm.lab import lease_held
from farm.lab.fenced import FencedShell, FencedSwitch
from farm.lab.lease import LeaseLost, Wanted

ATOM = Wanted(boards=("atom-01",))

ACTOR = """
import subprocess
from farm.artifact.fence import noting, run_fenced
from farm.lab.fenced import FencedShell, FencedSwitch
from devices.shell import Result

class Switch:
    name, min_off_s = "relay", 0.0
    def on(self):
        say("switching")
        {switching}
        (folder / "switched").write_text("on")
    def off(self): (folder / "switched").write_text("off")
    def state(self): return False

class Shell:
    name = "atom-01"
    def run(self, command, *, timeout_s=30.0, stdin=b"", check=True):
        done = subprocess.run(["/bin/sh", "-c", command], input=stdin, capture_output=True)
        return Result(command, done.returncode, done.stdout, done.stderr)

def tried(what, call):
    try:
        call()
        say(f"{{what}}: done")
    except LeaseLost as lost:
        say(f"{{what}}: lost: {{lost}}".partition(chr(10))[0])

try:
    with leases.use(Wanted(boards=("atom-01",))) as lease:
        switch, shell = FencedSwitch(Switch(), lease), FencedShell(Shell(), lease)
        run_fenced(shell, str(folder / "board"), noting(shell))
        say(f"has {{lease.token}}")
        sys.stdin.readline()
        tried("on", switch.on)
        tried("off", switch.off)
        tried("shell", lambda: shell.run(f"touch {{folder}}/ran"))
        tried("deploy", lambda: run_fenced(shell, str(folder / "board"), "touch current"))
except LeaseLost as lost:
    say("ended: lost")
"""


class Recorder:
    """A switch that remembers."""

    name, min_off_s = "relay", 0.0

    def __init__(self):
        self.did = []

    def on(self):
        self.did.append("on")

    def off(self):
        self.did.append("off")

    def state(self):
        return False


def lines_of(process):
    return [line.rstrip("\n") for line in process.stdout]


def stopped(process):
    process.send_signal(signal.SIGSTOP)
    assert os.waitpid(process.pid, os.WUNTRACED)[1] & 0xFF == 0x7F  # the kernel's word for stopped


@pytest.fixture
def fast(monkeypatch):
    """Heartbeats ten times as fast."""
    for name, seconds in (("BEAT_S", 0.2), ("RENEWED_S", 0.6), ("_GLANCE_S", 0.05), ("_BUSY_S", 0.1)):
        monkeypatch.setattr(lease_held, name, seconds)


def test_a_killed_holder_s_board_is_free_at_once(leases, shelf):
    with shelf.holder("atom-01") as process:
        killed = threading.Timer(0.3, process.kill)
        killed.start()
        begin_s = time.monotonic()
        with leases.use(ATOM, wait_s=20):
            assert time.monotonic() - begin_s < 15  # its end is seen, not its silence: the history says so
        killed.join()
    assert [past.how for past in leases.history("atom-01")] == ["returned", "died"]
    assert shelf.left_behind() == {}


def test_a_killed_holder_makes_nobody_fail_who_does_not_wait(leases, shelf):
    with shelf.holder("atom-01") as process:
        process.kill()
        process.wait()
        assert leases.held() == []
        with leases.use(ATOM):
            pass


def test_a_child_of_a_killed_holder_does_not_keep_the_board(leases, shelf):
    script = """
import os, time
with leases.use(Wanted(boards=("atom-01",))) as lease:
    if (child := os.fork()) == 0:
        time.sleep(60)
        os._exit(0)
    say(child)
    sys.stdin.read()
"""
    with shelf.process(script) as process:
        child = int(process.stdout.readline())
        try:
            process.kill()
            os.waitpid(process.pid, 0)
            with leases.use(ATOM):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_forked_child_holds_nothing_of_its_parent_s(leases):
    with leases.use(ATOM) as lease:
        if (child := os.fork()) == 0:
            os._exit(int(lease.held))
        assert os.waitpid(child, 0)[1] == 0
        lease.check()


def test_a_holder_that_was_stopped_and_resumed_after_its_board_was_taken_harms_nobody(leases, shelf):
    (shelf.folder / "board").mkdir()
    with shelf.process(ACTOR.format(switching="pass")) as process:
        token = int(process.stdout.readline().split()[1])
        stopped(process)
        stolen = leases.steal("atom-01", "it hangs")
        assert not stolen.let_go
        with leases.use(ATOM) as lease:
            assert lease.token > token
            process.stdin.write("go\n")
            process.stdin.flush()
            process.send_signal(signal.SIGCONT)
            said = lines_of(process)
            lease.check()
    assert [line.partition(":")[0] for line in said[:4]] == ["on", "off", "shell", "deploy"]
    assert all(": lost: atom-01: lease" in line and "it hangs" in line for line in said[:4])
    assert said[4:] == ["ended: lost"]
    assert sorted(file.name for file in shelf.folder.iterdir()) == [".farm", "board", "inventory.yaml"]
    assert [file.name for file in (shelf.folder / "board").iterdir()] == ["lease"]


def test_a_board_that_has_seen_a_later_lease_refuses_whatever_the_holder_believes(leases, shelf):
    (shelf.folder / "board").mkdir()
    with shelf.process(ACTOR.format(switching="pass")) as process:
        token = int(process.stdout.readline().split()[1])
        noted = shelf.folder / "board" / "lease"
        database, written = noted.read_text().split()
        assert int(written) == token
        noted.write_text(f"{database} {token + 1}\n")
        process.stdin.write("go\n")
        process.stdin.flush()
        said = lines_of(process)
    assert [line for line in said if line.startswith("deploy")] == [
        f"deploy: lost: atom-01: lease {token}: lease {token + 1} has deployed to the board since"
    ]
    assert not (shelf.folder / "board" / "current").exists()


def test_a_board_that_has_seen_leases_of_another_database_takes_ours(leases, shelf):
    (shelf.folder / "board").mkdir()
    (shelf.folder / "board" / "lease").write_text("another 4711\n")
    with shelf.process(ACTOR.format(switching="pass")) as process:
        process.stdin.write("go\n")
        process.stdin.flush()
        assert "deploy: done" in lines_of(process)
    assert (shelf.folder / "board" / "current").exists()


def test_a_holder_stopped_in_the_middle_of_switching_keeps_the_next_one_s_hands_off(leases, shelf, monkeypatch):
    monkeypatch.setattr(lease_held, "_SWITCHING_S", 0.3)
    (shelf.folder / "board").mkdir()
    with shelf.process(ACTOR.format(switching="sys.stdin.readline()")) as process:
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "switching\n"
        stopped(process)
        leases.steal("atom-01", "it hangs")
        with leases.use(ATOM) as lease:
            switch = FencedSwitch(recorder := Recorder(), lease)
            with pytest.raises(LabFault, match=f"^atom-01: its switch: in use by process {process.pid}"):
                switch.on()
            assert recorder.did == []
            process.kill()
            os.waitpid(process.pid, 0)
            switch.on()
            assert recorder.did == ["on"]


def test_a_holder_on_another_host_is_freed_after_three_missed_heartbeats(leases, shelf):
    script = """
from farm.lab import lease_held
lease_held.BEAT_S = 3600.0  # none comes in between
with leases.use(Wanted(boards=("atom-01",))):
    say("has it")
    sys.stdin.read()
"""
    with shelf.process(script) as process:
        assert process.stdout.readline() == "has it\n"
        shelf.change("UPDATE leases SET kernel = 'elsewhere', beat_ms = beat_ms - 2000")
        with pytest.raises(LabFault, match="in use"), leases.use(ATOM):
            pass
        shelf.change("UPDATE leases SET beat_ms = beat_ms - 4100")
        with leases.use(ATOM) as lease:
            lease.check()
    assert [past.how for past in leases.history("atom-01")] == ["returned", "silent"]


def test_heartbeats_keep_a_holder_alive_elsewhere(leases, shelf, fast):
    with leases.use(ATOM) as lease:
        shelf.change("UPDATE leases SET kernel = 'elsewhere', beat_ms = beat_ms - 86400000")
        deadline_s = time.monotonic() + 20
        while leases.held() == []:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        lease.check()


def test_a_clock_that_is_set_makes_no_second_holder_here(leases, shelf):
    with shelf.holder("atom-01"):
        for step_ms in (-86_400_000, 2 * 86_400_000):
            shelf.change("UPDATE leases SET since_ms = since_ms + ?, beat_ms = beat_ms + ?", step_ms, step_ms)
            with pytest.raises(LabFault, match="in use"), leases.use(ATOM):
                pass


def test_a_holder_that_cannot_renew_fences_itself(leases, shelf, fast):
    closed = threading.Event()

    def hold():
        with leases.use(ATOM) as lease:
            lease.when_lost(closed.set)
            with closing(sqlite3.connect(shelf.folder / ".farm" / "results.sqlite", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert closed.wait(20)
                assert not lease.held
                with pytest.raises(LeaseLost):
                    FencedShell(Recorder(), lease).run("true")
                with pytest.raises(LeaseLost):
                    FencedSwitch(Recorder(), lease).on()

    with pytest.raises(LeaseLost, match=r"could not be renewed .* database is locked"):
        hold()
    assert leases.history("atom-01")[0].how == "silent"
    assert shelf.left_behind() == {}


def test_a_holder_that_stood_still_goes_on_where_nobody_has_taken_its_board(leases, monkeypatch):
    monkeypatch.setattr(lease_held, "BEAT_S", 60.0)
    with leases.use(ATOM) as lease:
        lease._renewed_ns -= int(5e9)
        assert not lease.held
        lease.require()
        assert lease.held
        lease.check()


def test_a_holder_that_stood_still_too_long_for_another_host_has_lost_its_board(leases, shelf, monkeypatch):
    monkeypatch.setattr(lease_held, "BEAT_S", 60.0)
    closed = threading.Event()

    def hold():
        with leases.use(ATOM) as lease:
            lease.when_lost(closed.set)
            shelf.change("UPDATE leases SET ended_ms = beat_ms, ended = 'silent'")  # as another host does
            lease._renewed_ns -= int(5e9)
            with pytest.raises(LeaseLost, match="missed 3 heartbeats"):
                lease.require()
            lease._renewed_ns = time.monotonic_ns()
            with pytest.raises(LeaseLost, match="missed 3 heartbeats"):
                lease.require()
            assert closed.wait(20)

    with pytest.raises(LeaseLost, match="missed 3 heartbeats"):
        hold()


def test_a_dead_waiter_does_not_block_the_line(leases, shelf):
    with shelf.holder("atom-01") as holder, shelf.waiter("atom-01") as first, shelf.waiter("atom-01") as second:
        first.kill()
        first.wait()
        assert [waiter.position for waiter in leases.waiting()] == [1]
        holder.stdin.close()
        assert lines_of(second)[-1] == "has atom-01"
    assert shelf.left_behind() == {}


def test_a_stopped_waiter_is_passed_over(leases, shelf):
    with shelf.holder("atom-01") as holder, shelf.waiter("atom-01") as first, shelf.waiter("atom-01") as second:
        stopped(first)
        holder.stdin.close()
        assert lines_of(second)[-1] == "has atom-01"
        first.send_signal(signal.SIGCONT)
        assert lines_of(first)[-1] == "has atom-01"
    assert shelf.left_behind() == {}


def test_a_lock_file_of_a_process_that_died_too_early_is_swept(leases, shelf):
    with leases.use(ATOM):
        pass
    (shelf.folder / ".farm" / "locks" / "1-abc.lease").touch()
    with leases.use(ATOM):
        pass
    assert shelf.left_behind() == {}


def test_a_holder_whose_lock_file_is_removed_knows_it_at_once(leases, shelf):
    def hold():
        with leases.use(ATOM) as lease:
            next(Path(shelf.folder / ".farm" / "locks").glob("*.lease")).unlink()
            assert not lease.held

    with pytest.raises(LeaseLost, match="lock file has been removed"):
        hold()
