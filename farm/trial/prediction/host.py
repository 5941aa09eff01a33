"""What this machine is: processor, cores, clock, instructions. It is only looked at, and nothing is set."""

import gzip
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_VECTOR = ("avx", "amx", "fma", "f16c", "bmi", "vaes", "vpclmulqdq", "gfni")
"""How the names of instructions begin that kernels of inference libraries look for."""
_SLOWEST_TICK_S = 0.01
"""Linux counts 100, 250, 300 or 1000 ticks a second; where it does not say, the longest."""
_SPIN_S = 0.1
"""A governor needs some 10 ms to bring an idle core to speed (assumed: ten times that is enough)."""


@dataclass(frozen=True, slots=True)
class Host:
    """This machine."""

    name: str
    """The processor's."""
    architecture: str
    cores: tuple[int, ...]
    """Numbers of those that this process may use."""
    clock_hz: float | None
    clock_source: str
    flags: frozenset[str]
    tick_s: float

    def more_than(self, flags: frozenset[str]) -> list[str]:
        """Return the vector instructions that it has and a board with these has not."""
        return sorted(flag for flag in self.flags - flags if flag.startswith(_VECTOR))


def look(root: Path = Path("/")) -> Host:
    """Return what Linux says; one core is kept busy for a moment, so that its clock is the one under load."""
    cores = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()
    _spin()
    facts = processors(_text(root / "proc/cpuinfo"))
    first = facts.get(cores[0] if cores else 0, {})
    clock_hz, source = _clock(root, cores[0] if cores else 0, first)
    return Host(
        first.get("model name", platform.processor() or "unknown"),
        platform.machine(),
        cores,
        clock_hz,
        source + (", in a virtual machine: what its host gives it is not known" if _virtual(first) else ""),
        frozenset(first.get("flags", "").split()),
        tick_s(root),
    )


def processors(cpuinfo: str) -> dict[int, dict[str, str]]:
    """Return what ``/proc/cpuinfo`` says of each processor."""
    found: dict[int, dict[str, str]] = {}
    for block in cpuinfo.split("\n\n"):
        pairs = [line.partition(":") for line in block.splitlines() if ":" in line]
        facts = {name.strip(): value.strip() for name, _, value in pairs}
        if facts.get("processor", "").isdigit():
            found[int(facts["processor"])] = facts
    return found


def tick_s(root: Path = Path("/")) -> float:
    """Return the time between two ticks of the kernel, by its configuration."""
    packed = root / "proc/config.gz"
    try:
        text = gzip.decompress(packed.read_bytes()).decode("ascii", "replace")
    except (OSError, gzip.BadGzipFile, EOFError):
        text = _text(root / "boot" / f"config-{platform.release()}")
    rates = [line.removeprefix("CONFIG_HZ=") for line in text.splitlines() if line.startswith("CONFIG_HZ=")]
    return 1 / int(rates[0]) if rates and rates[0].isdigit() and int(rates[0]) else _SLOWEST_TICK_S


def _spin() -> None:
    until_ns = time.monotonic_ns() + int(_SPIN_S * 1e9)
    while time.monotonic_ns() < until_ns:
        pass


def _clock(root: Path, core: int, facts: Mapping[str, str]) -> tuple[float | None, str]:
    now = _text(root / f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq").strip()
    if now.isdigit():
        return int(now) * 1e3, f"cpufreq of core {core} under load"
    try:
        return float(facts["cpu MHz"]) * 1e6, "/proc/cpuinfo under load"
    except (KeyError, ValueError):
        return None, "not told"


def _virtual(facts: Mapping[str, str]) -> bool:
    return "hypervisor" in facts.get("flags", "").split()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
