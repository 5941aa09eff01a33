"""A GPU's own watts, by its driver's library."""
# ruff: noqa: N802 -- NVML's own names

from typing import Any, ClassVar

import pytest

from power.errors import (
    MeterOffline,
    MissingLibrary,
    UnknownChoice,
    WrongInstrument,
)
from power.meter import Meter
from power.onboard.nvml import NvmlMeter
from power.testing import MeterConformance, Replay

from .onboard_files import Past


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
