"""Every shell the farm brings keeps what a shell promises; what the console's alone must bear is here too."""

import secrets
import time

import pytest

from devices.console_shell import ConsoleShell
from devices.errors import ConnectionLost, ConsoleFault, DeadlineExceeded
from devices.testing import ShellConformance, StreamConformance


class TestOverSsh(ShellConformance, StreamConformance):
    """Against the suite's own SSH server; ``tests/system`` has OpenSSH."""


class OverConsole(ShellConformance):
    file_bytes = 90_000
    program = "dash -i"

    @pytest.fixture
    def shell(self, uart):
        _, console = uart(self.program, logged_in=True)
        return ConsoleShell("board-1", console, login=lambda: console.login("farm", "secret"))


class TestOnTheConsoleWithDash(OverConsole):
    pass


class TestOnTheConsoleWithBashAndItsLineEditor(OverConsole):
    program = "bash --norc -i"


@pytest.fixture
def on_console(uart):
    line, console = uart("dash -i", logged_in=True)
    return line, ConsoleShell("board-1", console, login=lambda: console.login("farm", "secret"))


def test_a_file_passes_a_console_on_which_the_kernel_prints(on_console, tmp_path):
    line, shell = on_console
    shell.run("true")
    line.chatter(b"usb 1-1: new high-speed USB device", 0.02)
    data = bytes(range(256)) * 300
    path = str(tmp_path / "file")
    shell.upload(data, path)
    assert (tmp_path / "file").read_bytes() == data
    assert shell.download(path) == data


def test_input_that_was_put_into_a_file_is_removed_when_the_command_is_late(on_console):
    _, shell = on_console
    size_bytes = 10_000 + secrets.randbelow(10_000)  # nobody else's file is as long
    with pytest.raises(DeadlineExceeded):
        shell.run("cat > /dev/null; sleep 300", stdin=bytes(size_bytes), timeout_s=8)
    assert shell.run(f"find /tmp -maxdepth 1 -name 'farm-*' -size {size_bytes}c").text == ""


def test_a_console_whose_board_is_gone_is_a_lost_connection(uart):
    _, console = uart("none")
    shell = ConsoleShell("board-1", console)
    console.close()
    with pytest.raises(ConnectionLost, match=r"^board-1: "):
        shell.run("true", timeout_s=30)


def test_running_output_is_refused_with_the_way_that_has_it(on_console):
    _, shell = on_console
    with pytest.raises(ConsoleFault, match=r"cannot stream.*`sleep 1`.*\n  try: reach the board over SSH"):
        shell.stream("sleep 1", timeout_s=1)


def test_closing_logs_out_where_it_has_logged_in(on_console):
    line, shell = on_console
    shell.run("true")
    before = line.typed.count(b"exit\n")
    shell.close()
    until = time.monotonic() + 60
    while line.typed.count(b"exit\n") == before:
        assert time.monotonic() < until


def test_an_upload_has_one_deadline_for_all_its_pieces(on_console, tmp_path):
    _, shell = on_console
    with pytest.raises(DeadlineExceeded):
        shell.upload(bytes(10_000_000), str(tmp_path / "file"), timeout_s=2)
    assert list(tmp_path.iterdir()) == []
