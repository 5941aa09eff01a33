# pyright: standard
"""The table of all boards, with what is known of the selected one below it."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from .boards import Boards, BoardState
from .columns import SORTS
from .notes import Note, NotesPane
from .table import BoardTable, TableHead

_CLOCK_S = 1.0
"""The clock is also the proof that the screen is alive."""


class LabScreen(Screen[None]):
    """All boards."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", priority=True),
        Binding("s", "sort", "Sort"),
        Binding("S", "reverse", "Reverse", show=False),
        Binding("escape", "clear", "Clear the filter", show=False),
        Binding("l", "log", "Log"),
        Binding("L", "app.all_notes", "All events", show=False),
    ]
    DEFAULT_CSS = """
    LabScreen { layout: vertical; }
    #bar { height: 1; }
    #filter { height: 1; border: none; padding: 0; display: none; }
    #filter.open { display: block; }
    #detail { height: 3; border-top: solid ansi_bright_black; text-wrap: nowrap; text-overflow: ellipsis; }
    #bar { text-wrap: nowrap; }
    #empty { height: 1fr; display: none; }
    """

    def __init__(
        self, lab: str, boards: Boards, notes: deque[Note], *, read_only: bool, now: Callable[[], datetime]
    ) -> None:
        """Show these boards; all of them change elsewhere, and :meth:`changed` is told."""
        super().__init__()
        self._lab, self._boards, self._notes = lab, boards, notes
        self._read_only, self._now = read_only, now
        self.trouble = ""
        """What keeps the screen from knowing more, e.g. the database."""
        self._bar, self._detail = Static(id="bar", markup=False), Static(id="detail", markup=False)
        self._filter = Input(placeholder="words that must stand in a row; !word must not", id="filter", compact=True)
        self._head, self._table = TableHead(), BoardTable(boards)
        self._empty = Static("no board matches; Esc clears the filter", id="empty")
        self._events = NotesPane(notes)
        self._offers = self._table.selected is not None
        """Whether there is a board that the keys in the footer are about."""

    def compose(self) -> ComposeResult:
        """Stack it: summary, filter, table, the selected board, events, keys."""
        yield self._bar
        yield self._filter
        yield self._head
        yield self._table
        yield self._empty
        yield self._detail
        yield self._events
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Start the clock."""
        self._table.focus()
        self.set_interval(_CLOCK_S, self._show_bar)
        self._show_bar()
        self._show_detail()

    @property
    def board(self) -> str | None:
        """The board that actions are about."""
        return self._table.selected

    def changed(self, names: Iterable[str]) -> None:
        """Draw again what changed of these boards."""
        for name in names:
            self._table.update(name)
            if name == self._table.selected:
                self._show_detail()
        self._show_matching()
        self._show_bar()

    def noted(self, note: Note) -> None:
        """Show one more event."""
        self._events.noted(note)

    # -- its parts --------------------------------------------------------------------------------

    def _show_bar(self) -> None:
        counts = [f"{count} {state.word}" for state, count in self._boards.counted().items()]
        at = self._table.row + 1 if self._table.shown else 0
        left = Text(f" {self._lab}", style="bold")
        left.append(f"  {len(self._boards)} boards: {', '.join(counts)}", style="not bold")
        left.append("  READ-ONLY" if self._read_only else "", style="yellow")
        left.append(f"  {self.trouble}" if self.trouble else "", style="bold bright_red")
        right = f"{at}/{len(self._table.shown)}  {self._now():%H:%M:%S} "
        left.truncate(max(0, self.size.width - len(right) - 1), overflow="ellipsis", pad=True)
        _update(self._bar, left.append(f" {right}", style="not bold"))

    def _show_detail(self) -> None:
        selected = self._table.selected
        _update(self._detail, Text("") if selected is None else _told(self._boards[selected]))

    def _show_matching(self) -> None:
        wanted = self._filter.value
        names = self._boards.matching(wanted)
        self._table.show(names)
        if self._empty.display == bool(names):  # setting it, even to what it is, lays out the whole screen anew
            self._table.display, self._empty.display = bool(names), not names

    def on_board_table_placed(self) -> None:
        """Move the titles with the columns."""
        self._head.show(self._table.placed, self._table.sort)

    def on_board_table_selected(self) -> None:
        """Tell about the board under the cursor."""
        self._show_detail()
        self._show_bar()
        if self._offers != (offers := self._table.selected is not None):
            self._offers = offers
            self.refresh_bindings()  # makes the whole footer anew: not with every key

    # -- keys -------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take the filter's key for a letter while one is being written."""
        del parameters
        return action != "filter" or self.focused is not self._filter

    def action_filter(self) -> None:
        """Let the person write what to look for."""
        self._filter.add_class("open")
        self.set_focus(self._filter)  # at once, and by a key with priority: a slow link brings the word's keys with it

    def action_clear(self) -> None:
        """Show all boards again."""
        self._filter.value = ""
        self._filter.remove_class("open")
        self._table.focus()

    def on_input_changed(self) -> None:
        """Filter while it is being written."""
        self._show_matching()
        self._show_bar()
        self._show_detail()

    def on_input_submitted(self) -> None:
        """Go back to the table; the filter stays, and stays in sight while there is one."""
        self._filter.set_class(bool(self._filter.value), "open")
        self._table.focus()

    def action_sort(self) -> None:
        """Sort by the next column that is in sight."""
        shown = [placed.column.key for placed in self._table.placed if placed.column.key in SORTS]
        key = self._table.sort[0]
        at = shown.index(key) + 1 if key in shown else 0
        self._table.sort_by(shown[at % len(shown)])

    def action_reverse(self) -> None:
        """Sort the other way round."""
        key, reverse = self._table.sort
        self._table.sort_by(key or "board", reverse=not reverse)

    def on_table_head_clicked(self, clicked: TableHead.Clicked) -> None:
        """Sort by a title; again turns it round."""
        key, reverse = self._table.sort
        self._table.sort_by(clicked.key, reverse=key == clicked.key and not reverse)

    def action_log(self) -> None:
        """Show or hide the events."""
        self._events.display = not self._events.display


def _update(static: Static, text: Text) -> None:
    """Draw only what is new, where it stands: anything else would draw the whole screen anew."""
    if static.content != text:
        static.update(text, layout=False)


def _told(board: BoardState) -> Text:
    """Return two lines: what it is and who has it; what is wrong, or else its newest trial."""
    wiring, holder = board.wiring, board.holder
    first = [wiring.board, wiring.model, wiring.made, board.state.word]
    if holder is not None:
        until = f" until {holder.until:%H:%M}" if holder.until else ""
        first.append(f"{holder.kind} by {holder.owner}{until}" + (f": {holder.reason}" if holder.reason else ""))
    elif board.glance and board.glance.in_use:
        first.append(f"in use by {board.glance.in_use}")
    if board.looked:
        first.append(f"seen {board.looked:%H:%M:%S}")
    text = Text(" " + " · ".join(first))
    if board.faults:
        said, _, hint = board.faults[0].partition("\n")
        text.append(f"\n {said}", style="bold bright_red").append(f"  {hint.strip()}" if hint else "")
    elif board.last:
        last = board.last
        text.append(f"\n {last.at:%d %b %H:%M} {last.artifact}: {last.outcome or 'not judged'}  {last.figures}")
        text.append(f"  {last.why}" if last.why else "")
    return text
