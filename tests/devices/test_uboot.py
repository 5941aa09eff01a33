"""U-Boot's prompt on a pty: caught, asked, and left alone where it is not U-Boot any more."""

import time
from collections.abc import Iterator

import pytest

from devices.console import Console
from devices.errors import DeadlineExceeded, UBootFault
from devices.uboot import Autoboot, UBoot, quoted

from .uboot_line import BANNER, KERNEL, UBootLine


@pytest.fixture
def line() -> Iterator[UBootLine]:
    board = UBootLine()
    yield board
    board.close()


@pytest.fixture
def console(line: UBootLine) -> Iterator[Console]:
    with Console.open("b1", line.port) as opened:
        yield opened


@pytest.fixture
def uboot(line: UBootLine, console: Console) -> UBoot:
    line.show_prompt()
    return UBoot.caught(console, since=0, timeout_s=20)


def test_a_countdown_is_stopped_by_a_key_and_the_prompt_answers(line: UBootLine, console: Console) -> None:
    line.commands[b"version"] = (b"U-Boot 2023.01\n\ngcc 12\n", 0)
    since = time.monotonic_ns()
    line.count_down()
    uboot = UBoot.caught(console, since=since, timeout_s=20)
    assert uboot.run("version") == "U-Boot 2023.01\n\ngcc 12"


@pytest.mark.parametrize("prompt", ["=> ", "U-Boot> ", "u-boot=> ", "Tegra186 (P2771-0000-500) # ", "STM32MP> "])
def test_prompts_of_the_boards_are_known_and_another_can_be_named(console: Console, line: UBootLine, prompt) -> None:
    line.prompt = prompt.encode()
    line.commands[b"true"] = (b"", 0)
    line.count_down()
    how = Autoboot(prompt=prompt if prompt.startswith("STM") else "")
    assert UBoot.caught(console, since=0, timeout_s=20, how=how).status("true") == (0, "")


def test_a_boot_that_goes_past_it_is_told_and_not_typed_at(line: UBootLine, console: Console) -> None:
    line.say(BANNER + KERNEL)
    with pytest.raises(UBootFault, match="went past U-Boot") as seen:
        UBoot.caught(console, since=0, timeout_s=20)
    assert "Starting kernel" in str(seen.value)
    assert line.received == b""


def test_a_booted_system_is_not_typed_at(line: UBootLine, console: Console) -> None:
    line.say(b"\r\nDebian GNU/Linux 12 coral ttyS0\r\n\r\ncoral login: ")
    with pytest.raises(UBootFault):
        UBoot.caught(console, since=0, timeout_s=1)
    assert line.received == b""


def test_what_only_looks_like_its_prompt_on_a_booted_system_is_not_typed_at(line: UBootLine, console: Console) -> None:
    line.say(BANNER + KERNEL + b"=> ")
    with pytest.raises(UBootFault, match="went past U-Boot"):
        UBoot.caught(console, since=0, timeout_s=20)
    assert line.received == b""


def test_silence_is_told_as_a_countdown_that_was_not_seen(line: UBootLine, console: Console) -> None:
    with pytest.raises(UBootFault, match=r"countdown was not seen within 0\.3 s; nothing was seen"):
        UBoot.caught(console, since=0, timeout_s=0.3)
    assert line.received == b""


def test_a_stop_word_is_typed_whole(line: UBootLine, console: Console) -> None:
    line.count_down()
    UBoot.caught(console, since=0, timeout_s=20, how=Autoboot(key=b"tegra"))
    assert line.received.startswith(b"tegra")


def test_one_that_does_not_count_down_is_stopped_from_its_banner_on(line: UBootLine, console: Console) -> None:
    line.say(BANNER)
    UBoot.caught(console, since=0, timeout_s=20, how=Autoboot(at="banner"))
    assert line.received.startswith(b" ")


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        (b"", ""),
        (b"hi", "hi"),
        (b"hi\n", "hi"),
        (b"\na\n\n", "\na\n"),
        (b"a\n=> \nb\n", "a\n=> \nb"),
        (b"x\n=> y", "x\n=> y"),
    ],
)
def test_output_is_exact_also_without_a_last_newline_and_with_a_prompt_in_it(line, uboot, printed, text) -> None:
    line.commands[b"show"] = (printed, 0)
    assert uboot.status("show") == (0, text)


