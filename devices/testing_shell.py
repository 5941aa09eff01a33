"""What every way of running commands on a board must do: over SSH, over a console, over whatever a plug-in brings."""

import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from shlex import quote
from typing import ClassVar

import pytest

from .errors import CommandFailed, ConnectionLost, DeadlineExceeded
from .shell import Shell

_SOON_S = 30.0
"""A machine under full load does within this what takes it milliseconds (assumed)."""


class ShellConformance:
    """Subclass, give the fixture ``shell``, inherit the tests. Nothing is looked at but through the shell itself."""

    file_bytes: ClassVar[int] = 300_000
    """How large a file is carried to the board and back."""

    @pytest.fixture
    def folder(self, shell: Shell) -> Iterator[str]:
        """An empty folder on the board; with a space and a quote, for one day someone's has."""
        path = f"/tmp/farm's tests {secrets.token_hex(4)}"  # noqa: S108 -- on the board
        shell.run(f"mkdir {quote(path)}")
        yield path
        shell.run(f"rm -rf {quote(path)}")

    # commands

    def test_output_errors_and_status_come_apart(self, shell: Shell) -> None:
        """And none of them is lost because the command failed."""
        result = shell.run("printf out; printf err >&2; exit 7", check=False)
        assert (result.exit_status, result.stdout, result.stderr) == (7, b"out", b"err")

    def test_output_is_exact_to_the_byte(self, shell: Shell) -> None:
        """Whatever the bytes are, and with every newline at the end, or none."""
        octal = "".join(f"\\{n:03o}" for n in range(256))
        assert shell.run(f"printf '{octal}'").stdout == bytes(range(256))
        assert shell.run("printf 'a\\n\\n\\n'").stdout == b"a\n\n\n"
        assert shell.run("true").stdout == b""

    def test_much_output_arrives_whole(self, shell: Shell) -> None:
        """More than any buffer on the way holds."""
        wanted = b"".join(b"%d\n" % n for n in range(1, 20_001))
        assert shell.run("seq 1 20000").stdout == wanted

    def test_a_command_stands_as_it_is(self, shell: Shell) -> None:
        """Lines, quotes, dollars, backslashes and letters of other scripts."""
        assert shell.run('a=1\nif [ $a = 1 ]; then\n  echo \'it"s\' "ü$a"\nfi').text == 'it"s ü1'
        assert shell.run("cat <<'END'\n$HOME \\ `x`\nEND").stdout == b"$HOME \\ `x`\n"

    def test_a_failed_command_says_what_it_said(self, shell: Shell) -> None:
        """Its first line, its status, its last words."""
        with pytest.raises(CommandFailed, match=r"`echo no space >&2; exit 3` ended with status 3: no space") as failed:
            shell.run("echo no space >&2; exit 3")
        assert (failed.value.exit_status, failed.value.stderr) == (3, "no space")

    def test_a_command_killed_by_a_signal_has_a_status(self, shell: Shell) -> None:
        """It is no lost connection."""
        assert shell.run("kill -9 $$", check=False).exit_status == 128 + 9

    def test_commands_leave_nothing_to_each_other(self, shell: Shell) -> None:
        """Each is in a shell of its own: where it is, what it sets and that it exits is its own."""
        before = shell.run("pwd").text
        shell.run("cd /; farm_tests=1; set -e; exit 0")
        assert shell.run("echo $(pwd) $farm_tests; false; true").text == before

    def test_input_reaches_the_command_and_ends(self, shell: Shell) -> None:
        """A little, and more than a buffer; all byte values."""
        assert shell.run("cat; echo over", stdin=b"a little").stdout == b"a littleover\n"
        much = os.urandom(30_000)
        assert shell.run("cat", stdin=much).stdout == much

    def test_without_input_a_command_that_reads_sees_the_end(self, shell: Shell) -> None:
        """It never waits for somebody who types."""
        assert shell.run("cat; echo over").stdout == b"over\n"

    def test_threads_get_their_own_answers(self, shell: Shell) -> None:
        """One after the other or at once, as the way allows."""

        def asked(n: int) -> str:
            return shell.run(f"echo {n}").text

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(asked, range(12))) == [str(n) for n in range(12)]

    def test_root_is_root(self, shell: Shell) -> None:
        """Through sudo or because the login is; input, output and status as of any command."""
        if shell.run('[ "$(id -u)" = 0 ] || sudo -n true', check=False).exit_status != 0:
            pytest.skip("the login is not root here, and has no sudo without a password")
        result = shell.sudo("id -u; cat; exit 4", stdin=b"in", check=False)
        assert (result.exit_status, result.stdout) == (4, b"0\nin")

    # what does not end

    def test_a_command_past_its_deadline_is_ended_on_the_board(self, shell: Shell, folder: str) -> None:
        """Itself and what it has started; and the next command runs."""
        place = quote(folder)
        with pytest.raises(DeadlineExceeded, match="sleep 300"):
            shell.run(f"sleep 300 & echo $! $$ > {place}/pids; wait", timeout_s=3)
        until = time.monotonic() + _SOON_S
        # a zombie that nobody buries has ended too
        left = f"for p in $(cat {place}/pids); do grep -sq '^State:.[^Z]' /proc/$p/status && echo $p; done; true"
        while alive := shell.run(left).text:
            assert time.monotonic() < until, f"still runs: {alive}"

    def test_a_closed_shell_stays_closed(self, shell: Shell) -> None:
        """And may be closed twice."""
        shell.run("true")
        shell.close()
        shell.close()
        with pytest.raises(ConnectionLost):
            shell.run("true")

    # files

    def test_a_file_comes_back_as_it_went(self, shell: Shell, folder: str) -> None:
        """All of it, with its mode, over one that was there."""
        data, path = os.urandom(self.file_bytes), f"{folder}/a file"
        assert shell.upload(b"before", path) == 6
        assert shell.upload(data, path, mode=0o750) == len(data)
        assert shell.download(path) == data
        assert shell.run(f"ls -l {quote(path)}").text.startswith("-rwxr-x---")
        assert shell.run(f"ls -A {quote(folder)}").text == "a file"

    def test_an_empty_file_is_a_file(self, shell: Shell, folder: str) -> None:
        """Both ways."""
        assert shell.upload(b"", f"{folder}/empty") == 0
        assert shell.download(f"{folder}/empty") == b""

    def test_a_file_that_is_not_there_is_a_failed_command(self, shell: Shell, folder: str) -> None:
        """Its name is in the fault."""
        with pytest.raises(CommandFailed, match="nothing"):
            shell.download(f"{folder}/nothing")

    def test_a_file_that_the_board_cannot_store_says_why(self, shell: Shell, folder: str) -> None:
        """And leaves nothing behind."""
        with pytest.raises(CommandFailed, match=r"(?i)directory|nonexistent"):
            shell.upload(b"x", f"{folder}/no such/file")
        assert shell.run(f"ls -A {quote(folder)}").text == ""


