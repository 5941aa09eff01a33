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
        Binding("slash", "filter", "Filter", key_display="/"),
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

    def compose(self) -> ComposeResult:
        """Stack it: summary, filter, table, the selected board, events, keys."""
        yield Static(id="bar", markup=False)
        yield Input(placeholder="words that must stand in a row; !word must not", id="filter", compact=True)
        yield TableHead()
        yield BoardTable(self._boards)
        yield Static("no board matches; Esc clears the filter", id="empty")
        yield Static(id="detail", markup=False)
        yield NotesPane(self._notes)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Start the clock."""
        self._table = self.query_one(BoardTable)
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
        self.query_one(NotesPane).write(note)

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
        self._update("#bar", left.append(f" {right}", style="not bold"))

    def _show_detail(self) -> None:
        selected = self._table.selected
        self._update("#detail", Text("") if selected is None else _detail(self._boards[selected]))

    def _update(self, selector: str, text: Text) -> None:
        """Draw only what is new, where it stands: anything else would draw the whole screen anew."""
        static = self.query_one(selector, Static)
        if static.content != text:
            static.update(text, layout=False)

    def _show_matching(self) -> None:
        wanted = self.query_one("#filter", Input).value
        names = self._boards.matching(wanted)
        self._table.show(names)
        empty = self.query_one("#empty")
        if empty.display == bool(names):  # setting it, even to what it is, lays out the whole screen anew
            self._table.display, empty.display = bool(names), not names

    def on_board_table_placed(self) -> None:
        """Move the titles with the columns."""
        self.query_one(TableHead).show(self._table.placed, self._table.sort)

    def on_board_table_selected(self) -> None:
        """Tell about the board under the cursor."""
        self._show_detail()
        self._show_bar()
        self.refresh_bindings()

    # -- keys -------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Let the person write what to look for."""
        field = self.query_one("#filter", Input)
        field.add_class("open")
        field.focus()

    def action_clear(self) -> None:
        """Show all boards again."""
        field = self.query_one("#filter", Input)
        field.value = ""
        field.remove_class("open")
        self._table.focus()

    def on_input_changed(self) -> None:
        """Filter while it is being written."""
        self._show_matching()
        self._show_bar()
        self._show_detail()

    def on_input_submitted(self) -> None:
        """Go back to the table; the filter stays, and stays in sight while there is one."""
        field = self.query_one("#filter", Input)
        field.set_class(bool(field.value), "open")
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
        notes = self.query_one(NotesPane)
        notes.display = not notes.display


def _detail(board: BoardState) -> Text:
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
