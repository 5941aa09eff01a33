"""The four boards against what real ones answer, and what all boards share."""
# ruff: noqa: RUF012 -- the suites' class attributes are their data

import pytest

from devices.atom import AtomE3930, AtomE3940, DeepLens
from devices.board import Board
from devices.coral_dev import CoralDev
from devices.errors import (
    AuthenticationRefused,
    BootFault,
    CommandFailed,
    ConnectionLost,
    HostKeyMismatch,
    ShellClosed,
    Unreachable,
)
from devices.jetson_nano import JetsonNano
from devices.jetson_tx2 import JetsonTX2
from devices.pc_gpu import PcGpu
from devices.pi_zero_aiy import PiZeroAIY
from devices.raspberry_pi import read_throttled
from devices.raspberry_pi3 import RaspberryPi3
from devices.registry import BOARDS, load_board
from devices.shell import Result
from devices.testing import BoardConformance, ReplayShell
from devices.ti_c66x import TiC66xServer

CPU = "/sys/devices/system/cpu"
THERMAL = "/sys/class/thermal"

COMMON = {
    "/proc/sys/kernel/random/boot_id": "0d9a1f8e-7d1f-4c55-9f0e-3a1d2c4b5e6f\n",
    "/proc/loadavg": "0.52 0.58 0.59 1/389 12345\n",
    "/proc/meminfo": "MemTotal:        8027844 kB\nMemFree:         5133680 kB\nMemAvailable:    6410232 kB\n",
    f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "1000000\n",
    f"{CPU}/cpufreq/policy0/scaling_governor": "schedutil\n",
}


def zones(*kinds_and_temps: tuple[str, int]) -> dict[str, str]:
    files = {}
    for n, (kind, temp) in enumerate(kinds_and_temps):
        files |= {f"{THERMAL}/thermal_zone{n}/type": f"{kind}\n", f"{THERMAL}/thermal_zone{n}/temp": f"{temp}\n"}
    return files


class TestJetsonTX2(BoardConformance):
    board_type = JetsonTX2
    serial_number = "0421318012345"
    files = {
        **COMMON,
        "/proc/device-tree/serial-number": "0421318012345\0",
        "/etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 18.04.5 LTS"\nID=ubuntu\n',
        **zones(("BCPU-therm", 36000), ("GPU-therm", 34500), ("PMIC-Die", 100000), ("thermal-fan-est", 35500)),
        f"{THERMAL}/cooling_device0/type": "pwm-fan\n",
        f"{THERMAL}/cooling_device0/cur_state": "3\n",
        f"{THERMAL}/cooling_device1/type": "CPU-balanced\n",
        f"{THERMAL}/cooling_device1/cur_state": "0\n",
        f"{CPU}/cpu1/online": "0\n",
        f"{CPU}/cpu1/cpufreq/scaling_cur_freq": "345600\n",
        f"{CPU}/cpu3/online": "1\n",
        f"{CPU}/cpu3/cpufreq/scaling_cur_freq": "2035200\n",
        "/sys/devices/17000000.gp10b/devfreq/17000000.gp10b/cur_freq": "114750000\n",
    }
    tools = {"nvpmodel": "NVPM WARN: fan mode is not set!\nNV Power Mode: MAXP_CORE_ARM\n3\n"}
    hot = ({f"{THERMAL}/cooling_device1/cur_state": "4\n"}, {})

    def test_it_tells_the_power_mode_past_its_warnings(self, folder):
        assert self.board_in(folder).state().power_mode == "MAXP_CORE_ARM"

    @pytest.mark.parametrize(("kept", "told"), [(3, "MAXP_CORE_ARM"), (0, "MAXN"), (7, "id 7")])
    def test_a_mode_that_is_set_while_it_is_watched_is_told_by_its_name(self, kept, told, folder):
        board = self.board_in(folder)
        conf = "# modes\n< PARAM TYPE=CLOCK NAME=EMC >\n< POWER_MODEL ID=0 NAME=MAXN >\nCPU_ONLINE CORE_0 1\n"
        (folder / "etc/nvpmodel.conf").write_text(conf)
        (folder / "var/lib/nvpmodel").mkdir(parents=True)
        (folder / "var/lib/nvpmodel/status").write_text(f"pmode:{kept:04}\n")
        assert board.state().power_mode == told

    def test_the_pmic_constant_is_no_temperature(self, folder):
        assert "PMIC-Die" not in self.board_in(folder).state().celsius

    def test_cores_that_are_off_have_no_clock(self, folder):
        clocks = self.board_in(folder).state().clock_hz
        assert clocks == {"cpu0": 1_000_000_000, "cpu3": 2_035_200_000, "gpu": 114_750_000}

    def test_a_governor_is_that_of_every_cluster_or_each_is_told(self, folder):
        board = self.board_in(folder)
        policy = folder / CPU.lstrip("/") / "cpufreq/policy1"
        policy.mkdir()
        for name, told in (("schedutil", "schedutil"), ("powersave", "schedutil (policy0), powersave (policy1)")):
            (policy / "scaling_governor").write_text(f"{name}\n")
            assert board.state().governor == told

    def test_a_running_fan_is_not_throttling(self, folder):
        assert self.board_in(folder).state().throttled is False


