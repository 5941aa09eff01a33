"""sigrok-cli itself, with the demo device of its library: a counterpart that is not ours."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from power.block import Block
from power.errors import MeterOffline
from power.sigrok import Sigrok

if shutil.which("sigrok-cli") is None:
    pytest.skip("no sigrok-cli here: install sigrok-cli", allow_module_level=True)

DEMO = {
    "device": "demo:analog_channels=2:logic_channels=0",
    "config": "samplerate=20",
    "rate_hz": 20,
    "volts_channel": "A0",
    "amps_channel": "A1",
    "amps_per_volt": 0.1,
}


def test_the_demo_devices_square_and_sine_are_volts_and_amps() -> None:
    with Sigrok.open("m1", Sigrok.Config.model_validate(DEMO)) as meter:
        blocks: list[Block] = []
        for block in meter.stream():
            blocks.append(block)
            if len(blocks) == 25:
                break
    block = Block.join(blocks)
    assert set(np.abs(block.volts).tolist()) == {10.0}
    assert np.abs(block.amps).max() == pytest.approx(1.0, rel=1e-3)
    assert np.isfinite(block.watts).all()
    assert (np.diff(block.t_ns) >= 0).all()


def test_a_device_that_is_not_there_is_offline_and_sigroks_words_are_quoted() -> None:
    with pytest.raises(MeterOffline, match="not found"):
        Sigrok.open("m1", Sigrok.Config(device="no-such-driver"))


def test_the_command_prints_its_readings() -> None:
    options = [f"-o{name}={value}" for name, value in DEMO.items() if name != "device"]
    farm = str(Path(sys.executable).with_name("farm"))
    argv = [farm, "meter", "read", "--driver", "sigrok", "--resource", str(DEMO["device"])]
    said = subprocess.run([*argv, *options, "--count", "3", "--json"], check=True, capture_output=True, timeout=60)
    readings = json.loads(said.stdout)["readings"]
    assert [abs(reading["volts"]) for reading in readings] == [10.0] * 3
