"""A model's settings, script by script, on a TX2 twin: saved, changed, put back."""

import re

import pytest

from devices.jetson_tx2 import JetsonTX2
from devices.settings import Setting

GOVERNORS = "sys/devices/system/cpu/cpufreq/policy{}/scaling_governor"
GPU = "sys/devices/17000000.gp10b/devfreq/17000000.gp10b/min_freq"
FAN = "sys/kernel/debug/tegra_fan/target_pwm"


@pytest.fixture
def on_board(up, client):
    """Run a setting's script as the farm does: through a shell of its own."""
    root = str(up[0].root.resolve())

    def run(part, value="", stdin=""):
        script = Setting.script(part, root, value).replace("'", "'\\''")
        return client.run(f"sh -c '{script}'", stdin.encode())

    return run


@pytest.fixture
def read(up):
    return lambda path: (up[0].root / path).read_text().strip()


@pytest.mark.parametrize(
    ("name", "value", "shows"),
    [
        ("governor", "performance", {GOVERNORS.format(0): "performance", GOVERNORS.format(1): "performance"}),
        ("power_mode", "MAXN", {"var/lib/nvpmodel/status": "pmode:0000", "sys/devices/system/cpu/cpu1/online": "1"}),
        ("max_clocks", "max", {GPU: "1120000000", FAN: "255"}),
        ("fan", "128", {FAN: "128"}),
    ],
)
def test_a_setting_changes_the_board_and_is_put_back(on_board, read, name, value, shows):
    setting = JetsonTX2.settings[name]
    before = {path: read(path) for path in shows}
    status, saved, said = on_board(setting.save)
    assert (status, bool(saved)) == (0, True), said
    status, _, said = on_board(setting.change, value)
    assert status == 0, said
    assert {path: read(path) for path in shows} == shows
    status, _, said = on_board(setting.put_back, stdin=saved.decode())
    assert status == 0, said
    assert {path: read(path) for path in shows} == before
    assert on_board(setting.save)[1] == saved


def test_a_power_mode_that_the_board_does_not_know_is_refused_by_name(on_board):
    status, _, said = on_board(JetsonTX2.settings["power_mode"].change, "MAXX")
    assert status == 1
    assert b"no power mode MAXX" in said


@pytest.mark.parametrize(
    ("level", "takes"), [("0", True), ("255", True), ("256", False), ("-1", False), ("9;rm", False)]
)
def test_a_fan_takes_its_own_range_and_nothing_else(level, takes):
    assert bool(re.fullmatch(JetsonTX2.settings["fan"].values, level)) == takes
