# pyright: standard
"""One board: how it is, its watts, its console as it prints, its history and its health."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, Log, Static

from .boards import BoardState
from .source import Past, Piece
from .spark import plot, span

_WIDE = 120
"""From so many cells on, panes stand side by side."""
_CONSOLE_LINES = 2000
_LIVE_READINGS = 600
"""Ten minutes at one a second."""


class Pane(VerticalScroll):
    """A framed part of the screen with text in it; Tab goes to the next one."""

    def __init__(self, title: str, *, id: str) -> None:  # noqa: A002 -- Textual's own word
        """Name it."""
        super().__init__(id=id, classes="pane")
        self.border_title = title
        self._text = Static(markup=False)

    def compose(self) -> ComposeResult:
        """Hold the text."""
        yield self._text

    def show(self, text: Text) -> None:
        """Draw a new text, if it is one."""
        if self._text.content != text:
            self._text.update(text)


class WattsPane(Static):
    """Watts over time, with the scale and the last values in words."""

    def __init__(self) -> None:
        """Show nothing yet."""
        super().__init__(id="watts", classes="pane", markup=False)
        self.border_title = "watts"
        self._watts: Sequence[float | None] = ()
        self._unit = "look"

    def show(self, watts: Sequence[float | None], unit: str) -> None:
        """Draw these, oldest first; ``unit`` is what lies between two: ``s`` or ``look``."""
        self._watts, self._unit = watts, unit
        self._draw()

    def on_resize(self, _: Resize) -> None:
        """Use the room."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.size.width - 8, self.size.height - 1
        if width < 1 or height < 1:
            return
        newest = list(self._watts)[-width:]
        axis = span(newest)
        if axis is None:
            self.update("no readings: off, in use, or without a meter", layout=False)
            return
        lines = plot(newest, width, height)
        scale = [f"{axis[1]:7.2f}", *[" " * 7] * (height - 2), f"{axis[0]:7.2f}"] if height > 1 else [f"{axis[1]:7.2f}"]
        drawn = [f"{at}│{line}" for at, line in zip(scale, lines, strict=True)]
        self.update("\n".join([*drawn, self._words(newest)]), layout=False)

    def _words(self, newest: Sequence[float | None]) -> str:
        read = [value for value in newest if value is not None]
        gaps = len(newest) - len(read)
        now = "-" if newest[-1] is None else f"{newest[-1]:.3f} W"
        lost = f", {gaps} missing" if gaps else ""
        return f"now {now}, min {min(read):.3f}, max {max(read):.3f}; {len(newest)} {self._unit}{lost}"


