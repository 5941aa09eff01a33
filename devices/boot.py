"""Watches a boot: console bytes in, stages and faults out. No port, no clock of its own."""

from collections import deque
from dataclasses import dataclass

from .boot_faults import Fault, Faults
from .boot_lines import Lines, Printed, Stamp, body, kernels_part, peeled
from .boot_one import Boot
from .boot_patterns import (
    INIT,
    KERNEL_CPU,
    LOADER,
    SHOWS_LOG,
    STALL_S,
    STARTS_KERNEL,
    UNPACKS_KERNEL,
    Cue,
    Sign,
    Stage,
)
from .boot_prompts import BARE_SHELL, LOADERS, RESCUES, SHELLS, UEFI, asks, shows
from .boot_rows import Row, behind_prompt, rows_for
from .boot_symptoms import Symptom

__all__ = ["BootReport", "BootWatcher", "Fault", "Stage"]

_LAST_LINES = 200
_UP = (Stage.LOGIN, Stage.SHELL)
_QUIET_S = 0.3
"""Assumed: a short prompt that nothing follows for this long is one, and no beginning of a line."""
_RESETS_OF_A_LOOP = 3
"""Assumed: a board may reset once on purpose (a new device tree, a watchdog); three times is a loop, and so is
twice at the same stage."""


@dataclass(frozen=True, slots=True)
class BootReport:
    """What has been seen of one boot, or of several one after the other."""

    stages: list[Stage]
    """Those that were seen, in the order of their first lines."""
    reached_s: dict[Stage, float]
    """Seconds from the start of the watch to the first line of each, in the last boot."""
    faults: list[Fault]
    """What went wrong."""
    resets: int
    """How often the board began anew, for whatever reason."""
    stalled: bool
    """The last boot is neither up nor known to have failed: it was silent, if nothing more comes."""

    @property
    def furthest(self) -> Stage | None:
        """The highest stage that any boot reached; None where nothing was recognised."""
        return max(self.stages, key=lambda stage: stage.place, default=None)


