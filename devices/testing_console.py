"""What a console must do on every kind of port: a local one, a raw socket, RFC 2217, whatever serves them."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import pytest

from .console import Console
from .errors import ConsoleFault

_SOON_S = 30.0
"""A machine under full load does within this what takes it milliseconds (assumed)."""
_ALL = bytes(range(256))


class FarEnd(Protocol):
    """The board's end of the cable."""

    def print(self, data: bytes) -> None:
        """Send to the console."""
        ...

    def typed(self) -> bytes:
        """Return all that has come from the console so far."""
        ...

    def cut(self) -> None:
        """Take the port away, as an adapter that is unplugged or a server that ends."""
        ...


class ConsoleConformance:
    """Subclass, give the fixtures ``far`` and ``console``, inherit the tests."""

    def test_everything_is_captured_while_nobody_reads(self, far: FarEnd, console: Console) -> None:
        """All byte values, in their order."""
        for _ in range(100):
            far.print(_ALL * 8)
        _wait_for(lambda: len(console.log()) >= 100 * 8 * 256)
        assert console.log() == _ALL * 800

    def test_what_is_written_arrives_unchanged(self, far: FarEnd, console: Console) -> None:
        """All byte values: no port has characters of its own."""
        console.write(_ALL * 8)
        _wait_for(lambda: len(far.typed()) >= 8 * 256)
        assert far.typed() == _ALL * 8

    def test_lines_carry_the_time_of_their_end(self, far: FarEnd, console: Console) -> None:
        """On the monotonic clock, in order; what has not ended is no line yet."""
        before_ns = time.monotonic_ns()
        far.print(b"first\r\nsec")
        _wait_for(lambda: b"sec" in console.log())
        between_ns = time.monotonic_ns()
        far.print(b"ond\r\nthird")
        _wait_for(lambda: b"third" in console.log())
        first, second = console.lines()
        assert (first.text, second.text) == ("first", "second")
        assert before_ns <= first.t_ns <= between_ns <= second.t_ns <= time.monotonic_ns()
        assert (second.utc - first.utc).total_seconds() == pytest.approx((second.t_ns - first.t_ns) / 1e9, abs=0.001)

    def test_it_is_followed_as_it_comes(self, far: FarEnd, console: Console) -> None:
        """From a time on, and no byte twice."""
        far.print(b"before ")
        _wait_for(lambda: console.log() == b"before ")
        far.print(b"one ")
        seen, until = b"", time.monotonic() + _SOON_S
        for piece in console.follow(since=0, idle_s=0.05):
            seen += piece
            if seen.endswith(b"one "):
                far.print(b"two")
            if seen.endswith(b"two"):
                break
            assert time.monotonic() < until, seen
        assert seen == b"before one two"

    def test_a_copy_has_every_byte_in_order(self, far: FarEnd, console: Console) -> None:
        """What came before it was asked for comes first."""
        far.print(b"before ")
        _wait_for(lambda: console.log() == b"before ")
        copied = bytearray()
        console.copy_to(copied.extend)
        far.print(_ALL * 100)
        _wait_for(lambda: len(copied) >= 7 + 25_600)
        assert copied == b"before " + _ALL * 100

    def test_two_threads_do_not_write_into_each_other(self, far: FarEnd, console: Console) -> None:
        """What one call writes stays together."""

        def write(word: bytes) -> None:
            for _ in range(10):
                console.write(word)

        words = [b"a" * 500, b"b" * 500]
        threads = [threading.Thread(target=write, args=(word,)) for word in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_SOON_S)
        _wait_for(lambda: len(far.typed()) >= 10_000)
        typed = far.typed()
        assert {typed[n : n + 500] for n in range(0, len(typed), 500)} == set(words)

    def test_the_log_stays_after_closing(self, far: FarEnd, console: Console) -> None:
        """It may be closed twice; nothing is written any more."""
        far.print(b"last words")
        _wait_for(lambda: console.log() == b"last words")
        console.close()
        console.close()
        assert console.log() == b"last words"
        with pytest.raises(ConsoleFault):
            console.write(b"x")

    def test_a_port_that_is_gone_is_told_and_what_came_before_is_kept(self, far: FarEnd, console: Console) -> None:
        """Silence is something else."""
        far.print(b"before")
        _wait_for(lambda: console.log() == b"before")
        far.cut()
        with pytest.raises(ConsoleFault, match="console"):
            _keep_writing(console)
        assert console.log() == b"before"


def _keep_writing(console: Console) -> None:
    """Write until it fails: that a port is gone is seen a moment later."""
    until = time.monotonic() + _SOON_S
    while time.monotonic() < until:
        console.write(b"x")
        time.sleep(0.02)


def _wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + _SOON_S
    while not what():
        assert time.monotonic() < until
        time.sleep(0.005)
