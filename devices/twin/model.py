"""What is different about each board model, read from the data files in ``models/``."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

_DATA = files("devices.twin").joinpath("models")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CpuFreq(_Data):
    """Cores that share one clock."""

    cpus: list[int]
    online: bool = True
    min_khz: int
    max_khz: int
    limit_khz: int
    """``scaling_max_freq`` after boot."""
    governor: str
    governors: str


class Heat(_Data):
    """A temperature that follows the CPU load."""

    idle_c: float
    rise_c: float
    """Above idle, when one core is busy for long."""


class Zone(Heat):
    """A thermal zone."""

    type: str


class Sensor(Heat):
    """A file that holds a temperature in thousandths of a degree."""

    path: str


class Rail(_Data):
    """One channel of an INA3221: ``base_watts + share * watts`` of what the board takes at its input."""

    name: str
    chip: str
    """Bus and address, as in ``0-0041``."""
    channel: int
    base_watts: float
    share: float
    volts: float | None = None
    """Absent: those of the input."""


class Model(_Data):
    """One board model as its programs and files show it."""

    hostname: str
    kernel: str
    kernel_version: str
    machine: str
    operating_system: str
    tty: str
    """The serial console's device, as the login prompt names it."""
    issue: str
    memory_kb: int
    services: list[str]
    installed: list[str] = []
    """Packages of the vendor that a fresh image has besides."""
    sysctl: dict[str, str] = {"vm.swappiness": "60"}
    """Settings of the kernel → as it boots with them."""
    extra_stand_ins: list[str]
    cpufreq: list[CpuFreq]
    thermal: list[Zone]
    sensor: list[Sensor] = []
    rail: list[Rail] = []
    throttle: dict[str, tuple[str, str]] = {}
    """Path below the root → content while the board holds itself back, and afterwards."""
    files: dict[str, str]
    """Path below the root → content."""

    def values(self, serial_number: str) -> dict[str, str]:
        """Return what placeholders in boot texts, files and stand-ins stand for."""
        return {
            "@SERIAL@": serial_number,
            "@HOSTNAME@": self.hostname,
            "@KERNEL@": self.kernel,
            "@KERNEL_VERSION@": self.kernel_version,
            "@MACHINE@": self.machine,
            "@OS@": self.operating_system,
        }


def models() -> list[str]:
    """Return the models that have a twin."""
    names = (entry.name for entry in _DATA.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


@cache
def load(model: str) -> Model:
    """Return a model's data; KeyError when there is no twin of it."""
    if model not in models():
        raise KeyError(f"no twin of board model {model!r}; there are: {', '.join(models())}")
    return Model.model_validate(tomllib.loads(_data(f"{model}.toml")))


def boot_text(model: str) -> str:
    """Return what the model prints on its console while it boots, with ``%%`` directives."""
    return _data(f"{model}.boot")


@dataclass(frozen=True, slots=True)
class Package:
    """What the package stand-ins know of one."""

    name: str
    version: str
    state: str
    """``installed`` on every fresh image, or on a ``mirror``."""
    suite: str = "-"
    """The archive that must be among the sources to have it; - for the system's own."""
    rival: str = "-"
    """The package that cannot be there together with it."""


def packages() -> list[Package]:
    """Return all packages that there are."""
    return [Package(*line.split()) for line in _data("packages").splitlines() if not line.startswith("#")]


def fill(text: str, values: dict[str, str]) -> str:
    """Put values in the place of their placeholders."""
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def _data(name: str) -> str:
    return _DATA.joinpath(name).read_text("utf-8")
