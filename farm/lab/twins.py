"""Twins: the only door of the farm to them.

``up``, ``down``, ``status``, ``inject``, ``snapshot``, ``restore`` and ``truth`` are what the rest of the farm uses.
``python -m farm.lab.twins serve`` is the other side: the bench process of one board, in which a board twin and its
instruments share one supply. All other children of that process are the board's own processes.
"""

import logging
import secrets
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from power.registry import load_switch
from power.twin.servers import TWINS, Twin
from power.twin.truth import PROFILES, Supply

from .control import ControlServer, Request
from .inventory import BoardEntry, Lab, load
from .paired import with_volts
from .process import ProcessId
from .resolved import KEY
from .secret import secret_fields
from .twin_lab import TwinStatus, down, inject, restore, running, snapshot, status, truth, up
from .twin_state import Running, TwinFolder, write_private

if TYPE_CHECKING:
    from devices.twin.board_twin import TwinAddress

__all__ = [
    "TwinStatus",
    "down",
    "flashers",
    "inject",
    "instruments",
    "lacking",
    "profiles",
    "restore",
    "running",
    "snapshot",
    "status",
    "truth",
    "up",
]

_KEEPER_POLL_S = 0.5
_log = logging.getLogger(__name__)


def profiles(kind: Literal["process", "qemu"] = "process") -> set[str]:
    """Return the board models that have a twin of this kind."""
    if kind == "process":
        from devices.twin.model import models

        return PROFILES.keys() & models()
    from devices.twin.qemu.machines import MACHINES

    return MACHINES.keys() & PROFILES.keys()


def lacking(lab: Lab, boards: Iterable[str]) -> list[str]:
    """Return what this machine lacks for the twins of some boards: one line each, with its remedy."""
    from devices.twin.qemu.missing import missing

    entries = [lab.boards[name] for name in boards if lab.boards[name].twin == "qemu"]
    emulated = dict.fromkeys((entry.model, entry.flash is not None) for entry in entries)
    found = dict.fromkeys((model, what) for model, flashed in emulated for what in missing(model, flashed=flashed))
    return [f"a qemu twin of {model}: {what}" for model, what in found]


def flashers(model: str) -> set[str]:
    """Return the ways of flashing that a QEMU twin of the board model has; empty where it has no medium to write."""
    from devices.twin.qemu.machines import MACHINES
    from devices.twin.qemu.ways import WAYS

    return set(WAYS) if model in MACHINES and MACHINES[model].has_slot else set()


def instruments() -> set[str]:
    """Return the meter and switch drivers that have a twin."""
    return set(TWINS)


class TwinBoard(Protocol):
    """What a bench process needs of a board twin, of whatever it is made."""

    root: Path
    """Where the board's file system begins, as its own SSH sees it."""

    @property
    def powered(self) -> bool:
        """Whether the supply is on."""
        ...

    def start(self) -> "TwinAddress":
        """Make it reachable; power stays off."""
        ...

    def power(self, on: bool) -> None:
        """Switch the supply."""
        ...

    def cpu_ns(self) -> int:
        """Return the processor time it has used; it never falls."""
        ...

    def inject(self, fault: str, on: bool = True) -> None:
        """Switch a fault; ValueError when it has none of that name."""
        ...

    def close(self) -> None:
        """Power off and give everything back."""
        ...


@runtime_checkable
class Sensing(Protocol):
    """What a board twin offers beside that when it has sensors on its own input."""

    def sense(self, volts: Callable[[], float], watts: Callable[[float], float]) -> None:
        """Let them see what flows there now."""
        ...


@runtime_checkable
class Restorable(Protocol):
    """What a board twin offers beside that when its running state can be kept."""

    def snapshot(self) -> None:
        """Keep it; ValueError when that cannot be."""
        ...

    def restore(self) -> None:
        """Go back to it; ValueError when nothing was kept."""
        ...


