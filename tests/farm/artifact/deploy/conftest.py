"""A board that is a folder of this machine: its shell runs here, its link can be cut."""

import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

from devices.errors import ConnectionLost
from devices.shell import Line, Result
from farm.artifact.pack import pack
from farm.artifact.unpack import open_artifact

DEADLINE_S = 30.0
PROGRAMS = (
    "sh cat chmod cut df ln ls mkdir mv readlink rm sed sha256sum sync tar tr uname".split()  # noqa: SIM905
)
"""All that a board needs."""


class FolderStream:
    """A process of this machine. ``cut_at`` many bytes sent to it, the link breaks."""

    def __init__(self, shell: "FolderShell", command: str) -> None:
        self._shell = shell
        self._process = subprocess.Popen(
            [*shell.within, "sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=shell.environment,
            start_new_session=True,
        )
        self._unread, self._errors, self._is_cut = b"", b"", False

    def send(self, data: bytes) -> None:
        shell = self._shell
        room = len(data) if shell.cut_at is None else max(shell.cut_at - shell.sent, 0)
        shell.sent += len(data)
        try:
            self._process.stdin.write(data[:room])
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ConnectionLost(shell.name, "the command takes no more input") from None
        if room < len(data):
            self.cut()

    def send_eof(self) -> None:
        self._process.stdin.close()

    def cut(self) -> None:
        self.__exit__()
        self._is_cut = True
        raise ConnectionLost(self._shell.name, "cut")

    def readline(self, *, timeout_s: float) -> Line:
        if self._is_cut:
            raise ConnectionLost(self._shell.name, "cut")
        out = self._process.stdout.fileno()
        until = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            assert select.select([out], [], [], until - time.monotonic())[0], "said nothing"
            data = os.read(out, 65536)
            if not data:
                raise ConnectionLost(self._shell.name, "closed its output")
            self._shell.heard += len(data)
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        self._shell.lines += 1
        if self._shell.cut_at_line == self._shell.lines:
            self.cut()
        return Line(time.monotonic_ns(), line)

    def lines(self, *, idle_timeout_s: float):
        while True:
            try:
                line = self.readline(timeout_s=idle_timeout_s)
            except ConnectionLost as error:
                if "closed its output" in str(error):
                    return
                raise
            yield line

    def exit_status(self, *, timeout_s: float) -> int:
        if self._is_cut:
            raise ConnectionLost(self._shell.name, "cut")
        status = self._process.wait(timeout_s)
        self._errors += self._process.stderr.read()
        return status if status >= 0 else 128 - status

    def stderr(self) -> bytes:
        return self._errors

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise


class FolderShell:
    """Runs commands here, and counts what goes over the link."""

    name = "folder-1"

    def __init__(self) -> None:
        self.environment = dict(os.environ)
        self.within: list[str] = []
        """What every command is started by."""
        self.forget()

    def forget(self) -> None:
        """Count anew, and mend the link."""
        self.sent = self.heard = self.lines = 0
        self.cut_at: int | None = None
        self.cut_at_line: int | None = None
        self.commands: list[str] = []

    def before(self, folder: Path, **programs: str) -> None:
        """Put programs before those that are there: ``name="shell text"``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in programs.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"

    def run(self, command, *, timeout_s=30.0, stdin=b"", check=True) -> Result:
        self.commands.append(command)
        done = subprocess.run(
            [*self.within, "sh", "-c", command],
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            env=self.environment,
        )
        assert done.returncode == 0 or not check, done.stderr
        return Result(command, done.returncode, done.stdout, done.stderr)

    def stream(self, command, *, timeout_s) -> FolderStream:
        self.commands.append(command)
        return FolderStream(self, command)


@pytest.fixture
def shell() -> FolderShell:
    return FolderShell()


@pytest.fixture(params=["python", "shell", "busybox"])
def way(request, shell, tmp_path) -> str:
    """What the board has: a Python, programs without one, or busybox alone."""
    if request.param == "python":
        return request.param
    programs = tmp_path / "programs"
    programs.mkdir()
    if request.param == "busybox":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("no busybox here")
        for name in (*PROGRAMS, "gunzip"):
            (programs / name).symlink_to(busybox)
    else:
        for name in PROGRAMS:
            (programs / name).symlink_to(shutil.which(name))
    shell.environment["PATH"] = str(programs)
    return request.param


@pytest.fixture
def artifact(packed, tmp_path):
    return open_artifact(packed, tmp_path / "out")


@pytest.fixture
def workdir(tmp_path) -> str:
    return str(tmp_path / "a board's root" / "farm")


@pytest.fixture
def retrain(source, tmp_path):
    """``retrain(content)``: the same model with other weights."""

    def make(content: bytes):
        (source / "model.onnx").write_bytes(content)
        packed = tmp_path / f"retrained-{len(list(tmp_path.glob('retrained-*')))}.tar.zst"
        pack(source, packed)
        return open_artifact(packed, tmp_path / "out")

    return make
