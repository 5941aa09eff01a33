"""What changes in the board's files while it runs: temperatures, clocks, load, memory, uptime."""

import math
import random
import threading
import time
from pathlib import Path

from .clock import BoardClock
from .model import CpuFreq, Model
from .proc import Proc
from .processes import Processes
from .tree import write_atomically

_PERIOD_S = 1.0  # assumed: as fast as anything polls
_HEAT_TIME_S = 20.0  # assumed time constant of a heat-sinked board
_NOISE_C = 0.15  # assumed
_LOAD_TIME_S = 60.0  # of load1: sched(7), loadavg
_FREE_AT_IDLE, _FREE_WHEN_LOW = 0.7, 0.02  # shares of the memory; assumed
_BUSY_SHARE = 0.1  # at which the governors raise the clock; assumed
_FULL_CLOCK = ("performance",)
_SLOW_CLOCK = ("powersave",)


class Sensors:
    """Refreshes the files once a second from the board's CPU time."""

    def __init__(self, root: Path, model: Model, processes: Processes, *, seed: int) -> None:
        self._root, self._model, self._processes = root, model, processes
        self._proc = Proc(root, cores=sum(len(cluster.cpus) for cluster in model.cpufreq if cluster.online))
        self._free = _FREE_AT_IDLE
        self._chance = random.Random(seed)  # noqa: S311 -- noise, not secrets
        self._heat = self._load1 = 0.0
        self._written: dict[Path, str] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, clock: BoardClock) -> None:
        """Write everything once, then keep it fresh until :meth:`stop`."""
        self._written.clear()
        self._load1 = 0.0
        self._stop.clear()
        self._proc.write(clock.monotonic_ns(), *self._processes.usage())
        self._refresh(clock, share=0.0, seconds=_PERIOD_S)
        self._thread = threading.Thread(target=self._run, args=(clock,), name="twin-sensors", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the files as they are."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def other_load(self, on: bool) -> None:
        """Let somebody else take processors, as far as the board's files tell; nothing really runs."""
        self._proc.others = on

    def low_memory(self, on: bool) -> None:
        """Let something take nearly all memory, as far as the board's files tell."""
        self._free = _FREE_WHEN_LOW if on else _FREE_AT_IDLE

    def _run(self, clock: BoardClock) -> None:
        last_ns, last_cpu_ns = time.monotonic_ns(), self._processes.cpu_ns()
        while not self._stop.wait(_PERIOD_S):
            cpu_ns, by_process = self._processes.usage()
            now_ns = time.monotonic_ns()
            elapsed_ns = now_ns - last_ns
            self._proc.write(clock.monotonic_ns(), cpu_ns, by_process)
            self._refresh(clock, share=(cpu_ns - last_cpu_ns) / elapsed_ns, seconds=elapsed_ns / 1e9)
            last_ns, last_cpu_ns = now_ns, cpu_ns

    def _refresh(self, clock: BoardClock, *, share: float, seconds: float) -> None:
        model = self._model
        self._heat += (min(1.0, share) - self._heat) * -math.expm1(-seconds / _HEAT_TIME_S)
        self._load1 += (share - self._load1) * -math.expm1(-seconds / _LOAD_TIME_S)
        uptime_s = clock.monotonic_ns() / 1e9
        self._write("proc/uptime", f"{uptime_s:.2f} {uptime_s * 0.9:.2f}")
        self._write("proc/loadavg", f"{self._load1:.2f} {self._load1:.2f} {self._load1:.2f} 1/120 1000")
        available_kb = int(model.memory_kb * self._free)
        memory = {"MemTotal": model.memory_kb, "MemFree": available_kb * 3 // 4, "MemAvailable": available_kb}
        self._write("proc/meminfo", "\n".join(f"{key + ':':<15} {kb:>8} kB" for key, kb in memory.items()))
        for number, zone in enumerate(model.thermal):
            noise = self._noise_c() if zone.rise_c else 0.0
            celsius = zone.idle_c + zone.rise_c * self._heat + noise
            self._write(f"sys/class/thermal/thermal_zone{number}/temp", f"{round(celsius * 2) * 500}")
        for sensor in model.sensor:
            celsius = sensor.idle_c + sensor.rise_c * self._heat + self._noise_c()
            self._write(sensor.path, f"{round(celsius * 1000)}")
        for number, cluster in enumerate(model.cpufreq):
            folder = f"sys/devices/system/cpu/cpufreq/policy{number}"
            self._write(f"{folder}/scaling_cur_freq", f"{self._khz(folder, cluster, share)}")

    def _noise_c(self) -> float:
        return self._chance.uniform(-_NOISE_C, _NOISE_C)

    def _khz(self, folder: str, cluster: CpuFreq, share: float) -> int:
        low, high = self._read(f"{folder}/scaling_min_freq"), self._read(f"{folder}/scaling_max_freq")
        low, high = int(low or cluster.min_khz), int(high or cluster.max_khz)
        governor = self._read(f"{folder}/scaling_governor")
        if governor in _FULL_CLOCK or (governor not in _SLOW_CLOCK and share > _BUSY_SHARE):
            return high
        return low

    def _read(self, path: str) -> str:
        try:
            return (self._root / path).read_text().strip()
        except OSError:  # somebody on the board removed it
            return ""

    def _write(self, path: str, text: str) -> None:
        target = self._root / path
        if self._written.get(target) != text:
            write_atomically(target, text + "\n")
            self._written[target] = text
