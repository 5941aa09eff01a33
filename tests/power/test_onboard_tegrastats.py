"""tegrastats: a program that goes on printing what a Jetson draws."""

import os
import stat
from pathlib import Path
from typing import ClassVar

import pytest

from power.errors import (
    FrameError,
    MeterOffline,
    UnknownChoice,
)
from power.meter import Meter
from power.onboard.tegrastats import Tegrastats
from power.testing import MeterConformance, Replay


class Pushed:
    """A port that gives the next answer without being asked."""

    def __init__(self, port: Replay) -> None:
        self._port = port

    def discard(self) -> None:
        self._port.discard()

    def write(self, data: bytes) -> None:
        raise AssertionError("nobody reads this")

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        self._port.write(b"more")
        return self._port.read_line(terminator, timeout_s)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        raise AssertionError("lines only")

    def close(self) -> None:
        self._port.close()


LINE = "RAM 1345/7829MB (lfb 1290x4MB) CPU [2%@345,off] GR3D_FREQ 0%@114 GPU@41C VDD_IN {}/2658 VDD_SOC 400/415\n"


class TestTegrastats(MeterConformance):
    driver = "tegrastats"
    options: ClassVar = {"rail": "VDD_IN"}
    watts_only = True

    def meter_on(self, port: Replay) -> Meter:
        return Tegrastats("m1", Pushed(port), Tegrastats.Config(rail="VDD_IN"))

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [LINE.format(round(volts * amps * 1000)).encode()]


def program(root: Path, script: str) -> str:
    path = root / "usr/bin/tegrastats"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(root)


def test_tegrastats_is_started_read_and_ended(tmp_path) -> None:
    line = LINE.format(2003).strip()
    root = program(tmp_path, f'echo $$ "$@" > {tmp_path}/started\nwhile :; do echo "{line}"; sleep 0.02; done')
    with Tegrastats.open("m1", Tegrastats.Config(root=root, rail="VDD_IN", interval_ms=20)) as meter:
        assert meter.read().watts.tolist() == [2.003]
        blocks = meter.stream()
        assert [next(blocks).watts[0] for _ in range(3)] == [2.003] * 3
        pid, *words = (tmp_path / "started").read_text().split()
    assert words == ["--interval", "20"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


@pytest.mark.parametrize(
    ("script", "fault", "told"),
    [
        ("exit 1", MeterOffline, "the program has ended"),
        ("echo sorry; exec sleep 9", FrameError, "no line of tegrastats"),
        (
            f"echo '{LINE.strip().replace('VDD_IN', 'VDD_X').format(1)}'; exec sleep 9",
            UnknownChoice,
            "there are VDD_SOC, VDD_X",
        ),
    ],
)
def test_a_tegrastats_that_cannot_be_used_is_told(script, fault, told, tmp_path) -> None:
    with pytest.raises(fault, match=told):
        Tegrastats.open("m1", Tegrastats.Config(root=program(tmp_path, script), rail="VDD_IN"))


def test_rails_of_tegrastats_are_added_and_none_twice() -> None:
    line = b"RAM 1/2MB CPU [1%@9] VDD_GPU_SOC 3000mW/1mW VDD_CPU_CV 500mW/1mW VDD_IN 9000mW/1mW\n"
    for rail, watts in (("VDD_GPU_SOC+VDD_CPU_CV", 3.5), ("VDD_IN", 9.0)):
        with Tegrastats("m1", Pushed(Replay([line])), Tegrastats.Config(rail=rail)) as meter:
            assert meter.read().watts.tolist() == [watts]
    twice = Tegrastats("m1", Pushed(Replay([line])), Tegrastats.Config(rail="VDD_IN+VDD_CPU_CV"))
    with twice, pytest.raises(UnknownChoice, match="VDD_IN holds VDD_CPU_CV"):
        twice.read()


def test_a_machine_without_tegrastats_is_offline(tmp_path) -> None:
    with pytest.raises(MeterOffline, match="No such file"):
        Tegrastats.open("m1", Tegrastats.Config(root=str(tmp_path), rail="VDD_IN"))
