"""What any board can be asked, whatever its model."""

import re
import time
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from shlex import quote
from typing import ClassVar

from .errors import (
    AuthenticationRefused,
    BootFault,
    CommandFailed,
    ConnectionLost,
    DeadlineExceeded,
    DeviceError,
    ShellClosed,
    Unreachable,
)
from .facts import IDENTITY, STATE, WALL, WATCHED, integer, number, parse, places, script, starting
from .settings import GOVERNOR, Setting
from .shell import Shell

_NO_SERIAL = re.compile(
    r"(?i)(0+|none|n/?a|default string|not specified|to be filled by o\.e\.m\.?|system serial number)"
)
"""What firmware answers that was never given a number."""

_CELSIUS = (-40.0, 150.0)
"""Beyond the rating of any sensor here: drivers answer so while the sensor is off (an idle Edge TPU says -89.7)."""

_LOOK_S = 5.0
_LOOK_AGAIN_S = 0.25
_STILL_BOOTING = (Unreachable, ConnectionLost, DeadlineExceeded, AuthenticationRefused)
"""A login is refused while systemd is still starting (pam_nologin), so that too may pass."""


@dataclass(frozen=True, slots=True)
class BoardIdentity:
    """Which board, which boot of it, and which software. None where the board does not tell."""

    serial_number: str | None = None
    machine_id: str | None = None
    """Of the installed system (``/etc/machine-id``): another after flashing, the same in a copied image."""
    boot_id: str | None = None
    kernel: str | None = None
    os: str | None = None
    python: str | None = None


@dataclass(frozen=True, slots=True)
class BoardState:
    """What a board said of itself at one moment. None, or left out, where it does not tell."""

    celsius: dict[str, float] = field(default_factory=dict[str, float])
    """Sensor → temperature."""
    clock_hz: dict[str, int] = field(default_factory=dict[str, int])
    """``cpu0`` … as they ran when looked at; cores that are off are left out."""
    governor: str | None = None
    """That of all processors; where clusters have different ones, each with its own name."""
    power_mode: str | None = None
    throttled: bool | None = None
    """True while the board holds itself back."""
    throttle_detail: str | None = None
    """What it says of throttling now and since boot; where it changes between two looks, something happened."""
    load1: float | None = None
    memory_free_bytes: int | None = None
    """What programs can still have: MemAvailable."""
    disk_free_bytes: int | None = None
    """On the file system of the board's root."""


@dataclass(frozen=True, slots=True)
class BoardLook:
    """All that a board was asked in one round trip."""

    identity: BoardIdentity
    state: BoardState
    clock_off_s: float | None = None
    """The board's date minus the controller's; right to a second and half the round trip."""


