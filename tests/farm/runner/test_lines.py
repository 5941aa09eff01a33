"""What a runner tells, and that telling it keeps no frame waiting: whoever reads may be slow, hang or be gone."""

import fcntl
import json
import os
import subprocess
import threading
import time
from importlib import import_module
from pathlib import Path

import pytest

import farm.runner

from .test_runner import command, rows

FOLDER = str(Path(farm.runner.__file__).parent)
FRAMES = 2000


@pytest.fixture
def module(monkeypatch):
    """The runner's own module, as it is found on a board; a batch is due at every frame."""
    monkeypatch.syspath_prepend(FOLDER)
    lines = import_module("lines")
    monkeypatch.setattr(lines, "_BATCH_NS", 0)
    monkeypatch.setattr(lines, "_PATIENCE_S", 0.2)
    return lines


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    yield ends
    for end in ends:
        if end is not None:
            os.close(end)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "kept"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield path, descriptor
    os.close(descriptor)


def tell(lines):
    """Tell of frames, and return how long the slowest took to be told, in seconds."""
    worst_s = 0.0
    for frame in range(FRAMES):
        lines.row([frame, 10**18 + frame])
        begun = time.monotonic()
        lines.breathe(None)
        worst_s = max(worst_s, time.monotonic() - begun)
    return worst_s


def frames(text):
    return [row[0] for line in text.splitlines() for row in json.loads(line).get("rows", [])]


def test_a_reader_who_hangs_keeps_no_frame_waiting_and_the_file_has_all(module, pipe, file, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_S", 1.0)
    lines = module.Lines(pipe[1], file[1])
    worst_s = tell(lines)
    assert worst_s < module._PATIENCE_S  # a busy machine may be late; who waits for the reader waits so long
    begun = time.monotonic()
    lines.event("end")
    assert time.monotonic() - begun < 10
    assert frames(file[0].read_bytes()) == list(range(FRAMES))
    assert file[0].read_bytes().endswith(b'{"event": "end"}\n')


def test_a_reader_who_is_far_behind_is_given_up_and_costs_no_memory(module, pipe, file, monkeypatch):
    monkeypatch.setattr(module, "_BEHIND_BYTES", 20_000)
    lines = module.Lines(pipe[1], file[1])
    tell(lines)
    os.set_blocking(pipe[0], False)
    assert len(os.read(pipe[0], 10**6)) <= 4096
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 1)
    assert frames(file[0].read_bytes()) == list(range(FRAMES))


def test_a_reader_who_is_gone_ends_nothing(module, pipe, file):
    os.close(pipe[0])
    pipe[0] = None
    lines = module.Lines(pipe[1], file[1])
    tell(lines)
    lines.event("end")
    assert frames(file[0].read_bytes()) == list(range(FRAMES))


def test_a_slow_reader_gets_all_of_it_and_what_the_file_has(module, pipe, file):
    read = bytearray()

    def slowly():
        while data := os.read(pipe[0], 700):
            read.extend(data)

    reader = threading.Thread(target=slowly)
    reader.start()
    lines = module.Lines(pipe[1], file[1])
    tell(lines)
    lines.event("end")
    os.close(pipe[1])
    pipe[1] = None
    reader.join()
    assert bytes(read) == file[0].read_bytes()


def test_a_full_disk_is_told_and_the_link_alone_has_the_rest(module, pipe):
    fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 1 << 20)
    lines = module.Lines(pipe[1], os.open("/dev/full", os.O_WRONLY))
    tell(lines)
    told = os.read(pipe[0], 1 << 20)
    first = json.loads(told.splitlines()[0])
    assert first == {"event": "unkept", "why": "[Errno 28] No space left on device"}
    assert frames(told) == list(range(FRAMES))
    os.close(pipe[0])
    pipe[0] = None
    with pytest.raises(BrokenPipeError):  # nobody will ever know: it ends
        tell(lines)


def test_a_runner_whose_output_nobody_reads_runs_to_its_end(tiny, tmp_path, pipe):
    kept = tmp_path / "kept"
    line = [*command(tiny(), rate_hz=100, duration_s=1.2, quiet_s=0, score_s=5), "--keep", str(kept)]
    with subprocess.Popen(line, stdout=pipe[1]) as runner:
        assert runner.wait(30) == 0
    told = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(rows(told)) == 120
    assert told[-1]["event"] == "end"
    assert told[-1]["writing_ns"] < 100_000_000
