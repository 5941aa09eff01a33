"""The doctor, on file systems that have what a controller may lack."""

import json
import os
import resource
import sqlite3
import subprocess
import sys

import pytest

from farm.cli.examine import host, installed, wires
from farm.cli.examine.finding import Finding, worst
from farm.cli.main import main
from farm.lab.inventory import load

LAB = """\
lab: shelf
boards:
  tx2-01:
    model: jetson-tx2
    console: {port: /dev/ttyUSB0}
    ssh: {host: 192.0.2.11, user: nvidia, key: "file:id_tx2"}
    meters: [dc-1]
  atom-01:
    model: atom-e3930
    twin: process
    console: {port: twin}
    ssh: {host: twin, user: farm}
meters:
  dc-1:
    driver: n6705c
    rail: 19 V
    options: {resource: "USB0::0x0957::0x0F07::MY1::INSTR"}
"""


@pytest.fixture(autouse=True)
def light_runtimes(monkeypatch):
    """Inference runtimes take seconds to load: a module that is always there stands for them."""
    monkeypatch.setattr(installed, "_RUNTIMES", {"onnx": ("numpy", "json")})


@pytest.fixture
def lab_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory.yaml").write_text(LAB)
    return tmp_path / "inventory.yaml"


@pytest.fixture
def root(tmp_path):
    """A file system with one instrument on the USB bus, and no serial port."""
    root = tmp_path / "root"
    facts = root / "sys/bus/usb/devices/1-2"
    facts.mkdir(parents=True)
    for name, text in {"idVendor": "0957", "idProduct": "0f07", "busnum": "1", "devnum": "7"}.items():
        (facts / name).write_text(text + "\n")
    (root / "dev/bus/usb/001").mkdir(parents=True)
    (root / "dev/bus/usb/001/007").write_bytes(b"")
    (root / "dev/serial/by-id").mkdir(parents=True)
    return root


def named(findings, name):
    (found,) = [one for one in findings if one.name.startswith(name)]
    return found


def nobody_but(monkeypatch, allowed):
    """Let this user read and write what is allowed only, whoever runs the tests."""
    monkeypatch.setattr(os, "access", lambda path, _: str(path) in map(str, allowed))


def test_a_port_that_is_not_there_names_who_needs_it_and_what_is_there(lab_file, root):
    (root / "dev/serial/by-id/usb-FTDI_1").write_bytes(b"")
    lab_file.write_text(LAB.replace("/dev/ttyUSB0", "/dev/serial/by-id/usb-FTDI_2"))
    found = named(wires.look(load(lab_file), root), "/dev/serial/by-id/usb-FTDI_2 (console of tx2-01)")
    assert (found.state, found.found) == ("fail", "is not there")
    assert 'did you mean "/dev/serial/by-id/usb-FTDI_1"?' in found.remedy


def test_a_port_of_another_group_says_how_to_join(lab_file, root, monkeypatch):
    (root / "dev/ttyUSB0").symlink_to("/dev/tty")
    nobody_but(monkeypatch, [])
    found = named(wires.look(load(lab_file), root), "/dev/ttyUSB0")
    assert (found.state, found.found) == ("fail", "may not be read and written by you")
    assert "usermod -aG tty" in found.remedy or "udev rule" in found.remedy or "in its group" in found.remedy


def test_a_port_that_another_process_has_open_is_told_with_its_name(lab_file, root):
    master, slave = os.openpty()
    (root / "dev/ttyUSB0").symlink_to(os.ttyname(slave))
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=slave, stderr=subprocess.DEVNULL)
    os.close(slave)
    try:
        held = named(wires.look(load(lab_file), root), "/dev/ttyUSB0")
    finally:
        other.kill()
        other.wait(30)
    free = named(wires.look(load(lab_file), root), "/dev/ttyUSB0")  # the pty lives as long as its master
    os.close(master)
    assert (held.state, f"process {other.pid} (" in held.found) == ("warn", True)
    assert free.state == "ok"


def test_a_plain_file_is_no_serial_port_and_a_network_port_is_left_alone(lab_file, root):
    (root / "dev/ttyUSB0").write_bytes(b"")
    assert named(wires.look(load(lab_file), root), "/dev/ttyUSB0").found == "is no serial port"
    lab_file.write_text(LAB.replace("/dev/ttyUSB0", '"rfc2217://192.0.2.9:4000"'))
    assert named(wires.look(load(lab_file), root), "rfc2217").state == "ok"