class Board(ABC):
    """One physical board.

    A subclass says *how this model answers*: never how it is reached (:class:`Shell`), never who powers it.
    """

    model: ClassVar[str]
    verified: ClassVar[tuple[str, ...]] = ()
    """What it was tried on, best first: ``board``, ``qemu twin``, ``process twin``, ``published bytes``."""
    boot_timeout_s: ClassVar[float] = 120.0
    """From power on to a login, at worst (assumed)."""
    supply_volts: ClassVar[tuple[float, float] | None] = None
    """What its input bears, least and most; None: not known, and not checked."""
    usb: ClassVar[int] = 3
    """The fastest USB that an accelerator finds on it: 2 or 3."""
    state_script: ClassVar[str] = ""
    """More shell lines that print facts; see :mod:`devices.facts`."""
    watch_script: ClassVar[str] = ""
    """Likewise, what lies in no file and is worth a program every few seconds while the board is watched."""
    remembers_throttling: ClassVar[bool] = False
    """Whether ``throttle_detail`` tells of the time since boot too, and not of now alone."""
    settings: ClassVar[Mapping[str, Setting]] = {"governor": GOVERNOR}
    """What can be set on it and put back."""

    def __init__(self, name: str, shell: Shell, root: str = "/") -> None:
        """Take a shell on the board; ``root`` is where the board's file system begins."""
        if not root.startswith("/"):
            raise ValueError(f"{name}: root must be absolute, not {root!r}")
        self.name, self.shell = name, shell
        self.root = root.rstrip("/") or "/"

    def path(self, path: str) -> str:
        """Return where an absolute path of the board lies. Not quoted: in a command, wrap it in ``shlex.quote``.

        Raises:
            ValueError: not absolute, or leads out of the root.
        """
        if not path.startswith("/") or ".." in path.split("/"):
            raise ValueError(f"{self.name}: not an absolute path inside the board: {path!r}")
        return self.root.rstrip("/") + path

    def identity(self) -> BoardIdentity:
        """Ask which board this is; one round trip."""
        return self._read_identity(parse(self.shell.run(script(self.root, IDENTITY)).stdout))

    def look(self, *, timeout_s: float = 30.0) -> BoardLook:
        """Ask for identity, state and date together; one round trip, and no waiting for a board that is not up."""
        asked_s = time.time()
        command = script(self.root, IDENTITY, STATE, self.state_script, WALL)
        facts = parse(self.shell.run(command, timeout_s=timeout_s).stdout)
        wall_s = number(facts, "wall_s")
        off_s = None if wall_s is None else wall_s - (asked_s + time.time()) / 2
        return BoardLook(self._read_identity(facts), self.read_state(facts), off_s)

    @staticmethod
    def _read_identity(facts: dict[str, str]) -> BoardIdentity:
        serials = (serial for serial in starting(facts, "serial.").values() if not _NO_SERIAL.fullmatch(serial))
        python = facts.get("python", "").removeprefix("Python ")
        return BoardIdentity(
            serial_number=next(serials, None),
            machine_id=facts.get("machine_id"),
            boot_id=facts.get("boot_id"),
            kernel=facts.get("kernel"),
            os=facts.get("os"),
            python=python if python[:1].isdigit() else None,
        )

    def boot_id(self, *, timeout_s: float = 30.0) -> str:
        """Return the kernel's random identity of this boot; it changes with every boot and with nothing else."""
        file = self.path("/proc/sys/kernel/random/boot_id")
        return self.shell.run(f"cat {quote(file)}", timeout_s=timeout_s).text.strip()

    def state(self) -> BoardState:
        """Look once at temperatures, clocks, load and free space; one round trip."""
        return self.read_state(parse(self.shell.run(script(self.root, STATE, self.state_script)).stdout))

    def watch_places(self) -> str:
        """Return a script that prints where :meth:`state` finds what; see :func:`.facts.places`."""
        return places(self.root, STATE, self.state_script, WATCHED)

    def read_state(self, facts: dict[str, str]) -> BoardState:
        """Read what :meth:`state` gathered; a subclass adds what its model tells beyond this."""
        load1 = facts.get("loadavg", "").partition(" ")[0]
        return BoardState(
            celsius=_celsius(facts),
            clock_hz={cpu: int(khz) * 1000 for cpu, khz in starting(facts, "khz.").items() if khz.isdigit()},
            governor=_governor(facts),
            load1=number({"load1": load1}, "load1"),
            memory_free_bytes=integer(facts, "memory_kb", 1024),
            disk_free_bytes=integer(facts, "disk_kb", 1024),
        )

    def wait_up(self, *, timeout_s: float, heed: Callable[[], object] = lambda: None) -> None:
        """Wait until the board takes a command.

        ``heed`` is called before each look, which takes 5 s at most; what it raises ends the wait.

        Raises:
            Unreachable, ConnectionLost, DeadlineExceeded, AuthenticationRefused: the last of what was seen.
            HostKeyMismatch, HostKeyUnknown: at once; waiting changes no key.
            ShellClosed: at once.
        """

        def takes_one(left_s: float) -> bool:
            heed()
            return bool(self.shell.run("true", timeout_s=left_s))

        self._poll(takes_one, timeout_s, "takes no command")

    def reboot(self, *, timeout_s: float) -> str:
        """Reboot, and return the new boot id: nothing less proves it, for SSH answers while a board shuts down.

        Raises:
            CommandFailed: the board refused to.
            BootFault: still the old boot after ``timeout_s``.
            Unreachable, ConnectionLost …: it went down and did not come back.
        """
        before = self.boot_id()
        try:
            done = self.shell.sudo("reboot", timeout_s=_LOOK_S, check=False)
        except (ConnectionLost, DeadlineExceeded):
            pass  # the command went down with the board
        else:
            if 0 < done.exit_status < 128:  # above: killed on the way down
                said = done.stderr.decode("utf-8", "replace").strip()
                what = f"`reboot` ended with status {done.exit_status}: {said}"
                raise CommandFailed(self.name, what, exit_status=done.exit_status, stderr=said)
        return self._wait_new_boot(before, timeout_s)

    def _wait_new_boot(self, before: str, timeout_s: float) -> str:
        seen = before

        def is_new(left_s: float) -> bool:
            nonlocal seen
            seen = self.boot_id(timeout_s=left_s)
            return seen not in ("", before)  # an empty answer proves nothing

        self._poll(is_new, timeout_s, f"still runs boot {before}: it was told to reboot and did not")
        return seen

    def _poll(self, look: Callable[[float], bool], timeout_s: float, otherwise: str) -> None:
        """Look again and again until it is true; else raise what the last look met."""
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while True:
            met: DeviceError | None = None
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            try:
                if look(max(min(left_s, _LOOK_S), _LOOK_AGAIN_S)):
                    return
            except ShellClosed:
                raise
            except _STILL_BOOTING as error:
                met = error
            if time.monotonic_ns() + int(_LOOK_AGAIN_S * 1e9) >= deadline_ns:
                break
            time.sleep(_LOOK_AGAIN_S)
        hint = "its console tells how far it came"
        if met is None:
            raise BootFault(self.name, f"{otherwise} (waited {timeout_s:g} s)", hint=hint)
        raise type(met)(self.name, f"not up after {timeout_s:g} s; last: {_first_line(met)}", hint=hint) from met


