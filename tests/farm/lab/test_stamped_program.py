"""Lines of a board's program bear the moment at which the board had them, however late they come."""

import ast
import inspect
import time

import pytest

from devices.errors import DeadlineExceeded
from devices.shell import Line, Result
from farm.lab import stamp_helper, stamped_program
from farm.lab.stamped_program import ArrivedProgram, BoardTime, StampedProgram, stamped
from power.onboard.files import Unanswered
from power.onboard.reach import Stamping

MS = 1_000_000
AHEAD_NS = 86_400 * 10**9
"""The board's clock, before the controller's."""


class Board:
    """A shell on which the helper runs, and its stream; nothing takes time but where it is told to."""

    name = "tx2-01"

    def __init__(self, *, python: bool = True, ahead_ns: int = AHEAD_NS) -> None:
        self.python, self.ahead_ns = python, ahead_ns
        self.lines: list[Line] = []

    def run(self, command, *, timeout_s, check):
        assert command == "command -v python3"
        return Result(command, 0 if self.python else 127, b"", b"")

    def stream(self, command, *, timeout_s):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.clear()

    def send(self, data):
        now_ns = time.monotonic_ns()
        self.lines.append(Line(now_ns, b"? %s %d" % (data.strip(), now_ns + self.ahead_ns)))

    def readline(self, *, timeout_s):
        if not self.lines:
            raise DeadlineExceeded(self.name)
        return self.lines.pop(0)

    def prints(self, text: bytes, *, ago_ns: int) -> int:
        """Have had a line so long ago, which comes now; return when that was, on the controller's clock."""
        now_ns = time.monotonic_ns()
        stamp = b"%d " % (now_ns - ago_ns + self.ahead_ns) if self.python else b""
        self.lines.append(Line(now_ns, stamp + text))
        return now_ns - ago_ns


def test_a_line_that_comes_late_tells_when_it_was_written() -> None:
    board = Board()
    program = stamped(board, ["tegrastats"])
    assert isinstance(program, Stamping)
    for ago_ns in (0, 300 * MS, 50 * MS):
        true_ns = board.prints(b"VDD_IN 1/1", ago_ns=ago_ns)
        assert program.read_line(b"\n", 1.0) == b"VDD_IN 1/1\n"
        t_ns, bound_ns = program.moment()
        assert abs(t_ns - true_ns) <= bound_ns < 20 * MS
    assert program.read_line(b"\n", 0.01) == b"", "silence is no line"


def test_without_python_a_line_is_when_it_comes_and_the_bound_is_told() -> None:
    board = Board(python=False)
    program = stamped(board, ["tegrastats"])
    assert isinstance(program, ArrivedProgram)
    came_ns = board.prints(b"VDD_IN 1/1", ago_ns=0)
    assert program.read_line(b"\n", 1.0) == b"VDD_IN 1/1\n"
    t_ns, bound_ns = program.moment()
    assert abs(t_ns - came_ns) < 5 * MS
    assert bound_ns > 0


def test_a_clock_that_jumps_is_a_fault_and_the_program_begins_anew() -> None:
    board = Board()
    program = StampedProgram(board, ["tegrastats"])
    board.prints(b"one", ago_ns=0)
    assert program.read_line(b"\n", 1.0) == b"one\n"
    board.ahead_ns += 3600 * 10**9
    program._ask()
    board.prints(b"two", ago_ns=0)
    with pytest.raises(Unanswered, match=r"tx2-01: its clock jumped by at least 3\d{6}\.\d+ ms"):
        program.read_line(b"\n", 1.0)
    true_ns = board.prints(b"three", ago_ns=100 * MS)
    assert program.read_line(b"\n", 1.0) == b"three\n"
    assert abs(program.moment()[0] - true_ns) <= program.moment()[1]


@pytest.mark.parametrize("said", [b"Last login: today", b"? 1", b"? 77 5", b"? one 2"])
def test_what_else_speaks_on_that_shell_is_no_line(said) -> None:
    board = Board()
    program = StampedProgram(board, ["tegrastats"])
    board.lines.append(Line(time.monotonic_ns(), said))
    with pytest.raises(Unanswered, match="no line with its time"):
        program.read_line(b"\n", 1.0)


def test_the_bounds_open_as_fast_as_clocks_can_drift_and_close_again() -> None:
    first = BoardTime(0, -1000, 1000)
    assert first.moment(10**9) == (10**9, 601_001)
    later = first.told(10**9 - 2000, 10**9, 10**9 + 4000)
    assert (later.low_ns, later.high_ns) == (-2000, 4000)
    with pytest.raises(ValueError, match="jumped by at least 4"):
        later.told(2 * 10**9 + 5 * MS, 2 * 10**9, 2 * 10**9 + 6 * MS)


def test_what_runs_on_the_board_is_python_3_5() -> None:
    tree = ast.parse(inspect.getsource(stamp_helper), feature_version=(3, 5))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"os", "subprocess", "sys", "threading", "time"}


def test_one_that_prints_and_never_tells_its_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(Board):
        def send(self, data):
            self.prints(b"VDD_IN 1/1", ago_ns=0)

        def readline(self, *, timeout_s):
            self.prints(b"VDD_IN 1/1", ago_ns=0)
            return super().readline(timeout_s=timeout_s)

    monkeypatch.setattr(stamped_program, "_ANSWER_S", 0.05)
    with pytest.raises(Unanswered, match=r"tx2-01: prints lines, and did not tell its time within 0\.05 s"):
        StampedProgram(Deaf(), ["tegrastats"]).read_line(b"\n", 1.0)
