# pyright: standard
"""The table of boards: draws each line itself, so that an update costs the cells that changed and nothing else."""

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from .boards import Boards, Tone
from .columns import COLUMNS, SORTS, Placed, place

_TONES: tuple[Tone, ...] = ("fault", "warn", "good", "busy", "quiet")
Cell = tuple[str, Tone]


class TableHead(Widget):
    """The titles; a click sorts."""

    DEFAULT_CSS = """
    TableHead { height: 1; text-style: bold underline; }
    """

    class Clicked(Message):
        """A title was clicked."""

        def __init__(self, key: str) -> None:
            """Name the column."""
            self.key = key
            super().__init__()

    placed: list[Placed] = []  # noqa: RUF012 -- replaced, never changed
    sort: tuple[str, bool] = ("", False)

    def show(self, placed: list[Placed], sort: tuple[str, bool]) -> None:
        """Draw these columns; ``sort`` is the key and whether it is reversed."""
        self.placed, self.sort = placed, sort
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the titles."""
        del y
        style = self.rich_style
        pieces, x = [], 0
        for place_ in self.placed:
            title = place_.column.title
            if place_.column.key == self.sort[0]:
                title += "▼" if self.sort[1] else "▲"
            text = _fitted(title, place_.width, right=place_.column.right)
            pieces += [Segment(" " * (place_.x - x), style), Segment(text, style)]
            x = place_.x + place_.width
        return Strip(pieces).adjust_cell_length(self.size.width, style)

    def on_click(self, click: events.Click) -> None:
        """Sort by the title that was hit."""
        hit = next((p for p in self.placed if p.x <= click.x < p.x + p.width), None)
        if hit is not None and hit.column.key in SORTS:
            self.post_message(self.Clicked(hit.column.key))


class BoardTable(ScrollView, can_focus=True):
    """One line a board. The selection stays on its board whatever is sorted, filtered or updated."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"boards--{tone}" for tone in _TONES} | {"boards--cursor"}
    DEFAULT_CSS = """
    BoardTable { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }
    BoardTable > .boards--fault { color: ansi_bright_red; text-style: bold; }
    BoardTable > .boards--warn { color: ansi_yellow; }
    BoardTable > .boards--good { color: ansi_green; }
    BoardTable > .boards--busy { color: ansi_cyan; }
    BoardTable > .boards--quiet { color: ansi_bright_black; }
    BoardTable > .boards--cursor { text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-100000)", "First", show=False),
        Binding("end", "move(100000)", "Last", show=False),
        Binding("enter", "open", "Board"),
    ]

    selected: reactive[str | None] = reactive(None, init=False)
    """The board under the cursor."""

    class Selected(Message):
        """The cursor is on another board, or on none."""

    class Opened(Message):
        """A board's own screen is wanted."""

    class Placed(Message):
        """The columns stand elsewhere now."""

    def __init__(self, boards: Boards) -> None:
        """Show these, in their order."""
        super().__init__(id="boards")
        self._boards = boards
        self.shown: list[str] = list(boards.by_name)
        """The boards in their lines."""
        self.sort: tuple[str, bool] = ("", False)
        self._order = list(boards.by_name)
        self._cells: dict[str, list[Cell]] = {}
        self._strips: dict[tuple[str, bool], Strip] = {}
        self.placed: list[Placed] = []
        self._names = list(boards.by_name)
        self.set_reactive(BoardTable.selected, self.shown[0] if self.shown else None)

    # -- what is shown ----------------------------------------------------------------------------

    def sort_by(self, key: str, *, reverse: bool = False) -> None:
        """Put the lines in order now; they keep it while values change, until somebody sorts again."""
        self.sort = (key, reverse)
        order = {column.key: column.order for column in COLUMNS}[key]
        self._order = sorted(self._names, key=lambda name: order(self._boards[name]), reverse=reverse)
        self.show(self.shown)
        self.post_message(self.Placed())

    def show(self, names: list[str]) -> None:
        """Show these boards alone, in the order that was sorted last."""
        wanted = set(names)
        shown = [name for name in self._order if name in wanted]
        if shown == self.shown:
            return
        was = self.row
        self.shown = shown
        self.virtual_size = Size(self.size.width, len(shown))
        if self.selected not in wanted:
            self.selected = shown[min(was, len(shown) - 1)] if shown else None
        self._to_cursor()
        self.refresh()

    def update(self, name: str) -> None:
        """Draw again what has changed of one board, and nothing else."""
        before, after = self._cells.get(name), self._read(name)
        if before == after:
            return
        self._cells[name] = after
        self._strips.pop((name, False), None)
        self._strips.pop((name, True), None)
        if name not in self.shown:
            return
        y = self.shown.index(name) - self.scroll_offset.y
        if not 0 <= y < self.size.height:
            return
        for place_, old, new in zip(self.placed, before or [None] * len(after), after, strict=True):
            if old != new:
                self.refresh(Region(place_.x, y, place_.width, 1))

    def _read(self, name: str) -> list[Cell]:
        board = self._boards[name]
        return [(place_.column.text(board, place_.width), place_.column.tone(board)) for place_ in self.placed]

    def on_resize(self) -> None:
        """Find the columns that fit."""
        self.placed = place(self.scrollable_content_region.width, self._names)
        self.virtual_size = Size(self.size.width, len(self.shown))
        self._cells.clear()
        self._strips.clear()
        self._to_cursor()
        self.post_message(self.Placed())

    # -- drawing ----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        row = y + self.scroll_offset.y
        if row >= len(self.shown):
            return Strip.blank(self.size.width, self.rich_style)
        name = self.shown[row]
        key = (name, name == self.selected)
        if key not in self._strips:
            self._strips[key] = self._draw(*key)
        return self._strips[key]

    def _draw(self, name: str, is_selected: bool) -> Strip:
        if name not in self._cells:
            self._cells[name] = self._read(name)
        plain = self.rich_style
        styles = {tone: self.get_component_rich_style(f"boards--{tone}") for tone in _TONES}
        pieces, x = [], 0
        for place_, (text, tone) in zip(self.placed, self._cells[name], strict=True):
            fitted = _fitted(text, place_.width, right=place_.column.right)
            style = plain + styles[tone] if tone and (tone != "quiet" or not is_selected) else plain
            shown = fitted.rstrip()  # the cursor would make a block of colour of what is empty
            pieces += [Segment(" " * (place_.x - x), plain), Segment(shown, style)]
            pieces += [Segment(" " * (len(fitted) - len(shown)), plain)]
            x = place_.x + place_.width
        strip = Strip(pieces).adjust_cell_length(self.size.width, plain)
        return strip.apply_style(self._cursor_style()) if is_selected else strip

    def _cursor_style(self) -> Style:
        return self.get_component_rich_style("boards--cursor", partial=True)

    # -- the cursor -------------------------------------------------------------------------------

    @property
    def row(self) -> int:
        """The line of the selected board; 0 when there is none."""
        return self.shown.index(self.selected) if self.selected in self.shown else 0

    def watch_selected(self, before: str | None, after: str | None) -> None:
        """Draw the two lines that changed, and tell."""
        for name in (before, after):
            if name in self.shown:
                self.refresh_line(self.shown.index(name))
        self._to_cursor()
        self.post_message(self.Selected())

    def _to_cursor(self) -> None:
        if self.shown:
            line = Region(0, self.row, 1, 1)
            self.scroll_to_region(line, animate=False, force=True, x_axis=False)

    def action_move(self, by: int) -> None:
        """Go up or down."""
        if self.shown:
            self.selected = self.shown[max(0, min(self.row + by, len(self.shown) - 1))]

    def action_page(self, by: int) -> None:
        """Go a screen up or down."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_open(self) -> None:
        """Ask for the board's own screen."""
        if self.selected is not None:
            self.post_message(self.Opened())

    def on_click(self, click: events.Click) -> None:
        """Select the line that was hit; a double click opens it."""
        row = click.y + self.scroll_offset.y
        if row < len(self.shown):
            self.selected = self.shown[row]
            if click.chain == 2:
                self.action_open()


def _fitted(text: str, width: int, *, right: bool = False) -> str:
    """Return the text in exactly so many cells; what was cut ends in an ellipsis."""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    return text.rjust(width) if right else set_cell_size(text, width)