def _first_line(error: DeviceError) -> str:
    return str(error).partition("\n")[0].removeprefix(f"{error.device}: ")


def _governor(facts: dict[str, str]) -> str | None:
    """Policies → the one governor that all have, or ``performance (policy0), powersave (policy1)``."""
    told = starting(facts, "governor.")
    if len(set(told.values())) > 1:
        return ", ".join(f"{name} ({policy})" for policy, name in sorted(told.items()))
    return next(iter(told.values()), None)


def _celsius(facts: dict[str, str]) -> dict[str, float]:
    """Zone types → temperatures; zones of one type keep their numbers."""
    kinds = starting(facts, "zone.")
    named = list(kinds.values())
    read: dict[str, float] = {}
    for zone, kind in kinds.items():
        celsius = number(facts, f"celsius.{zone}", 1e-3)
        if celsius is not None and plausible(celsius):
            read[kind if named.count(kind) == 1 else f"{kind}.{zone}"] = celsius
    return read


def plausible(celsius: float) -> bool:
    """Tell a temperature from what a driver answers while its sensor is off."""
    return _CELSIUS[0] < celsius < _CELSIUS[1]


def held_back(facts: dict[str, str]) -> tuple[bool | None, str | None]:
    """Read :data:`devices.facts.COOLING`: is a processor clocked down, and which; fans do not count."""
    states = {kind: state for kind, state in starting(facts, "cooling.").items() if "fan" not in kind.lower()}
    if not states:
        return None, None
    active = [f"{kind}={state}" for kind, state in states.items() if state.isdigit() and int(state) > 0]
    return bool(active), ", ".join(active) or None
