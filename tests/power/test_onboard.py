"""Sensors that a board has of its own: sysfs, counters of energy, tegrastats, a GPU's driver."""
# ruff: noqa: N802 -- NVML's own names

import math
import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from power.block import Flag
from power.errors import (
    FrameError,
    InstrumentFault,
    MeterOffline,
    MissingLibrary,
    UnknownChoice,
    WrongInstrument,
)
from power.meter import Meter
from power.onboard.counter import CounterPower
from power.onboard.files import LocalFiles
from power.onboard.ina3221 import Ina3221
from power.onboard.ina3221_rails import Rail, lag_s, rails
from power.onboard.nvml import NvmlMeter
from power.onboard.rapl import Rapl
from power.onboard.tegrastats import Tegrastats
from power.testing import Clock, MeterConformance, Replay


class FilesOnPort:
    """Files whose texts are lines of one answer of a port."""

    def __init__(self, port: Replay) -> None:
        self._port = port

    def read(self, path: str) -> str:
        raise AssertionError("a reading is one question")

    def read_all(self, paths: Sequence[str]) -> list[str | OSError]:
        self._port.discard()
        self._port.write(" ".join(paths).encode())
        return [self._port.read_line(b"\n", 0).decode("latin-1") for _ in paths]

    def glob(self, pattern: str) -> list[str]:
        return []

    def close(self) -> None:
        self._port.close()


class Past(Clock):
    """A clock that lies so far back that a first stretch ends now."""

    def __init__(self, seconds: float) -> None:
        self._now_ns = time.monotonic_ns() - round(seconds * 1e9)


class TestIna3221(MeterConformance):
    driver = "ina3221"
    options: ClassVar = {"rail": "VDD_IN"}

    def meter_on(self, port: Replay) -> Meter:
        rail = Rail("VDD_IN", "in_voltage0_input", "in_current0_input")
        return Ina3221("m1", FilesOnPort(port), [rail], Ina3221.Config(rail="VDD_IN", rate_hz=10))

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [b"%d\n%d\n" % (round(volts * 1000), round(amps * 1000))]


class TestRapl(MeterConformance):
    driver = "rapl"
    options: ClassVar = {}
    watts_only = True

    def meter_on(self, port: Replay) -> Meter:
        options = Rapl.Config(rate_hz=10)
        clock = Past(0.1)
        return Rapl("m1", FilesOnPort(port), options, energy="energy_uj", range_joules=65.0, clock=clock)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [b"%d\n" % (64_900_000 + round(volts * amps * 0.1e6 * step)) for step in (0, 1)]


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


class NvmlError(Exception):
    pass


class NotSupported(NvmlError):
    pass


class FakeNvml:
    """NVML with two GPUs, the counter of whose first is played by a port."""

    NVMLError = NvmlError
    NVMLError_NotSupported = NotSupported

    def __init__(
        self, port: Replay | None = None, *, driver: bool = True, counter: bool = True, lost: bool = False
    ) -> None:
        self._port, self._driver, self._counter = port or Replay([b"1000\n"] * 9), driver, counter
        self._lost = lost
        self.open = 0

    def nvmlInit(self) -> None:
        if not self._driver:
            raise NvmlError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1
        self._port.close()

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"550.54"

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "NVIDIA H100"

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        if self._lost:
            raise NvmlError("GPU is lost")
        return f"GPU-{handle}"

    def nvmlDeviceGetSerial(self, handle: int) -> str:
        if handle:
            raise NotSupported("Not Supported")
        return "1650123"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        if not self._counter:
            raise NotSupported("Not Supported")
        return self._number()

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return self._number()

    def _number(self) -> int:
        self._port.discard()
        self._port.write(b"number")
        line = self._port.read_line(b"\n", 0)
        if not line.endswith(b"\n") or not line.strip().isdigit():
            raise NvmlError("Unknown Error")
        return int(line)


class TestNvml(MeterConformance):
    driver = "nvml"
    options: ClassVar = {}
    watts_only = True

    def meter_on(self, port: Replay) -> Meter:
        library = FakeNvml(port)
        library.nvmlInit()
        options = NvmlMeter.Config(rate_hz=10)
        return NvmlMeter(
            "m1", library, 0, options, identity=NvmlMeter.on("m1", FakeNvml(), options).identity(), clock=Past(0.1)
        )

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [b"%d\n" % (7_000_000 + round(volts * amps * 100 * step)) for step in (0, 1)]

    def test_garbage_is_never_a_number(self) -> None:
        """The library gives numbers or errors: no error is a number."""
        with self.meter_on(Replay([self.garbage])) as meter, pytest.raises(MeterOffline, match="Unknown Error"):
            meter.read()

    def test_it_reads_again_after_a_fault(self) -> None:
        with self.meter_on(Replay([self.garbage, *self.answers(5.0, 0.5)])) as meter:
            with pytest.raises(MeterOffline):
                meter.read()
            self._assert_reads(meter.read(), 5.0, 0.5)


