"""Watches a boot: console bytes in, stages and faults out. No port, no clock of its own."""

from collections import deque
from dataclasses import dataclass, field

from .boot_patterns import KERNEL_LINE, ORDER, PROMPTS, SIGNS, STALL_S, STUCK_AT, SYMPTOMS, Stage, Symptom
from .console_text import plain, without_noise

__all__ = ["BootReport", "BootWatcher", "Fault", "Stage"]

_LAST_LINES = 12
_LONGEST_LINE = 4096
"""A line that is longer is garbage, and is looked at in pieces."""
_RESETS_OF_A_LOOP = 3
"""Assumed: a board may reset once on purpose (a new device tree, a watchdog); three times is a loop."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong."""

    kind: str
    line: int
    """Of the watched output, from 1."""
    text: str
    fatal: bool
    """True when this boot will not come up any more."""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class BootReport:
    """A boot that reached a login or a shell."""

    stages: list[Stage]
    """Those that were seen, in order."""
    reached_s: dict[Stage, float]
    """Seconds from the start of the watch to the first line of each."""
    faults: list[Fault]
    """What went wrong on the way and did not stop it."""


@dataclass(slots=True)
class BootWatcher:
    """Feed it what the console prints, and the time now and then."""

    started_ns: int
    stage: Stage | None = None
    """None until something is recognised."""
    faults: list[Fault] = field(default_factory=list[Fault])
    reached_ns: dict[Stage, int] = field(default_factory=dict[Stage, int])
    """First line of each stage of this boot; a reset begins anew."""
    last_lines: deque[str] = field(default_factory=lambda: deque[str](maxlen=_LAST_LINES))
    _tail: bytes = b""
    _lines: int = 0
    _heard_ns: int = 0
    _resets: int = 0

    def feed(self, data: bytes, t_ns: int) -> None:
        """Take in what arrived at ``t_ns``; chunks may end anywhere."""
        if not data:
            return
        self._heard_ns = t_ns
        *whole, self._tail = (self._tail + data).split(b"\n")
        for line in whole:
            self._line(plain(line), t_ns)
        while len(self._tail) > _LONGEST_LINE:
            piece, self._tail = self._tail[:_LONGEST_LINE], self._tail[_LONGEST_LINE:]
            self._line(plain(piece), t_ns)
        unfinished = plain(self._tail)
        self._prompt(unfinished, t_ns)
        self._look_for_faults(unfinished, STUCK_AT)

    def tick(self, t_ns: int) -> None:
        """Say what time it is: a stage that prints nothing for too long is a fault."""
        if self.up or self.fatal:
            return
        silent_s = (t_ns - max(self._heard_ns, self.started_ns)) / 1e9
        if silent_s <= STALL_S.get(self.stage, float("inf")):
            return
        if not self._heard_ns:
            text, hint = f"not one byte in {silent_s:.0f} s", "power, TX and RX of the console cable, its baud rate"
        elif self.stage is None:
            text, hint = f"nothing recognised, then silence for {silent_s:.0f} s", "is the baud rate right?"
        else:
            text, hint = f"silent for {silent_s:.0f} s", "the last lines name what it was doing; was it `quiet`?"
        self.faults.append(Fault("stall", self._lines, text, fatal=True, hint=hint))

    @property
    def up(self) -> bool:
        """True once there is a login or a shell."""
        return self.stage in (Stage.LOGIN, Stage.SHELL)

    @property
    def fatal(self) -> Fault | None:
        """The fault that ended this boot, if one did."""
        return next((fault for fault in self.faults if fault.fatal), None)

    def report(self) -> BootReport:
        """Return what has been seen."""
        reached_s = {stage: (t_ns - self.started_ns) / 1e9 for stage, t_ns in self.reached_ns.items()}
        return BootReport(list(self.reached_ns), reached_s, list(self.faults))

    def _line(self, text: str, t_ns: int) -> None:
        self._lines += 1
        if text.strip():
            self.last_lines.append(text.rstrip())
        is_kernels = KERNEL_LINE.match(text) is not None
        for sign in SIGNS:
            if sign.pattern.search(text):
                self._reach(sign.stage, t_ns)
                break
        else:
            if is_kernels and (self.stage is None or ORDER.index(self.stage) < ORDER.index(Stage.KERNEL)):
                self._reach(Stage.KERNEL, t_ns)
        self._look_for_faults(text, SYMPTOMS)
        if not is_kernels and (without := without_noise(text + "\n")) != text + "\n":
            self._prompt(without, t_ns)  # the kernel spoke into the line of a prompt

    def _prompt(self, text: str, t_ns: int) -> None:
        for sign in PROMPTS:
            loader = sign.stage is Stage.SHELL and self.stage in (Stage.FIRMWARE, Stage.BOOTLOADER)
            if sign.pattern.search(text) and not loader:
                self._reach(sign.stage, t_ns)

    def _reach(self, stage: Stage, t_ns: int) -> None:
        if self.stage is not None and ORDER.index(stage) < ORDER.index(self.stage):
            if ORDER.index(stage) > ORDER.index(Stage.KERNEL):
                return  # initramfs and init lines may come late; only a new start begins with less
            self._reset(stage)
        self.stage = stage
        self.reached_ns.setdefault(stage, t_ns)

    def _reset(self, stage: Stage) -> None:
        """Begin anew: the board did."""
        self._resets += 1
        was = self.stage
        self.reached_ns.clear()
        self.faults.append(Fault("reset", self._lines, f"back at {stage} from {was}", fatal=False))
        if self._resets >= _RESETS_OF_A_LOOP:
            hint = "supply too weak, a watchdog, or a kernel that dies early: see the lines before each reset"
            self.faults.append(Fault("boot loop", self._lines, f"{self._resets} resets", fatal=True, hint=hint))

    def _look_for_faults(self, text: str, symptoms: tuple[Symptom, ...]) -> None:
        for symptom in symptoms:
            if symptom.pattern.search(text):
                fault = Fault(symptom.kind, self._lines, text.strip(), symptom.fatal, symptom.hint)
                if fault not in self.faults:  # an unfinished line is looked at with every chunk
                    self.faults.append(fault)
