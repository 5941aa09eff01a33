# pyright: standard
"""Questions over the screen: which action, and whether it is meant."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Button, Footer, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from ..errors import UsageFault
from ..lab.duration import seconds
from .actions import ACTIONS, Action
from .boards import BoardState
from .source import Wish

_BOX = """
    align: center middle;
    & > Vertical { width: 64; max-width: 100%; height: auto; max-height: 100%; border: round ansi_cyan; padding: 0 1; }
    & Static, & Label { height: auto; width: 100%; }
"""


class Confirm(ModalScreen[Wish | None]):
    """Says what will be done to which board, and wants a yes."""

    DEFAULT_CSS = f"""
    Confirm {{ {_BOX}
        & Horizontal {{ height: auto; align-horizontal: right; margin-top: 1; }}
        & Input {{ height: 1; border: none; padding: 0; }}
        & .wrong {{ color: ansi_bright_red; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "no", "Cancel"),
        Binding("y", "yes", "Yes"),
        Binding("left,right", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, action: Action, board: BoardState) -> None:
        """Ask about this action on this board."""
        super().__init__()
        self._action, self._board = action, board

    def compose(self) -> ComposeResult:
        """Put the question, what follows from it, and the two answers."""
        wiring = self._board.wiring
        with Vertical():
            yield Label(f"{self._action.title}: {wiring.board}", classes="title", markup=False)
            yield Static(f"{wiring.model}, a {wiring.made}. {self._action.warning}", markup=False)
            if (holder := self._board.holder) is not None:
                reason = f" ({holder.reason})" if holder.reason else ""
                yield Static(f"Held by {holder.owner}{reason}: refused while it is another's.", markup=False)
            if self._action.name == "take":
                yield Label("For how long (90m, 2h, 1d):")
                yield Input("1h", id="for", compact=True)
                yield Label("", id="wrong", classes="wrong")
                yield Label("Why, for those who wait:")
                yield Input("", id="reason", compact=True)
            with Horizontal():
                yield Button("Cancel", id="no", compact=True)
                yield Button(self._action.title, id="yes", compact=True)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin where nothing happens by mistake."""
        (self.query_one("#for") if self._action.name == "take" else self.query_one("#no")).focus()

    def on_button_pressed(self, pressed: Button.Pressed) -> None:
        """Take the answer."""
        self.action_yes() if pressed.button.id == "yes" else self.action_no()

    def on_input_submitted(self) -> None:
        """Go on to the next field, then to the answer."""
        self.app.action_focus_next()

    def action_no(self) -> None:
        """Do nothing."""
        self.dismiss(None)

    def action_yes(self) -> None:
        """Do it, if what was written makes sense."""
        if self._action.name != "take":
            self.dismiss(Wish(self._action.name, self._board.name))
            return
        try:
            for_s = seconds(self.query_one("#for", Input).value)
        except UsageFault as error:
            self.query_one("#wrong", Label).update(str(error))
            self.query_one("#for").focus()
            return
        reason = self.query_one("#reason", Input).value.strip()
        self.dismiss(Wish("take", self._board.name, for_s=for_s, reason=reason))


class Menu(ModalScreen[str | None]):
    """The actions on one board, each with the key that does without this menu."""

    DEFAULT_CSS = f"""
    Menu {{ {_BOX}
        & OptionList, & OptionList:focus {{ height: auto; border: none; padding: 0; background: ansi_default; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,a,q", "dismiss(None)", "Back")]

    def __init__(self, board: BoardState, *, read_only: bool) -> None:
        """Offer what can be done; looking alone when ``read_only``."""
        super().__init__()
        self._board = board
        own = [("u", "Look now", "look"), ("x", "Open console", "console")]
        acts = [] if read_only else [(action.key, action.title, action.name) for action in ACTIONS]
        self._offers = [*own, *acts]

    def compose(self) -> ComposeResult:
        """List them."""
        wiring = self._board.wiring
        with Vertical():
            yield Label(f"{wiring.board} ({wiring.made})", classes="title", markup=False)
            yield OptionList(*(Option(f"{key}  {title}", id=name) for key, title, name in self._offers), markup=False)
        yield Footer(show_command_palette=False)

    def on_option_list_option_selected(self, chosen: OptionList.OptionSelected) -> None:
        """Answer with its name."""
        self.dismiss(chosen.option_id)

    def on_key(self, pressed: Key) -> None:
        """Take the action's own key here too."""
        if name := next((name for key, _, name in self._offers if key == pressed.key), None):
            pressed.stop()  # or it would be taken once more by the screen below
            self.dismiss(name)


class Leave(ModalScreen[bool]):
    """Asked before leaving only while actions run."""

    DEFAULT_CSS = f"Leave {{ {_BOX} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", "Stay"),
        Binding("y,q,ctrl+c,ctrl+q", "dismiss(True)", "Leave"),
    ]

    def __init__(self, running: list[str]) -> None:
        """Name what runs."""
        super().__init__()
        self._what = running

    def compose(self) -> ComposeResult:
        """Say what is cut short."""
        with Vertical():
            yield Label("Leave now?", classes="title")
            yield Static("\n".join(self._what), markup=False)
            yield Static("They stop half-way; the next one to take the board restores what was set on it.")
            yield Static("y leaves, n stays", classes="title")
        yield Footer(show_command_palette=False)
