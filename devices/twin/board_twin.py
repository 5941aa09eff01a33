"""A board as a process twin: what the controller finds at the end of its SSH, console and power cables."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from . import tree
from .clock import BoardClock, boot_clock, crystal
from .console import Console
from .disturbance import Disturbance
from .faults import Faults
from .getty import Login
from .hanging import Hanging, attach
from .machine import Life, Parts
from .model import boot_text, fill, load
from .processes import Processes
from .rails import Rails, Watts
from .requests import Requests
from .sensors import Sensors
from .software import Software
from .ssh_job import Place
from .ssh_server import SshServer, host_key
from .ssh_session import Access
from .uart import Uart


@dataclass(frozen=True, slots=True)
class TwinAddress:
    """How the board is reached."""

    ssh_port: int
    """On 127.0.0.1."""
    console_path: str
    host_key: str
    """``ssh-ed25519 AAAA…``, as it was when the twin started."""
    flash: dict[str, str] = field(default_factory=dict[str, str])
    """Options of its way of flashing that lead to it; empty where it has no medium."""


class BoardTwin:
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
        accelerators: Sequence[Hanging] = (),
    ) -> None:
        """Take the folder that will hold everything; KeyError when there is no twin of the model."""
        self.name = name
        folder = folder.resolve()
        self.root = folder / "root"
        self._chance = random.Random(seed)  # noqa: S311 -- a reproducible lab, not secrets
        self._drift_ppb = crystal(self._chance)
        self._faults = Faults()
        self._lock = threading.RLock()
        self._life: Life | None = None
        self._supplied = False
        self._requests: Requests | None = None
        self._closed = False
        data = load(model)
        software = Software(folder, self.root, data, user=user, serial_number=serial_number)
        self.root.mkdir(parents=True, exist_ok=True)
        tree.build(self.root, data, user=user, authorized_key=authorized_key, serial_number=serial_number)
        attach(self.root, accelerators)
        self._disturbance = Disturbance(self.root, data)
        self._uart = Uart(seed)
        self._processes = Processes(software.marker, folder)
        login = Login(f"{data.issue} {data.hostname} {data.tty}", data.hostname, user, password)
        access = Access(user, password, software.home / ".ssh/authorized_keys")
        self._parts = Parts(
            root=self.root,
            model=data,
            boot_text=fill(boot_text(model), data.values(serial_number)),
            uart=self._uart,
            console=Console(self._uart, self._processes, software, login),
            ssh=SshServer(access, Place(self._processes, software, self._faults), self.root),
            processes=self._processes,
            sensors=Sensors(self.root, data, self._processes, seed=seed),
            rails=Rails(self.root, data.rail, seed=seed),
            software=software,
            faults=self._faults,
        )

    def start(self) -> TwinAddress:
        """Make the board reachable; power stays off."""
        self._parts.software.install()
        self._requests = Requests(self._parts.software.request, self._asked)
        key = self._host_key()
        return TwinAddress(self._parts.ssh.port, self._uart.path, f"{key.get_name()} {key.get_base64()}")

    @property
    def powered(self) -> bool:
        """Whether the supply is on; a board that was shut down or hangs still draws."""
        return self._supplied

    def power(self, on: bool) -> None:
        """Switch the supply. Off ends everything before this returns; on returns while the board boots.

        A board that is ``back-powered`` lives on without its supply.
        """
        with self._lock:
            self._supplied = on and not self._closed
            if self._supplied and self._life is None:
                self._life = self._new_life()
            elif not self._supplied and self._life is not None and "back-powered" not in self._faults:
                life, self._life = self._life, None
                life.end()

    def sense(self, volts: Callable[[], float], watts: Watts) -> None:
        """Let the board's own sensors see its input from the next boot on."""
        self._parts.rails.sense(volts, watts)

    def cpu_ns(self) -> int:
        """Return the CPU time of the board's processes since the twin started; it never falls."""
        return self._processes.cpu_ns()

    def inject(self, fault: str, on: bool = True) -> None:
        """Switch a fault of :data:`FAULTS` on or off.

        Raises:
            ValueError: there is no such fault, or not on this machine.
        """
        with self._lock:
            if fault == "no-python":
                self._parts.software.be_small(on)  # first: this machine may lack what that takes
            self._faults.set(fault, on)
            match fault:
                case "drop-ssh" if on:
                    self._parts.ssh.cut()
                case "stalled-ssh" if on:
                    self._parts.ssh.stall()
                case "reset" if on and self._life is not None:
                    self._life.end()
                    self._life = self._new_life()
                case "silent-ssh":
                    self._parts.ssh.silence(on=on)
                case "full-disk":
                    self._parts.software.fill_disk(on)
                case "garbage-console":
                    self._uart.garbage = on
                    self._parts.console.wake()
                case "kernel-panic" if on and self._life is not None:
                    self._life.wish("panic")
                case "back-powered":
                    self.power(on=self._supplied)
                case "throttled":
                    self._disturbance.throttle(on)
                case "other-governor":
                    self._disturbance.governor(on)
                case "slow-usb":
                    self._disturbance.usb(on)
                case "other-load":
                    self._parts.sensors.other_load(on)
                case "low-memory":
                    self._parts.sensors.low_memory(on)
                case _:
                    pass

    def close(self) -> None:
        """Power off and give everything back; the folder stays."""
        self._faults.set("back-powered", False)
        self.power(on=False)
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._requests is not None:
            self._requests.close()
        self._parts.ssh.close()
        self._parts.console.close()
        self._uart.close()
        self._processes.close()

    def _asked(self, wish: str) -> None:
        if (life := self._life) is not None:
            life.wish(wish)

    def _new_life(self) -> Life:
        return Life(self._parts, clock=self._boot_clock, host_key=self._host_key)

    def _boot_clock(self) -> BoardClock:
        return boot_clock(self._chance, self._drift_ppb)

    def _host_key(self) -> paramiko.PKey:
        return host_key(self.root / "etc/ssh/ssh_host_ed25519_key", renew=self._faults.take("new-host-key"))