def test_a_status_is_the_command_s_own_and_a_failure_says_what_was_printed(uboot: UBoot) -> None:
    assert uboot.status("nosuch") == (1, "Unknown command 'nosuch' - try 'help'")
    with pytest.raises(UBootFault, match="`nosuch` ended with status 1: Unknown command 'nosuch'"):
        uboot.run("nosuch")


def test_a_key_that_the_cable_lost_makes_no_other_command(line: UBootLine, uboot: UBoot) -> None:
    line.commands[b"mmc erase 0 10"] = (b"done\n", 0)
    line.lose = [11]  # `mmc erase 0 0…`
    assert uboot.run("mmc erase 0 10", timeout_s=20) == "done"
    assert [command.partition(b";")[0] for command in line.ran] == [b"mmc erase 0 10"]


def test_noise_in_the_echo_has_the_line_typed_again(line: UBootLine, uboot: UBoot) -> None:
    line.commands[b"true"] = (b"", 0)
    line.noise = [b"\r\nNOTICE:  PSCI: warm boot\r\n"]
    assert uboot.status("true") == (0, "")
    assert len(line.ran) == 1


def test_a_line_that_stays_damaged_is_never_entered(line: UBootLine, uboot: UBoot) -> None:
    line.noise = [b"#"] * 1000
    with pytest.raises(UBootFault, match="does not echo what is typed") as seen:
        uboot.run("mmc erase 0 10")
    assert "CONFIG_SYS_CBSIZE" in seen.value.hint
    assert line.ran == []


def test_half_a_line_is_told_and_taken_back(line: UBootLine, uboot: UBoot) -> None:
    line.commands[b"true"] = (b"", 0)
    with pytest.raises(UBootFault, match="waits for the rest of `echo 'a`"):
        uboot.run("echo 'a")
    assert uboot.status("true") == (0, "")


def test_a_board_that_starts_anew_during_a_command_is_told(line: UBootLine, uboot: UBoot) -> None:
    line.reset_by = b"mmc write"
    with pytest.raises(UBootFault, match="started anew during `mmc write`"):
        uboot.run("mmc write", timeout_s=20)


def test_a_command_past_its_deadline_is_interrupted_and_named(line: UBootLine, uboot: UBoot) -> None:
    line.commands[b"true"] = (b"", 0)
    line.hang = True
    with pytest.raises(DeadlineExceeded, match=r"`tftpboot` in U-Boot is not over after 0\.2 s"):
        uboot.run("tftpboot", timeout_s=0.2)
    assert uboot.status("true") == (0, "")


def test_what_was_started_has_the_console_until_it_is_interrupted(line: UBootLine, uboot: UBoot) -> None:
    line.commands[b"true"] = (b"", 0)
    line.hang = True
    uboot.start("fastboot udp")
    with pytest.raises(UBootFault, match="left with `fastboot udp`"):
        uboot.run("true")
    uboot.interrupt()
    assert uboot.status("true") == (0, "")


def test_a_kernel_that_was_started_is_not_interrupted(line: UBootLine, uboot: UBoot) -> None:
    line.commands[b"booti"] = (KERNEL, 0)
    line.prompt = b""
    uboot.start("booti")
    while b"Linux version" not in uboot._console.log():
        time.sleep(0.01)
    typed = line.received
    with pytest.raises(UBootFault, match="given the console away"):
        uboot.interrupt()
    assert line.received == typed


@pytest.mark.parametrize("value", ["a b", "it's", "a\\b", '$x ${y} "q" ; && # z', "\\'", "'"])
def test_a_variable_reads_back_as_it_was_set(uboot: UBoot, value: str) -> None:
    uboot.setenv("bootargs", value)
    assert uboot.getenv("bootargs") == value


def test_a_variable_that_is_not_set_is_none(uboot: UBoot) -> None:
    assert uboot.getenv("nosuch") is None


@pytest.mark.parametrize("value", ["a\tb", "a\nb", "ä", "\x03"])
def test_what_a_prompt_would_take_for_an_order_of_its_own_is_refused(line: UBootLine, uboot: UBoot, value) -> None:
    typed = line.received
    with pytest.raises(ValueError, match="printable ASCII"):
        quoted(value)
    with pytest.raises(ValueError, match="printable ASCII"):
        uboot.run(f"echo {value}")
    assert line.received == typed