class TestJetsonNano(BoardConformance):
    board_type = JetsonNano
    serial_number = "1422919123456"
    files = {
        **COMMON,
        "/proc/device-tree/serial-number": "1422919123456\0",
        "/etc/os-release": 'PRETTY_NAME="Ubuntu 18.04.6 LTS"\n',
        **zones(("AO-therm", 41000), ("CPU-therm", 33500), ("GPU-therm", 33000), ("PMIC-Die", 50000)),
        f"{THERMAL}/cooling_device0/type": "tegra-heavy\n",
        f"{THERMAL}/cooling_device0/cur_state": "0\n",
        "/sys/devices/57000000.gpu/devfreq/57000000.gpu/cur_freq": "76800000\n",
    }
    tools = {"nvpmodel": "NV Power Mode: MAXN\n0\n"}
    hot = ({f"{THERMAL}/cooling_device0/cur_state": "1\n"}, {})

    def test_its_gpu_lies_elsewhere_than_the_tx2s(self, folder):
        assert self.board_in(folder).state().clock_hz["gpu"] == 76_800_000


class TestPiZeroAIY(BoardConformance):
    board_type = PiZeroAIY
    serial_number = "00000000c0ffee42"
    files = {
        **COMMON,
        "/proc/device-tree/serial-number": "00000000c0ffee42\0",
        "/etc/os-release": 'PRETTY_NAME="Raspbian GNU/Linux 10 (buster)"\n',
        **zones(("cpu-thermal", 42800)),
        "/sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    }
    tools = {"vcgencmd": "throttled=0x0\n"}
    hot = ({}, {"vcgencmd": "throttled=0x50005\n"})

    def test_without_the_tool_the_kernel_tells(self, folder):
        state = self.board_in(folder, {**self.files, "/sys/devices/platform/soc/soc:firmware/get_throttled": "1\n"}, {})
        assert state.state().throttled is True


class TestRaspberryPi3(BoardConformance):
    board_type = RaspberryPi3
    serial_number = "00000000d3adb33f"
    files = {
        **COMMON,
        "/proc/device-tree/serial-number": "00000000d3adb33f\0",
        "/etc/os-release": 'PRETTY_NAME="Raspbian GNU/Linux 10 (buster)"\n',
        **zones(("cpu-thermal", 47200)),
    }
    tools = {"vcgencmd": "throttled=0x0\n"}
    hot = ({}, {"vcgencmd": "throttled=0x80008\n"})


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("throttled=0x0", (False, None)),
        ("throttled=0x50000", (False, "since boot under-voltage, throttled")),
        ("throttled=0x50005", (True, "now under-voltage, throttled; since boot under-voltage, throttled")),
        ("8", (True, "now soft temperature limit")),
        ("VCHI initialization failed", None),
        ("", None),
    ],
)
def test_sticky_bits_are_history_and_not_throttling_now(answer, read):
    assert read_throttled(answer) == read


