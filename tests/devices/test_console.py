"""The serial console: nothing lost, nothing mixed up, nothing waited for without an end."""

import random
import threading
import time
from datetime import UTC, datetime

import pytest

from devices.boot_patterns import STALL_S
from devices.console import Console
from devices.console_frame import parse
from devices.errors import AuthenticationRefused, BootFault, ConsoleFault, DeadlineExceeded

SHELLS = ["dash -i", "bash --norc -i", "bash --norc --noediting -i"]
"""bash with its line editor asks the terminal for bracketed paste and redraws what is typed."""


def wait_for(what, within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.005)


# -- capture --------------------------------------------------------------------------------------


def test_everything_is_captured_while_nobody_reads(uart):
    line, console = uart("none")
    sent = b"".join(b"line %d\r\n" % n for n in range(20_000))
    for n in range(0, len(sent), 1000):
        line.print(sent[n : n + 1000])
    wait_for(lambda: len(console.log()) >= len(sent))
    assert console.log() == sent
    assert [got.text for got in console.lines()] == [f"line {n}" for n in range(20_000)]


def test_lines_carry_the_time_of_their_end(uart):
    line, console = uart("none")
    before_ns, before_utc = time.monotonic_ns(), datetime.now(UTC)
    line.print(b"fir")
    line.print(b"st\r\n\x1b[1;32msecond\x1b[0m\xff\r\nunfinished")
    wait_for(lambda: b"unfinished" in console.log())
    first, second = console.lines()
    assert (first.text, second.text) == ("first", "second\ufffd")
    assert before_ns < first.t_ns <= second.t_ns < time.monotonic_ns()
    assert abs((first.utc - before_utc).total_seconds()) < 60


def test_the_log_stays_after_closing(uart):
    line, console = uart("none")
    line.print(b"last words\r\n")
    wait_for(console.log)
    console.close()
    console.close()
    assert console.log() == b"last words\r\n"


def test_a_port_that_somebody_else_holds_is_refused(uart):
    line, _ = uart("none")
    with pytest.raises(ConsoleFault, match="board-2: console /dev/pts/"):
        Console.open("board-2", line.port)


def test_a_port_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConsoleFault, match="nothing-here"):
        Console.open("board-1", str(tmp_path / "nothing-here"))


# -- booting --------------------------------------------------------------------------------------


def test_a_boot_is_seen_even_when_it_was_over_before_anybody_waited(uart):
    line, console = uart("none")
    line.print(b"old boot\r\nhost login: ")
    wait_for(lambda: b"login" in console.log())
    since = time.monotonic_ns()
    line.print(b"U-Boot 2020.04 (x)\r\nStarting kernel ...\r\n[    0.000000] Linux version 4.9\r\nhost login: ")
    wait_for(lambda: b"4.9\r\nhost login: " in console.log())
    report = console.wait_boot(timeout_s=1, since=since)
    assert report.stages == ["bootloader", "kernel", "login"]
    assert report.faults == []
    assert 0 < report.reached_s[report.stages[0]] < 60


def test_a_panic_ends_the_wait_with_its_words(uart):
    line, console = uart("none")
    since = time.monotonic_ns()
    line.print(b"[    0.000000] Linux version 4.9\r\n[    1.5")
    line.print(b"00000] Kernel panic - not syncing: Attempted to kill init!\r\n")
    with pytest.raises(BootFault, match=r"board-1: did not boot, in stage kernel: panic: .*Attempted to kill init!"):
        console.wait_boot(timeout_s=60, since=since)


def test_a_login_prompt_that_noise_has_hidden_is_asked_for_again(uart, monkeypatch):
    monkeypatch.setattr("devices.console._POKE_S", 0.05)
    monkeypatch.setattr("devices.console._TICK_S", 0.02)
    line, console = uart("none")
    since = time.monotonic_ns()
    line.print(b"[  OK  ] Started Serial Getty on ttyS0.\r\nho\x80\xffst l\xfegin: \x00\xf0")
    threading.Thread(target=lambda: (wait_for(lambda: line.typed), line.print(b"\r\nhost login: "))).start()
    assert console.wait_boot(timeout_s=10, since=since).stages == ["userspace", "login"]