class BootWatcher:
    """Feed it what the console prints, and the time now and then."""

    def __init__(self, started_ns: int) -> None:
        """Begin; times are the controller's monotonic clock."""
        self.started_ns = started_ns
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._lines = Lines()
        self._boot = Boot()
        self._faults = Faults()
        self._stages: list[Stage] = []
        self._resets = 0
        self._failed_at: list[Stage | None] = []
        """Where each boot since the last good one was reset."""
        self._heard_ns = 0
        self._now_ns = started_ns

    def feed(self, data: bytes, t_ns: int) -> None:
        """Take in what arrived at ``t_ns``; chunks may end anywhere."""
        if not data:
            return
        self._heard_ns = self._now_ns = t_ns
        for printed in self._lines.feed(data):
            self._line(printed)
        self._unfinished(self._lines.unfinished())

    def tick(self, t_ns: int) -> None:
        """Say what time it is: a stage that prints nothing for too long is a fault."""
        if self.up or self.fatal:
            return
        self._now_ns = t_ns
        silent_s = (t_ns - max(self._heard_ns, self.started_ns)) / 1e9
        unfinished = self._lines.unfinished()
        if silent_s > _QUIET_S:
            text = peeled(unfinished.text) or ""
            self._prompt(text, unfinished.number)
            self._lone_prompt(text)
        if self.up or silent_s <= STALL_S.get(self.stage, float("inf")):
            return
        self._symptoms(unfinished.number, body(peeled(unfinished.text) or "")[1])
        if self._faults.silence(up=False):
            return
        if not self._heard_ns:
            text, hint = f"not one byte in {silent_s:.0f} s", "power, TX and RX of the console cable, its baud rate"
        elif self.stage is None:
            text, hint = f"nothing recognised, then silence for {silent_s:.0f} s", "is the baud rate right?"
        else:
            text, hint = f"silent for {silent_s:.0f} s", "the last lines name what it was doing; was it `quiet`?"
        self._faults.add("stall", self._lines.count, text, "at once", None, self.stage, hint)

    def end(self) -> None:
        """Say that nothing more comes: what a boot waited for at the end was what ended it."""
        unfinished = self._lines.unfinished()
        if unfinished.text:
            self._line(unfinished)
        self._lone_prompt(next(reversed(self.last_lines), ""))
        self._faults.silence(up=self.up)

    @property
    def stage(self) -> Stage | None:
        """How far the running boot has come; None until something is recognised."""
        return self._boot.stage

    @property
    def faults(self) -> list[Fault]:
        """What went wrong so far."""
        return self._faults.listed()

    @property
    def up(self) -> bool:
        """True once there is a login or a shell."""
        return self.stage in _UP

    @property
    def fatal(self) -> Fault | None:
        """The fault that ended the boot, if one did."""
        return self._faults.fatal()

    def report(self) -> BootReport:
        """Return what has been seen."""
        reached_s = {stage: (t_ns - self.started_ns) / 1e9 for stage, t_ns in self._boot.reached_ns.items()}
        stalled = not self.up and self.fatal is None
        return BootReport(list(self._stages), reached_s, self.faults, self._resets, stalled)

    # -- lines -------------------------------------------------------------------------------------

    def _line(self, printed: Printed) -> None:
        text = peeled(printed.text)
        if text is None:
            return
        if text.strip():
            self.last_lines.append(text.rstrip())
        if begins := behind_prompt(text):
            self._prompt(text[:begins].rstrip(), printed.number)
            text = text[begins:]
        stamp, said = body(text)
        if not stamp and self._prompt(text, printed.number):
            stamp, said = body(kernels_part(text))
            if not stamp:
                return
        self._faults.heard(printed.number, said)
        rows = rows_for(said)
        for row in rows:
            if isinstance(row, Cue) and row.pattern.search(said):
                self._boot.take(row, printed.number)
                if row.name == "in initramfs":
                    self._not_yet_userspace()
        self._signs(rows, said, printed.number, stamp)
        self._symptoms(printed.number, said, rows)

    def _unfinished(self, printed: Printed) -> None:
        text = peeled(printed.text)
        may_go_on = self.stage is None and shows((*LOADERS[:1], *SHELLS), text or "")
        if text and not may_go_on:
            self._prompt(text, printed.number)

    def _prompt(self, text: str, number: int) -> bool:
        """Take a line that begins with a prompt; False for any other."""
        boot = self._boot
        if boot.stage is None or boot.stage.place < Stage.KERNEL.place:
            vendors = LOADERS if boot.stage is Stage.BOOTLOADER else LOADERS[:2]
            if seen := shows((*vendors, UEFI), text):
                self._reach(Stage.FIRMWARE if shows((UEFI,), text) else Stage.BOOTLOADER)
                self._faults.add("boot-stop", number, seen, "at once", Stage.KERNEL, boot.stage)
                boot.typed, boot.step = True, max(boot.step, LOADER)
                return True
        if (boot.stage is None or boot.stage.place >= Stage.KERNEL.place) and (seen := shows(RESCUES, text)):
            self._reach(Stage.INITRAMFS)
            self._faults.add("rescue-shell", number, seen, "at once", Stage.LOGIN, boot.stage)
            return True
        stage = asks(text, boot.stage)
        if stage is Stage.SHELL:
            return self._shell(text, number)
        if stage is not None and not self._faults.ended_by("panic"):
            self._reach(stage)
        return False

    def _shell(self, text: str, number: int) -> bool:
        boot = self._boot
        boot.shows_log = SHOWS_LOG.search(text) is not None
        boot.ordered = boot.ordered or "reboot" in text
        if boot.stage is Stage.INITRAMFS and self._faults.waits_for_root():
            self._faults.add("rescue-shell", number, text, "at once", Stage.LOGIN, boot.stage)
        elif not (self._faults.ended_by("rescue-shell") or self._faults.ended_by("panic")):
            self._reach(Stage.SHELL)
        return True

    def _lone_prompt(self, text: str) -> None:
        """Take what nothing follows for a shell's prompt, if it looks like one."""
        stage = self.stage
        if stage in (Stage.FIRMWARE, Stage.BOOTLOADER) or self.fatal:
            return
        if BARE_SHELL.match(text) or asks(text, stage) is Stage.SHELL:
            self._reach(Stage.SHELL)

    def _not_yet_userspace(self) -> None:
        """What was taken for the system's init was the initramfs'."""
        boot = self._boot
        if boot.stage is not Stage.USERSPACE or not boot.in_initramfs:
            return
        t_ns = boot.reached_ns.pop(Stage.USERSPACE)
        boot.stage = Stage.INITRAMFS
        boot.reached_ns.setdefault(Stage.INITRAMFS, t_ns)
        if self._stages[-1] is Stage.USERSPACE:
            self._stages.pop()
        if Stage.INITRAMFS not in self._stages:
            self._stages.append(Stage.INITRAMFS)

    # -- stages ------------------------------------------------------------------------------------

    def _signs(self, rows: list[Row], said: str, number: int, stamp: Stamp) -> None:
        for row in rows:
            if isinstance(row, Sign) and (seen := row.pattern.search(said)):
                self._sign(row, seen.group().strip(), number, stamp)
                return
        boot = self._boot
        if stamp == "tegra":
            self._reach(Stage.FIRMWARE)
        elif stamp:
            boot.stamped = True
            boot.step = max(boot.step, UNPACKS_KERNEL)
            if boot.stage is None or boot.stage.place < Stage.KERNEL.place:
                self._reach(Stage.KERNEL)
        elif boot.stage is Stage.KERNEL and said.strip() and boot.has_init(number):
            self._reach(Stage.USERSPACE)

    def _sign(self, sign: Sign, words: str, number: int, stamp: Stamp) -> None:
        if self._boot.knows_already(sign, number, stamp):
            return
        if sign.step and self.up and not self._boot.signs:
            self._forget()
        elif self._boot.begins_anew(sign, words, number):
            self._restart(sign.stage, number)
        boot = self._boot
        boot.saw(sign, words, number, stamp)
        in_initramfs = sign.stage is Stage.USERSPACE and boot.in_initramfs
        self._reach(Stage.INITRAMFS if in_initramfs else sign.stage)

    def _reach(self, stage: Stage) -> None:
        boot = self._boot
        if boot.stage is not None and stage.place <= boot.stage.place:
            return
        boot.stage = stage
        if stage.place > Stage.KERNEL.place:
            boot.step = INIT
        boot.reached_ns.setdefault(stage, self._now_ns)
        if stage not in self._stages:
            self._stages.append(stage)
        self._faults.reached(stage)
        if self.up:
            self._failed_at.clear()

    def _forget(self) -> None:
        """Begin: the prompt that stood on the console was there before this boot."""
        self._boot = Boot()
        self._stages.clear()

    def _restart(self, stage: Stage, number: int) -> None:
        """Begin anew: the board did."""
        was = self._boot
        self._boot = Boot()
        if was.handed_on:
            self._faults.restarted(by_hand=False, up=True)
            return
        self._resets += 1
        if not (was.announced or was.by_hand or self._faults.ended()):
            self._faults.add("reset", number, f"back at {stage} from {was.stage}", "never", None, was.stage)
        if not was.by_hand:
            self._failed_at.append(was.stage)
            loops = len(self._failed_at) >= _RESETS_OF_A_LOOP or self._failed_at[-2:] == [was.stage] * 2
            if loops and not self._faults.waits("boot-loop"):
                self._faults.add(
                    "boot-loop", number, f"{len(self._failed_at)} resets, none came up", "at once", None, was.stage
                )
        self._faults.restarted(by_hand=was.by_hand, up=was.stage in _UP)

    # -- faults ------------------------------------------------------------------------------------

    def _symptoms(self, number: int, said: str, rows: list[Row] | None = None) -> None:
        if self._boot.shows_log:
            return
        for row in rows_for(said) if rows is None else rows:
            if isinstance(row, Symptom) and row.pattern.search(said) and self._fits(row):
                if row.shows and (self.stage is None or row.shows.place >= Stage.KERNEL.place):
                    early = row.shows is Stage.USERSPACE and self._boot.in_initramfs
                    self._reach(Stage.INITRAMFS if early else row.shows)
                self._faults.add(row.kind, number, said, row.ends, row.until, self.stage)

    def _fits(self, symptom: Symptom) -> bool:
        """Boot loaders' faults are none of a kernel that runs, the other way round, and the dead report nothing."""
        if symptom.ends in ("if silent", "never") and self._faults.ended_by("panic"):
            return False
        if self.stage is None:
            return True
        if symptom.until is Stage.KERNEL:  # the loader's words are the last until the kernel speaks
            return self.stage.place < Stage.KERNEL.place or self._boot.step in range(STARTS_KERNEL, KERNEL_CPU)
        if symptom.until is not None and self.stage.place >= symptom.until.place:
            return False
        return symptom.kind not in ("rescue-shell", "login-refused") or self.stage.place >= Stage.KERNEL.place