class TestAtomE3930(BoardConformance):
    board_type = AtomE3930
    serial_number = "PX30-1107"
    files = {
        **COMMON,
        "/sys/class/dmi/id/product_serial": "PX30-1107\n",
        "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n',
        **zones(("acpitz", 40000), ("x86_pkg_temp", 42000)),
        "/sys/class/hwmon/hwmon0/name": "nvme\n",
        "/sys/class/hwmon/hwmon0/temp1_label": "Composite\n",
        "/sys/class/hwmon/hwmon0/temp1_input": "33000\n",
        "/sys/class/hwmon/hwmon1/name": "coretemp\n",
        "/sys/class/hwmon/hwmon1/temp1_label": "Package id 0\n",
        "/sys/class/hwmon/hwmon1/temp1_input": "42000\n",
        f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "0\n",
        f"{CPU}/cpu0/thermal_throttle/package_throttle_count": "0\n",
    }
    hot = ({f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "17\n"}, {})

    def test_its_cores_are_told_from_other_sensors(self, folder):
        assert self.board_in(folder).state().celsius == {"acpitz": 40.0, "x86_pkg_temp": 42.0, "Package id 0": 42.0}

    def test_a_count_says_that_it_throttled_but_not_that_it_does(self, folder):
        state = self.board_in(folder, {**self.files, **self.hot[0]}).state()
        assert state.throttled is None
        assert state.throttle_detail == "throttle events since boot: cpu0 core 17"

    def test_a_serial_number_that_nobody_set_is_none(self, folder):
        files = {**self.files, "/sys/class/dmi/id/product_serial": "To be filled by O.E.M.\n"}
        assert self.board_in(folder, files).identity().serial_number is None

    def test_a_serial_number_of_the_board_stands_in_for_one_that_nobody_set(self, folder):
        nobody = {"/sys/class/dmi/id/product_serial": "Default string\n"}
        files = {**self.files, **nobody, "/sys/class/dmi/id/board_serial": "B-77\n"}
        assert self.board_in(folder, files).identity().serial_number == "B-77"


class TestAtomE3940(TestAtomE3930):
    board_type = AtomE3940


class TestDeepLens(TestAtomE3930):
    board_type = DeepLens


class TestTiC66xServer(TestAtomE3930):
    board_type = TiC66xServer


GPU = "0, {celsius}, 1480, 4006, {why}\n"


class TestPcGpu(BoardConformance):
    board_type = PcGpu
    serial_number = "MXL0123ABC"
    files = {
        **COMMON,
        "/sys/class/dmi/id/product_serial": "MXL0123ABC\n",
        "/etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.4 LTS"\n',
        "/sys/class/hwmon/hwmon0/name": "k10temp\n",
        "/sys/class/hwmon/hwmon0/temp1_label": "Tctl\n",
        "/sys/class/hwmon/hwmon0/temp1_input": "42000\n",
    }
    tools = {"nvidia-smi": GPU.format(celsius=41, why="0x0000000000000001")}
    hot = ({}, {"nvidia-smi": GPU.format(celsius=83, why="0x0000000000000040")})

    def gpu(self, folder, **said):
        return self.board_in(folder, tools={"nvidia-smi": GPU.format(**{"celsius": 41, "why": "0x0", **said})}).state()

    def test_its_gpu_is_one_of_its_clocks_and_sensors(self, folder):
        state = self.board_in(folder).state()
        assert (state.celsius["gpu0"], state.celsius["Tctl"]) == (41.0, 42.0)
        assert state.clock_hz == {"cpu0": 10**9, "gpu0.sm": 1_480_000_000, "gpu0.mem": 4_006_000_000}

    def test_the_power_cap_is_told_and_is_no_throttling(self, folder):
        state = self.gpu(folder, why="0x4")
        assert (state.throttled, state.throttle_detail) == (False, "gpu0: power cap")

    def test_a_card_that_tells_no_reasons_leaves_throttling_open(self, folder):
        assert self.gpu(folder, why="[N/A]").throttled is None


class TestCoralDev(BoardConformance):
    board_type = CoralDev
    serial_number = "1b2c3d4e5f607182"
    files = {
        **COMMON,
        "/proc/device-tree/serial-number": "1b2c3d4e5f607182\0",
        "/etc/os-release": 'PRETTY_NAME="Mendel GNU/Linux 4 (Day)"\n',
        **zones(("cpu", 43000), ("cpu", 44000)),
        "/sys/class/apex/apex_0/temp": "40500\n",
        "/sys/class/apex/apex_0/trip_point0_temp": "85000\n",
    }
    hot = ({"/sys/class/apex/apex_0/temp": "85050\n"}, {})

    def test_zones_of_one_type_stay_apart(self, folder):
        assert self.board_in(folder).state().celsius == {"cpu.0": 43.0, "cpu.1": 44.0, "apex": 40.5}

    def test_a_sleeping_edge_tpu_is_not_minus_90_degrees(self, folder):
        state = self.board_in(folder, {**self.files, "/sys/class/apex/apex_0/temp": "-89700\n"}).state()
        assert "apex" not in state.celsius
        assert state.throttled is None


