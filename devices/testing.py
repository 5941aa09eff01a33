"""For tests of boards, ours and those of plug-ins: a shell that replays, and what every board must do.

A test project calls ``pytest.register_assert_rewrite("devices.testing", "devices.testing_shell",
"devices.testing_console")`` before it imports this.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import pytest

from .board import Board, BoardState
from .errors import CommandFailed, ConnectionLost, DeviceError
from .shell import Line, Result, Shell
from .testing_console import ConsoleConformance, FarEnd
from .testing_shell import ShellConformance, StreamConformance

__all__ = [
    "Answer",
    "BoardConformance",
    "ConsoleConformance",
    "FarEnd",
    "ReplayShell",
    "ReplayStream",
    "ShellConformance",
    "StreamConformance",
]

Answer = Result | bytes | DeviceError
"""What a command leaves behind, only its output when it succeeds, or the fault it meets."""

_LATE_S = 30.0
"""A machine under full load runs a script within this (assumed)."""


class ReplayShell:
    """A :class:`devices.shell.Shell` that answers from a table or a function, and remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Answer] | Callable[[str], Answer], name: str = "board-1") -> None:
        """Take the answers: a command is looked up whole, then by the first key that it contains."""
        self.name = name
        self.asked: list[str] = []
        self.files: dict[str, bytes] = {}
        """What was uploaded, and what can be downloaded."""
        self._answers = answers

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Replay; see :class:`devices.shell.Shell`."""
        del timeout_s, stdin
        self.asked.append(command)
        answer = self._answer(command)
        if isinstance(answer, DeviceError):
            raise answer
        result = Result(command, 0, answer, b"") if isinstance(answer, bytes) else answer
        if check and result.exit_status != 0:
            said = result.stderr.decode("utf-8", "replace")
            what = f"`{command}` ended with status {result.exit_status}: {said}"
            raise CommandFailed(self.name, what, exit_status=result.exit_status, stderr=said)
        return result

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Replay the same as :meth:`run`."""
        return self.run(command, timeout_s=timeout_s, stdin=stdin, check=check)

    def stream(self, command: str, *, timeout_s: float) -> "ReplayStream":
        """Replay the output line by line."""
        return ReplayStream(self.name, self.run(command, timeout_s=timeout_s, check=False))

    def upload(self, source: bytes | Path, path: str, *, mode: int = 0o644, timeout_s: float = 300.0) -> int:
        """Keep the content in :attr:`files`."""
        del mode, timeout_s
        self.files[path] = source if isinstance(source, bytes) else source.read_bytes()
        return len(self.files[path])

    def download(self, path: str, *, timeout_s: float = 300.0) -> bytes:
        """Return what :attr:`files` holds; CommandFailed when nothing."""
        del timeout_s
        if path not in self.files:
            raise CommandFailed(self.name, f"{path}: no such file", exit_status=1)
        return self.files[path]

    def close(self) -> None:
        """There is nothing to close."""

    def _answer(self, command: str) -> Answer:
        if callable(self._answers):
            return self._answers(command)
        if command in self._answers:
            return self._answers[command]
        return next(
            (answer for key, answer in self._answers.items() if key in command),
            Result(command, 127, b"", b"no answer was recorded for this command"),
        )


