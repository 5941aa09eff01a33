"""A run on a board whose SSH server is OpenSSH: what its links' ends leave alone, and what ends it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.ssh import Ssh
from farm.trial.following import Following, Told
from farm.trial.kept import Kept
from farm.trial.signs import Signs

from .conftest import OpenSsh
from .test_openssh import alive

EVENTS = 40


def tells(path: str) -> str:
    """A program that tells an event each 50 ms, on its output and into a file, or on its output alone."""
    keep = f" | tee -a {path}" if path else ""
    return f"for n in $(seq {EVENTS}); do echo '{{\"event\": \"'$n'\"}}'{keep}; sleep 0.05; done 2>/dev/null; exit 0"


@pytest.mark.parametrize("keeps", [True, False], ids=["runner", "program"])
def test_a_run_outlives_its_links_and_its_server(shell: Ssh, server: OpenSsh, tmp_path: Path, keeps: bool) -> None:
    kept = Kept(str(tmp_path / "runs"))
    command = f"trap '' PIPE; {tells(kept.path if keeps else '')}"
    following = Following(shell, command, kept, keeps=keeps, signs=Signs(), timeout_s=60)

    first, later = threading.Event(), threading.Event()

    def disturb() -> None:
        assert first.wait(60)
        shell.cut()
        assert later.wait(60)
        server.stop()
        server.start()

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    told = list[str]()
    for one in following.events():
        told.append(one.event["event"])
        (first if len(told) < EVENTS / 2 else later).set()
    disturbing.join()
    assert told == [str(number) for number in range(1, EVENTS + 1)]
    assert following.status == 0
    assert following.away_s > 0
    following.end()
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("keeps", [True, False], ids=["runner", "program"])
def test_what_is_ended_here_is_ended_there(shell: Ssh, tmp_path: Path, keeps: bool) -> None:
    kept = Kept(str(tmp_path / "runs"))
    command = "sh -c 'sleep 301 & echo {\\\"event\\\": 1}; wait'" + (f" | tee -a {kept.path}" if keeps else "")
    following = Following(shell, command, kept, keeps=keeps, signs=Signs(), timeout_s=60)
    events: Iterator[Told] = iter(following.events())
    assert next(events).event == {"event": 1}
    leader = int(next((tmp_path / "runs").glob("*.leader")).read_text())
    group = [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _session(stat) == leader]
    assert len(group) >= 3
    following.end()
    assert list(events) == []
    until = time.monotonic() + 10
    while any(alive(process) for process in group):
        assert time.monotonic() < until
        time.sleep(0.05)


def _session(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0
