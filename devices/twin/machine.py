"""The life of a board between power on and power off: boot, run, restart, halt, panic."""

import queue
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko

from . import boot_script, tree
from .boot_script import Pause, Point, Print, Step
from .clock import BoardClock
from .console import Console
from .faults import Faults
from .model import Model
from .processes import PowerLost, Processes
from .rails import Rails
from .sensors import Sensors
from .software import Software
from .ssh_server import SshServer
from .uart import Uart

_POWER_UP_S = 0.1  # until firmware prints: a real one takes longer, and everybody would wait
_LATE_S = 0.1  # from the login prompt to the kernel's last lines, and on to SSH; assumed
_SHUTDOWN_S = 0.4  # from the request until connections break; assumed
_GRACE_S = 0.2  # from SIGTERM to SIGKILL; systemd's 90 s would only make tests slow
_STOPPING = """\
         Stopping OpenBSD Secure Shell server...
[  OK  ] Stopped OpenBSD Secure Shell server.
[  OK  ] Reached target Shutdown.
"""
_LAST_WORDS = {
    "reboot": "[ 1204.811402] reboot: Restarting system\n",
    "poweroff": "[ 1204.811402] reboot: Power down\n",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a board is made of."""

    root: Path
    model: Model
    boot_text: str
    uart: Uart
    console: Console
    ssh: SshServer
    processes: Processes
    sensors: Sensors
    rails: Rails
    software: Software
    faults: Faults


class Life:
    """One thread from power on to power off."""

    def __init__(self, parts: Parts, *, clock: Callable[[], BoardClock], host_key: Callable[[], paramiko.PKey]) -> None:
        self._parts, self._clock, self._host_key = parts, clock, host_key
        self._wishes: queue.SimpleQueue[str] = queue.SimpleQueue()
        parts.uart.power(on=True)
        self._thread = threading.Thread(target=self._live, name="twin-life", daemon=True)
        self._thread.start()

    def wish(self, what: str) -> None:
        """Ask for ``reboot``, ``poweroff`` or ``panic``; taken up once the board is up."""
        self._wishes.put(what)

    def end(self) -> None:
        """Take the power away: nothing gets a chance to say goodbye."""
        parts = self._parts
        parts.uart.power(on=False)
        parts.ssh.silence(on=True)  # else a shell could still tell how its command ended
        self._wishes.put("power lost")
        for _ in range(2):  # the second time for what a boot had just started
            parts.console.shut()
            parts.processes.kill_all()
            parts.ssh.shut()
            self._thread.join()
            parts.sensors.stop()
            parts.rails.stop()
        parts.console.join()
        parts.ssh.silence(on="silent-ssh" in parts.faults)

    def _live(self) -> None:
        while self._boot():
            wish = self._wishes.get()
            if wish == "panic":
                self._panic()
            if wish not in _LAST_WORDS:
                return
            self._shut_down(wish)
            if wish != "reboot":
                return

    def _boot(self) -> bool:
        """Return False when the board never came up."""
        parts = self._parts
        if not self._wait(_POWER_UP_S):
            return False
        key = self._host_key()
        clock = self._clock()
        tree.boot(parts.root, parts.model)
        parts.software.set_clock(clock)
        tree.write_atomically(parts.root / "proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")
        tree.write_atomically(parts.root / "run/dmesg", boot_script.kernel_lines(parts.boot_text))
        steps = boot_script.parse(parts.boot_text)
        for step in steps:
            if step == Point("late"):
                break
            if not self._take(step):
                return False
        parts.processes.allow()
        parts.sensors.start(clock)
        parts.rails.start()
        self._restore_power_mode()
        parts.console.open()
        if not self._wait(_LATE_S) or not all(self._take(step) for step in steps):
            return False
        parts.ssh.open(key)
        return not parts.uart.dead.is_set()

    def _take(self, step: Step) -> bool:
        uart, faults = self._parts.uart, self._parts.faults
        match step:
            case Print(data):
                return uart.write(data)
            case Pause(seconds):
                return self._wait(seconds)
            case Point("hang"):
                return "hang-at-boot" not in faults
            case Point("panic") if "kernel-panic" in faults:
                uart.write(boot_script.panic(self._parts.model, up=False))
                return False
            case Point():
                return True

    def _restore_power_mode(self) -> None:
        parts = self._parts
        if "nvpmodel" in parts.model.extra_stand_ins:
            with suppress(PowerLost):
                environment, home = parts.software.environment(), parts.software.home
                restored = parts.processes.spawn(["/bin/sh", "-c", "nvpmodel --restore"], env=environment, cwd=home)
                restored.ended.wait()

    def _shut_down(self, wish: str) -> None:
        """Go down in order. The command that asked has its answer, and SSH a moment in which it still answers."""
        parts = self._parts
        self._wait(_SHUTDOWN_S)
        parts.console.shut()
        parts.uart.write(boot_script.as_lines(_STOPPING))
        parts.processes.terminate_all()
        parts.ssh.shut()
        self._wait(_GRACE_S)
        parts.processes.kill_all()
        parts.console.join()
        parts.sensors.stop()
        parts.rails.stop()
        parts.uart.write(boot_script.as_lines(_LAST_WORDS[wish]))

    def _panic(self) -> None:
        """The kernel is dead: connections stay, and nothing answers any more."""
        parts = self._parts
        parts.console.shut()
        parts.ssh.silence(on=True)
        parts.processes.kill_all()
        parts.sensors.stop()
        parts.rails.stop()
        parts.uart.write(boot_script.panic(parts.model, up=True))

    def _wait(self, seconds: float) -> bool:
        return not self._parts.uart.dead.wait(seconds)