# what the kernel shows


def written(root: Path, files: dict[str, object]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return str(root)


def old_tx2(root: Path, device: str = "iio:device1") -> str:
    """As L4T 32 shows the TX2's module: energymon's JetsonPowerRails.md."""
    chips = {
        "0-0040": ["VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_4V0_WIFI"],
        "0-0041": ["VDD_IN", "VDD_SYS_CPU", "VDD_SYS_DDR"],
    }
    files: dict[str, object] = {}
    for chip, names in chips.items():
        folder = f"sys/bus/i2c/drivers/ina3221x/{chip}/{device}"
        for n, name in enumerate(names):
            files |= {
                f"{folder}/rail_name_{n}": name,
                f"{folder}/in_voltage{n}_input": 19_064 if name == "VDD_IN" else 5_000 + n,
                f"{folder}/in_current{n}_input": 104 if name == "VDD_IN" else 8,
                f"{folder}/in_power{n}_input": 1_982,
            }
    return written(root, files)


def new_orin(root: Path) -> str:
    """As mainline's hwmon shows it; channel 3 is not wired, 4 to 7 are shunts and their sum."""
    folder = "sys/class/hwmon/hwmon3"
    return written(
        root,
        {
            "sys/class/hwmon/hwmon0/name": "tmp451",
            "sys/class/hwmon/hwmon0/in1_label": "VDD_IN",
            f"{folder}/name": "ina3221",
            f"{folder}/in1_label": "VDD_IN",
            f"{folder}/in1_input": 4_968,
            f"{folder}/curr1_input": 1_234,
            f"{folder}/shunt1_resistor": 5_000,
            f"{folder}/in2_label": "VDD_SOC",
            f"{folder}/in2_input": 4_960,
            f"{folder}/curr2_input": 300,
            f"{folder}/in3_label": "NC",
            f"{folder}/in3_input": 0,
            f"{folder}/in7_label": "sum of shunt voltages",
            f"{folder}/in7_input": 12,
        },
    )


@pytest.mark.parametrize("device", ["iio:device1", "iio_device", "iio:device7"])
def test_a_rail_of_the_older_driver_is_found_by_its_name(device, tmp_path) -> None:
    root = old_tx2(tmp_path, device)
    with Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN")) as meter:
        block = meter.read()
        assert "VDD_IN" in meter.identity().model
    assert (block.volts[0], block.amps[0]) == (pytest.approx(19.064), pytest.approx(0.104))
    assert len(rails(LocalFiles(root))) == 6


def test_a_rail_of_the_newer_driver_is_found_by_its_label_and_knows_its_shunt(tmp_path) -> None:
    root = new_orin(tmp_path)
    with Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN")) as meter:
        assert meter.read().watts == pytest.approx([4.968 * 1.234])
        assert meter.accuracy.amps is not None
        assert meter.accuracy.amps.offset == pytest.approx(100e-6 / 0.005)
    assert [rail.name for rail in rails(LocalFiles(root))] == ["VDD_IN", "VDD_SOC"]


@pytest.mark.parametrize("board", [old_tx2, new_orin])
def test_a_rail_that_is_not_there_is_told_with_those_that_are(board, tmp_path) -> None:
    with pytest.raises(UnknownChoice, match=r"no rail is called 'VDD'; there are .*VDD_IN, VDD_S"):
        Ina3221.open("m1", Ina3221.Config(root=board(tmp_path), rail="VDD"))


def test_watts_of_two_inputs_are_added_and_their_volts_are_not_made_up(tmp_path) -> None:
    root = old_tx2(tmp_path)
    folder = "sys/bus/i2c/drivers/ina3221x/0-0042/iio:device2"
    written(
        tmp_path,
        {f"{folder}/rail_name_0": "VDD_MUX", f"{folder}/in_voltage0_input": 19_000, f"{folder}/in_current0_input": 200},
    )
    with Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN+VDD_MUX")) as meter:
        block = meter.read()
        assert block.watts == pytest.approx([19.064 * 0.104 + 3.8])
        assert math.isnan(block.volts[0])
        assert meter.accuracy.watts is not None
        assert meter.accuracy.watts.offset == pytest.approx(19.6 * 2 * 0.01)
        assert meter.identity().model == "INA3221 VDD_IN+VDD_MUX"


@pytest.mark.parametrize(
    ("rail", "told"),
    [
        ("VDD_IN+VDD_SYS_CPU", "VDD_IN holds VDD_SYS_CPU: a sum would count those watts twice"),
        ("VDD_SYS_CPU+VDD_SYS_CPU", "names a rail twice"),
        ("VDD_SYS_CPU+VDD_X", "no rail is called 'VDD_X'"),
    ],
)
def test_a_sum_that_is_wrong_is_refused(rail, told, tmp_path) -> None:
    with pytest.raises(UnknownChoice, match=told):
        Ina3221.open("m1", Ina3221.Config(root=old_tx2(tmp_path), rail=rail))


def test_two_rails_of_one_name_are_not_chosen_between(tmp_path) -> None:
    old_tx2(tmp_path)
    written(tmp_path, {"sys/bus/i2c/drivers/ina3221x/0-0040/iio:device1/rail_name_0": "VDD_IN"})
    with pytest.raises(UnknownChoice, match="several rails are called 'VDD_IN'"):
        Ina3221.open("m1", Ina3221.Config(root=str(tmp_path), rail="VDD_IN"))


def test_a_name_that_cannot_be_read_and_a_shunt_that_is_no_number_are_faults_of_the_meter(tmp_path) -> None:
    root = new_orin(tmp_path)
    shunt, label = (tmp_path / "sys/class/hwmon/hwmon3" / file for file in ("shunt1_resistor", "in1_label"))
    shunt.write_text("none\n")
    with pytest.raises(FrameError, match="none"):
        Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN"))
    shunt.write_text("5000\n")
    label.unlink()
    label.mkdir()
    with pytest.raises(MeterOffline, match="in1_label"):
        Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN"))


def test_a_board_without_the_sensor_is_offline(tmp_path) -> None:
    with pytest.raises(MeterOffline, match="no INA3221"):
        Ina3221.open("m1", Ina3221.Config(root=str(tmp_path), rail="VDD_IN"))


def test_a_sensor_that_goes_away_or_shows_no_number_is_a_fault_and_no_zero(tmp_path) -> None:
    root = new_orin(tmp_path)
    current = tmp_path / "sys/class/hwmon/hwmon3/curr1_input"
    with Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN", rate_hz=100)) as meter:
        current.write_text("<unsupported>\n")
        with pytest.raises(FrameError):
            meter.read()
        current.write_text("")
        with pytest.raises(MeterOffline, match="is empty"):
            meter.read()
        current.unlink()
        with pytest.raises(MeterOffline, match="no rail is called 'VDD_IN'"):
            meter.read()


def test_a_sensor_that_has_another_number_after_a_boot_is_found_again(tmp_path) -> None:
    root, hwmon = new_orin(tmp_path), tmp_path / "sys/class/hwmon"
    with Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN", rate_hz=100)) as meter:
        (hwmon / "hwmon3").rename(hwmon / "hwmon5")
        with pytest.raises(MeterOffline, match="/in1_input: "):
            meter.read()
        assert meter.read().watts == pytest.approx([4.968 * 1.234])


@pytest.mark.parametrize(
    ("register", "seconds"), [(0x7607, 0.05376), (0x7727, 0.4224), (0x7127, 0.0), (0x7003, 0.0), (0x1607, 0.01792)]
)
def test_over_how_long_a_chip_averages_is_in_its_register(register, seconds) -> None:
    assert lag_s(register) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("mode", "cell", "averages"),
    [("1", b"\0\0v\x07", True), ("0", b"\0\0v\x07", False), ("1", b"\0\0v\xff", False), ("1", None, False)],
)
def test_the_older_drivers_average_is_what_the_device_tree_says_of_a_chip_that_always_measures(
    mode, cell, averages, tmp_path
) -> None:
    root = old_tx2(tmp_path)
    for chip in tmp_path.glob("sys/bus/i2c/drivers/ina3221x/*"):
        (chip / "iio:device1/running_mode").write_text(f"{mode}\n")
        if cell is not None:
            (chip / "of_node").mkdir()
            (chip / "of_node/ti,continuous-config").write_bytes(cell)
    with Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN")) as meter:
        assert (meter.aperture_s, meter.bandwidth_hz) == (
            (0.1, pytest.approx(2.96, rel=0.01)) if averages else (0, None)
        )


