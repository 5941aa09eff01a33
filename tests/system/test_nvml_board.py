"""A GPU's own counter, read on another machine by what is sent there: NVIDIA's C interface, played by a library."""

import shutil
import subprocess
from pathlib import Path

import pytest

from power.errors import MeterOffline, UnknownChoice, WrongInstrument
from power.onboard.nvml import NvmlMeter
from power.onboard.reach import Here

if shutil.which("gcc") is None:
    pytest.skip("no gcc here: install gcc", allow_module_level=True)

FAKE = r"""
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <time.h>
typedef struct { unsigned at; } *device;
static struct { unsigned at; } gpus[2] = {{0}, {1}};
static int is(const char *what) { const char *set = getenv("FAKE_NVML"); return set && !strcmp(set, what); }
int nvmlInit_v2(void) { return is("no driver") ? 9 : 0; }
const char *nvmlErrorString(int number) {
    return number == 3 ? "Not Supported" : number == 9 ? "Driver Not Loaded" : "Unknown Error";
}
int nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "550.54.15"); return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *gpu) {
    if (index > 1) return 6;
    *gpu = (device)&gpus[index];
    return 0;
}
int nvmlDeviceGetName(device gpu, char *text, unsigned size) { snprintf(text, size, "NVIDIA TITAN V"); return 0; }
int nvmlDeviceGetUUID(device gpu, char *text, unsigned size) {
    snprintf(text, size, "GPU-0000000%u-2dd3-b4ad-3a54-c6aa0e3a5ff2", gpu->at);
    return 0;
}
int nvmlDeviceGetSerial(device gpu, char *text, unsigned size) {
    if (gpu->at) return 3;
    snprintf(text, size, "0324718012345");
    return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(device gpu, unsigned long long *millijoules) {
    struct timespec now;
    if (is("no counter")) return 3;
    clock_gettime(CLOCK_MONOTONIC, &now);
    *millijoules = 5000000000ULL + 50ULL * (now.tv_sec * 1000ULL + now.tv_nsec / 1000000); /* 50 W, beyond 32 bits */
    return 0;
}
int nvmlDeviceGetPowerUsage(device gpu, unsigned *milliwatts) { *milliwatts = 50123; return 0; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nvml")
    (folder / "fake.c").write_text(FAKE)
    build = ["gcc", "-shared", "-fPIC", "-w", "-o", folder / "libnvidia-ml.so.1", folder / "fake.c"]
    subprocess.run(build, check=True, timeout=60)
    return folder


@pytest.fixture
def machine(library: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with a driver; its programs see it."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    return monkeypatch


def opened(**options: object) -> NvmlMeter:
    return NvmlMeter.open_on("m1", NvmlMeter.Config.model_validate(options), Here())


def test_its_energy_counter_tells_watts_and_who_it_is(machine) -> None:
    with opened(rate_hz=5) as meter:  # a busy machine's 10 ms between counter and clock are 5 % of that period
        identity = meter.identity()
        watts = [float(meter.read().watts[0]) for _ in range(3)]
    assert (identity.model, identity.serial_number) == ("NVIDIA TITAN V (GPU only)", "0324718012345")
    assert identity.firmware == "550.54.15"
    assert watts == pytest.approx([50.0] * 3, rel=0.1)


def test_a_gpu_without_a_serial_number_is_known_by_its_uuid(machine) -> None:
    with opened(gpu="1") as meter:
        assert meter.identity().serial_number == "GPU-00000001-2dd3-b4ad-3a54-c6aa0e3a5ff2"
    with pytest.raises(WrongInstrument, match=r"GPU GPU-00000001-2dd3.* answers, not 7"):
        opened(gpu="1", serial_number="7")


def test_an_older_gpu_tells_its_power_when_asked_for_it(machine) -> None:
    machine.setenv("FAKE_NVML", "no counter")
    with pytest.raises(UnknownChoice, match="does not tell its energy; set source: power"):
        opened()
    with opened(source="power", rate_hz=50) as meter:
        assert meter.read().watts.tolist() == [50.123]


def test_a_machine_without_a_driver_is_offline(machine) -> None:
    machine.setenv("FAKE_NVML", "no driver")
    with pytest.raises(MeterOffline, match="no NVIDIA driver answers: Driver Not Loaded"):
        opened()
    machine.delenv("LD_LIBRARY_PATH")
    with pytest.raises(MeterOffline, match=r"libnvidia-ml\.so\.1: cannot open shared object file"):
        opened()
