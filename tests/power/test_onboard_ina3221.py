"""The INA3221 of a Jetson, by the older driver's files and the newer one's."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from power.block import Flag
from power.errors import (
    FrameError,
    MeterOffline,
    UnknownChoice,
)
from power.meter import Meter
from power.onboard.files import LocalFiles
from power.onboard.ina3221 import Ina3221
from power.onboard.ina3221_rails import Rail, lag_s, rails
from power.testing import MeterConformance, Replay

from .onboard_files import FilesOnPort, written


class TestIna3221(MeterConformance):
    driver = "ina3221"
    options: ClassVar = {"rail": "VDD_IN"}

    def meter_on(self, port: Replay) -> Meter:
        rail = Rail("VDD_IN", "in_voltage0_input", "in_current0_input")
        return Ina3221("m1", FilesOnPort(port), [rail], Ina3221.Config(rail="VDD_IN", rate_hz=10))

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [b"%d\n%d\n" % (round(volts * 1000), round(amps * 1000))]


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
