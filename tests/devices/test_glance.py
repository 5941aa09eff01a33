"""A glance at a console: what is alive there is told, and stays as it was."""

import os
import pty
import threading
import time
import tty

import pytest

from devices.console import Console
from devices.errors import ConsoleFault

from .test_console import SHELLS, wait_for


def test_a_login_prompt_is_told_and_stays_one(uart):
    line, console = uart()
    wait_for(lambda: b"login:" in console.log())
    assert console.glance(up=True).sign == "login"
    assert bytes(line.typed) == b"\x15\n"
    console.login("farm", "secret", timeout_s=20)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_told_and_stays_the_same(uart, shell):
    _, console = uart(shell, logged_in=True)
    wait_for(lambda: b"$" in console.log())
    assert console.glance(up=True).sign == "shell"
    console.login("farm", "secret", timeout_s=20)
    pid = console.run("echo $$", timeout_s=30).text
    assert console.glance(up=True).sign == "shell"  # prepared: it shows neither echo nor prompt any more
    assert console.run("echo $$", timeout_s=30).text == pid


def test_the_end_of_the_answer_before_is_no_output_of_the_board(uart):
    line, console = uart(logged_in=True)
    console.login("farm", "secret", timeout_s=20)
    typed = len(line.typed)
    late = threading.Thread(target=lambda: (wait_for(lambda: len(line.typed) > typed), line.print(b"\r\n")))
    late.start()
    assert console.glance(up=True).sign == "shell"
    late.join()


def test_a_board_that_prints_by_itself_is_not_typed_at(uart):
    line, console = uart("none")
    line.print(b"U-Boot 2020.04 (x)\r\nHit any key to stop autoboot:  3 ")
    wait_for(lambda: b"autoboot" in console.log())
    glance = console.glance()
    assert (glance.sign, glance.stage, glance.fault) == ("output", "bootloader", None)
    assert not line.typed


def test_a_countdown_that_began_before_is_waited_for_and_not_stopped(uart):
    line, console = uart("none")
    started = time.monotonic()
    line.chatter(b"usb 1-1: new device", every_s=0.9)
    assert console.glance().sign == "output"
    assert time.monotonic() - started > 0.5
    assert not line.typed


def test_a_boot_that_is_over_for_good_is_told_with_its_fault(uart):
    line, console = uart("none")
    line.print(b"[    0.000000] Linux version 4.9\r\n[    1.500000] Kernel panic - not syncing: no init found\r\n")
    wait_for(lambda: b"no init" in console.log())
    glance = console.glance()
    assert glance.stage == "kernel"
    assert glance.fault.kind == "panic"


@pytest.fixture
def dead_line():
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with Console.open("board-1", os.ttyname(theirs)) as console:
        yield console
    os.close(ours)
    os.close(theirs)


def test_a_dead_console_is_told_within_its_deadline(dead_line):
    started = time.monotonic()
    with pytest.raises(ConsoleFault, match=r"^board-1: nothing answers on the console\n  try: "):
        dead_line.glance()
    assert time.monotonic() - started < 20  # it takes 3.5 s


def test_garbage_is_no_answer(uart):
    line, console = uart("none")
    line.print(bytes(range(128, 256)) * 2)
    wait_for(lambda: len(console.log()) >= 256)
    with pytest.raises(ConsoleFault, match="garbage on the console"):
        console.glance()


@pytest.mark.parametrize(
    ("before", "sound"),
    [
        (bytes(range(180, 192)) + b" letters among what is none", False),
        (b"\xff\xfe\xfd", True),  # as a plug leaves them
    ],
)
def test_a_sound_prompt_does_not_excuse_the_garbage_before_it(uart, before, sound):
    line, console = uart("none")
    answers = before + b"\r\nUbuntu 18.04.5 LTS tegra-ubuntu ttyS0\r\n\r\ntegra-ubuntu login: "
    answering = threading.Thread(target=lambda: (wait_for(lambda: line.typed), line.print(answers)))
    answering.start()
    if sound:
        assert console.glance(up=True).sign == "login"
    else:
        with pytest.raises(ConsoleFault, match="garbage on the console"):
            console.glance(up=True)
    answering.join()
