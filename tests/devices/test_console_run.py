"""Commands on a console that talks in between, echoes, wraps, loses bytes: exact, or told; and never run twice."""

import random
import shutil
import time

import pytest

from devices.errors import ConsoleFault, DeadlineExceeded

from .test_console import SHELLS, wait_for

_BUSYBOX = shutil.which("busybox")
_ALL = [
    *SHELLS,
    pytest.param(
        f"{_BUSYBOX} ash -i", marks=pytest.mark.skipif(not _BUSYBOX, reason="busybox is not here"), id="busybox"
    ),
]


@pytest.fixture(params=_ALL)
def logged_in(uart, request):
    line, console = uart(request.param, logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    return line, console


def test_hundreds_of_commands_under_kernel_lines_are_answered_right(logged_in):
    line, console = logged_in
    line.chatter(b"usb 1-1: new high-speed USB device number 7", 0.02)
    for n in range(40):
        assert console.run(f"echo {n}", timeout_s=30).stdout == b"%d\n" % n
        result = console.run(f"echo a{n}; echo e{n} >&2; exit {n}", timeout_s=30)
        assert (result.stdout, result.stderr, result.exit_status) == (b"a%d\n" % n, b"e%d\n" % n, n)


def test_kernel_lines_without_a_time_get_into_no_answer(uart):
    line, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    dice = random.Random(5)
    line.damage = lambda data: data + b"random: crng init done\r\n" * (dice.random() < 0.05)
    for n in range(60):
        assert console.run(f"seq {n} {n + 30}", timeout_s=60).stdout == b"".join(b"%d\n" % k for k in range(n, n + 31))


def test_a_kernel_without_times_that_never_stops_keeps_no_answer_back(logged_in):
    line, console = logged_in
    dice = random.Random(6)
    noise = b"usb 1-1: new high-speed USB device\r\n"  # at 115200 baud, 50 a second leave some 200 bytes in between
    line.damage = lambda data: data + noise * (dice.random() < 0.15)
    for n in range(5):
        result = console.run(f"seq {n} {n + 500}; echo e{n} >&2; exit {n}", timeout_s=60)
        assert (result.stderr, result.exit_status) == (b"e%d\n" % n, n)
        assert result.stdout == b"".join(b"%d\n" % k for k in range(n, n + 501))


def test_a_prompt_in_the_output_ends_nothing(logged_in):
    _, console = logged_in
    for text in ("$ ", "farm@tx2-01:~$ ", "# ", "tx2-01 login: ", "Password: "):
        assert console.run(f"printf '%s' '{text}'", timeout_s=30).stdout == text.encode()
        assert console.run(f"echo '{text}'", timeout_s=30).stdout == text.encode() + b"\n"


def test_the_farms_own_marks_in_the_output_are_output(logged_in):
    _, console = logged_in
    assert console.run(r"printf '\036\037\036?\037\036+\037'", timeout_s=30).stdout == b"\x1e\x1f\x1e?\x1f\x1e+\x1f"


def test_a_terminal_that_wraps_and_echoes_adds_nothing(logged_in):
    _, console = logged_in
    console.run("stty cols 80 rows 24 echo </dev/tty", timeout_s=30)
    text = "x" * 300
    assert console.run(f"echo {text}; echo on", timeout_s=30).stdout == text.encode() + b"\non\n"
    assert console.run(f"printf %s {text}", timeout_s=30).stdout == text.encode()


def test_a_line_editor_that_is_on_again_does_no_harm(uart):
    _, console = uart("bash --norc -i", logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    console.write(b"set -o emacs; bind 'set enable-bracketed-paste on'\n")
    for n in range(5):
        assert console.run(f"echo {n} '!{n}'", timeout_s=30).stdout == b"%d !%d\n" % (n, n)


@pytest.mark.parametrize("size", [0, 1, 39, 40, 41, 4095, 4096, 4097, 20_000])
def test_bytes_of_every_kind_and_length_come_as_they_are(uart, tmp_path, size):
    _, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    wanted = random.Random(size).randbytes(size)
    (tmp_path / "bytes").write_bytes(wanted)
    result = console.run(f"cat {tmp_path}/bytes; tr a b <{tmp_path}/bytes >&2", timeout_s=60)
    assert result.stdout == wanted
    assert result.stderr == wanted.replace(b"a", b"b")


def test_what_no_text_holds_is_not_lost_from_short_answers(logged_in):
    _, console = logged_in
    for code, wanted in ((r"\000", b"\0"), (r"a\000b", b"a\0b"), (r"\303\244\n", b"\xc3\xa4\n"), (r"\377", b"\xff")):
        assert console.run(f"printf '{code}'", timeout_s=30).stdout == wanted


def test_a_command_changes_nothing_in_the_shell(logged_in):
    _, console = logged_in
    assert console.run("cd /; x=1; set -e; trap 'echo out' 0; exit 4", timeout_s=30).exit_status == 4
    assert console.run("echo \"$x$PWD\" | grep -c '^1/$'", timeout_s=30).stdout == b"0\n"
    assert console.run("if then", timeout_s=30).exit_status not in (0, None)
    assert console.run("echo on", timeout_s=30).stdout == b"on\n"


def test_what_a_command_left_running_gets_into_no_later_answer(logged_in, tmp_path):
    _, console = logged_in
    go = tmp_path / "go"
    console.run(f"(while [ ! -e {go} ]; do sleep 0.05; done; echo late; : > {go}.done) &", timeout_s=30)
    go.touch()
    wait_for(lambda: (tmp_path / "go.done").exists())
    assert console.run("printf 12345678", timeout_s=30).stdout == b"12345678"


def _lossy(dice: random.Random, share: float):
    """Drop, flip, double or replace bytes at random."""

    def spoil(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if dice.random() >= share:
                out.append(byte)
            else:
                out += dice.choice((b"", b"#", bytes([byte ^ 1 << dice.randrange(8)]), bytes([byte, byte])))
        return bytes(out)

    return spoil


@pytest.mark.parametrize("seed", range(3))
def test_bytes_lost_and_damaged_both_ways_run_no_command_twice(uart, tmp_path, seed):
    line, console = uart(["dash -i", "bash --norc -i", "bash --norc --noediting -i"][seed], logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    dice = random.Random(seed)
    line.damage, line.damage_typed = _lossy(dice, 0.002), _lossy(dice, 0.002)
    for n in range(30):
        padding = "x" * dice.choice((0, 10, 50, 200))  # of a longer one hardly any arrives whole
        result = console.run(f"echo {n} >> {tmp_path}/ran; echo {padding}; echo {n} >&2; exit {n}", timeout_s=110)
        assert (result.stdout, result.stderr, result.exit_status) == (padding.encode() + b"\n", b"%d\n" % n, n)
    assert (tmp_path / "ran").read_text().split() == [str(n) for n in range(30)]


@pytest.mark.parametrize("noise", [b"&", b"|cat", b"&\n"])
def test_noise_that_puts_a_request_into_a_subshell_runs_no_command_twice(logged_in, tmp_path, noise):
    line, console = logged_in
    spoilt = []

    def spoil(data: bytes) -> bytes:
        if spoilt or not data.startswith(b"_etf"):
            return data
        spoilt.append(data)
        return data[:-1] + noise + b"\n"

    line.damage_typed = spoil
    ran = tmp_path / "ran"
    ran.touch()
    try:
        assert console.run(f"echo x >> {ran}; sleep 0.2; echo on", timeout_s=60).stdout == b"on\n"
        assert console.run("echo next", timeout_s=60).stdout == b"next\n"
        assert ran.read_text() == "x\n"
    except ConsoleFault:  # busybox loses its place over it, and that is told
        assert ran.read_text() in ("", "x\n")
    assert spoilt


def test_a_request_that_comes_late_after_its_deadline_is_run_once_at_most(uart, tmp_path):
    _, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    with pytest.raises(DeadlineExceeded):
        console.run(f"echo x >> {tmp_path}/ran; sleep 30", timeout_s=0.5)
    for n in range(3):
        assert console.run(f"echo {n}", timeout_s=30).stdout == b"%d\n" % n
    assert (tmp_path / "ran").read_text() == "x\n"


def test_an_answer_for_which_the_board_has_no_room_is_a_fault_of_the_board(uart):
    _, console = uart("bash --norc -i", logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    console.write(b"ln -s /dev/full $_etf_d/t\n")
    with pytest.raises(ConsoleFault, match="has no room to keep a command's answer"):
        console.run("seq 1 100", timeout_s=30)


def test_a_shell_that_has_learnt_nothing_runs_nothing(uart, tmp_path):
    _, console = uart("dash -i", logged_in=True)
    console.login("farm", "secret", timeout_s=30)
    console.write(b"exit\n")  # another shell takes its place, as after a reboot with autologin
    wait_for(lambda: console.log().endswith(b":~$ "))
    with pytest.raises(ConsoleFault, match="not the one that was logged in to"):
        console.run(f"echo x > {tmp_path}/ran", timeout_s=60)
    assert not (tmp_path / "ran").exists()
    console.login("farm", "secret", timeout_s=30)
    assert console.run("echo on", timeout_s=30).stdout == b"on\n"


def test_nobody_logged_in_is_told(uart):
    _, console = uart("none")
    with pytest.raises(ConsoleFault, match="nobody has logged in"):
        console.run("true")


def test_a_long_output_costs_time_and_memory_in_proportion(shell_at_once):
    console = shell_at_once()
    console.login("farm", "secret", timeout_s=30)
    spent = {}
    for megabytes in (2, 8):
        began = time.process_time()
        result = console.run(f"head -c {megabytes}000000 /dev/zero | tr '\\0' x", timeout_s=110)
        spent[megabytes] = time.process_time() - began
        assert result.stdout == b"x" * megabytes * 1_000_000
    assert spent[8] < 12 * spent[2]
