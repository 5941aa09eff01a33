"""A deployment that is cut off, at every point that it has: the board holds the old artifact or the new one, whole."""

import hashlib
import os
import random
import shutil
import threading
import time
import types
import zlib
from pathlib import Path

import pytest

from devices.errors import ConnectionLost
from devices.shell import Line
from farm.artifact.deploy import deploy, recipes, source
from farm.errors import FarmError

OLD = random.Random(1).randbytes(150_000)
NEW = OLD[:60_000] + random.Random(2).randbytes(9_000) + OLD[65_000:]
CHANGING = ("pwrite", "ftruncate", "rename", "replace", "unlink", "symlink", "makedirs")
"""Calls of the helper that change the board, or stand between two that do."""


class PowerCut(BaseException):
    """The board is off."""


class Cutting:
    """The module ``os``, of which one call of those that count is the last."""

    def __init__(self) -> None:
        self.calls, self.last = 0, None
        self._open: set[int] = set()

    def open(self, *args, **options) -> int:
        descriptor = os.open(*args, **options)
        self._open.add(descriptor)
        return descriptor

    def close(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        os.close(descriptor)

    def kill(self, *_: object) -> None:
        raise AssertionError("the one before still holds the board")

    def end(self) -> None:
        """Close what a process that ends closes."""
        for descriptor in list(self._open):
            self.close(descriptor)

    def __getattr__(self, name: str):
        real = getattr(os, name)
        if name not in CHANGING:
            return real

        def call(*args, **options):
            self.calls += 1
            if self.calls == self.last:
                if name == "pwrite":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2], args[2])
                raise PowerCut
            return real(*args, **options)

        return call


class Played:
    """A board whose helper runs in a thread here: the same code, without the time that processes take."""

    name = "played-1"

    def __init__(self, workdir: Path) -> None:
        self.workdir = workdir
        self.helper = types.ModuleType("helper")
        exec(zlib.decompress(source.always()), self.helper.__dict__)  # noqa: S102 -- as the board does
        self.mend()

    def mend(self) -> None:
        self.helper.os = self.os = Cutting()
        self.sent = self.lines = 0
        self.cut_at = self.cut_at_line = None

    def stream(self, command, *, timeout_s):
        for folder in ("blobs", "incoming"):
            (self.workdir / folder).mkdir(parents=True, exist_ok=True)
        os.chdir(self.workdir)
        return PlayedStream(self)


class PlayedStream:
    def __init__(self, board: Played) -> None:
        self.board, self._is_cut = board, False
        self._in, self._to = os.pipe()
        self._from, self._out = os.pipe()
        self._skip, self._unread = len(source.always()), b"/dev/root 1 1 99999999 1% /\n"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.board.helper.main(self._in, self._out)
        except PowerCut:
            pass
        finally:
            self.board.os.end()
            os.close(self._in)
            os.close(self._out)

    def send(self, data: bytes) -> None:
        if self._skip:  # the helper's source
            assert len(data) == self._skip
            self._skip = 0
            return
        board = self.board
        room = len(data) if board.cut_at is None else max(board.cut_at - board.sent, 0)
        board.sent += len(data)
        try:
            left = memoryview(data)[:room]
            while left:
                left = left[os.write(self._to, left) :]
        except BrokenPipeError:
            raise ConnectionLost(board.name, "the command takes no more input") from None
        if room < len(data):
            self._cut()

    def _cut(self) -> None:
        self._is_cut = True
        raise ConnectionLost(self.board.name, "cut")

    def readline(self, *, timeout_s: float) -> Line:
        if self._is_cut:
            self._cut()
        while b"\n" not in self._unread:
            data = os.read(self._from, 65536)
            if not data:
                raise ConnectionLost(self.board.name, "closed its output")
            self._unread += data
        self.board.lines += 1
        if self.board.lines == self.board.cut_at_line:
            self._cut()
        line, _, self._unread = self._unread.partition(b"\n")
        return Line(time.monotonic_ns(), line)

    def lines(self, *, idle_timeout_s: float):
        while True:
            try:
                yield self.readline(timeout_s=idle_timeout_s)
            except ConnectionLost:
                if self._is_cut:
                    raise
                return

    def exit_status(self, *, timeout_s: float) -> int:
        self._thread.join(timeout_s)
        return 0

    def stderr(self) -> bytes:
        return b""

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._to)
        self._thread.join()
        os.close(self._from)