def test_a_silent_board_ends_the_wait(uart):
    _, console = uart("none")
    with pytest.raises(BootFault, match=r"before anything was recognised: no login after 0\.2 s"):
        console.wait_boot(timeout_s=0.2, since=time.monotonic_ns())


def test_a_stage_that_hangs_is_named_with_its_last_lines(uart, monkeypatch):
    monkeypatch.setitem(STALL_S, "kernel", 0.1)
    line, console = uart("none")
    since = time.monotonic_ns()
    line.print(b"Starting kernel ...\r\n\r\n")
    with pytest.raises(BootFault, match=r"in stage kernel: stall: silent for \d+ s\n  \| Starting kernel \.\.\."):
        console.wait_boot(timeout_s=60, since=since)


# -- login ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SHELLS)
def test_a_login_leads_to_a_shell(uart, shell):
    _, console = uart(shell)
    console.login("farm", "secret", timeout_s=20)
    assert console.run("echo hi", timeout_s=30).stdout == b"hi\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_that_is_there_already_is_kept(uart, shell):
    line, console = uart(shell, logged_in=True)
    console.login("farm", "secret", timeout_s=20)
    assert b"secret" not in line.typed
    assert console.run("echo hi", timeout_s=30).stdout == b"hi\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_half_a_line_that_somebody_left_is_not_carried_out(uart, shell, tmp_path):
    _, console = uart(shell, logged_in=True)
    wait_for(lambda: console.log().endswith(b"$ "))
    console.write(f"touch {tmp_path}/done".encode())
    console.login("farm", "secret", timeout_s=60)
    console.run("true", timeout_s=60)
    assert not (tmp_path / "done").exists()


def test_a_login_that_throws_typeahead_away_still_gets_the_password(uart):
    _, console = uart(late_s=0.2)
    console.login(
        "farm", "secret", timeout_s=110
    )  # on a busy machine a password comes too early now and then: 10 s each
    assert console.run("echo hi", timeout_s=30).stdout == b"hi\n"


def test_a_kernel_line_behind_the_login_prompt_does_not_hide_it(uart):
    line, console = uart()
    line.chatter(b"usb 1-1: new high-speed USB device number 7", 0.02)
    console.login("farm", "secret", timeout_s=30)
    assert console.run("echo hi", timeout_s=30).stdout == b"hi\n"


def test_a_wrong_password_is_refused_and_never_shown(uart):
    _, console = uart()
    with pytest.raises(AuthenticationRefused, match="refused the login of 'farm'") as seen:
        console.login("farm", "hunter2", timeout_s=30)
    assert "hunter2" not in str(seen.value)
    assert b"hunter2" not in console.log()


def test_a_dead_console_is_a_fault_in_time(uart):
    _, console = uart("none")
    with pytest.raises(ConsoleFault, match="neither a login nor a shell within 1 s"):
        console.login("farm", "secret", timeout_s=1)


def test_a_second_login_costs_one_probe(uart, monkeypatch):
    monkeypatch.setattr("devices.console._KEEPS_S", 20.0)  # else a busy machine looks like another shell
    line, console = uart()
    console.login("farm", "secret", timeout_s=20)
    before = len(line.typed)
    console.login("farm", "secret", timeout_s=20)
    assert line.typed[before:] == b"\n"


# -- commands -------------------------------------------------------------------------------------


@pytest.fixture(params=SHELLS)
def logged_in(uart, request):
    line, console = uart(request.param, logged_in=True)
    console.login("farm", "secret", timeout_s=20)
    return line, console


def test_output_error_output_and_status_are_exact(logged_in):
    _, console = logged_in
    result = console.run(r"printf 'a\000b\r\n\377  \n\n'; echo bad >&2; (exit 7)", timeout_s=30)
    assert (result.stdout, result.stderr, result.exit_status) == (b"a\0b\r\n\xff  \n\n", b"bad\n", 7)


def test_commands_of_many_lines_quotes_and_tabs_arrive_as_they_are(logged_in):
    _, console = logged_in
    command = "for i in 1 2; do\n\tprintf '%s\\n' \"it's !$i\"\ndone\ncat <<'X'\n\x09!$HOME `x`\nX\n"
    assert console.run(command, timeout_s=30).stdout == b"it's !1\nit's !2\n\t!$HOME `x`\n"


def test_a_command_longer_than_any_terminal_line_arrives_whole(logged_in):
    _, console = logged_in
    assert console.run(f"printf %s '{'x' * 20_000}' | wc -c", timeout_s=20).stdout.strip() == b"20000"


