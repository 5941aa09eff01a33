"""A board that is gone in the middle of a run: soon, by its cause, and never for anything but a fault of the lab."""

import contextlib
import dataclasses
import os
import signal
import time
from pathlib import Path

import pytest

from devices.errors import AuthenticationRefused, ConsoleFault, DeadlineExceeded, Unreachable
from farm.errors import LabFault
from farm.trial.following import Following
from farm.trial.gone import Gone
from farm.trial.kept import Kept
from farm.trial.remote import run_on_board
from farm.trial.scenario import FixedRate
from farm.trial.signs import Signs, Watched

from .breaking import BreakingShell

LONG = FixedRate(rate_hz=20, duration_s=60, idle_s=0.1, bursts=False)
SLOW = FixedRate(0.005, 200, score_s=0)


@pytest.fixture
def kept(tiny, tmp_path):
    runs = tmp_path / "runs"
    yield dataclasses.replace(tiny(), runs_path=str(runs))
    for leader in runs.glob("*.leader"):  # of a run that was stopped, and of a board given up: nothing else ends it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(leader.read_text()), signal.SIGKILL)


@pytest.fixture
def shell(tmp_path, monkeypatch):
    for module in ("following", "lookout"):
        monkeypatch.setattr(f"farm.trial.{module}.AGAIN_S", 0.05)
    monkeypatch.setattr("farm.trial.lookout._SETTLES_S", 0.1)
    monkeypatch.setattr("farm.trial.signs._LAST_WORDS_S", 0.7)
    monkeypatch.setattr("farm.trial.following._QUIET_S", 1.0)
    return BreakingShell(tmp_path / "board")


class Told:
    """A console that says what it is told to."""

    def __init__(self):
        self.said = b""
        self.gone = False

    def follow(self, *, since, idle_s):
        at = 0
        while True:
            if self.gone:
                raise ConsoleFault("here", "console is gone")
            data = self.said[at:]
            at += len(data)
            yield data


def signs(console=None, *, boots=("b1",), path=Path("console.log")):
    """Of a board that began in boot b1 and tells the others one by one, the last again and again; "": no answer."""
    left = list(boots)

    def ask(_):
        boot = left.pop(0) if len(left) > 1 else left[0]
        if not boot:
            raise Unreachable("here", "no answer")
        return boot

    return Signs("b1", ask, None if console is None else Watched(console), lambda: path)


def run(shell, deployment, **how):
    how = {"quiet_s": 0.1, "progress": lambda _: None, "watch": lambda: None} | how
    begun = time.monotonic()
    with pytest.raises(LabFault) as fault:
        run_on_board(shell, deployment, LONG, **how)
    assert time.monotonic() - begun < 8
    return str(fault.value)


def at_frames(then):
    """Return ``watch`` and ``progress`` that do something once, when frames have been told here."""
    told, done = [], []

    def watch():
        if told and not done:
            done.append(then())

    return {"watch": watch, "progress": lambda text: told.append(text) if text.startswith("frame ") else None}


def number(deployment, suffix):
    (file,) = Path(deployment.runs_path).glob(f"*.{suffix}")
    return int(file.read_text())


def test_a_board_that_answers_from_another_boot_has_rebooted(kept, shell):
    shell.passes = [1500]
    console = Told()

    def broke(_):
        console.said += b"U-Boot SPL 2020.04\r\nTrying to boot from MMC1\r\n"

    shell.broke = broke
    said = run(shell, kept, signs=signs(console, boots=["b2"]))
    assert "here: rebooted after " in said
    assert " s of frames (" in said
    assert "boot b1 began the trial, boot b2 answers" in said
    assert "\n  | U-Boot SPL 2020.04" in said
    assert "`farm bootlog console.log`" in said


def test_a_console_tells_of_a_panic_before_the_link_does(kept, shell):
    """The run itself is stopped: it says nothing more, and its link stays as it is."""
    console = Told()

    def panic():
        os.kill(number(kept, "pid"), signal.SIGSTOP)
        console.said += b"[  81.2] Under-voltage detected! (0x00050005)\r\n"
        console.said += b"[  812.206204] Kernel panic - not syncing: Fatal exception in interrupt\r\n"

    said = run(shell, kept, signs=signs(console, boots=[""]), **at_frames(panic))
    assert "here: panicked after " in said
    assert "Under-voltage detected!" in said
    assert "Kernel panic - not syncing" in said


