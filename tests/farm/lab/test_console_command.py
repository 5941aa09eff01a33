"""`farm console` on a real terminal, before a board that is a serial line in the test's hands."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from datetime import UTC, datetime
from pathlib import Path

import pytest

from farm.errors import LabFault, UsageFault
from farm.lab.bench import borrow
from farm.lab.console_file import find, follow, newest_log
from farm.lab.inventory import load
from farm.lab.lease import Leases, Wanted
from farm.store.database import Store

FARM = [sys.executable, "-c", "import sys; from farm.cli.main import main; sys.exit(main())"]
WITHIN_S = 30.0
LAB = """\
lab: shelf
boards:
  zero-01:
    model: pi-zero-aiy
    console:
      port: {port}
    ssh:
      host: 192.0.2.1
      user: pi
"""


class Screen:
    """A terminal with a command on it: what it shows, and keys for it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.keys, self.side = pty.openpty()
        self.before = termios.tcgetattr(self.side)
        self.seen = b""
        self.command = subprocess.Popen(
            [*FARM, *words], stdin=self.side, stdout=self.side, stderr=self.side, cwd=folder, start_new_session=True
        )

    def shows(self, text: bytes) -> bytes:
        """Wait until it is on the screen; return all that is."""
        until = time.monotonic() + WITHIN_S
        while text not in self.seen:
            assert time.monotonic() < until, self.seen
            if select.select([self.keys], [], [], 0.05)[0]:
                self.seen += os.read(self.keys, 4096)
        return self.seen

    def types(self, keys: bytes) -> None:
        os.write(self.keys, keys)

    @property
    def is_as_before(self) -> bool:
        return termios.tcgetattr(self.side) == self.before

    def close(self) -> None:
        self.command.kill()
        self.command.wait(WITHIN_S)
        os.close(self.keys)
        os.close(self.side)


@pytest.fixture
def line(tmp_path):
    """The board's end of its serial line; its inventory lies in the test's folder."""
    board, port = pty.openpty()
    tty.setraw(port)
    (tmp_path / "inventory.yaml").write_text(LAB.format(port=os.ttyname(port)))
    yield board
    os.close(board)
    os.close(port)


@pytest.fixture
def screen(tmp_path, line):
    screens = []

    def run(*words: str) -> Screen:
        screens.append(Screen(tmp_path, *words))
        return screens[-1]

    yield run
    for one in screens:
        one.close()


@pytest.fixture
def lend(tmp_path, line):
    return lambda: borrow(load(tmp_path / "inventory.yaml"), "zero-01", state=tmp_path / ".farm", reason="bring-up")


