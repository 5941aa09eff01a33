"""The file of a lent board's console, on disks that fail."""

import resource
import threading
import time
from io import FileIO
from types import SimpleNamespace

import pytest

from farm.lab.console_file import ConsoleFile, newest_log

LEASE = SimpleNamespace(board="zero-01", token=7)


def test_a_piece_is_in_the_file_whole_or_not_at_all(tmp_path):
    with ConsoleFile(tmp_path, LEASE) as file:
        file.write(b"one ")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6, before[1]))  # as a disk with two bytes left
        try:
            with pytest.raises(OSError, match="File too large"):
                file.write(b"two ")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert newest_log(tmp_path, "zero-01").read_bytes() == b"one "
        file.write(b"two ")
    assert newest_log(tmp_path, "zero-01").read_bytes() == b"one two "


def test_a_file_on_a_disk_that_hangs_is_closed_by_whoever_writes_it(tmp_path):
    begun, hangs = threading.Event(), threading.Event()

    class Hanging(FileIO):
        def write(self, data) -> int:
            begun.set()
            assert hangs.wait(30)
            return super().write(data)

    with ConsoleFile(tmp_path, LEASE) as file:
        file._file.close()
        file._file = slow = Hanging(file.path, "w")
        writer = threading.Thread(target=file.write, args=(b"late",))
        writer.start()
        assert begun.wait(30)
        left_s = time.monotonic()
    assert time.monotonic() - left_s < 5
    assert not slow.closed
    hangs.set()
    writer.join(30)
    assert slow.closed
    assert file.path.read_bytes() == b"late"
    with pytest.raises(ValueError, match="closed"):
        file.write(b"too late")
