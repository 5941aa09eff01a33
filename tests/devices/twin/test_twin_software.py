"""The stand-ins and the files behave as the board's own where the farm uses them."""

import time
from pathlib import Path

import pytest

from devices.twin.board_twin import BoardTwin
from devices.twin.model import load, models
from devices.twin.software import Software
from devices.twin.tree import boot, build

FILES = {
    "jetson-tx2": ["proc/device-tree/serial-number", "sys/devices/17000000.gp10b/devfreq/17000000.gp10b/cur_freq"],
    "coral-dev": ["sys/class/apex/apex_0/temp", "sys/class/apex/apex_0/trip_point0_temp"],
    "pi-zero-aiy": ["sys/devices/platform/soc/soc:firmware/get_throttled", "proc/device-tree/model"],
    "atom-e3930": ["sys/class/dmi/id/product_serial", "sys/class/hwmon/hwmon0/temp1_input"],
}


@pytest.fixture
def sh(up, client):
    """Run on the shared TX2."""
    return client.text


def test_uname_tells_of_the_board(sh):
    assert sh("uname -sr; uname -m; hostname") == "Linux 4.9.253-tegra\naarch64\ntegra-ubuntu"


def test_sudo_runs_what_it_is_given(sh, client):
    assert sh("sudo -n -- sh -c 'echo $0 $1' a b") == "a b"
    assert sh("sudo -u root VAR=x sh -c 'echo $VAR'") == "x"
    assert client.run("sudo -n false")[0] == 1


def test_packages_are_installed_once_listed_and_removed(sh, client):
    query = "dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n' zstd"
    assert client.run(query)[0] == 1
    assert "Setting up zstd" in sh("sudo -n DEBIAN_FRONTEND=noninteractive apt-get -qq -y install zstd")
    assert sh(query).split() == ["ii", "zstd"]
    assert "already the newest" in sh("apt-get install -y zstd")
    sh("apt-get remove -y zstd")
    assert client.run(query)[0] == 1
    status, _, err = client.run("apt-get install -y no-such-thing")
    assert (status, err) == (100, b"E: Unable to locate package no-such-thing\n")


def test_services_start_stop_and_stay_as_they_are_told(sh, client):
    assert sh("systemctl is-active ssh; systemctl is-enabled ssh") == "active\nenabled"
    sh("systemctl disable --now cron")
    assert client.run("systemctl is-active cron") == (3, b"inactive\n", b"")
    assert client.run("systemctl is-enabled cron")[1] == b"disabled\n"
    sh("systemctl enable --now cron")
    assert sh("systemctl is-active cron") == "active"
    assert client.run("systemctl start nonsense")[0] == 5


def test_the_power_mode_decides_which_cores_are_on(sh, client, up):
    online = up[0].root / "sys/devices/system/cpu/cpu1/online"
    assert sh("nvpmodel -q") == "NV Power Mode: MAXP_CORE_ARM\n3"
    assert online.read_text() == "0\n"
    sh("nvpmodel -m 0")
    assert sh("nvpmodel -q") == "NV Power Mode: MAXN\n0"
    assert online.read_text() == "1\n"
    sh("nvpmodel -m 3")
    assert client.run("nvpmodel -m 9")[2].startswith(b"NVPM ERROR")


def test_pinned_clocks_can_be_stored_and_restored(sh, up):
    low = up[0].root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq"
    before = low.read_text()
    sh("jetson_clocks --store $HOME/kept && jetson_clocks")
    assert int(low.read_text()) > int(before)
    assert "cpu0: Online=1" in sh("jetson_clocks --show")
    sh("jetson_clocks --restore $HOME/kept")
    assert low.read_text() == before


def test_tegrastats_prints_lines_until_it_is_ended(client):
    channel = client.start("tegrastats --interval 50")
    assert channel.recv(1000).startswith(b"RAM ")
    channel.close()


def test_the_governor_moves_the_clock(sh, up, eventually):
    folder = up[0].root / "sys/devices/system/cpu/cpu0/cpufreq"
    sh(f"echo performance | sudo tee {folder}/scaling_governor >/dev/null")
    high = (folder / "scaling_max_freq").read_text()
    assert eventually(lambda: (folder / "scaling_cur_freq").read_text() == high)
    sh(f"echo schedutil > {folder}/scaling_governor")


def test_load_heats_the_board_and_raises_its_load(client, up, eventually):
    zone = up[0].root / "sys/class/thermal/thermal_zone0/temp"
    cold = int(zone.read_text())
    channel = client.start("while :; do :; done")
    assert eventually(lambda: int(zone.read_text()) >= cold + 1500)
    assert float((up[0].root / "proc/loadavg").read_text().split()[0]) > 0
    channel.close()


def test_no_reader_ever_finds_a_file_empty(up):
    uptime, deadline = up[0].root / "proc/uptime", time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert uptime.read_text()


@pytest.mark.parametrize("model", models())
def test_each_model_has_its_files_its_serial_number_and_its_stand_ins(model, tmp_path):
    data, root = load(model), tmp_path / "root"
    build(root, data, user="farm", authorized_key="", serial_number="SERIAL-9")
    boot(root, data)
    serial_files = [path for path in root.rglob("*serial*") if path.is_file()]
    assert any("SERIAL-9" in path.read_text() for path in serial_files)
    made = [path for path in FILES[model] if not path.endswith(("/temp", "temp1_input"))]  # those are the sensors'
    assert all((root / path).is_file() for path in made)
    software = Software(tmp_path, root, data, user="farm", serial_number="SERIAL-9")
    software.install()
    for script in (tmp_path / "stand-ins").iterdir():
        text = script.read_text()
        assert text.startswith("#!/bin/sh\n")
        assert "@ROOT@" not in text
        assert "@KERNEL" not in text


@pytest.mark.usefixtures("hurried")
def test_a_board_writes_nothing_outside_its_folder(make_twin, connect, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    before = _snapshot(Path(__file__).parents[3])
    twin, address = make_twin("coral-dev")
    twin.power(on=True)
    client = connect(address)
    client.text("apt-get install -y zstd; mktemp; python3 -c 'import json, numpy'; systemctl stop cron; sudo -n true")
    twin.close()
    assert not list(home.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board-0", "home"]
    assert _snapshot(Path(__file__).parents[3]) == before


def _snapshot(repository: Path) -> dict[str, float]:
    """Return when each file was written; what Python compiles meanwhile, any other test may have brought about."""
    packages = [repository / name for name in ("devices/twin", "tests/devices/twin")]
    files = [path for package in packages for path in package.rglob("*") if "__pycache__" not in path.parts]
    return {str(path): path.stat().st_mtime for path in files if path.is_file()}


def test_closing_twice_is_once(make_twin):
    twin, _ = make_twin()
    assert isinstance(twin, BoardTwin)
    twin.close()
    twin.close()
    twin.power(on=True)
    assert not twin.powered
