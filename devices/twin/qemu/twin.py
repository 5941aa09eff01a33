"""A board as a QEMU machine: what the controller finds at the end of its SSH, console and power cables."""

import logging
import threading
from pathlib import Path
from typing import Literal, get_args

from ..board_twin import TwinAddress
from . import parts
from .identity import Identity
from .images import image
from .machines import ALONE, MACHINES, SLOT, command
from .missing import missing
from .port import reserved_port
from .process import QemuProcess
from .qmp import Qmp, QmpFault
from .ways import WAYS, Way
from .wire import Wire

Fault = Literal["hang", "hang-at-boot", "kernel-panic", "reset", "silent-ssh"]
FAULTS: tuple[str, ...] = get_args(Fault)
_ONCE = {"kernel-panic", "reset"}
"""They happen, and are over; the others last until they are taken back."""

_KERNEL_SPEAKS = b"Linux version"
_SNAPSHOT = "edge-test-farm"
_log = logging.getLogger(__name__)


class QemuTwin:
    """One board. It starts without power, and does nothing until it gets some."""

    def __init__(
        self,
        name: str,
        model: str,
        folder: Path,
        *,
        user: str,
        password: str,
        authorized_key: str,
        serial_number: str,
        seed: int,
        flash: str | None = None,
    ) -> None:
        """Take the folder that will hold its disk; KeyError when there is no machine for the model.

        With ``flash``, one of :data:`WAYS`, it boots from an SD card that can be flashed in that way.
        """
        del seed  # its clock and its noise are those of a real kernel
        self.name = name
        self.root = Path("/")
        """Where the board's file system begins: it has one of its own."""
        self.machine = MACHINES[model]
        self._model = model
        self._folder = folder.resolve()
        self._image = image(self.machine.arch)
        self._identity = Identity.new(
            name, user=user, password=password, authorized_key=authorized_key, serial_number=serial_number
        )
        self._parts: parts.Parts | None = None
        self._flash = flash
        self._way: Way | None = None
        self._port = reserved_port()
        self._faults: set[str] = set()
        self._tail = b""
        self._lock, self._account = threading.RLock(), threading.Lock()
        self._ending = False
        self._run: QemuProcess | None = None
        self._used_ns = 0
        self._kept = False
        self._closed = False
        self._log_file = self._folder / "console.log"
        self._wire = Wire(self._hear)

    def start(self) -> TwinAddress:
        """Make its disk, and the board reachable; power stays off.

        Raises:
            RuntimeError: this machine lacks what it needs, or a program refused.
        """
        flashed = self._flash is not None
        if lacks := missing(self._model, flashed=flashed):
            raise RuntimeError("; ".join(lacks))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._parts = parts.make(self.machine, self._image, self._folder, self._identity, card=flashed)
        if self._flash is not None:
            self._way = WAYS[self._flash](self._folder, f"twin-{self.name}", self._parts.disk, self._move_card)
        leads = {} if self._way is None else self._way.addresses
        return TwinAddress(self._port.getsockname()[1], self._wire.path, self._identity.host_key_public, leads)

    @property
    def powered(self) -> bool:
        """Whether the supply is on; a board that was shut down or hangs still draws."""
        return self._run is not None

    def power(self, on: bool) -> None:
        """Switch the supply. Off ends everything before this returns; on returns while the board boots."""
        with self._lock:
            if on and self._run is None and not self._closed:
                self._run = self._begin()
            elif not on and self._run is not None:
                self._ending = True
                self._run.end()
                self._wire.unplug()
                with self._account:
                    self._used_ns += self._run.cpu_ns()
                    self._run = None

    def cpu_ns(self) -> int:
        """Return the processor time of the emulator since the twin started; it never falls."""
        with self._account:  # not the other lock: meters ask while a machine ends, or does not answer
            return self._used_ns + (self._run.cpu_ns() if self._run is not None else 0)

    def inject(self, fault: str, on: bool = True) -> None:
        """Switch a fault of :data:`FAULTS` on or off.

        Raises:
            ValueError: there is no such fault, or the board is off and it needs one that runs.
        """
        if fault not in FAULTS:
            raise ValueError(f"no fault {fault!r}; there are: {', '.join(FAULTS)}")
        with self._lock:
            (self._faults.add if on else self._faults.discard)(fault)
            if self._run is None:
                if fault in _ONCE and on:
                    self._faults.discard(fault)
                    raise ValueError(f"{fault}: the board is off; it happens to one that runs")
                return
            try:
                self._show(fault, on, self._run)
            except QmpFault as error:
                raise ValueError(f"{fault}: {error}") from error

    def snapshot(self) -> None:
        """Keep the running board as it is now, its memory and its disk, instead of what was kept before.

        Raises:
            ValueError: it is off, or QEMU cannot keep this machine: its words.
        """
        with self._lock:
            if self._run is None:
                raise ValueError("the board is off; only a running one can be kept")
            self._kept = False
            _monitor(self._run.qmp, f"savevm {_SNAPSHOT}")
            self._kept = True

    def restore(self) -> None:
        """Make the board what it was at its snapshot, powered and without faults.

        This is no boot: boot id and the board's clock go on from there. Who was connected is not any more.

        Raises:
            ValueError: there is no snapshot, or QEMU cannot go back: its words.
        """
        with self._lock:
            if not self._kept or self._closed:
                raise ValueError("there is no snapshot of the board")
            self._faults.clear()
            if self._run is None:
                self._run = self._begin()
            try:
                self._run.qmp.execute("set_link", name="net", up=True)  # a pulled cable is no part of a snapshot
            except QmpFault as fault:
                raise ValueError(str(fault)) from fault
            _monitor(self._run.qmp, f"loadvm {_SNAPSHOT}", "cont")

    def close(self) -> None:
        """Power off and give everything back; the folder stays."""
        self.power(on=False)
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._way is not None:
            self._way.close()
        self._wire.close()
        self._port.close()

    def _move_card(self, source: Path, target: Path) -> None:
        """Take the SD card out of its slot, or put it back; a machine that runs sees it go and come."""
        with self._lock:
            try:
                if self._run is not None and self._parts is not None and source == self._parts.disk:
                    self._run.qmp.execute("eject", id=SLOT, force=True)
                source.rename(target)
                if self._run is not None and self._parts is not None and target == self._parts.disk:
                    self._run.qmp.execute("blockdev-change-medium", id=SLOT, filename=str(target), format="raw")
            except QmpFault as fault:
                raise RuntimeError(str(fault)) from fault

    def _show(self, fault: str, on: bool, run: QemuProcess) -> None:
        match fault:
            case "hang" | "hang-at-boot":
                if fault == "hang" or not on:
                    run.qmp.execute("stop" if on else "cont")
            case "silent-ssh":  # the cable is pulled: what is connected stays so, and hears nothing
                run.qmp.execute("set_link", name="net", up=not on)
            case "kernel-panic" if on:  # Break, then c: the kernel's own key for it
                run.qmp.execute("chardev-send-break", id="console")
                self._wire.type(b"c")
            case "reset" if on:  # as by its watchdog: nothing is said, and power stays
                run.qmp.execute("system_reset")
            case _:
                pass
        self._faults -= _ONCE

    def _begin(self) -> QemuProcess:
        if self._parts is None:
            raise RuntimeError(f"{self.name}: was not started")
        line = command(
            self.machine,
            self._image,
            self._parts,
            serial_number=self._identity.serial_number,
            ssh_port=self._port.getsockname()[1],
            netdev=ALONE if self._way is None else self._way.netdev,
        )
        self._tail, self._ending = b"", False
        run = QemuProcess(line, marker=f"BOARD_TWIN={self._folder}", log=self._folder / "qemu.log")
        self._wire.plug(run.console)
        _log.info("%s: QEMU is process %d", self.name, run.pid)
        try:
            if "hang" in self._faults:
                run.qmp.execute("stop")
            if "silent-ssh" in self._faults:
                run.qmp.execute("set_link", name="net", up=False)
        except QmpFault:
            run.end()
            self._wire.unplug()
            raise
        return run

    def _hear(self, data: bytes) -> None:
        """Keep what the board says on its console, and hang when the kernel begins to speak, if told to."""
        if not data and not self._ending:
            _log.error("%s: QEMU has ended by itself; it last said what is in %s", self.name, self._folder / "qemu.log")
        with self._log_file.open("ab") as log:
            log.write(data)
        if "hang-at-boot" not in self._faults:
            return
        seen = self._tail + data
        self._tail = seen[-len(_KERNEL_SPEAKS) + 1 :]
        if _KERNEL_SPEAKS in seen:
            # from a thread of its own: while QEMU waits for us to take its bytes, its monitor does not answer
            threading.Thread(target=self._stop, args=(self._run,), name="twin-hang", daemon=True).start()

    def _stop(self, run: QemuProcess | None) -> None:
        with self._lock:
            if run is not None and self._run is run:
                try:
                    run.qmp.execute("stop")
                except QmpFault as fault:
                    _log.warning("%s: does not hang: %s", self.name, fault)


def _monitor(qmp: Qmp, *lines: str) -> None:
    try:
        for line in lines:
            if refused := qmp.monitor(line).strip():
                raise ValueError(f"QEMU refuses {line}: {refused}")
    except QmpFault as fault:
        raise ValueError(str(fault)) from fault