def heard(board: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        assert select.select([board], [], [], WITHIN_S)[0], data
        data += os.read(board, 1000)
    return data


def test_every_key_is_the_board_s_but_one_and_the_terminal_comes_back(tmp_path, line, screen):
    mine = screen("console", "zero-01")
    mine.shows(b"Ctrl-] leaves; others watch with `farm console zero-01 --follow`")
    os.write(line, b"board# ")
    mine.shows(b"board# ")  # from here on keys are the board's
    mine.types(b"ls\r\x03\x04\x1a\x11")
    assert heard(line, 7) == b"ls\r\x03\x04\x1a\x11"
    assert not mine.is_as_before
    os.write(line, b"\x1b[1mbin\x1b[0m\r\n")
    mine.shows(b"\x1b[1mbin\x1b[0m\r\n")
    mine.types(b"exit\x1dnever sent")
    assert mine.command.wait(WITHIN_S) == 0
    assert heard(line, 4) == b"exit"
    assert mine.is_as_before
    kept = mine.shows(b".log").partition(b"is kept in ")[2].decode().strip()
    assert (tmp_path / kept).read_bytes() == b"board# \x1b[1mbin\x1b[0m\r\n"


def test_the_terminal_comes_back_when_the_command_is_told_to_end(line, screen):
    mine = screen("console", "zero-01")
    mine.shows(b"Ctrl-] leaves")
    os.write(line, b"board# ")
    mine.shows(b"board# ")
    mine.command.send_signal(signal.SIGTERM)
    assert mine.command.wait(WITHIN_S) == 130
    assert mine.is_as_before


def test_a_second_person_watches_and_is_told_who_types(line, screen):
    first = screen("console", "zero-01")
    first.shows(b"Ctrl-] leaves")
    os.write(line, b"before ")
    first.shows(b"before ")
    second = screen("console", "zero-01", "--follow")
    second.shows(b"(farm console); you only watch; Ctrl-] leaves")
    second.shows(b"before ")
    second.types(b"not mine")
    first.types(b"mine")
    assert heard(line, 4) == b"mine"
    os.write(line, b"after")
    second.shows(b"after")
    third = screen("console", "zero-01", "--follow")
    third.shows(b"before after")
    third.types(b"\x03")
    assert third.command.wait(WITHIN_S) == 0
    assert third.is_as_before
    first.types(b"\x1d")
    second.shows(b"has given it back")
    assert second.command.wait(WITHIN_S) == 0
    assert not select.select([line], [], [], 0)[0]


def test_a_board_that_is_taken_away_ends_its_console_and_says_by_whom(tmp_path, line, screen):
    mine = screen("console", "zero-01")
    mine.shows(b"Ctrl-] leaves")
    os.write(line, b"board# ")
    mine.shows(b"board# ")
    lab = load(tmp_path / "inventory.yaml")
    with Leases.open(lab, tmp_path / ".farm", in_name_of="ann@desk") as leases:
        leases.steal("zero-01", "the release is tonight")
    mine.shows(b"the release is tonight")
    assert mine.command.wait(WITHIN_S) == 3
    assert b"ann@desk" in mine.seen
    assert mine.is_as_before


def test_what_is_heard_in_a_lease_is_followed_to_its_last_byte(tmp_path, line, lend):
    lab = load(tmp_path / "inventory.yaml")
    with Leases.open(lab, tmp_path / ".farm") as leases:
        with lend() as bench:
            os.write(line, b"first")
            held, path = find(leases, tmp_path / ".farm", "zero-01")
            pieces = follow(leases, held, path)
            seen = b""
            while seen != b"first":
                seen += next(pieces)
            os.write(line, b" last")
            while bench.console_log().data != b"first last":
                time.sleep(0.01)
        assert seen + b"".join(pieces) == b"first last"
    assert newest_log(tmp_path / ".farm", "zero-01").read_bytes() == b"first last"


def test_the_next_lease_begins_a_file_of_its_own_and_what_was_kept_stays(tmp_path, line, lend):
    with lend() as bench:
        kept = bench.keep_console()
        os.write(line, b"first")
        while bench.console_log().data != b"first":
            time.sleep(0.01)
    with lend():
        others = sorted(path.name for path in kept.parent.iterdir() if path != kept)
        assert others == ["zero-01.lease-2.log", "zero-01.log"]
        assert newest_log(tmp_path / ".farm", "zero-01").read_bytes() == b""
        assert kept.read_bytes() == b"first"


def test_the_record_s_log_goes_on_to_the_release_and_each_line_has_its_time(tmp_path, line, lend, a_record):
    with Store.open(tmp_path / ".farm/results.sqlite") as store:
        with lend() as bench:
            os.write(line, b"first\r\n")
            while bench.console_log().data != b"first\r\n":
                time.sleep(0.01)
            store.save(a_record(), {}, bench.console_log())
            bench.last_record = a_record().id
            os.write(line, b"last\r\nhalf")
            while not bench.console_log().data.endswith(b"half"):
                time.sleep(0.01)
        kept = store.console_log(a_record().id)
    assert kept.data == b"first\r\nlast\r\nhalf"
    first, last = kept.lines()
    assert (first.data, last.data) == (b"first\r", b"last\r")
    assert first.t_ns <= last.t_ns <= time.monotonic_ns()
    assert abs((datetime.now(UTC) - last.utc).total_seconds()) < WITHIN_S


def test_nobody_to_follow_is_told_with_where_the_last_log_is(tmp_path, lend):
    lab = load(tmp_path / "inventory.yaml")
    with Leases.open(lab, tmp_path / ".farm") as leases:
        with pytest.raises(UsageFault, match=r"nobody uses it now; `farm console zero-01` takes it"):
            find(leases, tmp_path / ".farm", "zero-01")
        with lend():
            pass
        with pytest.raises(UsageFault, match=r"nobody uses it now; what its last user heard is in .*zero-01\.log;"):
            find(leases, tmp_path / ".farm", "zero-01")


def test_a_user_who_keeps_no_log_is_named(tmp_path, line, monkeypatch):
    monkeypatch.setattr("farm.lab.console_file._OPENED_S", 0.0)
    lab = load(tmp_path / "inventory.yaml")
    with (
        Leases.open(lab, tmp_path / ".farm") as leases,
        leases.use(Wanted(("zero-01",)), reason="a look", kind="look"),
        pytest.raises(LabFault, match=r"\(a look\) keeps no log of its console\n  try: .*ask again"),
    ):
        find(leases, tmp_path / ".farm", "zero-01")