@pytest.mark.parametrize(
    ("samples", "interval_ms", "lag_s"), [(64, 1, 0.064), (16, 7, 0.112), (64, 54, 0.054), (1, 7, 0.0)]
)
def test_the_newer_driver_tells_how_it_averages_and_readings_lie_back_by_that(
    samples, interval_ms, lag_s, tmp_path
) -> None:
    """One pass since Linux 5.14; before that the time of all samples."""
    root = new_orin(tmp_path)
    written(tmp_path / "sys/class/hwmon/hwmon3", {"samples": samples, "update_interval": interval_ms})
    with Ina3221.open("m1", Ina3221.Config(root=root, rail="VDD_IN", rate_hz=4)) as meter:
        assert meter.aperture_s == pytest.approx(2 * lag_s)
        before_ns = time.monotonic_ns()
        lag_ns = round(lag_s * 1e9)
        assert before_ns - lag_ns <= meter.read().t_ns[0] <= time.monotonic_ns() - lag_ns


class Slow(LocalFiles):
    """Files of a board whose link takes its time, as often as is said."""

    def __init__(self, root: str, takes_s: list[float]) -> None:
        super().__init__(root)
        self._takes_s = takes_s

    def read_all(self, paths: Sequence[str]) -> list[str | OSError]:
        time.sleep(self._takes_s.pop(0) if self._takes_s else 0)
        return super().read_all(paths)