class StreamConformance:
    """As :class:`ShellConformance`, of a shell that can stream."""

    def test_lines_come_while_the_command_still_runs(self, shell: Shell) -> None:
        """And it hears what is sent to it."""
        with shell.stream("echo one; read answer; echo got $answer; exit 3", timeout_s=_SOON_S) as stream:
            assert stream.readline(timeout_s=_SOON_S).data == b"one"
            stream.send(b"two\n")
            assert stream.readline(timeout_s=_SOON_S).data == b"got two"
            assert stream.exit_status(timeout_s=_SOON_S) == 3

    def test_the_end_of_input_is_told(self, shell: Shell) -> None:
        """A command that reads to the end ends."""
        with shell.stream("cat", timeout_s=_SOON_S) as stream:
            stream.send(b"a\nb")
            stream.send_eof()
            assert [line.data for line in stream.lines(idle_timeout_s=_SOON_S)] == [b"a", b"b"]
            assert stream.exit_status(timeout_s=_SOON_S) == 0

    def test_silence_is_no_end_of_output(self, shell: Shell) -> None:
        """It is a deadline that has passed."""
        with shell.stream("echo one; sleep 300", timeout_s=_SOON_S) as stream:
            assert stream.readline(timeout_s=_SOON_S).data == b"one"
            with pytest.raises(DeadlineExceeded):
                next(stream.lines(idle_timeout_s=1.0))

    def test_a_command_that_is_left_is_ended_on_the_board(self, shell: Shell) -> None:
        """Nothing runs on behind the back of whoever comes next."""
        with shell.stream("echo $$; sleep 300", timeout_s=_SOON_S) as stream:
            pid = int(stream.readline(timeout_s=_SOON_S).data)
        until = time.monotonic() + _SOON_S
        while shell.run(f"grep -sq '^State:.[^Z]' /proc/{pid}/status && echo alive; true").text:
            assert time.monotonic() < until