def test_a_boot_log_on_the_console_of_a_board_that_works_ends_nothing(kept, shell):
    console = Told()
    log = b"# dmesg\r\n[    0.000000] Booting Linux on physical CPU 0x0\r\n[    0.000000] Linux version 5.4\r\n"
    short = dataclasses.replace(LONG, duration_s=1.6, score_s=0)
    how = at_frames(lambda: setattr(console, "said", log))
    told = run_on_board(shell, kept, short, quiet_s=0.1, signs=signs(console), **how)
    assert console.said
    assert len(told.rows) == 32


def test_nor_does_it_while_the_run_is_silent_and_the_board_answers():
    console = Told()
    watched = signs(console)
    watched.console.look()
    console.said += b"[    0.000000] Booting Linux on physical CPU 0x0\r\n"
    long_ago = 0
    watched.check_console(long_ago, None)
    assert watched.console.told
    watched.console.told_ns = 1
    watched.check_console(long_ago, None)
    assert not watched.console.told
    gone = signs(console, boots=[""])
    gone.console.look()
    gone.console.told_ns = 1
    with pytest.raises(Gone, match="went down or rebooted"):
        gone.check_console(long_ago, None)


def test_a_login_that_is_asked_for_anew_while_nothing_answers_is_a_reboot(kept, shell):
    console = Told()
    shell.passes, shell.away = [1500], 10**6
    shell.broke = lambda shell: (setattr(shell, "left", shell.away), setattr(console, "said", b"\r\nzero login: "))
    said = run(shell, kept, signs=signs(console))
    assert "here: rebooted after" in said
    assert "asks for a login anew" in said


def test_a_console_that_goes_with_its_board_tells_nothing(kept, shell, monkeypatch):
    monkeypatch.setattr("farm.trial.lookout.AWAY_S", 0.3)
    console = Told()
    shell.passes, shell.away = [1500], 10**6
    shell.broke = lambda shell: (setattr(shell, "left", shell.away), setattr(console, "gone", True))
    assert "here: answers no more for 0.3 s after" in run(shell, kept, signs=signs(console))


@pytest.mark.parametrize("cut", [False, True], ids=["linked", "cut"])
def test_a_run_that_the_kernel_killed_for_memory_is_told_as_such(kept, shell, cut):
    shell.answers = {"dmesg": "Out of memory: Killed process 4711 (python3) total-vm:812345kB"}
    shell.passes = [1500] if cut else []
    shell.broke = lambda _: os.kill(number(kept, "pid"), signal.SIGKILL)
    how = {} if cut else at_frames(lambda: os.kill(number(kept, "pid"), signal.SIGKILL))
    said = run(shell, kept, **how)
    assert "here: ran out of memory, and killed its run after " in said
    assert "Killed process 4711 (python3)" in said
    assert list(Path(kept.runs_path).iterdir()) == []


@pytest.mark.parametrize("cut", [False, True], ids=["linked", "cut"])
def test_a_run_that_is_gone_without_a_word_is_told_with_its_last_ones(kept, shell, cut):
    shell.answers = {"dmesg": ""}
    (Path(kept.runs_path)).mkdir()

    def kill():
        (Path(kept.runs_path) / "last").mkdir()
        os.killpg(number(kept, "leader"), signal.SIGKILL)

    shell.passes = [1500] if cut else []
    shell.broke = lambda _: kill()
    said = run(shell, kept, **({} if cut else at_frames(kill)))
    assert "here: has lost its run, and no word is left of how it ended after " in said


def test_one_that_ends_by_itself_says_its_last_words(shell, tmp_path):
    kept = Kept(str(tmp_path / "runs"))
    following = Following(shell, "echo no such model >&2; exit 5", kept, keeps=True, signs=Signs(), timeout_s=9)
    assert list(following.events()) == []
    assert (following.status, following.said) == (5, "no such model")
    following.end()


def test_a_run_that_goes_on_and_says_nothing_is_given_up(shell, tmp_path, monkeypatch):
    monkeypatch.setattr("farm.trial.following._QUIET_S", 0.1)
    monkeypatch.setattr("farm.trial.following.SILENCE_S", 0.3)
    kept = Kept(str(tmp_path / "runs"))
    following = Following(shell, "exec sleep 60", kept, keeps=True, signs=Signs(), timeout_s=9)
    with pytest.raises(Gone, match=r"told nothing for 0\.3 s, and goes on"):
        list(following.events())
    following.end()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_that_is_kept_nowhere_and_says_nothing_is_told_with_how_long(shell, monkeypatch):
    monkeypatch.setattr("farm.trial.following.SILENCE_S", 0.3)
    monkeypatch.setattr("farm.trial.following._QUIET_S", 0.1)
    following = Following(shell, "exec sleep 60", None, keeps=True, signs=Signs(), timeout_s=9)
    with pytest.raises(DeadlineExceeded, match=r"the run has told nothing for 0\.3 s"):
        list(following.events())


