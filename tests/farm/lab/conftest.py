"""A lab of two twin boards, started once a test process; each test finds it powered as the last one left it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from farm.lab.inventory import Lab
from farm.lab.twins import down, up

SOURCE = """\
lab: bench
meters:
  um25c-1:
    driver: um25c
    rail: USB 5 V
    twin: process
    options:
      port: twin
  wall-1:
    driver: wt310e
    rail: 12 V input
    twin: process
    options:
      resource: twin
      volts_range: 15
      amps_range: 2
switches:
  relay-zero:
    driver: shelly
    twin: process
    options:
      url: twin
      min_off_s: 0.1
  relay-atom:
    driver: shelly
    twin: process
    options:
      url: twin
      min_off_s: 0.1
boards:
  zero-01:
    model: pi-zero-aiy
    twin: process
    serial_number: "00000000c0ffee01"
    console:
      port: twin
      user: pi
      password: twin
    ssh:
      host: twin
      user: pi
      key: twin
    switch: relay-zero
    meters:
      - um25c-1
  atom-01:
    model: atom-e3930
    twin: process
    console:
      port: twin
      user: farm
      password: twin
    ssh:
      host: twin
      user: farm
      key: twin
    switch: relay-atom
    meters:
      - wall-1
"""


@dataclass(frozen=True)
class Here:
    """A working folder with a lab that is up."""

    folder: Path
    source: Path
    state: Path
    lab: Lab


@pytest.fixture(scope="session")
def twin_lab(tmp_path_factory):
    """Two boards, up, powered off at first."""
    folder = tmp_path_factory.mktemp("twin-lab")
    source, state = folder / "inventory.yaml", folder / ".farm"
    source.write_text(SOURCE)
    yield Here(folder, source, state, up(source, state, keeper_pid=os.getpid()))
    down(state)
    shutil.rmtree(folder)


@pytest.fixture
def here(twin_lab, monkeypatch):
    """The same, as the current folder."""
    monkeypatch.chdir(twin_lab.folder)
    return twin_lab
