"""Labs to look at: two twin boards, started once a test process, and boards that are sockets only."""

import os
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from farm.lab.inventory import Lab
from farm.lab.twins import down, up
from farm.store.database import Store

SOURCE = """\
lab: health
meters:
  um25c-1:
    driver: um25c
    rail: USB 5 V
    twin: process
    options: {port: twin}
  tc66c-1:
    driver: tc66c
    rail: USB-C 5 V
    twin: process
    options: {port: twin}
  wall-1:
    driver: wt310e
    rail: 12 V input
    twin: process
    options: {resource: twin, volts_range: 15, amps_range: 2}
switches:
  relay-zero:
    driver: shelly
    twin: process
    options: {url: twin, min_off_s: 0.1}
  relay-atom:
    driver: shelly
    twin: process
    options: {url: twin, min_off_s: 0.1}
boards:
  zero-01:
    model: pi-zero-aiy
    twin: process
    serial_number: "00000000c0ffee01"
    console: {port: twin, user: pi, password: twin}
    ssh: {host: twin, user: pi, key: twin}
    switch: relay-zero
    meters: [um25c-1, tc66c-1]
  atom-01:
    model: atom-e3930
    twin: process
    console: {port: twin, user: farm, password: twin}
    ssh: {host: twin, user: farm, key: twin}
    switch: relay-atom
    meters: [wall-1]
"""

POLICY = """\
quarantine_after: 2
models:
  atom-e3930:
    boot: {within_s: 60}
    console: {command: "echo one two", answer: one two}
    max_celsius: 90
    min_disk_free_mb: 1
    rest: {for_s: 0.3, min_watts: 2, max_watts: 12}
"""


@pytest.fixture(scope="session")
def _twins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("health-lab")
    source, state = folder / "inventory.yaml", folder / ".farm"
    source.write_text(SOURCE)
    (folder / "playbooks").mkdir()
    yield SimpleNamespace(
        folder=folder,
        state=state,
        lab=up(source, state, keeper_pid=os.getpid()),
        policy=folder / "playbooks/health.yaml",
    )
    down(state)
    shutil.rmtree(folder)


@pytest.fixture
def twins(_twins, monkeypatch):
    """The twins' folder as the current one; nothing is known of them yet, and their policy is the one above."""
    for file in _twins.state.glob("results.sqlite*"):
        file.unlink()
    _twins.policy.write_text(POLICY)
    monkeypatch.chdir(_twins.folder)
    return _twins


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "results.sqlite") as opened:
        yield opened


@pytest.fixture
def sockets_lab() -> Callable[..., Lab]:
    """``sockets_lab({"b1": 4022}, console="socket://127.0.0.1:4023")``: boards whose SSH is at these ports."""

    def make(ports: dict[str, int], console: str) -> Lab:
        boards = {
            name: {
                "model": "atom-e3930",
                "console": {"port": console},
                "ssh": {"host": "127.0.0.1", "port": port, "user": "farm", "password": "env:HEALTH_TEST_PASSWORD"},
            }
            for name, port in ports.items()
        }
        return Lab.model_validate({"lab": "sockets", "boards": boards})

    return make
