"""What is wired to one lent board: console, shell, switch, meters and accelerators, each opened when first used."""

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from devices.registry import load_board
from power.rested import RestedSwitch

from ..errors import LabFault
from ..store.consoles import ConsoleLog
from ..store.record import CalibrationFacts, Made
from . import calibration
from .console_file import ConsoleFile
from .fenced import FencedShell, FencedSwitch
from .identity import identity_fault
from .inventory import BoardEntry, ConsoleEntry, Lab, MeterEntry
from .lease import Lease
from .made import made
from .off_note import OffNote
from .own_sensors import lives_on_board, open_meter
from .paired import open_wired
from .reach import open_console, open_shell
from .secret import reveal
from .supply import open_switch, supply_of

if TYPE_CHECKING:
    from devices.accelerator import Attached
    from devices.board import Board
    from devices.console import Console
    from devices.shell import Shell
    from power.meter import Meter

_log = logging.getLogger(__name__)

_LOGIN_S = 30.0
"""From a login prompt to a shell that answers, assumed; a Pi Zero W needs 3 s."""


@dataclass(frozen=True, slots=True)
class MeterOnRail:
    """An open meter, and what it measures."""

    name: str
    driver: str
    rail: str
    made: Made
    meter: "Meter"
    calibration: CalibrationFacts | None = None
    """By which its readings are corrected."""


class BenchParts:
    """One board and all that is wired to it, in the hands of one lease."""

    def __init__(self, lab: Lab, name: str, state: Path, lease: Lease) -> None:
        """Take the board's entry; nothing is opened yet but the console, whose log must miss nothing."""
        self.lease = lease
        """The right to use it; every switching, deployment and command looks at it first."""
        self.name, self.lab = name, lab.lab
        self.entry: BoardEntry = lab.boards[name]
        self.made: Made = made(self.entry.twin)
        self.inventory, self.state = lab, state
        """Where its entry stands, and the farm's folder."""
        self._proven = False
        """The board has shown to be the right one since its power was last switched from here."""
        self._boot_id: str | None = None
        """As it last told, while it has its power."""
        self._meters: dict[str, MeterOnRail] = {}
        self._open, self._closing = ExitStack(), Lock()
        self._console_file: ConsoleFile | None = None
        try:
            self._console = None if self.entry.console is None else self._open_console(self.entry.console)
        except BaseException:
            self._open.close()
            raise

    def _open_console(self, entry: ConsoleEntry) -> "Console":
        _log.info("%s: listens to the console %s at %d baud", self.name, entry.port, entry.baud)
        file = self._open.enter_context(ConsoleFile(self.inventory.home(self.state), self.lease))
        console = self._open.enter_context(open_console(self.inventory, self.name))
        console.before_write = self.lease.require
        console.copy_to(file.write)
        self._console_file = file
        return console

    @property
    def console(self) -> "Console":
        """The serial console, listened to since the board was lent; UsageFault where the inventory names none."""
        return self._console or open_console(self.inventory, self.name)

    def keep_console(self) -> Path:
        """Keep what the console says, from the lease's beginning on, in a file that outlives the next lease."""
        if self._console_file is None:
            raise self.inventory.fault(("boards", self.name), "has no console; add `console:` if it has one")
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
        """Commands over SSH; connects at the first one, and the first one waits for the proof of the board's identity.

        Raises:
            LeaseLost: the board is no longer ours.
        """
        return FencedShell(self._link, self.lease, self._prove_once, every_command=True)

    @cached_property
    def _link(self) -> "Shell":
        self.lease.require()
        _log.info("%s: is reached by %s", self.name, self.entry.reached)
        link = open_shell(self.inventory, self.name, self.state)
        self._open.callback(link.close)
        return link

    @cached_property
    def board(self) -> "Board":
        """What the board can be asked: whichever it is, so that it can be asked that."""
        return load_board(self.entry.model)(self.name, self._asking, root=self.entry.root)

    @property
    def _asking(self) -> "Shell":
        """The same for questions, which the board may be asked whichever it is."""
        return FencedShell(self._link, self.lease, self._prove_once)

    @property
    def label(self) -> str:
        """The board's name, and what it is made of unless it is a real board: for whatever is printed."""
        return self.name if self.made == "board" else f"{self.name} ({self.made})"

    @property
    def workdir(self) -> str:
        """Where models go on the board."""
        return self.board.path(self.entry.workdir)

    @cached_property
    def switch(self) -> RestedSwitch:
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
        switch = self._open.enter_context(open_switch(self.inventory, self.entry.switch))
        supply = supply_of(self.inventory, self.name, switch, lambda meter: self.meter(meter).meter)
        home = self.inventory.home(self.state)
        return RestedSwitch(FencedSwitch(supply, self.lease), OffNote(home, switch.name))

    @property
    def meters(self) -> dict[str, MeterOnRail]:
        """The meters on its supply, all open, in the inventory's order; raises what :meth:`Meter.open` raises."""
        return {name: self.meter(name) for name in self.entry.meters}

    def meter(self, name: str) -> MeterOnRail:
        """Return one of its meters, open, whatever the others are like; raises what :meth:`Meter.open` raises."""
        if name not in self._meters:
            self._meters[name] = self._open_meter(name, self.inventory.meters[name])
        return self._meters[name]

    def _open_meter(self, name: str, entry: MeterEntry) -> MeterOnRail:
        self.lease.require()
        _log.info("%s: opens the meter %s (%s) on %s", self.name, name, entry.driver, entry.rail)

        def open_one(one: str, its: MeterEntry) -> "Meter":
            return open_meter(one, its, self.entry, lambda: self._asking)

        meter = self._open.enter_context(open_wired(self.inventory, name, open_one))
        of = self.made if lives_on_board(entry) else made(entry.twin)
        return MeterOnRail(name, entry.driver, entry.rail, of, meter, calibration.facts(self.inventory, name))

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
            raise self.inventory.fault(("boards", self.name, "console", "user"), "missing; add `user:`")
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
        return reveal(reference, f"boards.{self.name}.{field}", self.inventory.path)

    def cut_links(self) -> None:
        """Break the links of a board that is known to be gone: nobody waits on them, and the next call tries anew."""
        cut = getattr(self.__dict__.get("_link"), "cut", None)
        if cut is not None:  # other ways to a board than SSH may have none
            cut()

    def hang_up(self) -> None:
        """Close console and shell, so that whoever waits on them stops; the switch stays, to put its supply back."""
        with self._closing:
            for link in (self._console, self.__dict__.get("_link")):
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
