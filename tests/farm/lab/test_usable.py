"""Which inventory the controller works with."""

import pytest

from farm.errors import UsageFault
from farm.lab.inventory import load, resolved_path, usable
from farm.lab.yaml_lines import read

REAL = """\
lab: shelf
boards:
  tx2-01:
    model: jetson-tx2
    console:
      port: /dev/ttyUSB0
    ssh:
      host: 192.0.2.11
      user: nvidia
"""
TWIN = REAL.replace("model: jetson-tx2", "model: jetson-tx2\n    twin: process").replace("/dev/ttyUSB0", "twin")
TWIN = TWIN.replace("192.0.2.11", "twin")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(folder, source="inventory.yaml"):
    """Leave what a lab that is up leaves, without one."""
    (folder / source).write_text(TWIN)
    resolved = resolved_path(folder / ".farm")
    (resolved.parent / "tx2-01").mkdir(parents=True)
    (resolved.parent / "tx2-01" / "process.json").write_text("{}")
    text = TWIN.replace("port: twin", "port: /dev/pts/7").replace("host: twin", "host: 127.0.0.1")
    sha256 = read(folder / source).sha256
    resolved.write_text(f"{text}resolved:\n  source: {folder / source}\n  sha256: '{sha256}'\n")
    return resolved


def test_a_lab_of_real_boards_is_used_as_it_is_written(here):
    (here / "inventory.yaml").write_text(REAL)
    assert usable().boards["tx2-01"].ssh.host == "192.0.2.11"


def test_without_any_inventory_the_fault_names_the_file(here):
    with pytest.raises(UsageFault, match=r"inventory\.yaml:1: inventory: cannot be read"):
        usable()


def test_twins_that_are_not_up_are_a_usage_fault_with_the_remedy(here):
    (here / "inventory.yaml").write_text(TWIN)
    with pytest.raises(UsageFault, match=r"inventory\.yaml:1: .*tx2-01 are twins and not up; run `farm lab up`"):
        usable()


def test_the_source_of_the_running_lab_leads_to_its_resolved_copy(here):
    resolved = start(here)
    for named in (None, here / "inventory.yaml", resolved):
        assert usable(named).boards["tx2-01"].console.port == "/dev/pts/7"


def test_a_source_that_has_changed_since_is_not_taken_for_the_running_lab(here):
    start(here)
    (here / "inventory.yaml").write_text(TWIN + "# one more board soon\n")
    for named in (None, here / "inventory.yaml"):
        with pytest.raises(UsageFault, match="has changed since its twins were started"):
            usable(named)


def test_another_inventory_s_twins_are_not_up(here):
    start(here)
    (here / "other.yaml").write_text(TWIN)
    with pytest.raises(UsageFault, match=r"other\.yaml:1: .*not up"):
        usable(here / "other.yaml")


def test_a_lab_whose_twins_ended_in_order_is_not_up(here):
    resolved = start(here)
    (resolved.parent / "tx2-01" / "process.json").unlink()
    with pytest.raises(UsageFault, match=r"inventory\.yaml:1: .*not up; run `farm lab up`"):
        usable()


def test_a_resolved_inventory_has_no_open_address(here):
    resolved = start(here)
    resolved.write_text(resolved.read_text().replace("/dev/pts/7", "twin"))
    with pytest.raises(UsageFault, match=r"boards\.tx2-01\.console\.port: 'twin' is filled in by `farm lab up`"):
        load(resolved)