def test_an_adapter_named_by_its_number_is_looked_for_among_what_is_plugged_in(lab_file, root):
    lab_file.write_text(LAB.replace("/dev/ttyUSB0", "serial:FT1"))
    assert named(wires.look(load(lab_file), root), "serial:FT1").found == "not plugged in; no USB serial adapter is"
    interface = root / "sys/devices/usb1/1-9/1-9:1.0"
    (interface / "ttyUSB7").mkdir(parents=True)
    (interface / "bInterfaceNumber").write_text("00\n")
    (interface.parent / "serial").write_text("FT1\n")
    (root / "sys/class/tty/ttyUSB7").mkdir(parents=True)
    (root / "sys/class/tty/ttyUSB7/device").symlink_to(interface / "ttyUSB7")
    (root / "dev/ttyUSB7").write_bytes(b"")
    assert named(wires.look(load(lab_file), root), "serial:FT1").found == "is no serial port"


def test_an_instrument_on_usb_is_found_by_its_numbers_and_its_rights_are_looked_at(lab_file, root, monkeypatch):
    node = root / "dev/bus/usb/001/007"
    assert named(wires.look(load(lab_file), root), "USB0::").found == "is /dev/bus/usb/001/007"
    nobody_but(monkeypatch, [])
    refused = named(wires.look(load(lab_file), root), "USB0::")
    assert refused.state == "fail"
    assert 'ATTR{idVendor}=="0957", ATTR{idProduct}=="0f07"' in refused.remedy
    (root / "sys/bus/usb/devices/1-2/idVendor").write_text("1234\n")
    assert named(wires.look(load(lab_file), root), "USB0::").found == "is not on the bus"
    assert node.exists()


