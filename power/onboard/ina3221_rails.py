"""Where a kernel shows the channels of INA3221 chips, and how the chip averages each.

Averaging takes no time: with each conversion the register moves by 1/N of the way to the new value (TI SBOS576C,
section 7.4.1), which makes a low-pass of first order whose time constant is N passes over the channels.

Two generations: NVIDIA's own driver (L4T up to 32: ``rail_name_N``, channels from 0) and mainline's hwmon (L4T from 34:
``inN_label``, channels from 1). Layouts from public device trees and kernel sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .files import Files, whole_number

_OLD = ("sys/bus/i2c/drivers/ina3221x/*/iio*/rail_name_*", "sys/bus/iio/devices/*/rail_name_*")
_NEW = "sys/class/hwmon/hwmon*/name"
_CHANNELS = 3
"""``in4`` and higher of hwmon are shunts and their sum: no rails."""
_MICRO, _MILLI = 1e-6, 1e-3
_SAMPLES = (1, 4, 16, 64, 128, 256, 512, 1024)
_CONVERSION_S = tuple(us * _MICRO for us in (140, 204, 332, 588, 1100, 2116, 4156, 8244))
"""By the codes in the configuration register (TI SBOS576C)."""
_PASSES_MS = {round(2 * n * one * 1e3) for one in _CONVERSION_S for n in range(1, _CHANNELS + 1)}
"""What mainline can tell as the time of one pass over the channels; both conversions of one take the same there."""
_REGISTER_BYTES = 4
"""A cell of a device tree: big endian, the register in the lower half."""


@dataclass(frozen=True, slots=True)
class Rail:
    """Where one channel's millivolts and milliamperes stand."""

    name: str
    millivolts: str
    milliamps: str
    shunt_ohms: float | None = None
    lag_s: float = 0.0
    """Time constant of the chip's averaging, a low-pass of first order; 0: it does not average, or nobody tells."""
    waits_s: float = 0.0
    """What the kernel may wait for a conversion before it answers."""


def rails(files: Files) -> list[Rail]:
    """Return the rails that the kernel shows, whichever generation it is; raises OSError, and ValueError."""
    if old := next((found for pattern in _OLD if (found := files.glob(pattern))), list[str]()):
        return _of_old(files, old)
    chips = files.glob(_NEW)
    names = _texts(files, chips)
    return [
        rail for path, name in zip(chips, names, strict=True) if name == "ina3221" for rail in _of_chip(files, path)
    ]


def lag_s(register: int) -> float:
    """Return the time constant that a configuration register gives the chip; 0 where it does not average."""
    samples = _SAMPLES[register >> 9 & 7]
    channels = sum(register >> bit & 1 for bit in (12, 13, 14))
    return (
        0.0
        if samples == 1
        else samples * channels * (_CONVERSION_S[register >> 6 & 7] + _CONVERSION_S[register >> 3 & 7])
    )


def _of_old(files: Files, paths: Sequence[str]) -> list[Rail]:
    folders = sorted({path.rpartition("/")[0] for path in paths})
    lags_s = {folder: _lag_s(files, folder) for folder in folders}
    found: list[Rail] = []
    for path, name in zip(paths, _texts(files, paths), strict=True):
        folder, _, n = path.rpartition("/rail_name_")
        volts, amps = f"{folder}/in_voltage{n}_input", f"{folder}/in_current{n}_input"
        found.append(Rail(name, volts, amps, lag_s=lags_s[folder]))
    return found


def _lag_s(files: Files, folder: str) -> float:
    """Return what the device tree sets for a chip that measures all the time; one that is triggered takes points."""
    tree = f"{folder.rpartition('/')[0]}/of_node/ti,continuous-config"
    mode, cell = files.read_all([f"{folder}/running_mode", tree])
    if isinstance(mode, OSError) or isinstance(cell, OSError) or mode.strip() != "1":
        return 0.0
    if len(cell) != _REGISTER_BYTES or not cell.isascii():
        return 0.0
    return lag_s(int.from_bytes(cell.encode(), "big"))


def _of_chip(files: Files, path: str) -> list[Rail]:
    """Return the rails of one chip of hwmon; a channel without a label or a current has nothing wired to it."""
    folder = path.rpartition("/")[0]
    there = set(files.glob(f"{folder}/*"))
    known = [f"{folder}/{file}" for file in ("samples", "update_interval")]
    samples, interval_ms = (_number(files, path) for path in known) if there >= set(known) else (1, 0)
    # since Linux 5.14 the interval is one pass; before it was all samples, and the kernel waited for them
    lag = samples * interval_ms * _MILLI if interval_ms in _PASSES_MS else interval_ms * _MILLI
    found: list[Rail] = []
    for n in range(1, _CHANNELS + 1):
        label, volts, amps, shunt = (f"{folder}/{file}" for file in _files_of(n))
        if {label, volts, amps} <= there:
            name = _texts(files, [label])[0]
            ohms = _number(files, shunt) * _MICRO if shunt in there else None
            found.append(Rail(name, volts, amps, ohms, lag if samples > 1 else 0.0, interval_ms * _MILLI))
    return found


def _files_of(n: int) -> tuple[str, str, str, str]:
    return f"in{n}_label", f"in{n}_input", f"curr{n}_input", f"shunt{n}_resistor"


def _number(files: Files, path: str) -> int:
    return whole_number(f"{_texts(files, [path])[0]}\n")


def _texts(files: Files, paths: Sequence[str]) -> list[str]:
    texts: list[str] = []
    for text in files.read_all(paths) if paths else []:
        if isinstance(text, OSError):
            raise text
        texts.append(text.strip())
    return texts
