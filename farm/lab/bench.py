"""The bench: one board with all that is wired to it, lent to one user at a time, brought up and switched off."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from devices.errors import BootFault, ConnectionLost, DeadlineExceeded, DeviceError, Unreachable
from power.polling import again
from power.switch import cycle

from ..errors import LabFault
from ..store.database import Store
from ..store.record import BootFacts
from .bench_parts import BenchParts, MeterOnRail
from .inventory import Lab
from .lease import Lease, Leases, Progress, Wanted
from .proven_off import Off, Watts, prove_off
from .restore import Settings
from .twin_lab import twin_fault

if TYPE_CHECKING:
    from devices.boot import BootReport

__all__ = ["Bench", "MeterOnRail", "borrow", "borrow_any"]

_log = logging.getLogger(__name__)

_ANSWER_S = 8.0
"""A board that is up answers within this, assumed; the Pi Zero W needs 3 s for a login over Wi-Fi."""
_SSH_S = 60.0
"""From the login prompt to an SSH server that answers, assumed: on the Pi Zero W, Wi-Fi comes up in between."""
_LOOK_S = 5.0
"""Assumed: a board that never lost its power answers within this."""

Heed = Callable[[str], object]
"""Called again and again while a board is brought up, with how far it has come in words; what it raises ends that."""


def _to_the_end(_: str) -> None:
    pass


@contextmanager
def borrow(
    lab: Lab,
    board: str,
    *,
    state: Path = Path(".farm"),
    wait_s: float = 0.0,
    reason: str = "",
    even_quarantined: bool = False,
) -> Generator["Bench"]:
    """Lend one board's bench, to nobody else at the same time; its parts open when first used.

    Args:
        lab: where it is.
        board: its name.
        state: the farm's folder.
        wait_s: how long to stand in the line.
        reason: what for: others see it.
        even_quarantined: to repair or to check it; nothing that is measured on such a board counts.

    Raises:
        UsageFault: the lab has no such board.
        LabFault: it is in quarantine; or in use, and still is after ``wait_s``; or a twin whose process has ended.
        LeaseLost: it was taken away meanwhile: all that was open on it is closed.
    """
    with Leases.open(lab, state) as leases:
        wanted = Wanted(boards=(board,))
        with leases.use(wanted, wait_s=wait_s, reason=reason, even_quarantined=even_quarantined) as lease:
            yield from _lend(lab, state, lease)


@contextmanager
def borrow_any(
    lab: Lab,
    wanted: Wanted,
    *,
    state: Path = Path(".farm"),
    wait_s: float = 0.0,
    reason: str = "",
    progress: Progress | None = None,
    heed: Callable[[], object] | None = None,
) -> Generator["Bench"]:
    """Lend the bench of a board that is what is wanted, the least worn one first; as :func:`borrow`.

    Args:
        lab: where to look.
        wanted: what the board must be.
        state: the farm's folder.
        wait_s: how long to stand in the line.
        reason: what for: others see it.
        progress: told the place in the line and who has the boards, whenever that changes.
        heed: called again and again while it waits; what it raises ends the wait.

    Raises:
        UsageFault: no board of the lab could ever be it.
        LabFault: all are in use, and still are after ``wait_s``, or all are in quarantine.
        LeaseLost: as :func:`borrow`.
    """
    with (
        Leases.open(lab, state) as leases,
        leases.use(wanted, wait_s=wait_s, reason=reason, progress=progress, heed=heed) as lease,
    ):
        yield from _lend(lab, state, lease)


def _lend(lab: Lab, state: Path, lease: Lease) -> Generator["Bench"]:
    if lab.boards[lease.board].twin and (fault := twin_fault(lease.board, lab.twins_home(state))):
        raise fault
    _log.info("%s: is lent, lease %d", lease.board, lease.token)
    with Bench(lab, lease.board, state, lease) as bench:
        lease.when_lost(bench.close)
        with bench.settings.undone_at_the_end():
            yield bench
        if bench.last_record is not None and bench.entry.console is not None:
            with Store.open(lab.database(state)) as store:
                store.console_until_release(bench.last_record, bench.console_log())


class Bench(BenchParts):
    """One board and all that is wired to it, and its power. Use :func:`borrow`, which keeps others away."""

    def __init__(self, lab: Lab, name: str, state: Path, lease: Lease) -> None:
        """Take the board's entry; nothing is opened yet but the console."""
        super().__init__(lab, name, state, lease)
        self._boot_before: str | None = None
        """Of the boot that the last power cycle ended, where it is known."""
        self.boot: BootFacts | None = None
        """The boot that the board is on, if it was watched from here."""
        self.last_record: str | None = None
        """The newest record that was kept of it: its console log goes on to the release."""
        self.settings = Settings(self, lab, state)
        """What is set through it is as it was once the board is given back."""

    @property
    def boot_timeout_s(self) -> float:
        """From power on to a login, at worst: the inventory's word, else the model's."""
        return self.entry.boot_timeout_s or self.board.boot_timeout_s

    def ensure_up(self, heed: Heed = _to_the_end) -> None:
        """See that the board is on, booted and the right one; as :meth:`power_on`."""
        self.power_on(heed=heed)

    def power_on(self, *, ssh_s: float = _SSH_S, heed: Heed = _to_the_end) -> "BootReport | None":
        """Bring the board up: switch it on, or cycle its power when it is on and does not answer.

        Args:
            ssh_s: how long it may take from its login prompt until it answers over SSH.
            heed: what may end the wait, which looks at it every 5 s at least, a switch's minimum off time left out.

        Returns:
            How it booted, without stages for a board without a console; None when it was up already.

        Raises:
            devices.errors.BootFault: it did not boot; stage and fault are named.
            devices.errors.WrongBoard: another board than the inventory's answers.
            devices.errors.AcceleratorFault: one is missing, or on another link than it must have.
            devices.errors.DeviceError, power.errors.PowerError: the link, the console, the switch.
        """
        if self.entry.switch is not None and not self.switch.state():
            return self._boot(ssh_s, heed)
        try:
            self._wait_up(_ANSWER_S, heed, "without an answer over SSH")
        except (ConnectionLost, Unreachable, DeadlineExceeded):
            if self.entry.switch is None:
                raise
            return self._boot(ssh_s, heed)
        self.prove_identity()
        self.accelerators()
        self.settings.undo_what_was_left()
        return None

    def power_cycle(self, heed: Heed = _to_the_end) -> "BootReport":
        """Switch off, wait the switch's minimum off time, switch on, and wait for the boot; as :meth:`power_on`."""
        if self.switch.state():
            with suppress(DeviceError):  # it may well hang: then what was last known has to do
                self._boot_id = self.board.boot_id(timeout_s=_LOOK_S) or self._boot_id
        return self._boot(heed=heed)

    def power_off(self) -> Off:
        """Switch the supply off, and return what proves it beside the switch's own word.

        Raises:
            LabFault: the switch says off, and a meter reads power or the console answers.
            power.errors.PowerError: the switch, or the meter of its ``proof:``.
        """
        self.switch.off()
        return self.prove_off()

    def prove_off(self) -> Off:
        """Return what proves that the board is off, whose switch says so; raises as :meth:`power_off`."""
        watts = {name: self._watts_of(name) for name in self.entry.meters}
        off = prove_off(self.inventory, self.name, watts, self._console)
        _log.info("%s: %s", self.name, off)
        return off

    def _watts_of(self, meter: str) -> Watts:
        return lambda: float(again(self.meter(meter).meter.read).watts[-1])

    def _boot(self, ssh_s: float = _SSH_S, heed: Heed = _to_the_end) -> "BootReport":
        heed("before its power was switched")
        return self.booted_since(self.restart(), ssh_s=ssh_s, heed=heed)

    def restart(self) -> int:
        """Switch on, after the minimum off time where it is on; return when, monotonic (ns). Waits for no boot."""
        self.boot, self._proven, self._boot_before, self._boot_id = None, False, self._boot_id, None
        if self.switch.state():
            return cycle(self.switch)
        self.settings.note_supply()
        self.switch.rest()
        on_ns = time.monotonic_ns()
        self.switch.on()
        return on_ns

    def booted_since(self, on_ns: int, *, ssh_s: float = _SSH_S, heed: Heed = _to_the_end) -> "BootReport":
        """Wait for the boot that began at ``on_ns`` (monotonic); as :meth:`power_on`."""
        try:
            report = self._watch_boot(on_ns, ssh_s, heed)
        except BootFault as fault:
            self._refuse_the_old_boot()
            if self.entry.switch is not None:
                fault.add_note(f"  or once more: `farm power cycle {self.name}`")
            raise
        up_s = (time.monotonic_ns() - on_ns) / 1e9
        reached_s = {str(stage): s for stage, s in report.reached_s.items()}
        stages = ", ".join(f"{stage} {s:.1f} s" for stage, s in reached_s.items()) or "unseen"
        _log.info("%s: booted: %s; takes commands after %.1f s", self.name, stages, up_s)
        self.boot = BootFacts(start_ns=on_ns, reached_s=reached_s, up_s=up_s)
        self.prove_identity()
        self._refuse_the_old_boot()
        self.accelerators()
        self.settings.undo_what_was_left()
        return report

    def _refuse_the_old_boot(self) -> None:
        """A power cycle is proven by another boot id: a board that kept its power is told from one that hangs."""
        if self._boot_before is None:
            return
        now = self._boot_id
        with suppress(DeviceError):
            now = now or self.board.boot_id(timeout_s=_LOOK_S)
        if now == self._boot_before:
            hint = (
                "is its switch another board's (`farm lab verify-wiring`)? Is it fed by USB, UART, HDMI or a battery?"
            )
            raise LabFault(self.name, f"was switched off and on, and still runs boot {now}", hint=hint)

    def _watch_boot(self, on_ns: int, ssh_s: float, heed: Heed) -> "BootReport":
        """Wait for login and first command; without a console for the command alone, for longer."""
        boot_s = self.boot_timeout_s
        if self._console is None:
            from devices.boot import BootReport

            self._wait_up(boot_s + ssh_s, heed, "without an answer over SSH since it was switched on")
            return BootReport(stages=[], reached_s={}, faults=[], resets=0, stalled=False)
        report = self._console.wait_boot(timeout_s=boot_s, since=on_ns, heed=heed)
        _log.info("%s: has come to its login, and has %g s to answer over SSH", self.name, ssh_s)
        self._wait_up(ssh_s, heed, "at its login prompt, without an answer over SSH")
        return report

    def _wait_up(self, timeout_s: float, heed: Heed, where: str) -> None:
        self.board.wait_up(timeout_s=timeout_s, heed=lambda: heed(where))
