"""The board's INA3221 chips: what its rails take of the true watts at its input, in the files of both kernel drivers.

A real board has one of the two drivers; a reader prefers the older one's, and finds the same figures in the other's.
Bus volts come in steps of 8 mV and shunt volts in steps of 40 µV (TI SBOS576C), here over 10 mΩ, as on the TX2's
module. Each figure has gone through the chip's averaging, a low-pass of first order. Numbers of devices change from
boot to boot, as they do there.
"""

import math
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .model import Rail

Watts = Callable[[float], float]
"""Returns the mean over so many of the last seconds."""

_REGISTER = 0x7607  # three channels, 64 samples, 140 µs a conversion, all the time; assumed of NVIDIA's device tree
_PASS_S = 3 * 2 * 140e-6
_LAG_S = 64 * _PASS_S
_PERIOD_S = 0.02  # the twin's true watts change no faster
_BUS_STEP_MV = 8
_SHUNT_OHMS = 0.01
_AMPS_STEP_MA = 4  # 40 µV over the shunt
_OLD, _NEW = "sys/bus/i2c/drivers/ina3221x", "sys/class/hwmon"
_MOST_DEVICES = 9  # numbers are one digit


class Rails:
    """Keeps the files of a model's rails fresh, fifty times a second; without a supply there are none."""

    def __init__(self, root: Path, rails: list[Rail], *, seed: int) -> None:
        self._root, self._rails = root, rails
        self._chance = random.Random(seed)  # noqa: S311 -- numbers of devices
        self._volts: Callable[[], float] | None = None
        self._watts: Watts | None = None
        self._input_watts = 0.0
        self._written: dict[Path, int] = {}
        self._folders: dict[str, tuple[Path, Path]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def sense(self, volts: Callable[[], float], watts: Watts) -> None:
        """Take what tells volts and watts at the board's input now; before :meth:`start`."""
        self._volts, self._watts = volts, watts

    def start(self) -> None:
        """Make the files of this boot, then keep them fresh until :meth:`stop`."""
        if self._watts is None or self._volts is None or not self._rails:
            return
        self._stop.clear()
        self._number_devices()
        self._refresh(self._volts, self._watts, None)
        self._thread = threading.Thread(
            target=self._run, args=(self._volts, self._watts), name="twin-rails", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Leave the files as they are."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, volts: Callable[[], float], watts: Watts) -> None:
        last_ns = time.monotonic_ns()
        while not self._stop.wait(_PERIOD_S):
            now_ns = time.monotonic_ns()
            self._refresh(volts, watts, (now_ns - last_ns) / 1e9)
            last_ns = now_ns

    def _number_devices(self) -> None:
        self._written.clear()
        shutil.rmtree(self._root / _OLD, ignore_errors=True)
        for _, hwmon in self._folders.values():
            shutil.rmtree(hwmon, ignore_errors=True)
        chips = sorted({rail.chip for rail in self._rails})
        numbers = self._chance.sample(range(1, _MOST_DEVICES + 1), len(chips))
        for chip, number in zip(chips, numbers, strict=True):
            old, new = self._root / _OLD / chip / f"iio:device{number}", self._root / _NEW / f"hwmon{number}"
            self._folders[chip] = old, new
            for folder in (old, new):
                folder.mkdir(parents=True, exist_ok=True)
            (new / "name").write_text("ina3221\n")
            (new / "samples").write_text("64\n")
            (new / "update_interval").write_text(f"{round(_PASS_S * 1e3)}\n")
            (old / "running_mode").write_text("1\n")
            (tree := old.parent / "of_node").mkdir()
            (tree / "ti,continuous-config").write_bytes(_REGISTER.to_bytes(4, "big"))
        for rail in self._rails:
            old, new = self._folders[rail.chip]
            (old / f"rail_name_{rail.channel}").write_text(f"{rail.name}\n")
            (new / f"in{rail.channel + 1}_label").write_text(f"{rail.name}\n")
            (new / f"shunt{rail.channel + 1}_resistor").write_text(f"{round(_SHUNT_OHMS * 1e6)}\n")

    def _refresh(self, volts: Callable[[], float], watts: Watts, since_s: float | None) -> None:
        now_watts = watts(_PERIOD_S if since_s is None else since_s)
        weight = 1.0 if since_s is None else -math.expm1(-since_s / _LAG_S)
        self._input_watts += weight * (now_watts - self._input_watts)
        input_volts, input_watts = volts(), self._input_watts
        for rail in self._rails:
            rail_volts = input_volts if rail.volts is None else rail.volts
            rail_watts = max(0.0, rail.base_watts + rail.share * input_watts)
            millivolts = _stepped(rail_volts * 1e3, _BUS_STEP_MV)
            milliamps = _stepped(rail_watts / rail_volts * 1e3, _AMPS_STEP_MA) if rail_volts else 0
            self._show(rail, millivolts, milliamps)

    def _show(self, rail: Rail, millivolts: int, milliamps: int) -> None:
        old, new = self._folders[rail.chip]
        n, from_one = rail.channel, rail.channel + 1
        self._write(old / f"in_voltage{n}_input", millivolts)
        self._write(old / f"in_current{n}_input", milliamps)
        self._write(old / f"in_power{n}_input", round(millivolts * milliamps / 1e3))
        self._write(new / f"in{from_one}_input", millivolts)
        self._write(new / f"curr{from_one}_input", milliamps)

    def _write(self, path: Path, number: int) -> None:
        """Replace a file whose number has changed: who has it open reads the old one to its end."""
        if self._written.get(path) == number:
            return
        beside = path.with_name(f".{path.name}.new")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.write(file, b"%d\n" % number)
        finally:
            os.close(file)
        beside.rename(path)
        self._written[path] = number


def _stepped(value: float, step: int) -> int:
    return round(value / step) * step
