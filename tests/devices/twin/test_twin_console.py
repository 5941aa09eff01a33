"""The serial console: boot texts, login, a real shell, and what it does when things go wrong."""

import re
import time

import pytest

from devices.twin.model import models

ORDER = {
    "jetson-tx2": [
        b"MB2(TBoot-BPMP)",
        b"U-Boot 2020",
        b"Starting kernel ...",
        b"Linux version 4.9",
        b"tegra-ubuntu login:",
    ],
    "coral-dev": [b"U-Boot SPL", b"NOTICE:  BL31", b"Starting kernel ...", b"Linux version 4.14", b"mendel login:"],
    "pi-zero-aiy": [b"Raspberry Pi Bootcode", b"MESS:", b"Linux version 5.10", b"googlevision", b"raspberrypi login:"],
    "atom-e3930": [b"American Megatrends", b"Welcome to GRUB!", b"Linux version 5.10", b"pico-itx login:"],
}


def test_every_model_is_held_to_its_order():
    assert sorted(ORDER) == models()


@pytest.mark.parametrize("model", ORDER)
def test_a_boot_comes_in_the_models_order_and_takes_its_time(make_twin, port_of, model):
    twin, address = make_twin(model)
    port = port_of(address)
    start = time.monotonic()
    twin.power(on=True)
    port.until(ORDER[model][-1])
    took_s = time.monotonic() - start
    places = [port.seen.index(text) for text in ORDER[model]]
    assert places == sorted(places)
    assert 0.5 < took_s < 60.0  # a second on an idle host
    assert len(port.seen) / took_s < 11_520 * 1.05
    port.until(b"[ ")  # kernel lines come into the middle of the login prompt, as on any board


@pytest.mark.usefixtures("hurried")
def test_a_login_gives_a_real_shell_and_exit_gives_the_prompt_back(make_twin, port_of):
    twin, address = make_twin()
    port = port_of(address)
    twin.power(on=True)
    port.until(b"login: ")
    port.log_in()
    port.until(b"~$ ")
    port.type(b"tty && echo $((6*7)) && pwd\r")
    answer = port.until(str(twin.root).encode() + b"/home/farm")
    assert b"/dev/pts/" in answer
    assert b"42\r\n" in answer
    port.type(b"sh -c 'echo $((20+3)); exec sleep 100'\r")
    port.until(b"23\r\n")
    port.type(b"\x03")  # Ctrl-C ends what runs in the foreground
    port.until(b"~$ ")
    port.type(b"exit\r")
    port.until(b"raspberrypi login: ")


@pytest.mark.usefixtures("hurried")
def test_a_shell_stays_logged_in_when_its_cable_is_pulled(make_twin, port_of):
    twin, address = make_twin()
    port = port_of(address)
    twin.power(on=True)
    port.until(b"login: ")
    port.log_in()
    port.until(b"~$ ")
    again = port_of(address)
    again.type(b"\r")
    assert b"login: " not in again.until(b"~$ ")


@pytest.mark.usefixtures("hurried")
def test_a_wrong_password_is_refused_and_typing_ahead_is_lost(make_twin, port_of):
    twin, address = make_twin()
    port = port_of(address)
    twin.power(on=True)
    port.until(b"login: ")
    port.log_in(password="wrong")
    port.until(b"Login incorrect")
    port.until(b"login: ")
    port.type(b"farm\rsecret-of-the-twin\r")  # no pause: login(1) flushes what came before its prompt
    port.until(b"Password: ")
    time.sleep(0.3)
    assert port.quiet_for(0.2)
    assert b"secret" not in port.seen


def test_large_output_arrives_whole_and_at_the_pace_of_the_wire(make_twin, port_of):
    twin, address = make_twin()
    port = port_of(address)
    twin.power(on=True)
    port.until(b"login: ")
    port.until(b"wlan0: link becomes ready")  # the kernel's last lines would come into the middle
    port.log_in()
    port.until(b"~$ ")
    start = time.monotonic()
    port.type(b"seq 10000 13000; echo do''ne\r")
    answer = port.until(b"done")
    took_s = time.monotonic() - start
    assert [int(word) for word in re.findall(rb"\r?(1\d{4})\r\n", answer)] == list(range(10_000, 13_001))
    assert took_s > 3001 * 7 / 11_520 * 0.9


@pytest.mark.usefixtures("hurried")
def test_a_hanging_boot_stops_after_the_boot_loader_until_power_cycled(make_twin, port_of):
    twin, address = make_twin("coral-dev")
    port = port_of(address)
    twin.inject("hang-at-boot")
    twin.power(on=True)
    port.until(b"Starting kernel ...")
    while port.read(0.3):
        pass
    assert b"Linux version" not in port.seen
    twin.inject("hang-at-boot", on=False)
    assert port.quiet_for(0.3)
    twin.power(on=False)
    twin.power(on=True)
    port.until(b"login: ")


@pytest.mark.usefixtures("hurried")
def test_a_kernel_panics_at_boot_and_while_up(make_twin, port_of, connect, eventually):
    twin, address = make_twin()
    port = port_of(address)
    twin.inject("kernel-panic")
    twin.power(on=True)
    port.until(b"end Kernel panic")
    twin.inject("kernel-panic", on=False)
    twin.power(on=False)
    twin.power(on=True)
    client = connect(address)
    channel = client.start("sleep 100")
    twin.inject("kernel-panic")
    port.until(b"end Kernel panic")
    assert not channel.status_event.wait(0.3), "a dead kernel says no goodbye"
    twin.power(on=False)
    assert eventually(lambda: not client.transport.is_active())


@pytest.mark.usefixtures("hurried")
def test_garbage_comes_out_of_a_bad_wire_until_it_is_mended(make_twin, port_of):
    twin, address = make_twin()
    port = port_of(address)
    twin.inject("garbage-console")
    twin.power(on=True)
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        port.read(0.1)
    assert any(byte > 0x7F for byte in port.seen)
    twin.inject("garbage-console", on=False)
    while port.read(0.5):
        pass
    port.skip()
    port.type(b"\r")
    assert port.until(b"login: ").isascii()