def test_a_link_that_visa_lacks_a_library_for_says_which(lab_file, root, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    found = named([one for one in wires.look(load(lab_file), root) if one.topic == "VISA"], "USB")
    assert (found.state, found.remedy) == ("fail", "pip install pyusb")


def test_twins_make_their_own_ports_and_keys(lab_file, root):
    lab = load(lab_file)
    assert not [one for one in (*wires.look(lab, root), *host.keys(lab)) if "atom-01" in one.name + one.found]


def test_keys_are_looked_at_and_never_read(lab_file, monkeypatch):
    key = lab_file.with_name("id_tx2")
    missing = named(host.keys(load(lab_file)), "key of tx2-01")
    assert (missing.state, missing.found) == ("fail", f"{key} is not there")
    key.write_text("secret")
    key.chmod(0o644)
    assert named(host.keys(load(lab_file)), "key of tx2-01").state == "warn"
    key.chmod(0o600)
    assert named(host.keys(load(lab_file)), "key of tx2-01").state == "ok"
    lab_file.write_text(LAB.replace(', key: "file:id_tx2"', ""))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert named(host.keys(load(lab_file)), "agent").state == "fail"


def test_a_runtime_that_does_not_load_is_told_with_its_last_words(tmp_path, monkeypatch):
    (tmp_path / "onnxruntime.py").write_text("import os; os.abort()")
    (tmp_path / "other.py").write_text("raise ImportError('libgomp.so.1: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert installed.loads("onnxruntime").startswith("onnxruntime does not load (signal 6): ")
    assert installed.loads("other").endswith("ImportError: libgomp.so.1: cannot open")
    assert installed.loads("json") is None


def test_twins_without_a_runtime_cannot_infer(monkeypatch):
    monkeypatch.setattr(installed, "_RUNTIMES", {})
    assert named(installed.look(["tx2-01"]), "runtimes").state == "fail"
    assert not [one for one in installed.look([]) if one.name == "runtimes"]


def test_an_extra_that_is_missing_has_its_pip_line_and_is_no_failure(monkeypatch):
    needs = ["numpy>=2.0", "no-such-thing>=1; extra == 'tui'", "numpy>=2; extra == 'gate'"]
    monkeypatch.setattr(installed, "requires", lambda _: needs)
    found = list(installed.look([]))
    tui = named(found, "extra tui")
    assert (tui.state, tui.found, tui.remedy) == (
        "warn",
        "no-such-thing not installed",
        "pip install 'edge-test-farm[tui]'",
    )
    assert named(found, "extra gate").state == "ok"
    monkeypatch.setattr(installed, "requires", lambda _: ["no-such-thing>=1"])
    assert named(installed.look([]), "libraries").state == "fail"


def test_a_name_that_another_distribution_takes_is_a_failure(monkeypatch):
    monkeypatch.setattr(installed, "packages_distributions", lambda: {"power": ["power"]})
    found = named(installed.look([]), "import names")
    assert (found.state, "power" in found.found, "environment of its own" in found.remedy) == ("fail", True, True)


def test_a_database_is_opened_without_being_changed(tmp_path):
    path = tmp_path / "results.sqlite"
    assert named(host.look(tmp_path, 1), "database").found.endswith("none yet; the first trial makes it")
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    assert named(host.look(tmp_path, 1), "database").state == "fail"
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE alembic_version (version_num TEXT)")
    database.execute("INSERT INTO alembic_version VALUES ('0001')")
    database.commit()
    before = path.read_bytes()
    assert "tables 0001; brought to " in named(host.look(tmp_path, 1), "database").found
    assert path.read_bytes() == before
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()
    assert "newer farm" in named(host.look(tmp_path, 1), "database").found


def test_nothing_is_left_in_the_folder_that_was_tried(tmp_path):
    state = tmp_path / ".farm"
    assert named(host.look(state, 1), str(state)).found == "can be made"
    assert not state.exists()
    state.mkdir()
    assert named(host.look(state, 1), str(state)).found == "may be written"
    assert list(state.iterdir()) == []


def test_a_full_disk_and_too_few_open_files_fail_before_a_trial_does(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "free_bytes", lambda _: 10_000_000)
    monkeypatch.setattr(host.resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    found = list(host.look(tmp_path, 256))
    assert named(found, "disk").state == "fail"
    assert (named(found, "open files").state, named(found, "open files").remedy) == ("fail", "ulimit -n 8320")
    monkeypatch.setattr(host.resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert named(host.look(tmp_path, 256), "open files").state == "ok"


def test_a_clock_that_nobody_keeps_is_a_warning(monkeypatch):
    class Libc:
        def __init__(self, name):
            self.status = 0

        def adjtimex(self, room):
            room[5] = Libc.unsynchronised
            return 5

    monkeypatch.setattr(host.ctypes, "CDLL", Libc)
    states = []
    for Libc.unsynchronised in (0x40, 0x2001):
        states.append(host._wall_clock().state)
    assert states == ["warn", "ok"]


def test_without_an_inventory_it_looks_at_the_machine_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr()
    assert "edge-test-farm" in shown.out
    assert "no inventory here" in shown.err
    assert list(tmp_path.iterdir()) == []


def test_what_the_inventory_needs_and_is_not_there_is_exit_3_and_a_wrong_one_2(lab_file, capsys):
    assert main(["doctor", "--json"]) == 3
    value = json.loads(capsys.readouterr().out)
    assert value["outcome"] == "fail"
    assert {"topic", "name", "state", "found", "remedy"} == set(value["findings"][0])
    assert main(["doctor", "-q"]) == 3
    quiet = capsys.readouterr().out
    assert "\nok " not in quiet
    assert "/dev/ttyUSB0 (console of tx2-01): plug it in" in quiet
    lab_file.write_text(LAB.replace("jetson-tx2", "jetson"))
    assert main(["doctor"]) == 2
    assert "inventory.yaml:4: boards.tx2-01.model: " in capsys.readouterr().err
    assert main(["doctor", "--inventory", "nowhere.yaml"]) == 2


def test_whatever_is_not_right_has_a_remedy(lab_file, root):
    lab = load(lab_file)
    found = [*installed.look(lab.twins), *host.look(root, 2), *host.keys(lab), *wires.look(lab, root)]
    assert [one.name for one in found if one.state != "ok" and not one.remedy] == []


def test_the_gravest_finding_decides():
    ok, warn, fail = (Finding("t", "n", state, "f") for state in ("ok", "warn", "fail"))
    assert [worst(found) for found in ([], [ok], [ok, warn], [fail, warn])] == ["ok", "ok", "warn", "fail"]