def test_an_answer_that_was_slow_is_asked_again_and_told_as_late(tmp_path) -> None:
    takes_s: list[float] = []
    meter = Ina3221.on("m1", Slow(new_orin(tmp_path), takes_s), Ina3221.Config(rail="VDD_IN", rate_hz=10))
    assert meter.read().flags.tolist() == [0]
    takes_s.append(0.06)
    before_ns = time.monotonic_ns()
    block = meter.read()
    assert block.flags.tolist() == [Flag.LATE]
    assert block.t_ns[0] > before_ns + 0.06e9  # the moment of the second answer, not the middle of both


def test_a_board_whose_answers_are_always_slow_is_no_meter_at_this_rate(tmp_path) -> None:
    takes_s = [0.006] * 99
    meter = Ina3221.on("m1", Slow(new_orin(tmp_path), takes_s), Ina3221.Config(rail="VDD_IN", rate_hz=100))
    with pytest.raises(MeterOffline, match=r"answers take \d+ ms: too long to tell when 100 readings") as seen:
        meter.read()
    assert "rate_hz" in seen.value.hint


# counters of energy


class Counter:
    """A counter on a clock of its own, that wraps and may be updated in steps."""

    def __init__(self, watts: float, *, wraps_at: float = float("inf"), updates_s: float = 0.0) -> None:
        self.clock = Clock()
        self._began_ns = self.clock.monotonic_ns()
        self.watts, self._wraps_at, self._updates_s = watts, wraps_at, updates_s

    def __call__(self) -> float:
        seconds = (self.clock.monotonic_ns() - self._began_ns) / 1e9
        if self._updates_s:
            seconds = seconds // self._updates_s * self._updates_s
        return self.watts * seconds % self._wraps_at


def test_the_mean_of_a_stretch_is_exact_however_long_it_was() -> None:
    counter = Counter(12.0)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    power.next()
    counter.clock.sleep(1.23)
    t_ns, watts, flags = power.next()
    assert watts == pytest.approx(12.0)
    assert flags == Flag.LATE
    assert t_ns == pytest.approx(counter.clock.monotonic_ns() - 1.23e9 / 2, abs=1e6)


def test_a_counter_that_wraps_goes_on() -> None:
    counter = Counter(10.0, wraps_at=1.7)
    power = CounterPower("m1", counter, period_s=0.1, wraps_at_joules=1.7, clock=counter.clock)
    assert [power.next()[1] for _ in range(40)] == pytest.approx([10.0] * 40)


def test_a_counter_that_goes_back_and_does_not_wrap_is_a_fault() -> None:
    counter = Counter(10.0, wraps_at=1.7)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    power.next()
    with pytest.raises(FrameError, match="went back"):
        power.next()


def test_a_copy_that_is_renewed_in_steps_is_waited_for_and_gives_no_zero() -> None:
    counter = Counter(10.0, updates_s=0.12)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    readings = [power.next()[1] for _ in range(30)]
    assert min(readings) > 0
    assert sum(readings) / len(readings) == pytest.approx(10.0, rel=0.05)


