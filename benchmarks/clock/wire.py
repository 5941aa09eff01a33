"""Boards with clocks of their own, loaded, asked over SSH: real delays, and a truth that is known."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from devices.errors import DeviceError
from devices.ssh import Ssh
from devices.twin.board_twin import BoardTwin, TwinAddress
from devices.twin.clock import BoardClock
from farm.trial.clock import ClockMap, Offset, Probe
from farm.trial.clock_watch import ClockWatch

_USER, _PASSWORD = "farm", "of-a-twin"
_BUSY = "while :; do :; done"
_BUSY_COMMANDS = 2
"""As many as this machine has cores: whoever answers must wait for one."""
_STEP_NS = 10_000_000
_BOOT_S = 60.0


@dataclass(frozen=True, slots=True)
class Truth:
    """A clock that began at a known moment with a known reading, and drifts by a known amount."""

    clock: BoardClock

    def offset_ns(self, board_ns: int) -> int:
        """Return controller minus board when the board's clock shows ``board_ns``."""
        shown_ns = board_ns - self.clock.offset_ns
        return (
            self.clock.boot_ns + shown_ns - shown_ns * self.clock.drift_ppb // (10**9 + self.clock.drift_ppb) - board_ns
        )


@dataclass(frozen=True, slots=True)
class Followed:
    """One board, followed for a while."""

    truth: Truth
    times: ClockMap
    delays_ns: list[tuple[int, int]]
    """Of each question: until the board read its clock, and from then on until the answer was there."""

    def errors_ns(self) -> Iterator[tuple[int, bool]]:
        """Yield how far off the stated offset is, every 10 ms, and whether the truth lay inside the interval."""
        for board_ns in range(self.times.offsets[0].board_ns, self.times.offsets[-1].board_ns, _STEP_NS):
            true_ns = self.truth.offset_ns(board_ns)
            low_ns, high_ns = self.times.interval_ns(board_ns)
            yield abs(self.times.offset_ns(board_ns) - true_ns), low_ns <= true_ns <= high_ns


class _Asking(ClockWatch):
    """Keeps what each single question told, before its neighbours narrowed it."""

    def __init__(self, shell: Ssh, *, every_s: float) -> None:
        super().__init__(shell, every_s=every_s)
        self.told: list[Offset] = []

    def _probe(self, timeout_s: float) -> Probe:
        probe = super()._probe(timeout_s)
        self.told.append(probe.offset)
        return probe


def follow(folder: Path, seed: int, *, seconds: float, every_s: float) -> Followed:
    """Boot a board, load it, and follow its clock for a while."""
    with ExitStack() as stack:
        twin = BoardTwin(
            f"board-{seed}",
            "atom-e3930",
            folder,
            user=_USER,
            password=_PASSWORD,
            authorized_key="",
            serial_number=f"{seed:08d}",
            seed=seed,
        )
        stack.callback(twin.close)
        address = twin.start()
        twin.power(on=True)
        shell = stack.enter_context(_opened(twin.name, address))
        for _ in range(_BUSY_COMMANDS):
            stack.enter_context(shell.stream(_BUSY, timeout_s=600))
        clock = next(folder.rglob("site-packages/clock"))
        truth = Truth(BoardClock(*map(int, clock.read_text(encoding="ascii").split())))
        with _Asking(shell, every_s=every_s) as watch:
            sleep(seconds)
            times = watch.finish()
        delays_ns = [
            (true_ns - told.low_ns, told.high_ns - true_ns)
            for told in watch.told
            if (true_ns := truth.offset_ns(told.board_ns))
        ]
        return Followed(truth, times, delays_ns)


def _opened(name: str, address: TwinAddress) -> Ssh:
    """Return a shell on a board once it is up."""
    shell = Ssh.open(
        name, host="127.0.0.1", port=address.ssh_port, user=_USER, password=_PASSWORD, host_key=address.host_key
    )
    until = monotonic() + _BOOT_S
    while True:
        try:
            shell.run("true")
        except DeviceError:
            if monotonic() > until:
                raise
            sleep(0.2)
        else:
            return shell