class ReplayStream:
    """A :class:`devices.shell.Stream` over a command that is over already."""

    def __init__(self, name: str, result: Result) -> None:
        """Take what it left behind."""
        self.sent = bytearray()
        self._name, self._result = name, result
        self._lines = [Line(0, data) for data in result.stdout.splitlines()]

    def lines(self, *, idle_timeout_s: float) -> Iterator[Line]:
        """Yield the lines that are left."""
        del idle_timeout_s
        while self._lines:
            yield self._lines.pop(0)

    def send(self, data: bytes) -> None:
        """Keep what was written in :attr:`sent`."""
        self.sent += data

    def send_eof(self) -> None:
        """Nobody waits for it."""

    def readline(self, *, timeout_s: float) -> Line:
        """Return the next line; ConnectionLost at the end."""
        del timeout_s
        if not self._lines:
            raise ConnectionLost(self._name, "the recorded output is over")
        return self._lines.pop(0)

    def exit_status(self, *, timeout_s: float) -> int:
        """Return the recorded status."""
        del timeout_s
        return self._result.exit_status

    def stderr(self) -> bytes:
        """Return the recorded error output."""
        return self._result.stderr

    def __enter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to end."""


class BoardConformance:
    """Subclass, say which files a real board has and what its tools print, inherit the tests."""

    board_type: ClassVar[type[Board]]
    files: ClassVar[dict[str, str]]
    """Path from the board's root → content, as read on a real board."""
    tools: ClassVar[dict[str, str]] = {}
    """Command → what it prints there."""
    hot: ClassVar[tuple[dict[str, str], dict[str, str]]] = ({}, {})
    """The files and the tools that differ while the board throttles."""
    serial_number: ClassVar[str]

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """An empty folder for the board; with a space and a quote, for one day someone's has."""
        folder = tmp_path / "the board's"
        folder.mkdir()
        return folder

    def board_in(
        self, folder: Path, files: Mapping[str, str] | None = None, tools: Mapping[str, str] | None = None
    ) -> Board:
        """Return a board whose root is a folder with these files, and whose shell is this machine's."""
        for path, content in (self.files if files is None else files).items():
            file = folder / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        programs = folder.parent / "tools"
        programs.mkdir(exist_ok=True)
        for tool, output in {"sudo": "", **(self.tools if tools is None else tools)}.items():
            (programs / f"{tool}.txt").write_text(output)
            (programs / tool).write_text(f"#!/bin/sh\ncat '{programs / tool}.txt'\n")
            (programs / tool).chmod(0o755)

        def run(command: str) -> Result:
            path = f"{programs}{os.pathsep}{os.defpath}"
            done = subprocess.run(  # noqa: S602 -- the board's scripts are for a shell
                command, shell=True, capture_output=True, env={"PATH": path}, timeout=30, check=False
            )
            return Result(command, done.returncode, done.stdout, done.stderr)

        shell: Shell = ReplayShell(run)
        return self.board_type("board-1", shell, str(folder))

    def test_it_says_which_board_it_is(self, folder: Path) -> None:
        """The serial number is the board's own."""
        identity = self.board_in(folder).identity()
        assert identity.serial_number == self.serial_number
        assert identity.boot_id
        assert identity.kernel
        assert identity.os

    def test_it_tells_temperatures_clocks_and_free_space(self, folder: Path) -> None:
        """All that a record wants of the state, in units that a record states."""
        state = self.board_in(folder).state()
        assert state.celsius
        assert all(10 < celsius < 110 for celsius in state.celsius.values())
        assert state.clock_hz["cpu0"] > 100e6
        assert state.governor
        assert state.memory_free_bytes
        assert state.disk_free_bytes
        assert state.load1 is not None

    def test_a_look_is_one_round_trip(self, folder: Path) -> None:
        """Looking must not load the board that is looked at."""
        board = self.board_in(folder)
        board.state()
        shell = board.shell
        assert isinstance(shell, ReplayShell)
        assert len(shell.asked) == 1

    def test_identity_state_and_date_together_are_one_round_trip(self, folder: Path) -> None:
        """And none of them loses anything by it."""
        board = self.board_in(folder)
        look = board.look()
        shell = board.shell
        assert isinstance(shell, ReplayShell)
        assert len(shell.asked) == 1
        assert look.identity == board.identity()
        assert (look.state.celsius, look.state.governor) == (board.state().celsius, board.state().governor)
        assert look.clock_off_s is not None
        assert abs(look.clock_off_s) < _LATE_S

    def test_what_a_board_does_not_tell_is_absent_and_not_zero(self, folder: Path) -> None:
        """An empty board has no temperatures, clocks or mode; it is not cold, slow or idle."""
        board = self.board_in(folder, files={}, tools={})
        state, identity = board.state(), board.identity()
        known = BoardState(disk_free_bytes=state.disk_free_bytes)
        assert state == known
        assert (identity.serial_number, identity.boot_id, identity.os) == (None, None, None)

    def test_half_written_files_are_no_values(self, folder: Path) -> None:
        """A driver that answers rubbish is not believed."""
        state = self.board_in(
            folder, files=dict.fromkeys(self.files, "?"), tools=dict.fromkeys(self.tools, "?")
        ).state()
        assert state.celsius == {}
        assert state.clock_hz == {}
        assert state.load1 is None
        assert state.memory_free_bytes is None

    def test_throttling_is_told(self, folder: Path) -> None:
        """A board that held itself back says so, now or in what changed since the last look."""
        calm = self.board_in(folder).state()
        files, tools = self.hot
        hot = self.board_in(folder, {**self.files, **files}, {**self.tools, **tools}).state()
        assert not calm.throttled
        assert hot.throttled or hot.throttle_detail != calm.throttle_detail
        assert hot.throttle_detail