class TwinBench:
    """One board twin with its meters and its switch, on one supply. Powered off at first."""

    def __init__(self, lab: Lab, board: str, folder: TwinFolder, *, seed: int) -> None:
        """Build it; nothing listens before :meth:`start`."""
        self._folder = folder
        self.name = board
        entry = lab.boards[board]
        self.board = _board_twin(board, entry, folder, seed)
        self.supply = Supply(PROFILES[entry.model], powered=lambda: self.board.powered, cpu_ns=self.board.cpu_ns)
        if isinstance(self.board, Sensing):
            self.board.sense(lambda: self.supply.volts, self.supply.recent_watts)
        self.devices: dict[str, Twin] = {
            name: TWINS[meter.driver](name, meter.options, self.supply, set_power=None, seed=seed)
            for name in with_volts(lab, entry.meters)
            for meter in [lab.meters[name]]
            if meter.twin is not None  # else it is a sensor of the board
        }
        if entry.switch is not None:
            switch = lab.switches[entry.switch]
            self.devices[entry.switch] = TWINS[switch.driver](
                entry.switch, _options(lab, entry.switch), self.supply, set_power=self.board.power, seed=seed
            )
        self._open = ExitStack()
        self._faults: list[str] = []
        self.stopped = threading.Event()

    def start(self) -> Running:
        """Open every server and note where they are; what was opened is closed by :meth:`close`, even after half."""
        self.supply.start()
        self._open.callback(self.supply.close)
        self._open.callback(self.board.close)
        address = self.board.start()
        devices: dict[str, dict[str, str]] = {}
        for name, twin in self.devices.items():
            devices[name] = twin.start()
            self._open.callback(twin.close)
        control = ControlServer(secrets.token_urlsafe(24), self._answer)
        self._open.callback(control.close)
        console, root = str(address.console_path), str(self.board.root.resolve())
        return Running(control.door, address.ssh_port, console, address.host_key, root, devices, address.flash)

    def close(self) -> None:
        """Close every server and end the board's processes."""
        self._open.close()

    def _answer(self, request: Request) -> Any:  # noqa: ANN401 -- any JSON value
        operations: dict[str, Callable[..., Any]] = {
            "status": self._status,
            "fault": self._inject,
            "truth": self._truth,
            "snapshot": self._snapshot,
            "restore": self._restore,
            "stop": self.stopped.set,
        }
        op = request.pop("op", "")
        if op not in operations:
            raise ValueError(f"no operation {op!r}")
        return operations[op](**request)

    def _status(self) -> dict[str, Any]:
        return {"powered": self.board.powered, "faults": self._faults}

    def _inject(self, target: str, fault: str, on: bool) -> None:
        twin = self.board if target == self.name else self.devices[target]
        twin.inject(fault, on)
        note = f"{target}: {fault}"
        self._faults = [other for other in self._faults if other != note] + [note] * on

    def _snapshot(self, target: str) -> None:
        self._restorable(target).snapshot()

    def _restore(self, target: str) -> None:
        self._restorable(target).restore()
        self._faults = [note for note in self._faults if not note.startswith(f"{self.name}: ")]

    def _restorable(self, target: str) -> Restorable:
        if target != self.name or not isinstance(self.board, Restorable):
            raise ValueError("only a QEMU twin of a board can be kept and restored")
        return self.board

    def _truth(self, target: str, start_ns: int, end_ns: int) -> float:
        del target  # board and meters are on one supply
        return self.supply.truth(start_ns, end_ns)


def _options(lab: Lab, switch: str) -> dict[str, Any]:
    """Return a switch's options without its secrets: this process may not be able to read them, and takes any."""
    entry = lab.switches[switch]
    secrets = secret_fields(load_switch(entry.driver).Config)
    return {name: value for name, value in entry.options.items() if name not in secrets}


def _board_twin(name: str, entry: BoardEntry, folder: TwinFolder, seed: int) -> TwinBoard:
    if entry.ssh is None:
        raise ValueError(f"{name}: a twin without `ssh:`, which no inventory may have")
    password = secrets.token_urlsafe(12)
    write_private(folder.password, password + "\n")
    key = (folder.path.parent / KEY).with_suffix(".pub").read_text(encoding="utf-8").strip()
    return _kind(entry)(
        name,
        entry.model,
        folder.board_folder,
        user=entry.ssh.user,
        password=password,
        authorized_key=key,
        serial_number=entry.serial_number or f"TWIN{seed:08X}",
        seed=seed,
    )


def _kind(entry: BoardEntry) -> Callable[..., TwinBoard]:
    if entry.twin == "qemu":
        from devices.twin.qemu.twin import QemuTwin

        return partial(QemuTwin, flash=entry.flash.driver if entry.flash else None)
    from devices.twin.board_twin import BoardTwin  # an SSH server: not needed to know which twins there are
    from devices.twin.hanging import Hanging

    hanging = [Hanging(one.kind, one.link, one.port) for one in entry.accelerators]
    return partial(BoardTwin, accelerators=hanging)


def serve(args: Namespace) -> None:
    """Be the bench process of one board until told to stop, or until the keeper is gone."""
    keeper = ProcessId(args.keeper, args.keeper_started) if args.keeper else None
    seed = secrets.randbits(32) if args.seed is None else args.seed
    _log.info("board %s, seed %d", args.board, seed)
    folder = TwinFolder(args.folder)
    bench = TwinBench(load(args.source), args.board, folder, seed=seed)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        bench.stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        folder.note_running(bench.start())
        while not bench.stopped.wait(_KEEPER_POLL_S):
            if keeper is not None and not keeper.alive:
                _log.info("the keeper, process %d, is gone", keeper.pid)
                break
    finally:
        bench.close()
    folder.forget()  # an end in order; who died leaves its notes, and is told by them


def main() -> int:
    """Run ``serve``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("paramiko").setLevel(logging.WARNING)
    parser = ArgumentParser("farm.lab.twins")
    commands = parser.add_subparsers(required=True)
    arguments = commands.add_parser("serve", help="be the bench process of one board")
    arguments.add_argument("--source", type=Path, required=True)
    arguments.add_argument("--board", required=True)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--keeper", type=int)
    arguments.add_argument("--keeper-started", type=int)
    arguments.add_argument("--seed", type=int)
    serve(parser.parse_args())
    return 0


if __name__ == "__main__":
    sys.exit(main())