@pytest.fixture
def assert_survives(tmp_path, retrain, dataset, monkeypatch):
    """A board that has the old artifact; each call cuts off the new one, looks at the board, and deploys it again."""
    monkeypatch.setattr(recipes, "LARGE_BYTES", 50_000)
    monkeypatch.chdir(tmp_path)
    old, new = retrain(OLD), retrain(NEW)
    board = Played(tmp_path / "board")
    deploy(board, str(board.workdir), old, dataset)
    shutil.copytree(board.workdir, tmp_path / "as-it-was", symlinks=True)

    def restore() -> None:
        os.chdir(tmp_path)
        shutil.rmtree(board.workdir)
        shutil.copytree(tmp_path / "as-it-was", board.workdir, symlinks=True)
        board.mend()

    def attempt(cut) -> None:
        restore()
        cut(board)
        with pytest.raises((ConnectionLost, FarmError)):
            deploy(board, str(board.workdir), new, dataset)
        assert whole(board.workdir) in (old.id, new.id)
        board.mend()
        deploy(board, str(board.workdir), new, dataset)
        assert whole(board.workdir) == new.id
        assert os.listdir(board.workdir / "incoming") == []  # noqa: PTH208

    def reference() -> Played:
        restore()
        put = deploy(board, str(board.workdir), new, dataset)
        assert put.bytes_sent < 80_000, "the change alone should have been sent"
        return board

    attempt.reference = reference
    return attempt


def whole(workdir: Path) -> str:
    """Return the identity of what is current; everything on the board is what its name says."""
    for blob in (workdir / "blobs").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    current = (workdir / "current").resolve()
    names = [path for path in current.rglob("*") if path.is_symlink()]
    assert {"model.onnx", "manifest.json"} <= {path.name for path in names}
    assert all(path.is_file() for path in names)
    assert hashlib.sha256((current / "manifest.json").read_bytes()).hexdigest() == current.name
    return current.name


def test_a_link_that_breaks_after_so_many_bytes(assert_survives):
    total = assert_survives.reference().sent
    for sent in [0, 3, *range(total // 24, total, total // 24)]:
        assert_survives(lambda board, sent=sent: setattr(board, "cut_at", sent))


def test_a_link_that_breaks_before_an_answer(assert_survives):
    for line in range(3, assert_survives.reference().lines + 1):
        assert_survives(lambda board, line=line: setattr(board, "cut_at_line", line))


def test_power_that_goes_between_two_calls_of_the_helper(assert_survives):
    calls = assert_survives.reference().os.calls
    for number in range(1, calls, max(calls // 24, 1)):
        assert_survives(lambda board, number=number: setattr(board.os, "last", number))


def test_power_that_goes_between_two_programs_of_the_shell(assert_survives, tmp_path, monkeypatch):
    programs, count = tmp_path / "programs", tmp_path / "count"
    programs.mkdir()
    for name in ("ln", "mv", "rm", "ls", "tr"):
        (programs / name).write_text(
            f"#!/bin/sh\nread n < {count}; echo $((n - 1)) > {count}\n"
            f'[ $n != 0 ] || {{ kill -9 $PPID; exit 1; }}\nexec {shutil.which(name)} "$@"\n'
        )
        (programs / name).chmod(0o755)
    count.write_text("1000\n")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert_survives.reference()
    started = 1000 - int(count.read_text())
    assert started >= 5

    def cut_at(number):
        count.write_text(f"{number}\n")

    for number in range(started):
        assert_survives(lambda _, number=number: cut_at(number))


def test_what_has_arrived_is_not_sent_again(assert_survives, tmp_path, dataset, retrain):
    model = retrain(random.Random(3).randbytes(2_000_000))
    board = Played(tmp_path / "another")
    board.cut_at = 1_500_000
    with pytest.raises(ConnectionLost):
        deploy(board, str(board.workdir), model, dataset)
    board.mend()
    put = deploy(board, str(board.workdir), model, dataset)
    assert put.bytes_sent < 1_000_000
    assert Path(put.model_path).read_bytes() == model.model_path.read_bytes()


def test_a_torn_end_of_what_has_arrived_costs_only_itself(tmp_path, dataset, retrain, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = retrain(content := random.Random(3).randbytes(4 << 20))
    board = Played(tmp_path / "board")
    incoming = board.workdir / "incoming" / model.manifest.files["model.onnx"].sha256
    incoming.parent.mkdir(parents=True)
    incoming.write_bytes(content[: 2 << 20] + bytes(1 << 20))
    put = deploy(board, str(board.workdir), model, dataset)
    assert 2 << 20 <= put.bytes_sent < 2_200_000
    assert Path(put.model_path).read_bytes() == content


def test_half_arrived_parts_of_an_artifact_that_nobody_wants_any_more_are_removed(
    assert_survives, tmp_path, dataset, retrain
):
    board = Played(tmp_path / "another")
    board.cut_at = 100_000
    with pytest.raises(ConnectionLost):
        deploy(board, str(board.workdir), retrain(random.Random(3).randbytes(300_000)), dataset)
    assert os.listdir(board.workdir / "incoming")  # noqa: PTH208
    board.mend()
    deploy(board, str(board.workdir), retrain(b"something else"), dataset)
    assert os.listdir(board.workdir / "incoming") == []  # noqa: PTH208
