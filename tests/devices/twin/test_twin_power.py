"""Power, boots and restarts."""

import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from devices.errors import ConnectionLost
from devices.ssh import Ssh
from devices.twin.board_twin import BoardTwin
from devices.twin.machine import Life

pytestmark = pytest.mark.usefixtures("hurried")


def test_without_power_nothing_answers(make_twin, port_of):
    twin, address = make_twin()
    port = port_of(address)
    port.type(b"\r\n")
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", address.ssh_port)) != 0
    assert port.quiet_for(0.3)
    assert not twin.powered


def test_power_off_ends_everything_at_once(make_twin, connect, eventually):
    twin, address = make_twin()
    twin.power(on=True)
    client = connect(address)
    deaf = "setsid sh -c 'trap \"\" TERM HUP; (sleep 7300 & sleep 7301) & sleep 7302'"
    client.text(f"{deaf} >/dev/null 2>&1 </dev/null &")
    client.text("env -i setsid sleep 7303 >/dev/null 2>&1 </dev/null &")
    channel = client.start("echo $$; exec sleep 7304")
    pid = int(channel.recv(20))
    assert eventually(lambda: len(_sleeps()) == 5)
    start = time.monotonic()
    twin.power(on=False)
    assert time.monotonic() - start < 30  # whoever waited for the sleeps would wait two hours
    assert not _sleeps()
    assert not Path(f"/proc/{pid}").exists()
    assert eventually(lambda: not client.transport.is_active())
    assert channel.recv_exit_status() == -1
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", address.ssh_port)) != 0


def test_a_board_that_is_powered_from_behind_outlives_its_supply_until_that_is_mended(make_twin, connect):
    twin, address = make_twin()
    twin.power(on=True)
    client = connect(address)
    twin.inject("back-powered")
    twin.power(on=False)
    assert client.text("echo still here") == "still here"
    assert not twin.powered, "no meter and no switch sees it"
    twin.inject("back-powered", on=False)
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", address.ssh_port)) != 0


def test_power_off_leaves_no_time_to_tell_how_a_command_ended(make_twin, connect, eventually):
    twin, address = make_twin()
    twin.power(on=True)
    connect(address)
    where = {"host": "127.0.0.1", "port": address.ssh_port, "host_key": address.host_key}

    def power_off_while_it_sleeps() -> None:
        assert eventually(_sleeps)
        twin.power(on=False)

    off = threading.Thread(target=power_off_while_it_sleeps)
    with Ssh.open("tx2", **where, user="farm", password="secret-of-the-twin") as shell:
        shell.run("true")
        off.start()
        with pytest.raises(ConnectionLost):
            shell.run("sleep 7305; exit 5", check=False)
    off.join()


def test_each_boot_has_its_own_id_and_the_same_port_key_and_disk(make_twin, connect):
    twin, address = make_twin()
    boot_id = twin.root / "proc/sys/kernel/random/boot_id"
    twin.power(on=True)
    first = connect(address)
    first.text(f"echo kept > {twin.root}/opt/note; echo lost > {twin.root}/tmp/note")
    before, key = boot_id.read_text(), first.host_key
    twin.power(on=False)
    twin.power(on=True)
    second = connect(address)
    assert second.host_key == key
    assert boot_id.read_text() != before
    assert second.text(f"cat {twin.root}/opt/note") == "kept"
    assert second.run(f"cat {twin.root}/tmp/note")[0] != 0


def test_reboot_answers_first_goes_down_and_comes_back(make_twin, connect, port_of, eventually, monkeypatch):
    hurried, asked = Life._wait, threading.Event()
    shuts_down_s = 3000.0
    monkeypatch.setattr("devices.twin.machine._SHUTDOWN_S", shuts_down_s)
    monkeypatch.setattr(
        Life, "_wait", lambda life, seconds: asked.wait(60) if seconds == shuts_down_s else hurried(life, seconds)
    )
    twin, address = make_twin()
    port = port_of(address)
    twin.power(on=True)
    client = connect(address)
    before = (twin.root / "proc/sys/kernel/random/boot_id").read_text()
    assert client.run("sudo -n reboot")[0] == 0
    assert client.text("echo still here") == "still here"  # as on a real board: SSH answers before the shutdown
    asked.set()
    port.until(b"reboot: Restarting system")
    assert eventually(lambda: not client.transport.is_active())
    port.until(b"Linux version")
    assert connect(address).text(f"cat {twin.root}/proc/sys/kernel/random/boot_id") != before.strip()
    assert twin.powered


@pytest.mark.parametrize("command", ["poweroff", "shutdown -h now", "systemctl poweroff"])
def test_a_board_that_was_shut_down_waits_for_the_switch(make_twin, connect, port_of, eventually, command):
    twin, address = make_twin()
    port = port_of(address)
    twin.power(on=True)
    client = connect(address)
    client.run(command)
    port.until(b"reboot: Power down")
    assert eventually(lambda: not client.transport.is_active())
    assert port.quiet_for(0.5)
    assert twin.powered


def test_power_may_go_at_any_moment_of_a_boot(make_twin, connect):
    twin, address = make_twin()
    for moment_s in (0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4):
        twin.power(on=True)
        time.sleep(moment_s)
        twin.power(on=False)
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", address.ssh_port)) != 0
    twin.power(on=True)
    assert connect(address).text("echo up") == "up"


def test_a_twin_in_a_used_folder_is_the_same_board(make_twin, tmp_path):
    twin, address = make_twin()
    twin.close()
    again = BoardTwin(
        "twin",
        "pi-zero-aiy",
        tmp_path / "board-0",
        user="farm",
        password="",
        authorized_key="",
        serial_number="1",
        seed=1,
    )
    try:
        assert again.start().host_key == address.host_key
    finally:
        again.close()


def test_an_unknown_model_is_named(make_twin):
    with pytest.raises(KeyError, match=r"toaster.*coral-dev"):
        make_twin("toaster")


def _sleeps() -> list[Path]:
    """The sleeps of boards of this process: other test workers have their own."""
    return [process for process in Path("/proc").glob("[0-9]*") if _is_sleep(process) and _is_below(process)]


def _is_sleep(process: Path) -> bool:
    with suppress(OSError):
        return (process / "cmdline").read_bytes().startswith(b"sleep\x0073")
    return False


def _is_below(process: Path) -> bool:
    with suppress(OSError):
        while process.name not in {"0", "1"}:
            if process.name == str(os.getpid()):
                return True
            process = process.parent / (process / "stat").read_text().rpartition(")")[2].split()[1]
    return False
