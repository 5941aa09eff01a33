"""What went wrong in a boot, and whether that ended it: known for certain only by what comes after."""

from dataclasses import dataclass
from typing import Literal

from .boot_patterns import Stage
from .boot_symptoms import GOT_PAST, HINTS, Ends

_LONGEST_TEXT = 240
_REPORT_LINES = 80
"""Assumed: the kernel's report of its own death, with registers and call trace, is no longer."""
_State = Literal["fatal", "suspect", "told"]
_NO_ROOT = ("root-mount", "root-wait")
_TAKEN_BACK = ("boot-stop", "bad-image")
"""Kinds that say nothing about a boot that went on: another image was tried, or somebody typed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong."""

    kind: str
    line: int
    """Of the watched output, from 1."""
    text: str
    fatal: bool
    """True when nothing that was seen after it came up any more."""
    hint: str = ""


@dataclass(slots=True)
class _Entry:
    kind: str
    line: int
    text: str
    hint: str
    ends: Ends
    until: Stage | None
    boot: int
    stage: Stage | None
    """Of the boot, when it happened."""
    state: _State

    def told(self) -> Fault:
        """Return it as it stands."""
        return Fault(self.kind, self.line, self.text, self.state == "fatal", self.hint)


class Faults:
    """Faults in the order of their lines."""

    def __init__(self) -> None:
        self._boot = 0
        """The one that runs, from 0."""
        self._entries: list[_Entry] = []
        self._open: list[_Entry] = []
        """Those that are not settled: suspects, and what no later boot has made good."""
        self._last: dict[str, _Entry] = {}
        """Of the running boot, by kind."""

    def add(
        self, kind: str, line: int, text: str, ends: Ends, until: Stage | None, stage: Stage | None, hint: str = ""
    ) -> None:
        """Take one in; the second of a kind that ends the same boot says nothing new."""
        text = text.strip()[:_LONGEST_TEXT]
        before = self._last.get(kind)
        if before and ends == "at once" and before.ends != "at once":
            self._take_back(before)  # said once more, and for certain
        elif before and (ends in ("at once", "if last") or before.text == text or line - before.line < _REPORT_LINES):
            return
        state: _State = "fatal" if ends == "at once" else "told" if ends == "never" else "suspect"
        if kind in _NO_ROOT and self.ended_by("rescue-shell"):
            state = "told"  # why the shell came up, said late
        entry = _Entry(kind, line, text, hint or HINTS.get(kind, ""), ends, until, self._boot, stage, state)
        if state == "fatal":
            self._not_last()
        self._last[kind] = entry
        self._entries.append(entry)
        if state != "told":
            self._open.append(entry)

    def heard(self, line: int, said: str) -> None:
        """Let a line of output prove what it does: that a wait is over, or that the kernel outlived its report."""
        for entry in list(self._open):
            if entry.state != "suspect" or entry.boot != self._boot:
                continue
            if entry.ends == "if silent":
                if line - entry.line > _REPORT_LINES:
                    self._settle(entry)
            elif entry.kind in GOT_PAST and GOT_PAST[entry.kind].search(said):
                self._take_back(entry)

    def reached(self, stage: Stage) -> None:
        """Take back what did not keep the running boot from this stage; settle what ended earlier ones before it."""
        for entry in list(self._open):
            if entry.boot != self._boot:
                if stage in (Stage.LOGIN, Stage.SHELL) or entry.stage is None or stage.place > entry.stage.place:
                    self._settle(entry)
            elif entry.ends == "if silent":
                self._settle(entry)
            elif entry.until is not None and entry.until.place <= stage.place:
                harmless = entry.ends == "if last" or entry.kind in _TAKEN_BACK
                (self._take_back if harmless else self._settle)(entry)

    def restarted(self, *, by_hand: bool, up: bool) -> None:
        """Close the running boot: what kept it waiting ended it, unless it was up or somebody wanted the restart."""
        for entry in [entry for entry in self._open if entry.boot == self._boot]:
            if by_hand and entry.until is not None:
                self._take_back(entry)
            elif up and entry.state == "suspect":
                self._settle(entry)
            else:
                entry.state = "fatal"
        self._boot += 1
        self._last.clear()

    def silence(self, *, up: bool) -> bool:
        """Say that nothing more comes: True where a suspect explains it, which is fatal from now on.

        A system that is up may be silent after a report of its kernel.
        """
        suspects = [entry for entry in self._open if entry.state == "suspect" and entry.boot == self._boot]
        suspects = [entry for entry in suspects if not (up and entry.ends == "if silent")]
        for entry in suspects:
            entry.state = "fatal"
        return bool(suspects)

    def ended_by(self, kind: str) -> bool:
        """Tell whether the running boot has a fatal fault of a kind."""
        return kind in self._last and self._last[kind].state == "fatal"

    def waits_for_root(self) -> bool:
        """Tell whether the running boot has not found its root file system, as far as is known."""
        return any(entry.kind in _NO_ROOT and entry.boot == self._boot for entry in self._open)

    def ended(self) -> bool:
        """Tell whether the running boot has any fatal fault."""
        return any(entry.state == "fatal" and entry.boot == self._boot for entry in self._open)

    def waits(self, kind: str) -> bool:
        """Tell whether a fatal fault of a kind stands, of whatever boot."""
        return any(entry.kind == kind and entry.state == "fatal" for entry in self._open)

    def fatal(self) -> Fault | None:
        """Return the first that ended a boot after which none came up."""
        return next((entry.told() for entry in self._open if entry.state == "fatal"), None)

    def listed(self) -> list[Fault]:
        """Return what is known now; a suspect that may yet be harmless is not listed, a report of the kernel's is."""
        return [e.told() for e in self._entries if e.state != "suspect" or e.ends == "if silent"]

    def _not_last(self) -> None:
        """What the system waited for, or its kernel reported, was not the last word: that is said now."""
        for entry in list(self._open):
            if entry.state == "suspect" and entry.boot == self._boot and entry.kind not in _TAKEN_BACK:
                self._settle(entry)

    def _settle(self, entry: _Entry) -> None:
        entry.state = "told"
        self._open.remove(entry)

    def _take_back(self, entry: _Entry) -> None:
        if entry in self._open:
            self._open.remove(entry)
        self._entries.remove(entry)
        if self._last.get(entry.kind) is entry:
            del self._last[entry.kind]