def _suites(base):
    for suite in base.__subclasses__():
        yield suite
        yield from _suites(suite)


def test_every_board_of_the_table_is_held_to_the_same_rules():
    tested = {suite.board_type for suite in _suites(BoardConformance)}
    assert {load_board(model) for model in BOARDS} <= tested
    assert all(load_board(model).model == model for model in BOARDS)


class AnyBoard(Board):
    model = "any"


@pytest.mark.parametrize("path", ["etc/passwd", "/../etc/passwd", "/sys/../../x", ""])
def test_no_path_leads_out_of_the_boards_root(path):
    with pytest.raises(ValueError, match="board-1"):
        AnyBoard("board-1", ReplayShell({}), "/srv/twin").path(path)


def test_paths_begin_at_the_root():
    assert AnyBoard("b", ReplayShell({})).path("/sys/class") == "/sys/class"
    assert AnyBoard("b", ReplayShell({}), "/srv/a b/").path("/sys/class") == "/srv/a b/sys/class"


class Rebooting:
    """Answers of a board over a reboot, one after the other; the last one stays."""

    def __init__(self, *boots, reboot=b"") -> None:
        self.boots, self.reboot = list(boots), reboot

    def __call__(self, command):
        if command == "reboot":
            return self.reboot
        return self.boots.pop(0) if len(self.boots) > 1 else self.boots[0]


GONE = ConnectionLost("board-1", "the connection broke")
DOWN = Unreachable("board-1", "connection refused")


@pytest.fixture
def no_wait(monkeypatch):
    monkeypatch.setattr("devices.board._LOOK_AGAIN_S", 0.001)


def test_a_reboot_is_proven_by_the_boot_id_and_not_by_an_answer(no_wait):
    shell = ReplayShell(Rebooting(b"old", b"old", GONE, DOWN, b"", DOWN, b"new", reboot=GONE))
    assert AnyBoard("board-1", shell).reboot(timeout_s=5) == "new"


def test_a_reboot_that_does_not_happen_is_a_boot_fault(no_wait):
    with pytest.raises(BootFault, match="still runs boot old"):
        AnyBoard("board-1", ReplayShell(Rebooting(b"old"))).reboot(timeout_s=0.05)


def test_a_board_that_does_not_come_back_is_named_with_what_was_last_seen(no_wait):
    with pytest.raises(Unreachable, match="connection refused"):
        AnyBoard("board-1", ReplayShell(Rebooting(b"old", DOWN, reboot=GONE))).reboot(timeout_s=0.05)


def test_a_refused_reboot_is_a_failed_command():
    refusal = Result("reboot", 1, b"", b"sudo: a password is required")
    with pytest.raises(CommandFailed, match="password"):
        AnyBoard("board-1", ReplayShell(Rebooting(b"old", reboot=refusal))).reboot(timeout_s=0.05)


def test_a_login_refused_while_booting_is_waited_for(no_wait):
    refused = AuthenticationRefused("board-1", "System is booting up")
    shell = ReplayShell(Rebooting(DOWN, refused, b""))
    AnyBoard("board-1", shell).wait_up(timeout_s=5)
    assert len(shell.asked) == 3


def test_nobody_waits_for_a_board_whose_shell_has_been_closed():
    shell = ReplayShell(Rebooting(DOWN, ShellClosed("board-1")))
    with pytest.raises(ShellClosed):
        AnyBoard("board-1", shell).wait_up(timeout_s=60)


def test_waiting_changes_no_host_key():
    shell = ReplayShell(Rebooting(HostKeyMismatch("board-1", "another key")))
    with pytest.raises(HostKeyMismatch):
        AnyBoard("board-1", shell).wait_up(timeout_s=60)
    assert len(shell.asked) == 1