def test_a_command_cannot_eat_what_is_typed_next(logged_in):
    _, console = logged_in
    assert console.run("cat; echo end", timeout_s=30).stdout == b"end\n"
    assert console.run("echo next", timeout_s=30).stdout == b"next\n"


def test_an_answer_that_looks_like_a_prompt_or_a_login_is_an_answer(logged_in):
    _, console = logged_in
    assert console.run("printf 'tx2-01 login: '", timeout_s=30).stdout == b"tx2-01 login: "


def test_kernel_lines_in_the_middle_of_answers_corrupt_none(logged_in):
    line, console = logged_in
    line.chatter(b"usb 1-1: new high-speed USB device number 7", 0.002)
    for n in range(30):
        result = console.run(f"seq {n} {n + 40}; echo e{n} >&2; (exit {n})", timeout_s=20)
        assert result.stdout.split() == [b"%d" % k for k in range(n, n + 41)]
        assert (result.stderr, result.exit_status) == (b"e%d\n" % n, n)


def test_a_damaged_answer_is_asked_for_again_and_the_command_not_run_twice(uart, tmp_path):
    line, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=20)
    dice = random.Random(3)
    line.damage = lambda data: data if dice.random() < 0.9 else data[:-1] + b"#"
    for n in range(20):
        assert console.run(f"echo {n} >> {tmp_path}/ran; echo {n}", timeout_s=30).stdout == b"%d\n" % n
    assert (tmp_path / "ran").read_text().split() == [str(n) for n in range(20)]


def test_a_large_answer_is_looked_at_once_and_not_at_every_chunk(uart, monkeypatch):
    looked_at = []

    def counted(body, session, number):
        looked_at.append(len(body))
        return parse(body, session, number)

    monkeypatch.setattr("devices.console_exchange.parse", counted)
    _, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=20)
    answer = console.run("seq 1 40000", timeout_s=60)
    assert answer.stdout == b"".join(b"%d\n" % n for n in range(1, 40_001))
    assert sum(looked_at) < 1.5 * len(answer.stdout)


def test_a_command_past_its_deadline_is_interrupted(logged_in):
    _, console = logged_in
    with pytest.raises(DeadlineExceeded, match=r"`sleep 60` on the console is not over after 0\.3 s"):
        console.run("sleep 60", timeout_s=0.3)
    assert console.run("echo on", timeout_s=30).stdout == b"on\n"


def test_a_board_that_rebooted_under_the_shell_is_named_and_typed_at_no_more(uart):
    line, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=20)
    line.print(b"[    0.000000] Linux version 4.9\r\n\r\ntx2-01 login: ")
    wait_for(lambda: console.log().endswith(b"login: "))
    typed = len(line.typed)
    with pytest.raises(ConsoleFault, match="asks for a login where a shell was"):
        console.run("echo hi", timeout_s=30)
    assert len(line.typed) == typed


def test_a_board_that_resets_under_a_command_gets_no_key_until_it_asks(uart):
    line, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=60)
    boots = threading.Event()

    def reset(data: bytes) -> bytes:
        if not boots.is_set():
            boots.set()
            line.print(b"\r\nU-Boot SPL 2023.01 (Jan 01 2023)\r\n\r\nHit any key to stop autoboot:  3 ")
        return b""

    line.damage_typed = reset
    with pytest.raises(ConsoleFault, match="the board has gone down or begun anew: U-Boot SPL 2023"):
        console.run("sleep 60", timeout_s=60)
    typed, before_it_asked = len(line.typed), []

    def come_up() -> None:
        before_it_asked.append(len(line.typed))
        line.damage_typed = None
        line.print(b"\r\nStarting kernel ...\r\nfarm@tx2-01:~$ ")

    threading.Timer(0.5, come_up).start()
    console.login("farm", "secret", timeout_s=60)
    assert before_it_asked == [typed]
    assert console.run("echo on", timeout_s=60).stdout == b"on\n"


def test_a_shell_that_is_gone_is_no_slow_command(uart):
    line, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=20)
    line.damage = lambda _: b""
    with pytest.raises(ConsoleFault, match=r"no shell answers on the console \(`echo hi`, 0.3 s\)"):
        console.run("echo hi", timeout_s=0.3)
