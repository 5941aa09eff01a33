"""What went wrong in a boot, and whether that ended it: known for certain only by what comes after."""

from dataclasses import dataclass, field
from typing import Literal

from .boot_patterns import Stage
from .boot_symptoms import GOT_PAST, HINTS, Ends

_LONGEST_TEXT = 240
_REPORT_LINES = 80
"""Assumed: the kernel's report of its own death, with registers and call trace, is no longer."""
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
    state: Literal["fatal", "suspect", "told"]


@dataclass(slots=True)
class Faults:
    """Faults in the order of their lines."""

    boot: int = 0
    """The one that runs, from 0."""
    _entries: list[_Entry] = field(default_factory=list[_Entry])

    def add(self, kind: str, line: int, text: str, ends: Ends, until: Stage | None = None, hint: str = "") -> None:
        """Take one in; the second of a kind that ends the same boot says nothing new."""
        text = text.strip()[:_LONGEST_TEXT]
        for entry in reversed(self._entries):
            if entry.boot != self.boot:
                break
            if entry.kind == kind and (
                entry.ends in ("at once", "if last") or entry.text == text or line - entry.line < _REPORT_LINES
            ):
                return
        state: Literal["fatal", "suspect", "told"]
        state = "fatal" if ends == "at once" else "told" if ends == "never" else "suspect"
        self._entries.append(_Entry(kind, line, text, hint or HINTS.get(kind, ""), ends, until, self.boot, state))

    def heard(self, line: int, said: str) -> None:
        """Let a line of output prove what it does: that a wait is over, or that the kernel outlived its report."""
        for entry in self._suspects():
            if entry.ends == "if silent":
                if line - entry.line > _REPORT_LINES:
                    entry.state = "told"
            elif entry.kind in GOT_PAST and GOT_PAST[entry.kind].search(said):
                self._entries.remove(entry)

    def reached(self, stage: Stage) -> None:
        """Take back what did not keep the running boot from this stage; one that is up, what ended earlier boots."""
        for entry in list(self._entries):
            if entry.boot != self.boot:
                if stage in (Stage.LOGIN, Stage.SHELL):
                    entry.state = "told"
            elif entry.ends == "if silent":
                entry.state = "told"
            elif entry.until is not None and entry.until.place <= stage.place and entry.state != "told":
                if entry.ends == "if last" or entry.kind in _TAKEN_BACK:
                    self._entries.remove(entry)
                else:
                    entry.state = "told"

    def restarted(self, *, by_hand: bool) -> None:
        """Close the running boot: what kept it waiting ended it, unless somebody wanted the restart."""
        for entry in [entry for entry in self._entries if entry.boot == self.boot]:
            if entry.state == "suspect":
                entry.state = "fatal"
            if by_hand and entry.state == "fatal" and entry.until is not None:
                self._entries.remove(entry)
        self.boot += 1

    def silence(self) -> bool:
        """Say that nothing more comes: True where a suspect explains it, which is fatal from now on."""
        suspects = self._suspects()
        for entry in suspects:
            entry.state = "fatal"
        return bool(suspects)

    def ended_by(self, kind: str) -> bool:
        """Tell whether the running boot has a fatal fault of a kind."""
        return any(e.kind == kind and e.state == "fatal" and e.boot == self.boot for e in self._entries)

    def listed(self) -> list[Fault]:
        """Return what is known now; a suspect that may yet be harmless is not listed, a report of the kernel's is."""
        told = [entry for entry in self._entries if entry.state != "suspect" or entry.ends == "if silent"]
        return [Fault(e.kind, e.line, e.text, e.state == "fatal", e.hint) for e in told]

    def _suspects(self) -> list[_Entry]:
        return [entry for entry in self._entries if entry.state == "suspect" and entry.boot == self.boot]
