"""The bench: one board with its console, its power switch and its meters, lent to one user at a time."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from devices.errors import BootFault, ConnectionLost, DeadlineExceeded, DeviceError, Unreachable
from devices.registry import load_board
from power.registry import load_meter
from power.rested import RestedSwitch
from power.switch import cycle

from ..errors import LabFault, UsageFault
from ..store.consoles import ConsoleLog
from ..store.database import Store
from ..store.record import BootFacts, Made
from .console_file import ConsoleFile
from .fenced import FencedShell, FencedSwitch
from .identity import identity_fault
from .inventory import BoardEntry, ConsoleEntry, Lab, MeterEntry
from .lease import Lease, Leases, Progress, Wanted
from .made import made
from .reach import open_console, open_shell
from .restore import Settings
from .secret import reveal
from .supply import open_switch, supply_of
from .twin_lab import twin_fault

if TYPE_CHECKING:
    from devices.accelerator import Attached
    from devices.board import Board
    from devices.boot import BootReport
    from devices.console import Console
    from devices.shell import Shell
    from power.meter import Meter
    from power.switch import Supply

_log = logging.getLogger(__name__)

_ANSWER_S = 8.0
"""A board that is up answers within this, assumed; the Pi Zero W needs 3 s for a login over Wi-Fi."""
_SSH_S = 60.0
"""From the login prompt to an SSH server that answers, assumed: on the Pi Zero W, Wi-Fi comes up in between."""
_LOGIN_S = 30.0
_LOOK_S = 5.0
"""Assumed: a board that never lost its power answers within this."""


@dataclass(frozen=True, slots=True)
class MeterOnRail:
    """An open meter, and what it measures."""

    name: str
    driver: str
    rail: str
    made: Made
    meter: "Meter"


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


class Bench:
    """One board and all that is wired to it. Use :func:`borrow`, which keeps others away."""

    def __init__(self, lab: Lab, name: str, state: Path, lease: Lease) -> None:
        """Take the board's entry; nothing is opened yet but the console, whose log must miss nothing."""
        self.lease = lease
        """The right to use it; every switching, deployment and command looks at it first."""
        self.name, self.lab = name, lab.lab
        self.entry: BoardEntry = lab.boards[name]
        self.made: Made = made(self.entry.twin)
        self._inventory, self._state = lab, state
        self.inventory, self.state = lab, state
        """Where its entry stands, and the farm's folder."""
        self._proven = False
        """The board has shown to be the right one since its power was last switched from here."""
        self._boot_id: str | None = None
        self._boot_before: str | None = None
        """Of the boot that the last power cycle ended, where it is known."""
        self.boot: BootFacts | None = None
        """The boot that the board is on, if it was watched from here."""
        self.last_record: str | None = None
        """The newest record that was kept of it: its console log goes on to the release."""
        self.settings = Settings(self, lab, state)
        """What is set through it is as it was once the board is given back."""
        self._open, self._closing = ExitStack(), Lock()
        self._console_file: ConsoleFile | None = None
        try:
            self._console = None if self.entry.console is None else self._open_console(self.entry.console)
        except BaseException:
            self._open.close()
            raise

    def _open_console(self, entry: ConsoleEntry) -> "Console":
        _log.info("%s: listens to the console %s at %d baud", self.name, entry.port, entry.baud)
        file = self._open.enter_context(ConsoleFile(self._inventory.home(self._state), self.lease))
        console = self._open.enter_context(open_console(self._inventory, self.name))
        console.before_write = self.lease.require
        console.copy_to(file.write)
        self._console_file = file
        return console

    @property
    def console(self) -> "Console":
        """The serial console, listened to since the board was lent; UsageFault where the inventory names none."""
        return self._console or open_console(self._inventory, self.name)

    def keep_console(self) -> Path:
        """Keep what the console says, from the lease's beginning on, in a file that outlives the next lease."""
        if self._console_file is None:
            raise UsageFault(
                f"{self._inventory.path}: boards.{self.name}: has no console; add `console:` if it has one"
            )
        return self._console_file.keep()

    def console_log(self) -> ConsoleLog:
        """Return everything that the console has said since the board was lent; nothing for a board without one."""
        if self._console is None:
            return ConsoleLog()
        data, lines = self._console.log(), self._console.lines()  # in this order: of each line in the log there is one
        ended = lines[: data.count(b"\n")]
        return ConsoleLog(data, [line.t_ns for line in ended], ended[0].utc if ended else None)

    @cached_property
    def shell(self) -> "Shell":
        """Commands over SSH; connects at the first one.

        Raises:
            LeaseLost: the board is no longer ours.
        """
        self.lease.require()
        _log.info("%s: is reached by %s", self.name, self.entry.reached)
        shell = open_shell(self._inventory, self.name, self._state)
        self._open.callback(shell.close)
        return FencedShell(shell, self.lease, self._prove_once)

    @cached_property
    def board(self) -> "Board":
        """What the board can be asked."""
        return load_board(self.entry.model)(self.name, self.shell, root=self.entry.root)

    @property
    def boot_timeout_s(self) -> float:
        """From power on to a login, at worst: the inventory's word, else the model's."""
        return self.entry.boot_timeout_s or self.board.boot_timeout_s

    @property
    def label(self) -> str:
        """The board's name, and what it is made of unless it is a real board: for whatever is printed."""
        return self.name if self.made == "board" else f"{self.name} ({self.made})"

    @property
    def workdir(self) -> str:
        """Where models go on the board."""
        return self.board.path(self.entry.workdir)

    @cached_property
    def switch(self) -> "Supply":
        """The power switch on its supply; on and off only while the lease is held, by the database's word.

        Raises:
            LabFault: the inventory names none.
            UsageFault: a secret of its options cannot be read.
            power.errors.SwitchOffline: it does not answer.
        """
        if self.entry.switch is None:
            hint = "switch it by hand, or give it a `switch:` in the inventory"
            raise LabFault(self.name, "has no power switch", hint=hint)
        self.lease.require()
        switch = self._open.enter_context(open_switch(self._inventory, self.entry.switch))
        supply = supply_of(self._inventory, self.name, switch, lambda meter: self.meters[meter].meter)
        return RestedSwitch(FencedSwitch(supply, self.lease))

    @cached_property
    def meters(self) -> dict[str, MeterOnRail]:
        """The meters on its supply, all open, in the inventory's order; raises what :meth:`Meter.open` raises."""
        return {name: self._open_meter(name, self._inventory.meters[name]) for name in self.entry.meters}

    def _open_meter(self, name: str, entry: MeterEntry) -> MeterOnRail:
        self.lease.require()
        _log.info("%s: opens the meter %s (%s) on %s", self.name, name, entry.driver, entry.rail)
        meter = self._open.enter_context(load_meter(entry.driver).open(name, entry.config()))
        return MeterOnRail(name, entry.driver, entry.rail, made(entry.twin), meter)

    def ensure_up(self) -> None:
        """See that the board is on, booted and the right one; raises as :meth:`power_on`."""
        self.power_on()

    def power_on(self) -> "BootReport | None":
        """Bring the board up: switch it on, or cycle its power when it is on and does not answer.

        Returns:
            How it booted, without stages for a board without a console; None when it was up already.

        Raises:
            devices.errors.BootFault: it did not boot; stage and fault are named.
            devices.errors.WrongBoard: another board than the inventory's answers.
            devices.errors.AcceleratorFault: one is missing, or on another link than it must have.
            devices.errors.DeviceError, power.errors.PowerError: the link, the console, the switch.
        """
        if self.entry.switch is not None and not self.switch.state():
            return self._boot()
        try:
            self.board.wait_up(timeout_s=_ANSWER_S)
        except (ConnectionLost, Unreachable, DeadlineExceeded):
            if self.entry.switch is None:
                raise
            return self._boot()
        self.prove_identity()
        self.accelerators()
        self.settings.undo_what_was_left()
        return None

    def power_cycle(self) -> "BootReport":
        """Switch off, wait the switch's minimum off time, switch on, and wait for the boot; as :meth:`power_on`."""
        if self.switch.state():
            with suppress(DeviceError):  # it may well hang: then what was last known has to do
                self._boot_id = self.board.boot_id(timeout_s=_LOOK_S) or self._boot_id
        return self._boot()

    def power_off(self) -> None:
        """Switch the supply off, confirmed by the switch, and by the console where no meter proves it.

        Raises:
            LabFault: the switch says off, and the board still answers on its console.
            power.errors.PowerError: the switch, or the meter that proves it.
        """
        from .alive import lives_on  # consoles: not needed by who only asks a switch

        self.switch.off()
        name = self.switch.name
        if self._console is not None and self._inventory.switches[name].proof is None and lives_on(self._console):
            hint = (
                f"is it fed through its UART, HDMI or USB port, or is {name} another board's? "
                f"`farm lab verify-wiring` tells which"
            )
            raise LabFault(self.name, f"its switch {name} says off, and its console still answers", hint=hint)

    def _boot(self) -> "BootReport":
        return self.booted_since(self.restart())

    def restart(self) -> int:
        """Switch on, after the minimum off time where it is on; return when, monotonic (ns). Waits for no boot."""
        self.boot, self._proven, self._boot_before, self._boot_id = None, False, self._boot_id, None
        if self.switch.state():
            return cycle(self.switch)
        self.settings.note_supply()
        on_ns = time.monotonic_ns()
        self.switch.on()
        return on_ns

    def booted_since(self, on_ns: int) -> "BootReport":
        """Wait for the boot that began at ``on_ns`` (monotonic); raises as :meth:`power_on`."""
        try:
            report = self._watch_boot(on_ns)
        except BootFault:
            self._refuse_the_old_boot()
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

    def _watch_boot(self, on_ns: int) -> "BootReport":
        """Wait for login and first command; without a console for the command alone, for longer."""
        boot_s = self.boot_timeout_s
        if self._console is None:
            from devices.boot import BootReport

            self.board.wait_up(timeout_s=boot_s + _SSH_S)
            return BootReport(stages=[], reached_s={}, faults=[], resets=0, stalled=False)
        report = self._console.wait_boot(timeout_s=boot_s, since=on_ns)
        self.board.wait_up(timeout_s=_SSH_S)
        return report

    def accelerators(self) -> "list[Attached]":
        """Return the accelerators that the inventory names, as they are attached now; one round trip, none for none.

        Raises:
            devices.errors.AcceleratorFault: one is missing, or on another link than it must have.
        """
        entries = self.entry.accelerators
        if not entries:
            return []
        from devices.accelerator import Wanted, attached, check  # few boards have any

        wanted = [Wanted(entry.kind, entry.link, entry.port) for entry in entries]
        return check(self.name, wanted, attached(self.board))

    def login(self) -> None:
        """Log in on the console; a shell that is there already will do.

        Raises:
            UsageFault: the inventory names no user, or its password cannot be read.
            devices.errors.ConsoleFault: the console does not answer, or refuses the login.
        """
        entry = self.entry.console
        if entry is None or entry.user is None:
            raise UsageFault(f"{self._inventory.path}: boards.{self.name}.console.user: missing; add `user:`")
        password = "" if entry.password is None else self._secret(entry.password, "console.password")
        self.console.login(entry.user, password, timeout_s=_LOGIN_S)

    def prove_identity(self, board: "Board | None" = None) -> None:
        """Check that the board at the end of the wires is the one in the inventory.

        Args:
            board: the same board reached another way, such as over its console; else over :attr:`shell`.

        Raises:
            devices.errors.WrongBoard: it is another, or does not tell.
        """
        found = (board or self.board).identity()
        if (wrong := identity_fault(self.entry, self.name, found)) is not None:
            raise wrong
        self._boot_id = found.boot_id
        if board is None:  # whoever answers to its address over SSH is proven for himself
            self._proven = True
        _log.info("%s: serial number %s, boot %s", self.name, found.serial_number or "not told", found.boot_id)

    def _prove_once(self) -> None:
        """Prove the identity before the first change, where bringing the board up has not done so."""
        if not self._proven:
            self.prove_identity()

    def _secret(self, reference: str, field: str) -> str:
        return reveal(reference, f"boards.{self.name}.{field}", self._inventory.path)

    def hang_up(self) -> None:
        """Close console and shell, so that whoever waits on them stops; the switch stays, to put its supply back."""
        with self._closing:
            for link in (self._console, self.__dict__.get("shell")):
                if link is not None:
                    link.close()

    def close(self) -> None:
        """Close all that was opened; the board stays as it is. May be called twice, and from another thread."""
        with self._closing:
            self._open.close()

    def __enter__(self) -> Self:
        """Return the bench itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all that was opened."""
        self.close()