class BoardScreen(Screen[None]):
    """One board's own screen."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 -- as Textual declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back"),
        Binding("tab", "app.focus_next", "Next pane"),
        Binding("z", "zoom", "Zoom"),
    ]
    DEFAULT_CSS = """
    BoardScreen { layout: vertical; }
    BoardScreen #panes { height: 1fr; scrollbar-size-vertical: 1; }
    BoardScreen .pane { border: round ansi_bright_black; padding: 0 1; height: auto; scrollbar-size-vertical: 1; }
    BoardScreen .pane:focus { border: round ansi_cyan; }
    BoardScreen #health, BoardScreen #history { max-height: 14; }
    BoardScreen #facts { max-height: 7; }
    BoardScreen #watts { height: 7; }
    BoardScreen #console { height: 10; background: ansi_default; scrollbar-size-horizontal: 0; }
    BoardScreen.-wide #panes { layout: grid; grid-size: 2 3; grid-columns: 2fr 3fr; grid-rows: 1fr 1fr 1fr; }
    BoardScreen.-wide #facts, BoardScreen.-wide #watts, BoardScreen.-wide #console, BoardScreen.-wide #health,
    BoardScreen.-wide #history { height: 100%; max-height: 100%; }
    BoardScreen.-wide #console { row-span: 2; }
    BoardScreen #facts.-maximized, BoardScreen #watts.-maximized, BoardScreen #console.-maximized,
    BoardScreen #health.-maximized, BoardScreen #history.-maximized { height: 100%; max-height: 100%; }
    """

    def __init__(self, board: BoardState, *, opened: Callable[[], None], closed: Callable[[], None]) -> None:
        """Show this board; ``opened`` is called when there is room for what comes, ``closed`` when the screen goes."""
        super().__init__()
        self._board_state, self._follow, self._let_go = board, opened, closed
        self._live: deque[float | None] = deque(maxlen=_LIVE_READINGS)
        self._note = ""
        self._bar, self._watts = Static(id="bar", markup=False), WattsPane()
        self._tail = Log(id="console", classes="pane", max_lines=_CONSOLE_LINES, highlight=False)
        self._tail.border_title = "console"
        self._facts, self._health = Pane("board", id="facts"), Pane("health", id="health")
        self._history = Pane("trials and leases, newest first", id="history")

    @property
    def board(self) -> str | None:
        """The board that actions are about."""
        return self._board_state.name

    def compose(self) -> ComposeResult:
        """Lay out the panes: what is looked at most comes first."""
        yield self._bar
        with VerticalScroll(id="panes", can_focus=False):
            yield from (self._facts, self._watts, self._tail, self._health, self._history)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin at the console."""
        self._tail.focus(scroll_visible=False)
        self.changed([self._board_state.name])
        self.past(Past())
        self.call_after_refresh(self._follow)

    def on_unmount(self) -> None:
        """Let go of the board."""
        self._let_go()

    def changed(self, names: Sequence[str]) -> None:
        """Draw again what is known of the board."""
        if self._board_state.name not in names:
            return
        wiring, state = self._board_state.wiring, self._board_state.state
        bar = Text(f" {wiring.board}", style="bold").append(f"  {wiring.model}, {wiring.made}  {state}", "not bold")
        holder = self._board_state.holder
        bar.append(f"  {holder.kind} by {holder.owner}" if holder else "", "not bold")
        bar.append(f"  {self._board_state.doing}" if self._board_state.doing else "", "cyan not bold")
        bar.truncate(self.size.width, overflow="ellipsis", pad=True)
        self._bar.update(bar, layout=False)
        self._show_facts()
        if not self._live:
            self._watts.show(self._board_state.watts, "looks")

    def on_resize(self) -> None:
        """Put the facts into the room there is."""
        self.changed([self._board_state.name])

    def _show_facts(self) -> None:
        facts = _facts(self._board_state)
        self._facts.show(_column(facts) if self.size.width >= _WIDE else _flowing(facts))

    def past(self, past: Past) -> None:
        """Show what was."""
        self._history.show(_history(past))
        self._health.show(_health(self._board_state, past))

    def piece(self, piece: Piece) -> None:
        """Show what has just come from the board."""
        if piece.note and piece.note != self._note:
            self._note = piece.note
            self._tail.border_title = f"console: {piece.note}"
            self._tail.clear()
        if piece.text:
            self._tail.write(piece.text)
        if piece.measured:
            self._live.append(piece.watts)
            self._watts.show(self._live, "s")

    def action_zoom(self) -> None:
        """Give the pane in focus the whole screen, or take it back."""
        if self.maximized:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=False)


def _facts(board: BoardState) -> list[tuple[str, str]]:
    glance = board.glance
    rows = [("state", str(board.state)), ("made", board.wiring.made)]
    if glance and glance.in_use is not None:
        rows.append(("in use by", glance.in_use))
    return [*rows, ("boot", board.boot or "-"), *(glance.facts if glance else ()), *board.wiring.facts]


def _column(facts: Sequence[tuple[str, str]]) -> Text:
    width = max(len(label) for label, _ in facts)
    text = Text()
    for label, value in facts:
        text.append(f"{label.ljust(width)}  ", "bright_black").append(f"{value}\n")
    text.right_crop(1)
    return text


def _flowing(facts: Sequence[tuple[str, str]]) -> Text:
    text = Text()
    for label, value in facts:
        text.append(f"{label} ", "bright_black").append(f"{value}   ")
    return text


def _health(board: BoardState, past: Past) -> Text:
    text = Text()
    for fault in board.faults:
        said, _, hint = fault.partition("\n")
        text.append(f"✖ {said}\n", "bold bright_red").append(f"  {hint.strip()}\n" if hint else "")
    if not board.faults:
        text.append("no fault known\n" if board.glance else "not seen yet\n")
    for at, what in past.health:
        text.append(f"{at:%d %b %H:%M}  ", "bright_black").append(f"{what}\n")
    return text


def _history(past: Past) -> Text:
    text = Text()
    tones = {"regression": "bold bright_red", "no verdict": "yellow"}
    for trial in past.trials:
        text.append(f"{trial.at:%d %b %H:%M}  ", "bright_black")
        text.append(f"{trial.outcome or 'not judged'}".ljust(11), tones.get(trial.outcome or "", ""))
        text.append(f"{trial.artifact}  {trial.figures}" + (f"  {trial.why}" if trial.why else "") + "\n")
    for at, what in past.leases:
        text.append(f"{at:%d %b %H:%M}  ", "bright_black").append(f"{what}\n")
    return text if text.plain else Text("nothing yet")
