# pyright: standard
"""The event log: what happened on this screen and to the boards, newest last."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, RichLog, Static

from .boards import Tone

KEPT = 1000
"""Lines of one sitting; assumed, some hours of a lab that is busy."""
_COLOURS: dict[Tone, str] = {
    "fault": "bold bright_red",
    "warn": "yellow",
    "good": "green",
    "busy": "cyan",
    "quiet": "bright_black",
    "": "",
}


@dataclass(frozen=True, slots=True)
class Note:
    """One event."""

    at: datetime
    """Local time."""
    text: str
    """Component first; more lines may follow."""
    tone: Tone = ""

    def __rich__(self) -> Text:
        """Return the event as it is shown."""
        first, *rest = self.text.split("\n")
        text = Text(f"{self.at:%H:%M:%S} ", style=_COLOURS["quiet"])
        text.append("✖ " if self.tone == "fault" else "", style=_COLOURS["fault"])
        text.append(first, style=_COLOURS[self.tone])
        for line in rest:
            text.append(f"\n         {line.strip()}")
        return text


class NotesPane(RichLog):
    """The newest events; scrolls, and follows while it stands at the end."""

    DEFAULT_CSS = """
    NotesPane { height: 5; border-top: solid ansi_bright_black; background: ansi_default; scrollbar-size-vertical: 1; }
    NotesPane:focus { border-top: solid ansi_cyan; }
    """

    def __init__(self, notes: deque[Note], *, id: str = "notes") -> None:  # noqa: A002 -- Textual's own word
        """Begin with those that are there."""
        super().__init__(id=id, wrap=True, markup=False, max_lines=KEPT, min_width=20)
        self.border_title = "events"
        self._notes = notes
        self._begun = False

    def on_mount(self) -> None:
        """Show what was noted before this was on the screen."""
        self._begun = True
        for note in self._notes:
            self.write(note)

    def noted(self, note: Note) -> None:
        """Show one more that was just added to the notes; each is shown once, whenever it comes."""
        if self._begun:
            self.write(note)


class NotesScreen(Screen[None]):
    """All events of this sitting."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,l,q", "app.pop_screen", "Back")]
    DEFAULT_CSS = "NotesScreen NotesPane { height: 1fr; }"

    def __init__(self, notes: deque[Note]) -> None:
        """Show these and those that follow."""
        super().__init__()
        self._pane = NotesPane(notes)

    def compose(self) -> ComposeResult:
        """Put the log over the whole screen."""
        yield Static("events of this sitting, newest last", classes="title", markup=False)
        yield self._pane
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Let the keys scroll."""
        self._pane.focus()

    def noted(self, note: Note) -> None:
        """Show one more."""
        self._pane.noted(note)
