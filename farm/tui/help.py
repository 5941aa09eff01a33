# pyright: standard
"""All keys, and what the words and signs mean."""

from typing import ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from .actions import ACTIONS
from .boards import STATES

_KEYS = (
    ("↑ ↓ PgUp PgDn Home End", "another board; a click selects, a double click opens"),
    ("Enter", "the board's own screen: console, watts, facts, history, health"),
    ("/", "filter and search: every word must stand in the row, !word must not; Esc clears"),
    (
        "s  S",
        "sort by the next column; the other way round. Or click a title. "
        "Rows keep their places while values change, until you sort again",
    ),
    ("u", "look at the board now"),
    ("a", "all actions on the board, in a menu"),
    ("x", "the board's console on this terminal (Ctrl-] comes back); in a browser its live tail"),
)
_MORE = (
    ("l  L", "show or hide the events; all events of this sitting"),
    ("Tab  Shift-Tab", "the next part of the screen; z gives it the whole screen, and takes it back"),
    ("Esc", "back"),
    ("?", "this page"),
    ("q  Ctrl-C", "leave, at once; asks first only while an action runs"),
)
_MEANINGS = (
    "A board that somebody uses is left alone: what is not known of it shows as -.",
    "A blank in the watts is a missing reading, never 0. W before: one bar a look, newest right.",
)


class HelpScreen(ModalScreen[None]):
    """Every key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Back")]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 92; max-width: 100%; height: auto; max-height: 100%;
        border: round ansi_cyan; padding: 0 1; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, *, read_only: bool) -> None:
        """Leave out the actions when ``read_only``."""
        super().__init__()
        self._read_only = read_only

    def compose(self) -> ComposeResult:
        """Show one text; it scrolls where it does not fit."""
        with VerticalScroll() as box:
            box.border_title = "keys"
            yield Static(self._keys())
            yield Static("\n" + "  ".join(map(str, STATES)), markup=False)
            yield Static("\n".join(_MEANINGS), markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Let the keys scroll."""
        self.query_one(VerticalScroll).focus()

    def _keys(self) -> Table:
        acts = () if self._read_only else tuple((act.key, f"{act.title}, asked for first") for act in ACTIONS)
        keys = Table.grid(padding=(0, 2))
        keys.add_column(style="bold", no_wrap=True)
        keys.add_column()
        for key, what in (*_KEYS, *acts, *_MORE):
            keys.add_row(key, what)
        return keys
