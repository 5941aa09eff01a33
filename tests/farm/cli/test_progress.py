"""Progress on a real terminal: drawn, cut to its width, and gone at the end."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from farm.cli import output
from farm.cli.progress_line import cut

HEAD = "from farm.cli.output import *; import sys, threading; from farm.cli.output import Loudness\n"


@pytest.fixture
def screen(terminal):
    """Run a piece of Python on a terminal; return what is on its screen at the end."""

    def run(code, **options):
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": ""} | options.pop("env", {})
        opened = terminal([sys.executable, "-c", HEAD + code], env=environment, **options)
        assert opened.end() == 0, opened.written
        return opened

    return run


def test_it_is_written_over_and_vanishes(screen):
    shown = screen("progress('one'); progress('a longer step'); progress('two'); say('done'); end_progress()")
    assert shown.screen() == ["done", ""]
    assert b"a longer step" in shown.written


def test_it_stands_while_the_work_goes_on(screen):
    assert screen("progress('frame 20 of 160')").screen() == ["frame 20 of 160"]


def test_it_never_wraps_whatever_stands_in_it(screen):
    text = "'x' * 500 + '\\n\\x1b[2J' + '漢' * 40"
    for columns in (2, 20, 80):
        shown = screen(f"progress({text}); progress('漢' * 100); say('ok'); end_progress()", columns=columns)
        assert shown.screen() == ["ok", ""]


def test_a_result_or_a_warning_stands_above_it(screen):
    shown = screen("progress('at work'); say('first'); warn('second'); progress('still at it')")
    assert shown.screen() == ["first", "second", "still at it"]


def test_each_board_has_a_line_of_its_own_until_it_is_done(screen):
    several = "progress('boots', 'tx2-01'); progress('boots', of='atom-01'); progress('frame 3', of='tx2-01');"
    assert screen(several).screen() == ["tx2-01: frame 3", "atom-01: boots"]
    assert screen(several + "progress('', of='tx2-01'); say('one is done')").screen() == [
        "one is done",
        "atom-01: boots",
    ]


def test_more_boards_than_lines_are_counted(screen):
    shown = screen("[progress('boots', of=f'b{n}') for n in range(30)]", rows=10)
    assert shown.screen()[-2:] == ["b7: boots", "… and 22 more"]
    assert screen("[progress('boots', of=f'b{n}') for n in range(30)]; end_progress()", rows=10).screen() == [""]


def test_threads_that_tell_at_once_leave_no_scraps(screen):
    code = """
def work(name):
    for n in range(200):
        progress(f'frame {n} ' + 'x' * n, of=name)
        if n % 50 == 0:
            say(f'{name} {n}')
    progress('', of=name)
threads = [threading.Thread(target=work, args=(f'b{n}',)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
"""
    lines = screen(code, columns=60).screen()
    assert sorted(lines) == sorted([*(f"b{n} {m}" for n in range(8) for m in (0, 50, 100, 150)), ""])


@pytest.mark.parametrize("loudness", ["QUIET", "NORMAL"])
def test_where_nobody_looks_there_is_none(loudness):
    done = subprocess.run(
        [sys.executable, "-c", HEAD + f"set_loudness(Loudness.{loudness}); progress('x'); end_progress()"],
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_quiet_command_and_a_dumb_terminal_show_none(screen):
    assert screen("set_loudness(Loudness.QUIET); progress('x'); note('y'); warn('z')").screen() == ["z", ""]
    assert screen("progress('x'); warn('z')", env={"TERM": "dumb"}).written == b"z\r\n"


def test_verbose_is_a_line_a_step_with_the_time_wherever_it_goes(capsys):
    output.set_loudness(output.Loudness.VERBOSE)
    try:
        output.progress("boots", of="tx2-01")
        output.progress("", of="tx2-01")
    finally:
        output.set_loudness(output.Loudness.NORMAL)
    line = capsys.readouterr().err
    assert datetime.strptime(line.partition("  ")[0], "%H:%M:%S.%f").replace(tzinfo=UTC)
    assert line.endswith("  tx2-01: boots\n")


def test_verbose_tells_what_the_packages_log_and_only_then(capsys):
    import logging

    output.set_loudness(output.Loudness.VERBOSE)
    output.set_loudness(output.Loudness.VERBOSE)  # twice is not twice as loud
    logging.getLogger("devices.ssh").info("tx2-01: connects")
    logging.getLogger("paramiko").info("kex")
    output.set_loudness(output.Loudness.NORMAL)
    logging.getLogger("devices.ssh").info("tx2-01: disconnects")
    assert capsys.readouterr().err.count("\n") == 1


def test_a_board_s_last_words_move_no_cursor(screen):
    shown = screen("warn('tx2-01: said \\x1b[2J\\x07\\r'); say('\\x9b31mred')")
    assert b"\x1b[2J" not in shown.written
    assert b"\x07" not in shown.written


def test_outcomes_have_a_colour_on_a_terminal_and_nowhere_else(screen):
    table = "table(('board', 'verdict'), [('tx2-01', 'PASS'), ('PASS-01', 'REGRESSION')])"
    shown = screen(table)
    assert shown.written.count(b"\x1b[") == 4
    assert b"tx2-01   \x1b[32mPASS\x1b[0m" in shown.written
    assert shown.screen() == ["board    verdict", "tx2-01   PASS", "PASS-01  REGRESSION", ""]
    assert b"\x1b[" not in screen(table, env={"NO_COLOR": "1"}).written
    assert b"\x1b[" not in screen(table, env={"TERM": "dumb"}).written
    assert b"\x1b[" not in screen(table, env={"CLICOLOR": "0"}).written
    environment = {**os.environ, "NO_COLOR": "", "FORCE_COLOR": "1", "TERM": "xterm"}
    asked = subprocess.run([sys.executable, "-c", HEAD + table], capture_output=True, check=True, env=environment)
    assert b"\x1b[32mPASS" in asked.stdout


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字", 3, "漢…"), ("e\u0301e\u0301", 2, "e\u0301e\u0301"), ("ab", 0, "")],
)
def test_a_line_is_cut_by_columns_not_by_letters(text, columns, shown):
    assert cut(text, columns) == shown


def test_times_are_those_of_the_clock_on_the_wall(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert output.local(datetime(2026, 7, 1, 10, 0, tzinfo=UTC)) == "2026-07-01 12:00:00"
        assert output.local(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == "2026-10-25 02:30:00 +0200"
        assert output.local(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "2026-10-25 02:30:00 +0100"
        with pytest.raises(ValueError, match="without a zone"):
            output.local(datetime(2026, 7, 1))  # noqa: DTZ001 -- on purpose
    finally:
        monkeypatch.undo()
        time.tzset()