def test_a_counter_that_stands_still_is_offline() -> None:
    counter = Counter(0.0)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    with pytest.raises(MeterOffline, match="stands still"):
        power.next()


def test_after_a_long_pause_a_new_stretch_begins() -> None:
    counter = Counter(10.0, wraps_at=1.7)
    power = CounterPower("m1", counter, period_s=0.1, wraps_at_joules=1.7, clock=counter.clock)
    power.next()
    counter.clock.sleep(100.0)
    assert power.next()[1] == pytest.approx(10.0)


def powercap(root: Path) -> str:
    zones = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:1": "package-1",
        "intel-rapl:1:0": "core",
    }
    files: dict[str, object] = {}
    for folder, name in zones.items():
        at = f"sys/class/powercap/{folder}"
        files |= {f"{at}/name": name, f"{at}/energy_uj": 123_456_789, f"{at}/max_energy_range_uj": 262_143_328_850}
    files["sys/class/powercap/intel-rapl-mmio:0/name"] = "package-0"
    return written(root, files)


@pytest.mark.parametrize("zone", ["package-0", "package-1", "package-1/core"])
def test_a_zone_of_rapl_is_found_by_its_name(zone, tmp_path) -> None:
    with Rapl.open("m1", Rapl.Config(root=powercap(tmp_path), zone=zone)) as meter:
        assert meter.identity().model == f"RAPL {zone} (processor only)"


def test_a_zone_that_is_not_there_or_not_the_only_one_is_told_with_all(tmp_path) -> None:
    root = powercap(tmp_path)
    for zone, what in (("dram", "no zone is"), ("core", "several zones are")):
        with pytest.raises(
            UnknownChoice, match=f"{what} called '{zone}'; there are package-0, package-0/core, package-1"
        ):
            Rapl.open("m1", Rapl.Config(root=root, zone=zone))
    with pytest.raises(MeterOffline, match="no zone of RAPL"):
        Rapl.open("m1", Rapl.Config(root=str(tmp_path / "sys")))


def test_a_counter_that_only_root_may_read_is_not_a_missing_one(tmp_path) -> None:
    class Denied(LocalFiles):
        def read(self, path: str) -> str:
            if path.endswith("energy_uj"):
                raise PermissionError(13, "Permission denied", path)
            return super().read(path)

    with pytest.raises(InstrumentFault, match="only root may read it") as seen:
        Rapl.on("m1", Denied(powercap(tmp_path)), Rapl.Config())
    assert "chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj" in seen.value.hint


# tegrastats and NVML


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


def test_a_gpu_is_found_by_index_or_uuid_and_called_gpu_only() -> None:
    for gpu, serial_number in (("0", "1650123"), ("GPU-1", "GPU-1")):
        library = FakeNvml()
        with NvmlMeter.on("m1", library, NvmlMeter.Config(gpu=gpu, serial_number=serial_number)) as meter:
            assert meter.identity().model == "NVIDIA H100 (GPU only)"
            assert meter.identity().serial_number == serial_number
            assert library.open == 1
        assert library.open == 0


@pytest.mark.parametrize(
    ("library", "options", "fault", "told"),
    [
        (FakeNvml(driver=False), {}, MeterOffline, "no NVIDIA driver answers: Driver Not Loaded"),
        (FakeNvml(lost=True), {}, MeterOffline, "m1: GPU is lost"),
        (FakeNvml(), {"gpu": "7"}, UnknownChoice, "no GPU '7'; there are GPU-0, GPU-1"),
        (FakeNvml(), {"serial_number": "9"}, WrongInstrument, "GPU 1650123 answers, not 9"),
        (FakeNvml(counter=False), {}, UnknownChoice, "does not tell its energy; set source: power"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_told_and_nml_let_go(library, options, fault, told) -> None:
    with pytest.raises(fault, match=told):
        NvmlMeter.on("m1", library, NvmlMeter.Config(**options))
    assert library.open == 0


def test_an_older_gpu_tells_averaged_power() -> None:
    library = FakeNvml(Replay([b"61234\n"] * 3), counter=False)
    with NvmlMeter.on("m1", library, NvmlMeter.Config(source="power")) as meter:
        assert meter.read().watts.tolist() == [61.234]
        assert meter.aperture_s == 0
        assert meter.bandwidth_hz == pytest.approx(0.44)


def test_without_nvidias_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("power.onboard.nvml.import_module", missing)
    with pytest.raises(MissingLibrary, match=r"pip install 'edge-test-farm\[nvml\]'"):
        NvmlMeter.open("m1", NvmlMeter.Config())