def test_a_run_may_rest_and_load_the_board_as_long_as_a_slow_meter_wants(tiny, shell, monkeypatch):
    monkeypatch.setattr("farm.trial.following.SILENCE_S", 0.1)
    monkeypatch.setattr("farm.trial.following._QUIET_S", 0.1)
    rests = 'sleep 0.4; echo \'{"event": "end"}\''
    following = Following(shell, rests, None, keeps=True, signs=Signs(), timeout_s=9, rests_s=5.0)
    assert [told.event for told in following.events()] == [{"event": "end"}]
    seen = {}

    def noted(*_, **how):
        seen.update(how)
        raise InterruptedError

    monkeypatch.setattr("farm.trial.remote.Following", noted)
    with pytest.raises(InterruptedError):
        run_on_board(shell, tiny(), SLOW, quiet_s=30, burst_s=80, progress=lambda _: None, watch=lambda: None)
    assert seen["rests_s"] >= 30 + 80 + 2 * 200


def test_a_login_that_is_refused_in_mid_run_is_tried_again_as_while_a_board_boots(shell, tmp_path, monkeypatch):
    monkeypatch.setattr("farm.trial.following._QUIET_S", 0.1)
    refusals, real = [AuthenticationRefused("here", "no key is taken")] * 2, shell.run

    def run(command, **how):
        if "df -Pk" in command and refusals:  # a look
            raise refusals.pop()
        return real(command, **how)

    shell.run = run
    command = 'sleep 0.4; echo \'{"event": "end"}\''
    following = Following(shell, command, Kept(str(tmp_path / "runs")), keeps=False, signs=Signs(), timeout_s=9)
    assert [told.event for told in following.events()] == [{"event": "end"}]
    assert refusals == []
    following.end()


def test_what_is_only_in_the_file_is_read_there_though_the_link_holds(shell, tmp_path, monkeypatch):
    """So a runner does whose listener did not take anything for too long."""
    monkeypatch.setattr("farm.trial.following._QUIET_S", 0.1)
    kept = Kept(str(tmp_path / "runs"))
    shell.run(kept.clear())
    command = f'echo \'{{"event": "end"}}\' >>{kept.path}; exec sleep 0.5'
    following = Following(shell, command, kept, keeps=True, signs=Signs(), timeout_s=9)
    assert [told.event for told in following.events()] == [{"event": "end"}]
    assert (following.status, following.away_s) == (0, 0.0)
    following.end()


@pytest.mark.parametrize("cut", [False, True], ids=["linked", "cut"])
def test_a_full_disk_ends_no_run_whose_link_holds(kept, shell, cut, monkeypatch):
    """A file may grow to 1 KiB here: beyond, writing to it fails as it does on a full disk."""
    monkeypatch.setattr("farm.trial.following._QUIET_S", 30.0)  # a busy host is no quiet link: that would be read on
    real = shell.stream
    shell.stream = lambda command, *, timeout_s: real(f"trap '' XFSZ; ulimit -f 2; {command}", timeout_s=timeout_s)
    short = dataclasses.replace(LONG, duration_s=0.8, score_s=0)
    shell.passes = [2000] if cut else []
    if cut:
        with pytest.raises(LabFault, match=r"lost what its run told while the link was away after .*File too large"):
            run_on_board(shell, kept, short, quiet_s=0.1, progress=lambda _: None, watch=lambda: None)
    else:
        told = run_on_board(shell, kept, short, quiet_s=0.1, progress=lambda _: None, watch=lambda: None)
        assert len(told.rows) == 16
    assert list(Path(kept.runs_path).iterdir()) == []


@pytest.mark.parametrize("status", [1, 137])
def test_a_program_of_ones_own_that_finds_no_space_is_a_full_disk(status, shell, tmp_path, monkeypatch):
    monkeypatch.setattr("farm.trial.kept._FULL_BYTES", 2**62)
    kept = Kept(str(tmp_path / "runs"))
    following = Following(shell, f"(exit {status})", kept, keeps=False, signs=Signs(), timeout_s=9)
    shell.answers = {"dmesg": ""}
    with pytest.raises(Gone, match="has no space left"):
        list(following.events())
    following.end()
