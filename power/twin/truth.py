"""A twin's supply rail: watts from the board's processor time, and the exact joules that flowed."""

import threading
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class PowerProfile:
    """How many watts a model of board takes at its input.

    ``watts = idle + (peak - idle) * min(1, factor * share)``, where the share is processor seconds of
    the board's processes per second: 1 is one processor of this machine fully busy.
    """

    volts: float
    idle_watts: float
    peak_watts: float
    factor: float
    standby_watts: float = 0.0
    """Taken while the board is off."""

    def watts(self, share: float) -> float:
        """Return the input power at this processor share."""
        return self.idle_watts + (self.peak_watts - self.idle_watts) * min(1.0, self.factor * share)


# All factors are assumed: large enough that a small net at a few frames a second shows on a meter,
# and below 1 / 0.6, so that 30 % and 60 % of a processor are still told apart.
PROFILES = {
    # 19 V barrel jack of the developer kit; 7 W to 15 W as shipped (maker's power modes MAXQ and MAXP).
    "jetson-tx2": PowerProfile(volts=19.0, idle_watts=7.0, peak_watts=15.0, factor=1.5),
    # 5 V barrel jack of the developer kit; 5 W and 10 W are its power modes, idle is assumed.
    "jetson-nano": PowerProfile(volts=5.0, idle_watts=1.5, peak_watts=10.0, factor=1.5),
    # USB 5 V. The Pi Zero W idles near 0.12 A (published measurements); the bonnet's 0.3 W at rest is
    # assumed. Peak: 1.2 W of the Pi (assumed) and 1 W of the MA2450 (maker: under 1 W).
    "pi-zero-aiy": PowerProfile(volts=5.0, idle_watts=0.9, peak_watts=2.2, factor=1.6),
    # 12 V input of a pico-ITX board with an Atom x5-E3930: 7 W to 15 W (board makers' data).
    "atom-e3930": PowerProfile(volts=12.0, idle_watts=7.0, peak_watts=15.0, factor=1.4),
    # USB-C 5 V. Idle and processor peak are assumed; the Edge TPU adds 2 W (maker: 0.5 W per TOPS, 4 TOPS).
    "coral-dev": PowerProfile(volts=5.0, idle_watts=2.8, peak_watts=7.3, factor=1.5),
}
"""Board model → its profile."""

_TICK_S = 0.02
"""How long watts stay constant, unless a meter looks in between. Half the shortest aperture of a twin meter."""

_HISTORY_TICKS = 600_000
"""At most 160 ticks/s with the fastest meter and the board's own sensors looking in: an hour, and half of that just
after trimming."""


class Supply:
    """One board's input, in watts that are constant between ticks: so the integral is exact at any moment.

    A tick happens every 20 ms from a thread of its own once :meth:`start` was called, and
    whenever somebody asks about a moment after the last one. Safe to use from several threads.
    Times are ``time.monotonic_ns``; before the supply was made, nothing flowed.
    """

    def __init__(self, profile: PowerProfile, *, powered: Callable[[], bool], cpu_ns: Callable[[], int]) -> None:
        """Watch a board.

        Args:
            profile: of the board's model.
            powered: whether the board's power is on now.
            cpu_ns: processor time the board's processes have used so far; never falls.
        """
        self.profile = profile
        self.set_volts = profile.volts
        """What the rail's supply is set to: the board's own, until a supply's twin is told otherwise."""
        self._powered, self._cpu_ns = powered, cpu_ns
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._last_cpu_ns = cpu_ns()
        self._t_ns = array("q", [time.monotonic_ns()])
        self._joules = array("d", [0.0])

    @property
    def on(self) -> bool:
        """Whether the rail is switched on."""
        return self._powered()

    @property
    def volts(self) -> float:
        """Volts on the rail now: constant under load, 0 when off."""
        return self.set_volts if self._powered() else 0.0

    def start(self) -> None:
        """Tick from now on. May be called twice."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="twin supply", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop ticking; what was recorded stays. May be called twice."""
        self._closing.set()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def __enter__(self) -> Self:
        """Start ticking."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop ticking."""
        self.close()

    def joules(self, t_ns: int) -> float:
        """Return the joules that had flowed at a moment.

        Raises:
            ValueError: the moment has not come yet, or is no longer remembered (more than half an hour ago).
        """
        with self._lock:
            if t_ns > self._t_ns[-1]:
                self._tick()
            return self._at(t_ns)

    def truth(self, start_ns: int, end_ns: int) -> float:
        """Return the joules that flowed between two moments; raises as :meth:`joules`."""
        return self.joules(end_ns) - self.joules(start_ns)

    def mean_watts(self, start_ns: int, end_ns: int) -> float:
        """Return the mean power between two moments; raises as :meth:`joules`."""
        return self.truth(start_ns, end_ns) * 1e9 / (end_ns - start_ns)

    def recent_watts(self, seconds: float) -> float:
        """Return the mean power over the last seconds: what a sensor on the board shows that averages as long."""
        now_ns = time.monotonic_ns()
        return self.mean_watts(now_ns - int(seconds * 1e9), now_ns)

    def _run(self) -> None:
        while not self._closing.wait(_TICK_S):
            with self._lock:
                self._tick()

    def _tick(self) -> None:
        """Extend the history to now. Call with the lock held."""
        cpu_ns, now_ns = self._cpu_ns(), time.monotonic_ns()
        span_ns = now_ns - self._t_ns[-1]
        if span_ns <= 0:
            return
        share = max(0, cpu_ns - self._last_cpu_ns) / span_ns
        watts = self.profile.watts(share) if self._powered() else self.profile.standby_watts
        self._last_cpu_ns = cpu_ns
        self._t_ns.append(now_ns)
        self._joules.append(self._joules[-1] + watts * span_ns * 1e-9)
        if len(self._t_ns) > _HISTORY_TICKS:
            half = _HISTORY_TICKS // 2
            del self._t_ns[:half], self._joules[:half]

    def _at(self, t_ns: int) -> float:
        """Interpolate the running sum. Call with the lock held."""
        times, joules = self._t_ns, self._joules
        if t_ns > times[-1]:
            raise ValueError(f"the supply's history ends {(t_ns - times[-1]) / 1e9:.3f} s before that moment")
        if t_ns < times[0]:
            if joules[0] == 0.0:
                return 0.0
            raise ValueError(f"the supply's history begins {(times[0] - t_ns) / 1e9:.3f} s after that moment")
        before = bisect_right(times, t_ns) - 1
        if times[before] == t_ns:
            return joules[before]
        part = (t_ns - times[before]) / (times[before + 1] - times[before])
        return joules[before] + (joules[before + 1] - joules[before]) * part
