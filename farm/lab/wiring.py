"""Which console, meters and switch really belong to a board: its power is pulsed, and all of the lab is watched.

Swapped meters are the classic wrong watt: every figure is plausible, and belongs to the neighbour. So one board at a
time gets power for some seconds while all others are off; what then speaks or draws must be what the inventory says.
"""

import math
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from devices.errors import DeviceError
from power.errors import FrameError, PowerError
from power.registry import load_meter

from ..errors import LabFault, UsageFault
from .bench import Bench, borrow
from .inventory import Lab, MeterEntry
from .own_sensors import lives_on_board
from .paired import open_wired

if TYPE_CHECKING:
    from power.meter import Meter

Progress = Callable[[str], None]

RISE_WATTS = 0.15
"""Assumed: the smallest board draws several times this, the noise of the coarsest meter here is below a third of it."""
_SETTLE_S = 2.0
"""Assumed: capacitors are empty and meters' averages have forgotten the last state."""
_POLL_S = 0.05


@dataclass(slots=True)
class _Heard:
    """What one meter has shown, in watts, with controller times; None while it does not answer."""

    seen: list[tuple[int, float | None]] = field(default_factory=list[tuple[int, float | None]])
    why: str = ""
    """What it last failed with."""

    def failed(self, error: PowerError) -> None:
        """Note that there was no value, and why."""
        self.why = str(error).partition("\n")[0].removeprefix(f"{error.device}: ")
        self.seen.append((time.monotonic_ns(), None))

    def most(self, begin_ns: int, end_ns: int) -> float | None:
        """Return the most watts between two times; None where there was no value."""
        known = [watts for t_ns, watts in self.seen if begin_ns <= t_ns < end_ns and watts is not None]
        return max(known, default=None)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What reacted while one board had power."""

    board: str
    meters: dict[str, float]
    """Those that rose → by how many watts."""
    consoles: list[str]
    """Boards whose console spoke."""
    faults: list[str]
    """What is not as the inventory says; empty when all is."""
    switched: bool = True
    """False: the board has no switch, or it could not be used."""


def verify(
    lab: Lab, boards: Sequence[str], *, state: Path, pulse_s: float = 6.0, progress: Progress = lambda _: None
) -> list[Pulse]:
    """Pulse each board's power in turn, and tell what reacted.

    Args:
        lab: where they are.
        boards: those to pulse; all are lent at once, and must be off.
        state: the farm's folder.
        pulse_s: how long each has power. Too short to write to a disk, long enough for its first console line.
        progress: told what is being done.

    Raises:
        LabFault: a board is on, in use or in quarantine with nobody to answer for it.
        devices.errors.ConsoleFault: a console's port is not there or not free.
        power.errors.SwitchOffline: a switch does not answer, so that nobody knows what is on.
    """
    with ExitStack() as lent:
        reason = "farm lab verify-wiring"
        benches = {
            name: lent.enter_context(borrow(lab, name, state=state, reason=reason, even_quarantined=True))
            for name in dict.fromkeys(boards)
        }
        for name, bench in benches.items():
            if bench.entry.switch is not None and bench.switch.state():
                hint = f"shut it down, then `farm power off {name}`"
                raise LabFault(name, "is on, and must be off before its power is pulsed", hint=hint)
        with _Watch(lab, benches) as watch:
            progress("looking at all meters with everything off")
            _wait(_SETTLE_S)
            return [_pulse(benches, name, watch, pulse_s, progress) for name in benches]


def _pulse(benches: dict[str, Bench], name: str, watch: "_Watch", pulse_s: float, progress: Progress) -> Pulse:
    bench = benches[name]
    if bench.entry.switch is None:
        fault = "has no switch in the inventory, so its wires cannot be told from here"
        return Pulse(name, {}, [], [fault], switched=False)
    progress(f"{name}: power for {pulse_s:g} s")
    spoken_before = _spoken(benches)
    off_ns = time.monotonic_ns()
    before = watch.most(off_ns - int(_SETTLE_S * 1e9), off_ns)
    bench.settings.note_supply()  # whatever ends this, the end of the lease or the next one switches it off
    try:
        with watch.left_alone(bench):
            bench.switch.on()
        _wait(pulse_s)
        consoles = [other for other, spoken in _spoken(benches).items() if spoken > spoken_before[other]]
        during = watch.most(off_ns, time.monotonic_ns())
    except (PowerError, DeviceError) as error:
        return Pulse(name, {}, [], [str(error).partition("\n")[0].removeprefix(f"{name}: ")], switched=False)
    finally:
        with watch.left_alone(bench):
            bench.switch.off()
        _wait(_SETTLE_S)
    rises = {meter: (watts or 0.0) - (before[meter] or 0.0) for meter, watts in during.items()}
    meters = {meter: rise for meter, rise in rises.items() if rise >= RISE_WATTS}
    silent = {meter: why for meter, watts in during.items() if watts is None and (why := watch.why(meter))}
    return Pulse(name, meters, consoles, judge(benches, name, meters, consoles, silent))


def _spoken(benches: dict[str, Bench]) -> dict[str, int]:
    """Return how many bytes each console has said so far."""
    return {name: len(bench.console.log()) for name, bench in benches.items() if bench.entry.console is not None}


def judge(
    benches: dict[str, Bench], name: str, meters: dict[str, float], consoles: Sequence[str], silent: dict[str, str]
) -> list[str]:
    """Return what is not as the inventory says of one board's wires.

    Args:
        benches: all that were watched.
        name: the board that had power.
        meters: those that rose, in watts.
        consoles: of which boards one spoke.
        silent: meters that had no value all the while, and why.
    """
    entry = benches[name].entry
    owners = {meter: other for other, bench in benches.items() for meter in _wired(bench)}
    faults = [
        f"{meter}, the meter of {owners[meter]}, rose by {rise:.2f} W"
        for meter, rise in meters.items()
        if owners[meter] != name
    ]
    faults += [
        f"its meter {meter} gave no value: {silent[meter]}" if meter in silent else f"its meter {meter} did not rise"
        for meter in _wired(benches[name])
        if meter not in meters
    ]
    faults += [f"the console of {other} spoke" for other in consoles if other != name]
    if entry.console is not None and name not in consoles:
        faults.append("its console said nothing")
    if not meters and not consoles:
        return [f"nothing reacted: is {entry.switch} its switch, and is its supply plugged in?"]
    return faults


def _wired(bench: Bench) -> list[str]:
    """Return the board's meters that somebody has put a wire to: its own sensors can be nobody else's."""
    return [name for name in bench.entry.meters if not lives_on_board(bench.inventory.meters[name])]


class _Watch:
    """Reads meters, a thread each, from start to end; one that the rail itself feeds may come and go.

    The meters of a board whose switch one of them proves are open already, and read between two switchings.
    """

    def __init__(self, lab: Lab, benches: Mapping[str, Bench]) -> None:
        self._lab = lab
        self._heard = {meter: _Heard() for bench in benches.values() for meter in _wired(bench)}
        self._proving = {
            name: bench.meter(name).meter
            for bench in benches.values()
            if bench.entry.switch is not None and lab.switches[bench.entry.switch].proof is not None
            for name in _wired(bench)
        }
        self._reading = {name: threading.Lock() for name in self._heard}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(meter, heard), name=f"{meter}: wiring", daemon=True)
            for meter, heard in self._heard.items()
        ]

    def most(self, begin_ns: int, end_ns: int) -> dict[str, float | None]:
        """Return each meter's most watts between two times."""
        return {meter: heard.most(begin_ns, end_ns) for meter, heard in self._heard.items()}

    def why(self, meter: str) -> str:
        """Return what a meter last failed with."""
        return self._heard[meter].why

    @contextmanager
    def left_alone(self, bench: Bench) -> Generator[None]:
        """Read none of a board's meters meanwhile: one of them may have to prove what its switch says."""
        with ExitStack() as held:
            for name in _wired(bench):
                held.enter_context(self._reading[name])
            yield

    def __enter__(self) -> "_Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _read(self, name: str, heard: _Heard) -> None:
        while not self._over.is_set():
            try:
                if (proving := self._proving.get(name)) is not None:
                    self._read_on(proving, heard)
                    continue
                with open_wired(self._lab, name, _open) as meter:
                    self._read_on(meter, heard)
            except PowerError as error:
                heard.failed(error)
                self._over.wait(_POLL_S)
            except UsageFault as fault:  # a secret of its options cannot be read
                heard.why = str(fault)
                return

    def _read_on(self, meter: "Meter", heard: _Heard) -> None:
        while not self._over.wait(_POLL_S):
            try:
                with self._reading[meter.name]:
                    watts = float(meter.read().watts[-1])
            except FrameError as error:
                heard.failed(error)
            else:
                heard.seen.append((time.monotonic_ns(), None if math.isnan(watts) else watts))


def _open(name: str, entry: MeterEntry) -> "Meter":
    return load_meter(entry.driver).open(name, entry.config())


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)
